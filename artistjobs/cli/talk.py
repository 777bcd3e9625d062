"""What is said around a command: log lines while it works, a sentence where something is special."""

from contextlib import contextmanager
from typing import TYPE_CHECKING

from artistjobs.options import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from artistjobs.log import Voice


@contextmanager
def talking(settings: Settings, scenario: str | None = None, warning: str | None = None) -> "Iterator[Voice]":
    """Say log lines to people, and first of all what is special about this run."""
    from artistjobs.log import logging_to
    from artistjobs.session import log
    from artistjobs.stdio import say

    with logging_to(settings.verbosity, settings.log_file) as voice:
        if scenario is not None and not settings.quiet:
            say(f"rehearsal ({scenario}): a simulated API on this machine, no key and no cost")
        if warning:
            log.warning(warning)
        yield voice
