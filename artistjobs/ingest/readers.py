"""Opens an input file with the reader of its format, once or twice."""

from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, NamedTuple, cast

from artistjobs.ingest.json_lines import JsonLinesReader
from artistjobs.ingest.parser import ArtistReader
from artistjobs.ingest.row import separator
from artistjobs.ingest.rows import RowReader
from artistjobs.ingest.source import STDIN, Content, InputFile, InputStream, open_artists, source_name

_HELD_IN_MEMORY_BYTES = 1 << 23


class OpenInput(NamedTuple):
    """Open input file: the reader of its rows, and its text if it has a format of text."""

    reader: RowReader
    stream: InputStream


@contextmanager
def open_input(file: InputFile) -> Iterator[OpenInput]:
    """Open a file to read it once. Raises InputError if it cannot be read or has another format."""
    with open_artists(file.source, file.encoding) as stream:
        yield OpenInput(_reader(stream, file), stream)


@contextmanager
def open_twice(file: InputFile) -> Iterator[tuple[OpenInput, Content]]:
    """Read a file to its end, and return it at its beginning with the content that the second reading must have.

    A pipe is copied meanwhile, because it cannot be read again. Raises InputError as ``open_input`` does.
    """
    path, encoding = file.source, file.encoding
    if path != STDIN and (path.is_file() or not path.exists()):
        with open_artists(path, encoding) as stream:
            content = stream.read_all()
        with open_artists(path, encoding, content) as stream:
            yield OpenInput(_reader(stream, file), stream), content
        return
    name = source_name(path)
    with open_artists(path, encoding) as pipe, SpooledTemporaryFile(_HELD_IN_MEMORY_BYTES) as spool:
        copy = cast("BinaryIO", spool)
        pipe.copy_raw(copy)
        spool.seek(0)
        content = InputStream(copy, name, encoding).read_all()
        spool.seek(0)
        stream = InputStream(copy, name, encoding, content)
        yield OpenInput(_reader(stream, file), stream), content


def _reader(stream: InputStream, file: InputFile) -> RowReader:
    name, encoding, chosen = source_name(file.source), file.encoding, file.chosen
    if (by := file.input_format.separator) is not None:
        return ArtistReader(stream, name=name, encoding=encoding, by=separator(by), chosen=chosen)
    return JsonLinesReader(stream, name=name, encoding=encoding, chosen=chosen)
