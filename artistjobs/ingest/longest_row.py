"""Trial of the template with the longest row of a file: a template may be too slow or too long for long rows only."""

import logging
from collections.abc import Iterable, Iterator

from artistjobs.core.job import Artist, BadLine
from artistjobs.errors import PromptError
from artistjobs.ingest.source import IngestConfig
from artistjobs.rendering.renderer import build_request

log = logging.getLogger(__name__)


class LongestRow:
    """Iterable that passes rows on and remembers the longest one."""

    def __init__(self, rows: Iterable[Artist | BadLine]) -> None:
        self._rows = rows
        self._longest: Artist | None = None

    def __iter__(self) -> Iterator[Artist | BadLine]:
        length = 0
        for row in self._rows:
            if isinstance(row, Artist) and len(row.name) + len(row.data) > length:
                length, self._longest = len(row.name) + len(row.data), row
            yield row

    def try_out(self, config: IngestConfig) -> None:
        """Warn if the template of ``config`` cannot be rendered for the longest row."""
        row = self._longest
        if row is None or config.prompt.template is None:
            return
        try:
            build_request(config.prompt, row.name, row.data)
        except PromptError as error:
            log.warning("%s, line %d: %s; such rows fail as template_error", config.source, row.line, error)
