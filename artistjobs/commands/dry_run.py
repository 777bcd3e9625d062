"""Dry run: shows the first requests and an estimate; sends and writes nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from artistjobs.core.prompt import Body
from artistjobs.core.statistics import Measured
from artistjobs.ingest.preview import Rows, survey_file
from artistjobs.ingest.source import IngestConfig
from artistjobs.store.database import Database
from artistjobs.store.models import Asked

if TYPE_CHECKING:
    from artistjobs.cli.arguments import Given
    from artistjobs.core.json_values import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class FileCount:
    """Counts of an input file compared with the database; ``asked`` counts distinct jobs."""

    name: str
    database: str | None
    rows: Rows
    asked: Asked


def _dry_run(given: "Given", config: "IngestConfig") -> None:
    from artistjobs.commands.estimate import Workload, estimate
    from artistjobs.commands.estimate_text import estimate_json, estimate_lines
    from artistjobs.core.formatting import counted
    from artistjobs.terminal.escape import visible
    from artistjobs.terminal.streams import say, tell_json

    limit = given.limit()
    bodies: list[Json] = []

    def show(body: Body) -> None:
        if limit is None or len(bodies) < limit:
            bodies.append(body)
            if not given.as_json:
                tell_json(body, indent=2)

    file, measured = count_file(given.database(), config, show)
    rows, calls = file.rows, min(file.asked.ahead, limit or file.asked.ahead)
    load = Workload(prompt=config.prompt, calls=calls, request_bytes=rows.mean_bytes * calls)
    made = estimate(load, measured, given.cost())
    if given.as_json:
        tell_json({"rows": rows.good, "bad": rows.bad, "requests": bodies, "estimate": estimate_json(made)})
        return
    at_most = f", calls limited to {limit:,} by --limit" if limit is not None and limit < file.asked.ahead else ""
    say(f"dry run: {counted(rows.good, 'good row')}{at_most}, {rows.bad:,} bad; nothing was sent or written")
    say("\n".join(map(visible, estimate_lines(made))))


def count_file(
    database: Database, config: IngestConfig, show: Callable[[Body], None] | None = None
) -> tuple[FileCount, Measured | None]:
    """Return the counts of a file and the statistics of earlier answers to its prompt; write nothing.

    ``show`` is called with the body of the first requests.

    Raises:
        WrongUseError: if the file, the template or the database cannot be used.
        StoreError: if the database cannot be read.

    """
    with database.census() as census:
        rows = survey_file(config, census, show)
        name = str(database.path) if census.has_database else None
        count = FileCount(name=str(config.source), database=name, rows=rows, asked=census.asked())
        return count, census.measured(config.prompt)
