"""Writing completed jobs as JSON Lines, whole or not at all, and their texts to a stream."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from artistjobs.errors import WrongUseError
from artistjobs.job import Scope
from artistjobs.lines import Lines
from artistjobs.record import Recorder
from artistjobs.store import Records
from artistjobs.whole_file import whole_file

STATES = {"done": ("done",), "failed": ("failed",), "all": ("done", "failed")}
"""What ``--state`` asks for; jobs that are not final have no record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportConfig:
    """Which jobs to export, and how much of each."""

    scope: Scope = Scope()  # noqa: RUF009 - frozen
    states: Sequence[str] = STATES["done"]
    full: bool = False


Say = Callable[[str], None]


def export_to_file(records: Records, config: ExportConfig, output: Path, say: Say | None) -> int:
    """Write the records to ``output``, which appears whole or not at all; return how many.

    The text of each successful job goes to ``say``, in the same order, if there is one.

    Raises:
        WrongUseError: if there can be no such file.
        StoreError: if the disk fails; an older file is left as it was.

    """
    with whole_file(output) as file:
        return _write(records, config, file, say)


def export_to_stream(records: Records, config: ExportConfig, stream: IO[bytes]) -> int:
    """Write the records to a stream; return how many."""
    count = _write(records, config, stream, None)
    stream.flush()
    return count


def refuse_unwritable(output: Path, database: Path, *others: Path | None) -> None:
    """Raise WrongUseError if ``output`` can be no file, or is one that is needed.

    Those are the database with the files beside it, and ``others``. It is said before money is
    spent rather than after.
    """
    if str(output) == "-":
        raise WrongUseError("an export to stdout is made with: artistjobs export -")
    _refuse_needed(Path(os.path.realpath(output)), Path(os.path.realpath(database)), others)
    if output.is_dir():
        raise WrongUseError(f"{output} is a folder; name a file for the export.")
    if not output.parent.is_dir():
        raise WrongUseError(f"there is no folder {output.parent} for the export; make it or name another file.")


def _refuse_needed(target: Path, database: Path, others: Sequence[Path | None]) -> None:
    if target == database or target.name.startswith(
        tuple(database.name + end for end in ("-wal", "-shm", "-lock", "-worker"))
    ):
        raise WrongUseError(f"{target.name} is the database or belongs to it; name another file for the export.")
    if any(other is not None and Path(os.path.realpath(other)) == target for other in others):
        raise WrongUseError(f"{target.name} is what is read for this run; name another file for the export.")


def _write(records: Records, config: ExportConfig, file: IO[bytes], say: Say | None) -> int:
    count, lines = 0, Lines(Recorder(records, full=config.full), file)
    for count, row in enumerate(records.export(config.scope, config.states, quoted=True), 1):  # noqa: B007
        lines.add(row)
        if say is not None and row.state == "done":
            say(row.plain().text or "")
    lines.end()
    return count
