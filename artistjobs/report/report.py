"""Writing the report: read at one moment, rendered, and put in place as a whole."""

from pathlib import Path

from artistjobs.export.atomic_file import atomic_write
from artistjobs.report.page_data import make_view
from artistjobs.report.render import render
from artistjobs.store.interface import Store
from artistjobs.store.models import Kind
from artistjobs.store.overview import Bounds


def make_report(store: Store, made_at: float) -> bytes:
    """Return the page about a database; below a megabyte, and in bounded memory, however many jobs there are."""
    is_rehearsal = store.kind is Kind.REHEARSAL
    return render(
        make_view(store.report_queries.overview(Bounds()), store.path.name, made_at, is_rehearsal=is_rehearsal)
    )


def write_report(store: Store, output: Path, made_at: float) -> int:
    """Write the page to ``output``, which appears whole or not at all; return its bytes.

    Raises:
        StoreError: if disk or database fail; an older file is left as it was.

    """
    page = make_report(store, made_at)
    with atomic_write(output, "artistjobs report") as file:
        file.write(page)
    return len(page)
