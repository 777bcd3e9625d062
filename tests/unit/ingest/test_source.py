"""What a file is found to be before it is read as rows, other encodings, and a file that changes while it is read."""

import bz2
import gzip
import hashlib
import io
import lzma
import os
import pickle
import sqlite3
import struct
import tarfile
import threading
import zipfile
import zlib
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artistjobs.core.job import Artist, BadLine
from artistjobs.errors import InputError, WrongUseError
from artistjobs.ingest.encoding import UTF8, Transcoder, encoding_named
from artistjobs.ingest.formats import HEAD_BYTES, evident_format
from artistjobs.ingest.parser import ArtistReader
from artistjobs.ingest.source import Content, InputStream, open_artists

ROWS = "artist_name,artist_data\n" + "".join(f"Björk {n},singer of “Jóga”\n" for n in range(200))


# Formats


def archive(*names: str, method: int = zipfile.ZIP_DEFLATED, content: str = ROWS) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as packed:
        for name in names:
            packed.writestr(name, content)
    return file.getvalue()


def open_document() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        packed.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        packed.writestr("content.xml", ROWS)
    return file.getvalue()


def tar() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as packed:
        packed.addfile(tarfile.TarInfo("a.csv"))
    return file.getvalue()


def png() -> bytes:
    return b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + zlib.compress(ROWS.encode())


FILES = {
    "gzip": (
        gzip.compress(ROWS.encode()),
        "is compressed with gzip; unpack it with gzip -dc 'my file.csv' > 'my file-unpacked.csv' and give that.",
    ),
    "an empty gzip": (gzip.compress(b""), "is compressed with gzip"),
    "bzip2": (bz2.compress(ROWS.encode()), "is compressed with bzip2; unpack it with bzip2 -dc"),
    "xz": (lzma.compress(ROWS.encode()), "is compressed with xz"),
    "zstd": (b"\x28\xb5\x2f\xfd\x04" + bytes(range(60)), "is compressed with zstd"),
    "zip": (archive("artists.csv"), "is a ZIP archive, not a list of artists; unpack it"),
    "a stored zip": (archive("artists.csv", method=zipfile.ZIP_STORED), "is a ZIP archive"),
    "an empty zip": (archive(), "is a ZIP archive"),
    "xlsx": (
        archive("[Content_Types].xml", "xl/sharedStrings.xml"),
        "is an Excel workbook; add --input-format xlsx, or save",
    ),
    "xlsx of another program": (archive("xl/workbook.xml"), "is an Excel workbook"),
    "ods": (open_document(), "is a spreadsheet"),
    "xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500), "is an old Office document"),
    "parquet": (b"PAR1\x15\x04\x15" + bytes(range(200)) + b"PAR1", "is a Parquet file"),
    "arrow": (b"ARROW1\0\0" + bytes(100), "is an Arrow file"),
    "tar": (tar(), "is a tar archive"),
    "pickle": (pickle.dumps(ROWS), "is a pickle"),
    "png": (png(), "is a picture"),
    "jpeg": (b"\xff\xd8\xff\xe0\0\x10JFIF" + bytes(100), "is a picture"),
    "gif": (b"GIF89a" + struct.pack("<HH", 640, 480) + b"\xf7\0\0", "is a picture"),
    "webp": (b"RIFF\x24\x10\0\0WEBPVP8 ", "is a picture"),
    "tiff": (b"II*\0\x08\0\0\0", "is a picture"),
    "bmp": (b"BM" + struct.pack("<IHHI", 9999, 0, 0, 54), "is a picture"),
    "heic": (b"\0\0\0\x18ftypheic\0\0\0\0", "is a picture"),
    "pdf": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "is a PDF document"),
    "rtf": (b"{\\rtf1\\ansi Prince}", "is an RTF document"),
    "a page": (b"\n<!DOCTYPE html>\n<html><body>Sign in", "is a web page"),
    "xml": (b'\xef\xbb\xbf<?xml version="1.0"?><artists/>', "is an XML document"),
    "mp3": (b"ID3\x03\0\0\0", "is a recording"),
    "mp4": (b"\0\0\0\x20ftypisom\0\0\x02\0", "is a recording"),
    "elf": (b"\x7fELF\x02\x01\x01" + bytes(60), "is a program"),
    "random bytes": (bytes(n * 37 % 251 for n in range(400)), "is binary data"),
}


@pytest.mark.parametrize(("content", "said"), FILES.values(), ids=FILES)
@pytest.mark.parametrize("encoding", [UTF8, "cp1252"])
def test_what_is_evidently_no_text_is_refused_in_one_sentence(tmp_path, content, said, encoding):
    path = tmp_path / "my file.csv"
    path.write_bytes(content)

    with pytest.raises(InputError) as caught, open_artists(path, encoding):
        pass

    message = str(caught.value).replace(f"{tmp_path}/", "")
    assert message.startswith(f"my file.csv {said}")
    assert message.endswith(".")
    assert message.isprintable()


def test_a_database_is_refused(tmp_path):
    with sqlite3.connect(tmp_path / "a.db") as db:
        db.execute("CREATE TABLE t (x)")
    db.close()

    with pytest.raises(InputError, match="is a SQLite database, not a list"), open_artists(tmp_path / "a.db"):
        pass


@pytest.mark.parametrize(("kind", "said"), [("gzip", "pipe it through gzip -d."), ("xlsx", "save")])
def test_standard_input_is_looked_at_too(monkeypatch, kind, said):
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(FILES[kind][0])))

    with pytest.raises(InputError, match=f"standard input is .*{said}"), open_artists(Path("-")):
        pass


def test_the_command_that_unpacks_takes_the_name_without_its_ending():
    assert "gzip -dc a/b.csv.gz > a/b.csv and" in evident_format(FILES["gzip"][0], Path("a/b.csv.gz"))


def test_a_spreadsheet_is_known_by_its_ending_where_its_first_bytes_do_not_tell():
    assert "spreadsheet" in evident_format(archive("a.bin"), Path("artists.XLSX"))
    assert "ZIP" in evident_format(archive("a.bin"), Path("artists.zip"))


@pytest.mark.parametrize(
    "name",
    [
        "PK", "PAR1", "BMX Bandits", "BMW,car", "GIF89a", "GIF89a band,rock", "RIFF", "RIFF Raff Band WEBP", "Rar!",
        "7z", "BZh", "BZh9 Quartet", "ID3", "OggS", "MZ", "MM", "II*", "8BPS", "ORC", "html", "< html >", "%PDF",
        "{rtf", "Obj", "ustar", "MZ" + "x" * 100, "ftypheic", "ARROW1", "SQLite format 3",
    ],
)  # fmt: skip
def test_an_artist_may_have_the_name_of_a_format(name):
    assert evident_format(f"{name}\nPrince,singer\n".encode(), Path("a.csv")) is None


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=HEAD_BYTES))
def test_no_text_is_taken_for_binary_data(text):
    found = evident_format(text.encode()[:HEAD_BYTES], Path("a.csv"))

    assert found is None or "page" in found or "XML" in found or "PostScript" in found or "PDF" in found


# Encodings


def rows_in(path: Path, encoding: str) -> list[Artist | BadLine]:
    with open_artists(path, encoding_named(encoding)) as stream:
        return list(ArtistReader(stream, encoding=encoding_named(encoding)))


ENCODINGS = "windows-1252 cp1252 mac-roman utf-16 utf-16-le utf-16-be UTF-32 utf-32-le utf-7 UTF-8"


@pytest.mark.parametrize("encoding", ENCODINGS.split())
def test_a_file_in_another_encoding_is_read_as_it_was_written(tmp_path, encoding):
    (tmp_path / "a.csv").write_bytes(ROWS.encode(encoding))
    (tmp_path / "utf-8.csv").write_text(ROWS, "utf-8")

    assert rows_in(tmp_path / "a.csv", encoding) == rows_in(tmp_path / "utf-8.csv", UTF8)


@pytest.mark.parametrize(
    ("encoding", "text"), [("shift_jis", "草間彌生,画家"), ("gb18030", "艺术家 𠀀"), ("koi8-r", "Цой,рок")]
)
def test_multibyte_characters_may_lie_across_the_ends_of_blocks(encoding, text):
    transcoder, content = Transcoder(encoding), (text * 50).encode(encoding)

    parts = [transcoder.convert(content[at : at + 1]) for at in range(len(content))]

    assert b"".join([*parts, transcoder.convert(b"")]).decode() == text * 50


@pytest.mark.parametrize(
    ("encoding", "content", "bad"),
    [
        ("cp1252", b"Ren\xe9\nA\x81B\nBj\xf6rk\n", (2, "not cp1252 (byte 0x81 at column 2)")),
        (
            "utf-16-le",
            "A\nB\ud800C\nD\n".encode("utf-16-le", "surrogatepass"),
            (2, "not utf-16-le (byte 0xFF at column 2)"),
        ),
        ("utf-16-le", "A\nB\n".encode("utf-16-le") + b"C", (3, "not utf-16-le (byte 0xFF at column 1)")),
        ("ascii", b"A\nRen\xe9\n", (2, "not ascii (byte 0xE9 at column 4)")),
        ("utf-7", b"A\n+2AA-\nB\n", (2, "not utf-7 (byte 0xFF at column 1)")),
    ],
)
def test_bytes_that_are_no_text_in_the_encoding_make_their_row_bad(tmp_path, encoding, content, bad):
    (tmp_path / "a.csv").write_bytes(content)

    rows = rows_in(tmp_path / "a.csv", encoding)

    assert [(row.line, row.reason) for row in rows if isinstance(row, BadLine)] == [bad]


NO_ENCODINGS = "nonsense base64 rot13 zlib idna punycode unicode_escape undefined ü ../x"


@pytest.mark.parametrize("name", ["", "a\0b", *NO_ENCODINGS.split()])
def test_an_unknown_encoding_is_refused_with_some_that_exist(name):
    with pytest.raises(WrongUseError, match="is not known; common ones are windows-1252"):
        encoding_named(name)


@pytest.mark.parametrize("name", ["utf8", "UTF-8", "utf-8-sig", "U8"])
def test_every_name_of_utf8_is_the_default(name):
    assert encoding_named(name) == UTF8


def test_a_file_with_the_mark_of_utf8_is_in_no_other_encoding(tmp_path):
    (tmp_path / "a.csv").write_text(ROWS, "utf-8-sig")

    with pytest.raises(InputError, match="begins with the byte-order mark of UTF-8; leave --encoding cp1252 out"):
        rows_in(tmp_path / "a.csv", "cp1252")
    assert len(rows_in(tmp_path / "a.csv", "utf-8-sig")) == 200


@pytest.mark.parametrize(
    ("content", "is_utf8"), [(ROWS.encode(), True), (b"Prince", False), (ROWS.encode("cp1252"), False)]
)
def test_it_is_noticed_that_a_file_is_utf8_after_all(content, is_utf8):
    stream = InputStream(io.BytesIO(content), "a.csv", "cp1252")

    stream.read_all()

    assert stream.is_utf8_after_all is is_utf8


# A file that changes


def read_again(first: bytes, second: bytes, encoding: str = UTF8) -> bytes:
    """Read a file twice; return what the second reading gives."""
    content = InputStream(io.BytesIO(first), "a.csv", encoding).read_all()
    stream = InputStream(io.BytesIO(second), "a.csv", encoding, content)
    return b"".join(iter(lambda: stream.read(7), b""))


@pytest.mark.parametrize("size", [0, 1, 5, HEAD_BYTES, HEAD_BYTES + 1, 3 * HEAD_BYTES])
def test_a_second_reading_of_the_same_file_gives_the_same(size):
    content = (b"Prince\n" * size)[:size]

    assert read_again(content, content) == content


def test_what_is_appended_between_two_readings_is_left_out():
    assert read_again(b"A\nB\n", b"A\nB\nC\nD") == b"A\nB\n"
    assert read_again(b"A\r", b"A\rB") == b"A\r"
    assert read_again("Å\n".encode("utf-16"), "Å\nB\n".encode("utf-16"), "utf-16") == "Å\n".encode()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (b"A\nB\n", b"A\n"),
        (b"A\nB\n", b""),
        (b"A\nB\n", b"A\nC\n"),
        (b"A\nB\n", b"B\nA\nB\n"),
        (b"x\n" * 1000, b"x\n" * 999 + b"y\n"),
        # The first reading saw a line that was not written to its end.
        (b"A\nBjo", b"A\nBjork,singer\n"),
    ],
)
def test_a_file_that_is_another_one_at_the_second_reading_is_refused(first, second):
    with pytest.raises(InputError, match=r"a\.csv changed while it was read, and nothing was ingested; run the same"):
        read_again(first, second)


def test_the_hash_is_that_of_the_file_itself_in_utf8_and_of_its_text_in_other_encodings():
    expected = Content(len(ROWS.encode()), hashlib.sha256(ROWS.encode()).hexdigest())

    assert InputStream(io.BytesIO(ROWS.encode()), "a.csv").read_all() == expected
    assert InputStream(io.BytesIO(ROWS.encode("cp1252")), "a.csv", "cp1252").read_all().sha256 == expected.sha256


def test_a_non_blocking_pipe_that_is_empty_for_now_is_waited_for():
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    pieces = [b"Frida Kahlo\n" * 1000, b"Bj", b"\xc3", b"\xb6rk\n"]
    is_waiting = threading.Event()

    def write():
        for piece in pieces:
            is_waiting.wait(30)
            os.write(writing, piece)
        os.close(writing)

    class Watched(InputStream):
        def _wait(self):
            is_waiting.set()
            super()._wait()

    writer = threading.Thread(target=write)
    writer.start()
    with os.fdopen(reading, "rb") as pipe:
        stream = Watched(pipe, "standard input")
        received = b"".join(iter(lambda: stream.read(4096), b""))
    writer.join()

    assert received == b"".join(pieces)
    assert is_waiting.is_set()
