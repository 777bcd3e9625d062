"""Preview of an input file for a dry run: count its rows and the jobs that they would become, without writing."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from artistjobs.core.columns import Columns, columns_of
from artistjobs.core.job import BadLine, GoodRow, Row
from artistjobs.core.prompt import Body, Build, JobKey, job_keys, live_body, request_builder
from artistjobs.errors import PromptError
from artistjobs.ingest.checked_rows import CheckedRows, Warn
from artistjobs.ingest.readers import open_input
from artistjobs.ingest.rows import RowReader
from artistjobs.ingest.source import IngestConfig
from artistjobs.rendering.renderer import Renderer
from artistjobs.store.interface import FilePreview

SHOWN_BY_DRY_RUN = 5


_COUNTED_AT_ONCE = 5_000


@dataclass(slots=True)
class FileStats:
    """Counts of a file's rows; ``unrenderable`` counts good rows for which the template cannot be rendered."""

    good: int = 0
    bad: int = 0
    unrenderable: int = 0
    request_bytes: int = 0
    first: GoodRow | None = None
    first_columns: Columns = field(default_factory=dict)
    first_bad: BadLine | None = None
    reason: str = ""

    @property
    def mean_bytes(self) -> float:
        """Mean size of a request body in bytes."""
        return self.request_bytes / max(1, self.good - self.unrenderable)


def preview_file(
    config: IngestConfig,
    preview: FilePreview,
    warn: Warn,
    show: Callable[[Body], None] | None = None,
    sample: int | None = None,
) -> FileStats:
    """Read a file and return the counts of its rows; nothing is written.

    The warnings about the file are passed to ``warn``, the same as by an ingest, and the first requests to ``show``, or
    those of ``sample`` random rows.

    Raises:
        InputError: if the file cannot be read, or is mostly bad; with ``strict`` also if any line is bad.
        PromptError: if the template cannot be rendered for one of the first rows that are shown.

    """
    with Renderer() as renderer, open_input(config) as opened:
        build = request_builder(config.prompt, renderer.compile)
        previewer = _Previewer(config, preview, show, build, opened.reader, Sample(sample) if sample else None)
        for row in CheckedRows(opened, config, warn):
            previewer.take(row)
        previewer.show_sample()
    previewer.flush()
    return previewer.rows


class Sample:
    """Random rows, as many as its size; each row of a file has the same chance, however many there are."""

    def __init__(self, size: int, random: Random | None = None) -> None:
        self.rows: list[tuple[GoodRow, Columns]] = []
        self._size = size
        self._seen = 0
        self._random = random or Random()

    def add(self, row: GoodRow, columns: Columns) -> None:
        """Take the next row of the file, perhaps in the place of another one."""
        self._seen += 1
        if len(self.rows) < self._size:
            self.rows.append((row, columns))
        elif (place := self._random.randrange(self._seen)) < self._size:
            self.rows[place] = row, columns


@dataclass(slots=True)
class _Previewer:
    """Counter of rows, their requests and the keys of their jobs."""

    config: IngestConfig
    preview: FilePreview
    show: Callable[[Body], None] | None
    build: Build
    reader: RowReader
    sample: "Sample | None"
    rows: FileStats = field(default_factory=FileStats)
    _keys: list[bytes] = field(default_factory=list)
    _key: JobKey = field(init=False)

    def __post_init__(self) -> None:
        self._key = job_keys(self.config.prompt)

    def take(self, row: Row) -> None:
        """Count one row."""
        if isinstance(row, BadLine):
            self.rows.bad += 1
            self.rows.first_bad = self.rows.first_bad or row
            return
        self.rows.good += 1
        self.rows.first = self.rows.first or row
        columns = columns_of(self.reader.cell_names, row.cells)
        self.rows.first_columns = self.rows.first_columns or columns
        self._weigh(row, columns)
        self._keys.append(self._key(row.name, row.data, columns))
        if len(self._keys) >= _COUNTED_AT_ONCE:
            self.flush()

    def show_sample(self) -> None:
        """Show the requests of the random rows, in the order of the file."""
        if self.sample is None or self.show is None:
            return
        for row, columns in sorted(self.sample.rows, key=lambda one: one[0].line):
            self.show(self.build(row.name, row.data, columns))

    def flush(self) -> None:
        """Pass the collected keys to the store."""
        self.preview.add(self._keys)
        self._keys.clear()

    def _weigh(self, row: GoodRow, columns: Columns) -> None:
        if self.sample is not None:
            self.sample.add(row, columns)
        is_shown = self.show is not None and self.sample is None and self.rows.good <= SHOWN_BY_DRY_RUN
        try:
            body = self.build(row.name, row.data, columns)
        except PromptError as error:
            if is_shown:
                raise
            self.rows.unrenderable += 1
            self.rows.reason = self.rows.reason or f"line {row.line}: {error}"
            return
        self.rows.request_bytes += len(json.dumps(body, ensure_ascii=False).encode("utf-8", "replace"))
        if is_shown and self.show is not None:
            self.show(live_body(body))
