"""Launch of a run: imports the OpenAI SDK as late as possible, and runs in the fastest event loop available."""

import asyncio
import logging
import resource
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, wait
from threading import Thread
from typing import Any, TypeVar

from artistjobs.api.client import open_api
from artistjobs.api.config import ApiConfig
from artistjobs.core.job import Scope
from artistjobs.store.interface import OpenStore
from artistjobs.worker.caller import Caller
from artistjobs.worker.config import WorkConfig
from artistjobs.worker.gc_tuning import tuned
from artistjobs.worker.progress.snapshot import Display
from artistjobs.worker.run import RunReport, run
from artistjobs.worker.signals import RunControl

log = logging.getLogger(__name__)


async def run_calling(
    work: WorkConfig,
    scope: Scope,
    open_store: OpenStore,
    api: ApiConfig,
    watcher: Display,
    run_control: RunControl | None = None,
) -> RunReport:
    """Run ``run.run`` with calls to ``api``; return and raise what it returns and raises."""
    with tuned() as keep:
        client = open_api(api)  # imports the SDK
        keep()
        return await run(work, scope, open_store, lambda: client, watcher, run_control)


Result = TypeVar("Result")


def run_in_loop(main: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine like ``asyncio.run``, in the fastest event loop available. Raises OSError if it cannot start."""
    try:
        with asyncio.Runner(loop_factory=_quickest_loop()) as runner:
            runner.get_loop().set_exception_handler(_log_unhandled)
            return runner.run(main)
    except RuntimeError as error:
        # A uvloop that cannot start for lack of file descriptors cannot be closed either, and raises only the latter.
        if isinstance(first := _first_cause(error), OSError):
            raise first from None
        raise


def run_in_thread(task: Callable[[], Result], caller: Caller) -> Result:
    """Call a function with an event loop in a thread of its own: this thread may have a running event loop.

    Ctrl+C in the main thread interrupts ``caller``. Returns and raises what the function returns and raises.
    """
    future: Future[Result] = Future()

    def work() -> None:
        try:
            future.set_result(task())
        except BaseException as error:  # noqa: BLE001 - raised in the thread that waits
            future.set_exception(error)

    with caller.handling_interrupts():
        thread = Thread(target=work, name="artistjobs")
        thread.start()
        wait([future])
        thread.join()
    return future.result()


def _log_unhandled(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log an error that no task received, in one line: it concerns a connection, whose call fails with it."""
    log.debug("%s: %r", context.get("message"), context.get("exception"))


def _quickest_loop() -> Callable[[], asyncio.AbstractEventLoop]:
    if resource.getrlimit(resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY:
        # libuv aborts the whole process if it cannot start a thread for lack of memory.
        return asyncio.new_event_loop
    try:
        from uvloop import new_event_loop
    except ImportError:  # PyPy has none
        return asyncio.new_event_loop
    return new_event_loop


def _first_cause(error: BaseException) -> BaseException:
    while error.__context__ is not None:
        error = error.__context__
    return error
