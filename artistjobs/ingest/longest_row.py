"""Trial of the template with the longest row of a file: a template may be too slow or too long for long rows only."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence

from artistjobs.core.columns import columns_of
from artistjobs.core.job import BadLine, GoodRow, Row, TableArtist
from artistjobs.errors import PromptError
from artistjobs.ingest.source import IngestConfig
from artistjobs.rendering.renderer import build_request

log = logging.getLogger(__name__)


class LongestRow:
    """Iterable that passes rows on and remembers the longest one.

    The other columns count only if the request uses some of them.
    """

    def __init__(self, rows: Iterable[Row], config: IngestConfig, cell_names: Callable[[], Sequence[str]]) -> None:
        self._rows = rows
        self._config = config
        self._counts_cells = bool(config.prompt.columns)
        self._cell_names = cell_names
        self._longest: GoodRow | None = None

    def __iter__(self) -> Iterator[Row]:
        longest = 0
        for row in self._rows:
            if not isinstance(row, BadLine):
                length = len(row.name) + len(row.data)
                if self._counts_cells and isinstance(row, TableArtist):
                    length += len(row.values)
                if length > longest:
                    longest, self._longest = length, row
            yield row

    def try_out(self) -> None:
        """Warn if the template cannot be rendered for the longest row."""
        row, config = self._longest, self._config
        if row is None or config.prompt.template is None:
            return
        try:
            columns = columns_of(self._cell_names(), row.cells)
            build_request(config.prompt, row.name, row.data, columns)
        except PromptError as error:
            log.warning("%s, line %d: %s; such rows fail as template_error", config.source, row.line, error)
