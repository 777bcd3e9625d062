"""Notification of the user at the end of ``run`` and ``work``, whichever way the command ends."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click
from click.exceptions import Exit

from artistjobs.cli.exit_codes import EXIT_INTERRUPTED, EXIT_NO_READER
from artistjobs.core.shortage import shortage_of
from artistjobs.errors import ArtistjobsError, ResourceError

if TYPE_CHECKING:
    from artistjobs.core.json_values import Json
    from artistjobs.store.address import Address

RESULT = "artistjobs.result"
"""Key under which the click context holds the JSON summary of the run."""


@contextmanager
def notifying(command: object, database: "Address") -> Iterator[None]:
    """Run the command of ``--notify`` when the context ends with an exit code; its failure is only a warning."""
    try:
        yield
    except BaseException as error:
        if isinstance(command, str) and command:
            _notify(command, {"database": str(database), **_ending(error)})
        raise


def _notify(command: str, ending: "Mapping[str, Json]") -> None:
    from time import time

    from artistjobs.commands.notify import notify
    from artistjobs.core.timestamps import to_timestamp
    from artistjobs.library.api_environment import variables
    from artistjobs.terminal.log import log

    name = click.get_current_context().info_name
    event = "stop" if ending["stopped"] else "end"
    summary: dict[str, Json] = {"event": event, "command": name, "ended_at": to_timestamp(time()), **ending}
    if failure := notify(command, summary, variables()):
        log.warning("%s", failure)


def _ending(error: BaseException) -> "dict[str, Json]":
    """Return the summary of a run, or of an error that ended it before there was one."""
    result = click.get_current_context().meta.get(RESULT)
    code, message = _code_and_message(error)
    if isinstance(result, dict):
        return result if isinstance(error, Exit) else result | {"exit_code": code, "message": message}
    stopped = {EXIT_INTERRUPTED: "interrupted"}.get(code, "error") if code else None
    return {"exit_code": code, "stopped": stopped, "message": message}


def _code_and_message(error: BaseException) -> tuple[int, str | None]:
    match error:
        case Exit():
            return error.exit_code, None
        case ArtistjobsError():
            return error.exit_code, str(error)
        case KeyboardInterrupt():
            return EXIT_INTERRUPTED, "interrupted"
        case SystemExit():
            return error.code if isinstance(error.code, int) else 1, None
        case BrokenPipeError():
            return EXIT_NO_READER, "the reader of the output is gone"
    shortage = shortage_of(error) if isinstance(error, Exception) else None
    return (1, type(error).__name__) if shortage is None else (ResourceError.exit_code, str(shortage))
