"""Preview of an input file for a dry run: count its rows and the jobs that they would become, without writing."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field

from artistjobs.core.job import Artist, BadLine
from artistjobs.core.prompt import Body, job_keys, live_body, request_builder
from artistjobs.errors import PromptError
from artistjobs.ingest.checked_rows import CheckedRows, Warn
from artistjobs.ingest.parser import ArtistReader
from artistjobs.ingest.source import IngestConfig, open_artists, source_name
from artistjobs.rendering.renderer import Renderer
from artistjobs.store.interface import FilePreview

SHOWN_BY_DRY_RUN = 5


_COUNTED_AT_ONCE = 5_000


@dataclass(slots=True)
class FileStats:
    """Counts of a file's rows; ``unfit`` counts good rows for which the template cannot be rendered."""

    good: int = 0
    bad: int = 0
    unrenderable: int = 0
    request_bytes: int = 0
    first: Artist | None = None
    first_bad: BadLine | None = None
    reason: str = ""

    @property
    def mean_bytes(self) -> float:
        """Mean size of a request body in bytes."""
        return self.request_bytes / max(1, self.good - self.unrenderable)


def preview_file(
    config: IngestConfig, preview: FilePreview, warn: Warn, show: Callable[[Body], None] | None = None
) -> FileStats:
    """Read a file and return the counts of its rows; nothing is written.

    The warnings about the file are passed to ``warn``, the same as by an ingest, and the first requests to ``show``.

    Raises:
        InputError: if the file cannot be read, or is mostly bad; with ``strict`` also if any line is bad.
        PromptError: if the template cannot be rendered for one of the first rows that are shown.

    """
    with Renderer() as renderer, open_artists(config.source, config.encoding) as stream:
        previewer = _Previewer(config, preview, show, request_builder(config.prompt, renderer.compile))
        reader = ArtistReader(stream, name=source_name(config.source), encoding=config.encoding)
        for row in CheckedRows(reader, stream, config, warn):
            previewer.take(row)
    previewer.flush()
    return previewer.rows


@dataclass(slots=True)
class _Previewer:
    """Counter of rows, their requests and the keys of their jobs."""

    config: IngestConfig
    preview: FilePreview
    show: Callable[[Body], None] | None
    build: Callable[[str, str], Body]
    rows: FileStats = field(default_factory=FileStats)
    _keys: list[bytes] = field(default_factory=list)
    _key: Callable[[str, str], bytes] = field(init=False)

    def __post_init__(self) -> None:
        self._key = job_keys(self.config.prompt)

    def take(self, row: Artist | BadLine) -> None:
        """Count one row."""
        if isinstance(row, BadLine):
            self.rows.bad += 1
            self.rows.first_bad = self.rows.first_bad or row
            return
        self.rows.good += 1
        self.rows.first = self.rows.first or row
        self._weigh(row)
        self._keys.append(self._key(row.name, row.data))
        if len(self._keys) >= _COUNTED_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Pass the collected keys to the store."""
        self.preview.add(self._keys)
        self._keys.clear()

    def _weigh(self, row: Artist) -> None:
        is_shown = self.show is not None and self.rows.good <= SHOWN_BY_DRY_RUN
        try:
            body = self.build(row.name, row.data)
        except PromptError as error:
            if is_shown:
                raise
            self.rows.unrenderable += 1
            self.rows.reason = self.rows.reason or f"line {row.line}: {error}"
            return
        self.rows.request_bytes += len(json.dumps(body, ensure_ascii=False).encode("utf-8", "replace"))
        if is_shown and self.show is not None:
            self.show(live_body(body))
