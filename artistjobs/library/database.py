"""Class ``Database``: the commands of the program as methods, for scripts and notebooks."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Unpack

from artistjobs.commands.prompts import ensure_known_prompt
from artistjobs.commands.run import ExportTarget, run_file
from artistjobs.commands.status import read_status
from artistjobs.commands.work import work_on
from artistjobs.core.command_text import DEFAULT_DATABASE, REHEARSAL_DATABASE
from artistjobs.core.job import EVERYTHING
from artistjobs.errors import WrongUseError
from artistjobs.export.export import STATES, ExportConfig, export_to_file
from artistjobs.export.formats import format_of
from artistjobs.export.protection import FilesInUse, ensure_not_ingested, ensure_writable
from artistjobs.export.records import Record, iterate_records
from artistjobs.ingest.ingest import ensure_readable, ingest_file
from artistjobs.library.arguments import CommandArguments
from artistjobs.library.env_file import EnvFile, read_env_file
from artistjobs.library.options import (
    INGEST_DEFAULTS,
    WORK_DEFAULTS,
    ExportArguments,
    ExportFormatName,
    IngestArguments,
    Options,
    RunArguments,
    Scenario,
    State,
    StrPath,
    WorkArguments,
    options_of,
    seconds_of,
)
from artistjobs.library.progress import showing_progress
from artistjobs.library.results import (
    DatabaseStatus,
    IngestSummary,
    RunSummary,
    database_status,
    error_of,
    ingest_summary,
    run_summary,
)
from artistjobs.library.scope import ingest_scope
from artistjobs.store import database as stores
from artistjobs.store.address import Address, address_of, with_options
from artistjobs.store.interface import OpenDatabase
from artistjobs.store.models import IngestResult
from artistjobs.worker.caller import Caller
from artistjobs.worker.run import RunReport

log = logging.getLogger("artistjobs")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Settings:
    """Settings of one call."""

    address: Address | None
    env_file: EnvFile
    quiet: bool
    log_file: Path | None = None


class Database:
    """A database of jobs, and the commands on it.

    The key and the address of the API come from the environment or from ``.env`` in the working directory, as for the
    program. Nothing is printed, unless ``progress`` is True; log lines go to the logger ``artistjobs``. All methods may
    be called while an event loop is running. Several processes and threads may use one database.

    All errors are of the class ``ArtistjobsError``: their text is the sentence that the program prints, and their
    ``exit_code`` that of the program.

    Args:
        path: A file, or the URL of a PostgreSQL database; it is created by the first ingest. The default is that of the
            program: ``artistjobs.db``, and ``rehearsal.db`` in a rehearsal.
        rehearse: True or a scenario for calls to a simulated API on this machine, without a key and without cost.
        db_timeout: Seconds to wait for a PostgreSQL server that is away; None for the default.
        spool: Folder of this machine for answers that arrive meanwhile; None for the default.

    Raises:
        WrongUseError: if the URL, the scenario or a value cannot be used.

    """

    def __init__(
        self,
        path: StrPath | None = None,
        *,
        rehearse: bool | Scenario = False,
        db_timeout: float | None = None,
        spool: StrPath | None = None,
    ) -> None:
        self._scenario = "calm" if rehearse is True else rehearse or None
        if self._scenario is not None:
            from artistjobs.rehearsal import find_scenario

            find_scenario(self._scenario)
        default = REHEARSAL_DATABASE if self._scenario else DEFAULT_DATABASE
        address = default if path is None else address_of(str(path))
        wait_seconds = None if db_timeout is None else seconds_of("db_timeout", db_timeout)
        self._address = with_options(address, wait_seconds, None if spool is None else Path(spool))

    def __repr__(self) -> str:
        """Return the class with the path, or with the URL without its password."""
        return f"{type(self).__name__}({str(self._address)!r})"

    def ingest(self, file: StrPath, **arguments: Unpack[IngestArguments]) -> IngestSummary:
        """Add a pending job for each new row of a file.

        Args:
            file: The input file.
            **arguments: The prompt, the request and the way to read the file.

        Raises:
            InputError: if the file cannot be read.
            PromptError: if the prompt or the request cannot be used.
            WrongUseError: if an argument cannot be used.
            StoreError: if the disk or the database fails; nothing is ingested then.

        """
        options = {**options_of(arguments, INGEST_DEFAULTS), "file": Path(file)}
        with showing_progress(is_shown=False):
            command = self._command(options)
            config = command.ingest_config()
            command.files_in_use()
            _warn(command)
            ensure_readable(config)
            with command.database().open(create=True) as store:
                return ingest_summary(ingest_file(store.ingestor, config))

    def work(self, *, progress: bool = False, **arguments: Unpack[WorkArguments]) -> RunSummary:
        """Call the API for all pending jobs, store the answers, and return when no job is left or a limit is reached.

        The calls are made in a thread with an event loop of its own. Ctrl+C lets the calls in flight finish and be
        stored, a second one gives them up; KeyboardInterrupt is raised then.

        Args:
            progress: Show the progress, on stderr or in the notebook.
            **arguments: Calls in flight, limits and cost.

        Raises:
            WrongUseError: if there is no key or no database, or an argument cannot be used.
            RunStoppedError: if the account, the model or the prompt prevents the run; the jobs are pending.
            ServiceAwayError: if the service is away for too long; the jobs are pending.
            StoreError: if the disk or the database fails; nothing that was stored is lost.

        """
        options, caller = options_of(arguments, WORK_DEFAULTS), Caller()
        with showing_progress(is_shown=progress) as console:
            command = self._command(options, progress=progress)
            report = work_on(command.database(), EVERYTHING, command.working(), console, caller)
        return _finished(report, None, caller)

    def run(
        self,
        file: StrPath,
        output: StrPath | None = None,
        *,
        progress: bool = False,
        **arguments: Unpack[RunArguments],
    ) -> RunSummary:
        """Ingest a file, work on its jobs, and write their answers to ``output``.

        Rows that are already answered are not sent again. Interrupts are handled as in ``work``.

        Args:
            file: The input file.
            output: The file for the answers, in the format of its name; None writes none.
            progress: Show the progress, on stderr or in the notebook.
            **arguments: Those of ``ingest`` and of ``work``.

        Raises:
            ArtistjobsError: as ``ingest``, ``work`` and ``write`` do.

        """
        options = {**options_of(arguments, {**INGEST_DEFAULTS, **WORK_DEFAULTS}), "file": Path(file)}
        caller = Caller()
        with showing_progress(is_shown=progress) as console:
            command = self._command(options, progress=progress)
            target = None if output is None else _target(command, Path(output))
            config = command.ingest_config()
            command.files_in_use()
            _warn(command)
            report, ingested = run_file(command.database(), config, command.working(), console, target, caller)
        return _finished(report, ingested, caller)

    def export(self, **choice: Unpack[ExportArguments]) -> Iterator[Record]:
        """Return an iterator over the records of finished jobs, oldest first, as ``export`` writes them.

        It reads a snapshot as of the first record, in constant memory, and is to be used in one thread.

        Args:
            **choice: The jobs; those of an ingest come in the order of its file.

        Raises:
            WrongUseError: if there is no database, ingest or prompt of that name, with the first record.
            StoreError: if the disk or the database fails.

        """
        return self._records(_Choice(**choice))

    def write(
        self,
        output: StrPath,
        *,
        format: ExportFormatName | None = None,  # noqa: A002 - the name of the option
        columns: Sequence[str] = (),
        **choice: Unpack[ExportArguments],
    ) -> int:
        """Write the records of finished jobs to a file, which appears complete or not at all; return their number.

        Args:
            output: The file.
            format: The format; None for that of its name, else JSON Lines.
            columns: Only these columns, in this order; all if empty.
            **choice: The jobs, as in ``export``.

        Raises:
            WrongUseError: if the file, its format, a column or a job cannot be used.
            StoreError: if the file cannot be written; an older file is unchanged.

        """
        path, database, jobs = Path(output), stores.Database(self._address, None), _Choice(**choice)
        written_as = format_of(path, format)
        ensure_writable(FilesInUse(database=database, output=path))
        with database.reader() as reader:
            ensure_not_ingested(path, reader.records.known_files())
            config = replace(jobs.config(reader), format=written_as, columns=tuple(columns))
            return export_to_file(reader, config, path, None)

    def status(self, *, prompt: int | None = None) -> DatabaseStatus:
        """Return a snapshot of the database, or of the prompt with that number; running workers are not blocked.

        Raises:
            WrongUseError: if there is no database or no such prompt.
            StoreError: if the disk or the database fails.

        """
        with stores.Database(self._address, None).reader() as reader:
            return database_status(read_status(reader, prompt))

    def _command(self, options: Options, *, progress: bool = False) -> CommandArguments:
        env_file = read_env_file(lambda sentence: log.warning("%s", sentence))
        settings = _Settings(address=self._address, env_file=env_file, quiet=not progress)
        given = {**options, "scenario": self._scenario, "rehearse": self._scenario is not None}
        return CommandArguments(settings, given, lambda name: given[name] is not None)

    def _records(self, choice: "_Choice") -> Iterator[Record]:
        with stores.Database(self._address, None).reader() as reader:
            config = choice.config(reader)
            yield from iterate_records(reader.records, config.scope, config.states, full=config.full)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Choice:
    """Choice of the jobs of an export."""

    state: State = "done"
    ingest: int | Literal["latest"] | None = None
    prompt: int | None = None
    full: bool = False

    def __post_init__(self) -> None:
        if self.state not in STATES:
            raise WrongUseError(f"state cannot be {self.state!r}; use {' or '.join(STATES)}.")

    def config(self, reader: OpenDatabase) -> ExportConfig:
        """Return the options of the export. Raises WrongUseError if there is no such ingest or prompt."""
        ensure_known_prompt(reader.records, self.prompt)
        scope = ingest_scope(reader, None if self.ingest is None else str(self.ingest))
        return ExportConfig(scope=replace(scope, prompt=self.prompt), states=STATES[self.state], full=self.full)


def _warn(command: CommandArguments) -> None:
    for warning in command.warnings():
        log.warning("%s", warning)


def _target(command: CommandArguments, output: Path) -> ExportTarget:
    return ExportTarget(output=output, texts=None, files=command.files_in_use(output), format=format_of(output, None))


def _finished(report: RunReport, ingested: IngestResult | None, caller: Caller) -> RunSummary:
    """Return the result of a run. Raises KeyboardInterrupt if it was interrupted, and the error that stopped it."""
    if (error := error_of(report)) is not None:
        raise error
    if caller.is_interrupted:
        raise KeyboardInterrupt
    return run_summary(report, ingested)
