"""Report of a database: reads one snapshot, renders the page and writes it atomically."""

from pathlib import Path

from artistjobs.export.atomic_file import atomic_write
from artistjobs.report.page_data import make_view
from artistjobs.report.render import render
from artistjobs.store.address import file_at
from artistjobs.store.interface import OpenDatabase
from artistjobs.store.models import Kind
from artistjobs.store.overview import Bounds


def make_report(store: OpenDatabase, made_at: float, prompt: int | None = None) -> bytes:
    """Return the report page in UTF-8.

    The page is smaller than a megabyte and needs bounded memory, whatever the number of jobs. ``made_at`` is in
    seconds since 1970. With ``prompt`` the page is about the prompt configuration with that number.
    """
    is_rehearsal = store.kind is Kind.REHEARSAL
    name = store.path.name if prompt is None else f"{store.path.name}, prompt {prompt}"
    return render(
        make_view(store.report_queries.overview(Bounds(prompt=prompt)), name, made_at, is_rehearsal=is_rehearsal)
    )


def write_report(store: OpenDatabase, output: Path, made_at: float, prompt: int | None = None) -> int:
    """Write the page to ``output``, which appears complete or not at all; return its size in bytes.

    Nobody may read the page who may not read the database.

    Raises:
        StoreError: if the disk or the database fails; an older file is unchanged.

    """
    page = make_report(store, made_at, prompt)
    with atomic_write(output, "artistjobs report", file_at(store.path)) as file:
        file.write(page)
    return len(page)
