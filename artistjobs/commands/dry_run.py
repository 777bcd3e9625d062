"""Dry run: shows the first requests and an estimate; sends and writes nothing."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from artistjobs.core.formatting import count_text
from artistjobs.core.prompt import Body
from artistjobs.core.statistics import AnswerStats
from artistjobs.ingest.checked_rows import Warn
from artistjobs.ingest.preview import SHOWN_BY_DRY_RUN, FileStats, preview_file
from artistjobs.ingest.source import IngestConfig
from artistjobs.store.database import Database
from artistjobs.store.models import FileJobs
from artistjobs.terminal.escape import escape_controls
from artistjobs.terminal.streams import print_json, print_message

if TYPE_CHECKING:
    from artistjobs.commands.estimate import Estimate
    from artistjobs.core.json_values import Json
    from artistjobs.core.pricing import Cost


log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePreviewResult:
    """Counts of an input file compared with the database; ``asked`` counts distinct jobs."""

    name: str
    database: str | None
    rows: FileStats
    asked: FileJobs


def show_dry_run(
    database: Database, config: IngestConfig, cost: "Cost", *, limit: int | None, sample: bool = False, as_json: bool
) -> None:
    """Print the first request bodies to stdout and an estimate to stderr, or both as one JSON object.

    Args:
        database: Compared with the file, if it exists.
        config: The file and its prompt.
        cost: Prices of the estimate.
        limit: The largest number of jobs to work on, None for all.
        sample: True to show requests of random rows instead of the first ones.
        as_json: True for one JSON object on stdout.

    Raises:
        WrongUseError: if the file, the template or the database cannot be used.
        StoreError: if the database cannot be read.

    """
    bodies: list[Json] = []

    def show(body: Body) -> None:
        if limit is None or len(bodies) < limit:
            bodies.append(body)
            if not as_json:
                print_json(body, indent=2)

    shown = min(SHOWN_BY_DRY_RUN, limit or SHOWN_BY_DRY_RUN)
    file, measured = count_file(database, config, log.warning, show, shown if sample else None)
    estimated = _estimate(file, config, limit, measured, cost)
    if as_json:
        _print_json(file.rows, bodies, estimated)
    else:
        _print_text(file, estimated, limit, "random rows by --limit and --sample" if sample else "by --limit")


def _estimate(
    file: FilePreviewResult, config: IngestConfig, limit: int | None, measured: AnswerStats | None, cost: "Cost"
) -> "Estimate":
    from artistjobs.commands.estimate import Workload, estimate

    calls = min(file.asked.to_call, limit or file.asked.to_call)
    load = Workload(prompt=config.prompt, calls=calls, request_bytes=file.rows.mean_bytes * calls)
    return estimate(load, measured, cost)


def _print_json(rows: FileStats, bodies: "list[Json]", estimated: "Estimate") -> None:
    from artistjobs.commands.estimate_text import estimate_json

    print_json({"rows": rows.good, "bad": rows.bad, "requests": bodies, "estimate": estimate_json(estimated)})


def _print_text(file: FilePreviewResult, estimated: "Estimate", limit: int | None, by: str) -> None:
    from artistjobs.commands.estimate_text import estimate_lines

    rows = file.rows
    at_most = f", calls limited to {limit:,} {by}" if limit is not None and limit < file.asked.to_call else ""
    print_message(
        f"dry run: {count_text(rows.good, 'good row')}{at_most}, {rows.bad:,} bad; nothing was sent or written"
    )
    print_message("\n".join(map(escape_controls, estimate_lines(estimated))))


def count_file(
    database: Database,
    config: IngestConfig,
    warn: Warn,
    show: Callable[[Body], None] | None = None,
    sample: int | None = None,
) -> tuple[FilePreviewResult, AnswerStats | None]:
    """Return the counts of a file and the statistics of earlier answers to its prompt; write nothing.

    ``warn`` is called with each warning about the file, and ``show`` with the body of the first requests, or with those
    of ``sample`` random rows.

    Raises:
        WrongUseError: if the file, the template or the database cannot be used.
        StoreError: if the database cannot be read.

    """
    with database.preview() as preview:
        rows = preview_file(config, preview, warn, show, sample)
        name = str(database.path) if preview.has_database else None
        count = FilePreviewResult(name=str(config.source), database=name, rows=rows, asked=preview.asked())
        return count, preview.measured(config.prompt)
