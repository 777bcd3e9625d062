"""The event loop in which calls are made."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


def run_in_loop(main: Coroutine[Any, Any, Result]) -> Result:
    """Do what ``asyncio.run`` does, in the quickest loop that there is here. Raises OSError if it cannot begin."""
    try:
        with asyncio.Runner(loop_factory=_quickest_loop()) as runner:
            return runner.run(main)
    except RuntimeError as error:
        # A loop of uvloop that cannot begin, for want of file handles, cannot be closed either and says only that.
        if isinstance(first := _first_cause(error), OSError):
            raise first from None
        raise


def _quickest_loop() -> Callable[[], asyncio.AbstractEventLoop]:
    try:
        from uvloop import new_event_loop
    except ImportError:  # PyPy has none
        return asyncio.new_event_loop
    return new_event_loop


def _first_cause(error: BaseException) -> BaseException:
    while error.__context__ is not None:
        error = error.__context__
    return error
