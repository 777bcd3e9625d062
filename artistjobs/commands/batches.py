"""Commands ``batches`` and ``cancel``: a list of batches as text and as JSON, and their cancellation."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from time import time

from artistjobs.commands.config import WorkOptions
from artistjobs.commands.work import work_on
from artistjobs.core.command_text import command
from artistjobs.core.formatting import cost_text, duration_text
from artistjobs.core.job import EVERYTHING
from artistjobs.core.json_values import Json
from artistjobs.errors import WrongUseError
from artistjobs.store.batch_text import age_seconds, answered, state_text
from artistjobs.store.database import Database
from artistjobs.store.models import BatchRecord
from artistjobs.terminal.escape import escape_controls
from artistjobs.terminal.local_time import local_time
from artistjobs.terminal.log import ConsoleHandler
from artistjobs.terminal.table import TableColumn, table
from artistjobs.worker.config import BatchOptions
from artistjobs.worker.run import RunReport

_COLUMNS = (
    TableColumn("batch"),
    TableColumn("created", is_number=False),
    TableColumn("age", rank=3, is_number=False),
    TableColumn("model", rank=2, is_number=False),
    TableColumn("state", is_number=False),
    TableColumn("requests"),
    TableColumn("at service", rank=4),
    TableColumn("done"),
    TableColumn("failed", rank=1),
    TableColumn("cost", rank=5),
)


def batch_lines(records: Sequence[BatchRecord], width: int | None) -> list[str]:
    """Return batches as a table with a heading."""
    return list(table(_COLUMNS, [_row(record) for record in records], width))


def _row(record: BatchRecord) -> list[str]:
    return [
        str(record.id),
        local_time(record.created_at),
        duration_text(age_seconds(record, time())),
        escape_controls(record.model),
        escape_controls(state_text(record)),
        f"{record.lines:,}",
        "" if record.service_completed is None else f"{answered(record):,}",
        f"{record.done:,}",
        f"{record.failed:,}",
        cost_text(record.cost_usd) if record.cost_usd or not record.unpriced else "unknown",
    ]


def batch_json(record: BatchRecord) -> dict[str, Json]:
    """Return a batch as JSON with stable keys."""
    return {**asdict(record), "cost_usd": round(record.cost_usd, 6), "reserved_usd": round(record.reserved_usd, 6)}


def cancel_batches(
    database: Database, batch: int | None, working: WorkOptions, console: ConsoleHandler
) -> RunReport:  # fmt: skip
    """Ask for the cancellation of one batch, or of all, and work until they are collected.

    Raises:
        WrongUseError: if there is no such batch that could be cancelled.
        StoreError: if the disk or the database fails.

    """
    working.ensure_api_key()
    with database.open() as store:
        store.queue.rescue()
        if not store.batches.ask_to_cancel(batch) and not _is_asked(store.batches.open_batches(), batch):
            which = "no batch" if batch is None else f"batch {batch} is none that"
            raise WrongUseError(f"{which} can be cancelled; {command(database.path, 'batches')} lists them.")
    options = replace(working.work.batch or BatchOptions(), only_collects=True, batch=batch)
    return work_on(database, EVERYTHING, replace(working, work=replace(working.work, batch=options)), console)


def _is_asked(records: Sequence[BatchRecord], batch: int | None) -> bool:
    """Return True if a cancellation is under way."""
    return any(record.cancel_asked_at and batch in (None, record.id) for record in records)
