"""Taking a file of artists into the store: read it, know it again, add what is new."""

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, Protocol

from artistjobs.artists import Artist, ArtistReader, BadLine
from artistjobs.config import IngestConfig
from artistjobs.errors import InputError, PromptError
from artistjobs.prompt import Body, job_keys, request_builder
from artistjobs.source import STDIN, open_artists
from artistjobs.store import Census, Ingested, Intake, Source
from artistjobs.suspicion import suspicion
from artistjobs.terminal import counted

log = logging.getLogger("artistjobs")

WARNED_OF = 20
"""How many bad lines are told one by one; the rest is counted, and all are in the database."""

SHOWN_BY_DRY_RUN = 5

_COUNTED_AT_ONCE = 5_000

_BLOCK_BYTES = 1 << 20
_HELD_IN_MEMORY_BYTES = 1 << 23


class Dry(Protocol):
    """Shows the request that a row would make."""

    def __call__(self, artist: Artist, body: Body) -> None:
        """Show one."""


def ingest_file(intake: Intake, config: IngestConfig) -> Ingested:
    """Add a pending job for each new row of the file, warn of the lines skipped, and say what came of it.

    Raises:
        InputError: if the file cannot be read; with ``strict`` also if any line is bad.
        StoreError: if disk or database fail; nothing was ingested then.

    """
    with _rereadable(config.source) as (stream, source):
        known = intake.find_same(source, config.prompt) if not config.strict else None
        if known is not None:
            _warn(config.source, intake.bad_lines(known.ingest, WARNED_OF), known.bad)
            return known
        reader = ArtistReader(stream)
        rows = _Watched(reader, config)
        return intake.ingest(source, config.prompt, rows, lambda: reader.lines)


def refuse_unreadable(path: Path) -> None:
    """Raise InputError if there is nothing to read: said before a database is made for it."""
    if path == STDIN or (path.exists() and not path.is_file() and not path.is_dir()):
        return  # a pipe can be opened only once
    with open_artists(path):
        pass


@dataclass(slots=True)
class Rows:
    """What the rows of a file come to: ``unfit`` are good ones of which the template makes no request."""

    good: int = 0
    bad: int = 0
    unfit: int = 0
    request_bytes: int = 0
    first: Artist | None = None
    first_bad: BadLine | None = None
    reason: str = ""

    @property
    def mean_bytes(self) -> float:
        """The bytes of a request, on average."""
        return self.request_bytes / max(1, self.good - self.unfit)


def survey_file(config: IngestConfig, census: Census, show: Dry | None = None) -> Rows:
    """Read a file and count what it would ask for; the first requests are shown, else nothing is said or written.

    Raises:
        InputError: if the file cannot be read; with ``strict`` also if any line is bad.
        PromptError: if one of the requests to be shown cannot be made.

    """
    surveyor = _Surveyor(config, census, show)
    with open_artists(config.source) as stream:
        reader = ArtistReader(stream)
        for row in _Watched(reader, config) if show else reader:
            surveyor.take(row)
    surveyor.flush()
    return surveyor.rows


@dataclass(slots=True)
class _Surveyor:
    """Counts rows and the requests that they make, one after another."""

    config: IngestConfig
    census: Census
    show: Dry | None
    rows: Rows = field(default_factory=Rows)
    _keys: list[bytes] = field(default_factory=list)
    _build: Callable[[str, str], Body] = field(init=False)
    _key: Callable[[str, str], bytes] = field(init=False)

    def __post_init__(self) -> None:
        self._build = request_builder(self.config.prompt)
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
        """Hand the keys on."""
        self.census.add(self._keys)
        self._keys.clear()

    def _weigh(self, row: Artist) -> None:
        is_shown = self.show is not None and self.rows.good <= SHOWN_BY_DRY_RUN
        try:
            body = self._build(row.name, row.data)
        except PromptError as error:
            if is_shown:
                raise
            self.rows.unfit += 1
            self.rows.reason = self.rows.reason or f"line {row.line}: {error}"
            return
        self.rows.request_bytes += len(json.dumps(body, ensure_ascii=False).encode("utf-8", "replace"))
        if is_shown and self.show is not None:
            self.show(row, body)


class _Watched:
    """Rows on their way, with a warning for the first bad ones; ``strict`` refuses them at the end."""

    def __init__(self, rows: Iterable[Artist | BadLine], config: IngestConfig) -> None:
        self._rows = rows
        self._source = config.source
        self._strict = config.strict
        self.bad = 0

    def __iter__(self) -> Iterator[Artist | BadLine]:
        first: list[BadLine] = []
        rows = iter(self._rows)
        for row in chain(self._suspected(islice(rows, 1)), rows):
            if isinstance(row, BadLine):
                self.bad += 1
                if self.bad <= WARNED_OF:
                    first.append(row)
            yield row
        _warn(self._source, first, self.bad)
        if self._strict and self.bad:
            raise InputError(
                f"{self._source} has {counted(self.bad, 'bad line')}, and nothing was ingested; "
                "mend that or leave --strict out."
            )

    def _suspected(self, rows: Iterable[Artist | BadLine]) -> Iterator[Artist | BadLine]:
        for row in rows:
            if isinstance(row, Artist) and (reason := suspicion(row)):
                log.warning(
                    "%s: %s, so this may be no file of rows such as: Prince,singer; it is read as one all the same",
                    _name(self._source),
                    reason,
                )
            yield row


def _name(path: Path) -> str:
    return "standard input" if path == STDIN else str(path)


def _warn(path: Path, lines: Iterable[BadLine], count: int) -> None:
    name, told = _name(path), 0
    for line in lines:
        log.warning("%s, line %d: %s; skipped: %s", name, line.line, line.reason, line.beginning)
        told += 1
    if count > told:
        more = counted(count - told, "more bad line")
        log.warning("%s: skipped %s; the table bad_lines has them all", name, more)


@contextmanager
def _rereadable(path: Path) -> Iterator[tuple[BinaryIO, Source]]:
    """Give a stream from its beginning, and what its whole content is known by."""
    with open_artists(path) as stream:
        if path == STDIN or not path.is_file():
            with SpooledTemporaryFile(_HELD_IN_MEMORY_BYTES) as spool:
                source = Source("stdin" if path == STDIN else str(path), _fingerprint(stream, spool))
                spool.seek(0)
                yield spool, source  # type: ignore[misc]  # it reads like any BinaryIO
            return
        source = Source(str(path), _fingerprint(stream))
    with open_artists(path) as stream:
        yield stream, source


def _fingerprint(stream: BinaryIO, copy: "SpooledTemporaryFile[bytes] | None" = None) -> str:
    digest = hashlib.sha256()
    while block := stream.read(_BLOCK_BYTES):
        digest.update(block)
        if copy is not None:
            copy.write(block)
    return digest.hexdigest()
