"""Command ``ingests``: lists the files that were read, numbered and dated, as text and as JSON."""

from collections.abc import Sequence
from dataclasses import asdict

from artistjobs.core.json_values import Json
from artistjobs.store.models import IngestRecord
from artistjobs.terminal.escape import escape_controls
from artistjobs.terminal.local_time import local_time
from artistjobs.terminal.table import TableColumn, table

_COLUMNS = (
    TableColumn("ingest"),
    TableColumn("date", is_number=False),
    TableColumn("file", is_number=False, may_be_cut=True),
    TableColumn("prompt"),
    TableColumn("lines", rank=3),
    TableColumn("added"),
    TableColumn("known", rank=1),
    TableColumn("duplicates", rank=4),
    TableColumn("bad", rank=2),
)


def ingest_lines(ingests: Sequence[IngestRecord], width: int | None) -> list[str]:
    """Return the ingests as a table with a heading, at most ``width`` cells wide; empty if there are none."""
    rows = [
        [
            str(one.ingest), local_time(one.ingested_at), escape_controls(one.source), str(one.prompt),
            f"{one.lines:,}", f"{one.added:,}", f"{one.known:,}", f"{one.duplicates:,}", f"{one.bad:,}",
        ]
        for one in ingests
    ]  # fmt: skip
    return table(_COLUMNS, rows, width) if rows else []


def ingest_record_json(one: IngestRecord) -> dict[str, Json]:
    """Return an ingest as JSON with stable keys."""
    return asdict(one)
