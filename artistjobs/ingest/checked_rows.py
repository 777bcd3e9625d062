"""Rows of an input file with warnings about what is odd in it, and the refusal of files that are not worth asking."""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from artistjobs.core.formatting import count_text
from artistjobs.core.job import Artist, BadLine, Row, TableArtist
from artistjobs.errors import InputError, PromptError
from artistjobs.ingest.encoding import UTF8
from artistjobs.ingest.input_format import InputFormat
from artistjobs.ingest.readers import OpenInput
from artistjobs.ingest.row import NOT_TEXT
from artistjobs.ingest.rows import RowReader
from artistjobs.ingest.sniff import header_hint, wrong_format_hint
from artistjobs.ingest.source import IngestConfig, source_name

WARNED_OF = 20
"""Number of bad lines with a warning of their own; the rest are counted. The database holds all of them."""


Warn = Callable[[str], None]
"""Function that takes a warning as one sentence."""


class CheckedRows:
    """Iterable of the rows of a file that passes each warning about it to a function.

    Raises:
        InputError: at the end, if most rows are bad; with ``strict`` if any row is bad.
        PromptError: if the request uses a column that the file does not have.

    """

    def __init__(self, opened: OpenInput, config: IngestConfig, warn: Warn) -> None:
        self._reader = opened.reader
        self._stream = opened.stream
        self._config = config
        self._name = source_name(config.source)
        self._warn = warn

    def __iter__(self) -> Iterator[Row]:
        rows, count, bad, first_bad, not_text = iter(self._reader), 0, 0, list[BadLine](), 0
        first = next(rows, None)
        warn_of_first_row(self._config, self._reader, first, self._warn)
        if self._reader.has_fixed_columns:
            ensure_known_columns(self._config, self._reader)
        for count, row in enumerate(chain([first] if first else [], rows), 1):  # noqa: B007 - read after the loop
            if isinstance(row, BadLine):
                bad += 1
                not_text += row.reason.startswith(NOT_TEXT)
                if bad <= WARNED_OF:
                    first_bad.append(row)
            yield row
        if not self._reader.has_fixed_columns and count > bad:
            ensure_known_columns(self._config, self._reader)
        if bad * 2 > count:
            raise InputError(self._refusal(first_bad[0], bad, count, not_text))
        warn_of_bad_lines(self._config, first_bad, bad, self._warn)
        self._warn_of_oddities()
        if self._config.strict and bad:
            raise InputError(
                f"{self._name} has {count_text(bad, 'bad line')}, and nothing was ingested; "
                "fix that or leave --strict out."
            )

    def _refusal(self, first: BadLine, bad: int, count: int, not_text: int) -> str:
        remedy = "check that it is a file of rows such as: Prince,singer"
        if not_text * 2 > bad:
            remedy = _encoding_remedy(self._config.encoding)
        return (
            f"{self._name}: {bad:,} of {count_text(count, 'row')} are bad, the first in line {first.line} "
            f"({first.reason}), and nothing was ingested; {remedy}."
        )

    def _warn_of_oddities(self) -> None:
        reader, encoding = self._reader, self._config.encoding
        for notice in reader.notices:
            self._warn(f"{self._name}, line {notice.line}: {notice.text}")
        if more := reader.notice_count - len(reader.notices):
            self._warn(f"{self._name}: {count_text(more, 'more line')} with a byte-order mark or the header")
        if self._stream is not None and self._stream.is_utf8_after_all:
            self._warn(
                f"{self._name} is valid UTF-8, but is read as {encoding}; leave --encoding out if names look wrong"
            )


def ensure_known_columns(config: IngestConfig, reader: RowReader) -> None:
    """Raise PromptError if the request uses a column that the file does not have; the message lists those it has."""
    prompt, name = config.prompt, source_name(config.source)
    unknown = [column for column in prompt.columns if column not in reader.columns]
    if not unknown:
        return
    if prompt.template is None:
        columns = ", ".join(reader.columns)
        raise PromptError(f"--variable {unknown[0]} is no column of {name}, which has the columns {columns}.")
    # A late import: a stored prompt needs no Jinja.
    from artistjobs.core.template import ensure_known_columns as ensure_known

    ensure_known(prompt.template, prompt.template_file or "the template", reader.columns, name)


def warn_of_first_row(config: IngestConfig, reader: RowReader, first: Row | None, warn: Warn) -> None:
    """Warn if the first row of a file suggests that it has another format, or other names in its header."""
    name = source_name(config.source)
    is_csv = config.input_format is InputFormat.CSV
    hint = wrong_format_hint(first) if is_csv and isinstance(first, Artist) else None
    if hint is not None:
        warn(f"{name}: {hint}, so this may not be a file of rows such as: Prince,singer; it is read as one anyway")
    elif (
        first is not None
        and not isinstance(first, TableArtist)
        and (hint := header_hint(reader.first_row, config.input_format.separator or ","))
    ):
        warn(f"{name}, line {first.line}: {hint}")


def warn_of_bad_lines(config: IngestConfig, lines: Iterable[BadLine], count: int, warn: Warn) -> None:
    """Warn of the first bad lines of a file, one by one, of the number of all others, and of a wrong encoding."""
    name, shown, are_text = source_name(config.source), 0, True
    for line in lines:
        warn(f"{name}, line {line.line}: {line.reason}; skipped: {line.beginning}")
        are_text = are_text and not line.reason.startswith(NOT_TEXT)
        shown += 1
    if count > shown:
        more = count_text(count - shown, "more bad line")
        warn(f"{name}: skipped {more}; the table bad_lines has them all")
    if not are_text:
        warn(f"{name} has lines that are {NOT_TEXT} {config.encoding}; {_encoding_remedy(config.encoding)}")


def _encoding_remedy(encoding: str) -> str:
    if encoding == UTF8:
        return "if it is in the Windows-1252 of older spreadsheets, add --encoding windows-1252"
    return f"--encoding {encoding} is wrong, or the file is damaged"
