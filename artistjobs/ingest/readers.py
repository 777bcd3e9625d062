"""Opens an input file with the reader of its format, once or twice."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from tempfile import SpooledTemporaryFile
from typing import IO, BinaryIO, NamedTuple, cast

from artistjobs.ingest.grid import GridReader
from artistjobs.ingest.input_format import InputFormat
from artistjobs.ingest.json_lines import JsonLinesReader
from artistjobs.ingest.parquet import parquet_rows
from artistjobs.ingest.parser import ArtistReader
from artistjobs.ingest.row import separator
from artistjobs.ingest.rows import RowReader
from artistjobs.ingest.source import (
    STDIN,
    Content,
    InputFile,
    InputStream,
    changed_error,
    open_artists,
    open_raw,
    source_name,
)
from artistjobs.ingest.workbook import workbook_rows

_HELD_IN_MEMORY_BYTES = 1 << 23


class OpenInput(NamedTuple):
    """Open input file: the reader of its rows, and its text if it has a format of text."""

    reader: RowReader
    stream: InputStream | None


@contextmanager
def open_input(file: InputFile) -> Iterator[OpenInput]:
    """Open a file to read it once.

    Raises:
        InputError: if it cannot be read or has another format.
        WrongUseError: if the package for its format is not installed.

    """
    if not file.input_format.is_text:
        with _open_cells(file) as (opened, _):
            yield opened
        return
    with open_artists(file.source, file.encoding) as stream:
        yield OpenInput(_text_reader(stream, file), stream)


def open_twice(file: InputFile) -> AbstractContextManager[tuple[OpenInput, Content]]:
    """Read a file to its end, and return it at its beginning with the content that the second reading must have.

    A pipe is copied meanwhile, because it cannot be read again. Raises as ``open_input`` does.
    """
    if not file.input_format.is_text:
        return _open_cells(file)
    return _open_file_twice(file) if _is_file(file) else _open_pipe_twice(file)


@contextmanager
def _open_file_twice(file: InputFile) -> Iterator[tuple[OpenInput, Content]]:
    with open_artists(file.source, file.encoding) as stream:
        content = stream.read_all()
    with open_artists(file.source, file.encoding, content) as stream:
        yield OpenInput(_text_reader(stream, file), stream), content


@contextmanager
def _open_pipe_twice(file: InputFile) -> Iterator[tuple[OpenInput, Content]]:
    name = source_name(file.source)
    with open_artists(file.source, file.encoding) as pipe, SpooledTemporaryFile(_HELD_IN_MEMORY_BYTES) as spool:
        copy = cast("BinaryIO", spool)
        pipe.copy_raw(copy)
        spool.seek(0)
        content = InputStream(copy, name, file.encoding).read_all()
        spool.seek(0)
        stream = InputStream(copy, name, file.encoding, content)
        yield OpenInput(_text_reader(stream, file), stream), content


def _text_reader(stream: InputStream, file: InputFile) -> RowReader:
    name, encoding, chosen = source_name(file.source), file.encoding, file.chosen
    if (by := file.input_format.separator) is not None:
        return ArtistReader(stream, name=name, encoding=encoding, by=separator(by), chosen=chosen)
    return JsonLinesReader(stream, name=name, encoding=encoding, chosen=chosen)


@contextmanager
def _open_cells(file: InputFile) -> Iterator[tuple[OpenInput, Content]]:
    """Open a workbook or a Parquet file, which are read at any place; a pipe is copied first."""
    name, is_file = source_name(file.source), _is_file(file)
    with open_raw(file.source) as raw, SpooledTemporaryFile(_HELD_IN_MEMORY_BYTES) as spool:
        seekable = cast("BinaryIO", raw if is_file else spool)
        if not is_file:
            InputStream(raw, name).copy_raw(seekable)
            seekable.seek(0)
        content = InputStream(seekable, name).read_all()
        seekable.seek(0)
        if file.input_format is InputFormat.XLSX:
            rows, heading = workbook_rows(InputStream(seekable, name, expected=content).read_whole(), name), None
        else:
            heading, rows = parquet_rows(seekable, name)
            rows = _unchanged(rows, seekable, name, content)
        yield OpenInput(GridReader(rows, name=name, chosen=file.chosen, heading=heading), None), content


def _unchanged(
    rows: Iterator[tuple[int, Sequence[object]]], file: IO[bytes], name: str, content: Content
) -> Iterator[tuple[int, Sequence[object]]]:
    """Yield the rows. Raises InputError at their end if the file has changed since it was hashed."""
    yield from rows
    file.seek(0)
    if InputStream(file, name).read_all() != content:
        raise changed_error(name)


def _is_file(file: InputFile) -> bool:
    return file.source != STDIN and (file.source.is_file() or not file.source.exists())
