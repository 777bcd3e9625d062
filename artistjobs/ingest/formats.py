"""Formats that are evidently no list of artists, found by the first bytes of a file: archives, pictures, documents."""

import re
import shlex
from pathlib import Path

HEAD_BYTES = 512
"""Number of bytes that are looked at: the mark of a tar archive is at byte 257."""


def evident_format(head: bytes, path: Path | None) -> str | None:
    """Return what a file is and how to get a list of artists from it, as the end of a sentence; None for text.

    ``head`` is its first ``HEAD_BYTES``, and ``path`` is None for standard input.
    """
    for name, pattern, tool in _COMPRESSED:
        if pattern.match(head):
            return f"is compressed with {name}; {_unpacking(tool, path)}."
    if head.startswith(_ZIP) and any(name in head for name in _OFFICE):
        return "is an Excel workbook; add --input-format xlsx, or save it as CSV in UTF-8."
    if head.startswith(_ZIP) and (any(name in head for name in _SHEETS) or (path and path.suffix.lower() in _ENDINGS)):
        return "is a spreadsheet; save it as CSV in UTF-8 and name that file."
    for name, pattern, remedy in _OTHERS:
        if pattern.match(head):
            return f"is {name}, not a list of artists; {remedy}."
    if _is_binary(head):
        return "is binary data, not a list of artists; name a file of text."
    return None


def _unpacking(tool: str, path: Path | None) -> str:
    if path is None:
        return f"pipe it through {tool} -d"
    is_named = path.suffix.lower() in _PACKED
    unpacked = path.with_suffix("") if is_named else path.with_name(f"{path.stem}-unpacked{path.suffix}")
    return f"unpack it with {tool} -dc {shlex.quote(str(path))} > {shlex.quote(str(unpacked))} and give that"


def _is_binary(head: bytes) -> bool:
    return len(head) >= _MIN_BINARY_BYTES and len(_CONTROLS.findall(head)) * 10 > len(head)


_MIN_BINARY_BYTES = 64
"""A shorter file may have odd lines, which are told one by one."""


_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")


def _pattern(pattern: bytes) -> re.Pattern[bytes]:
    return re.compile(pattern, re.DOTALL | re.IGNORECASE)


_COMPRESSED = tuple(
    (name, _pattern(pattern), tool)
    for name, pattern, tool in (
        ("gzip", rb"\x1f\x8b", "gzip"),
        ("compress", rb"\x1f\x9d", "gzip"),
        ("bzip2", rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)", "bzip2"),
        ("xz", rb"\xfd7zXZ\0", "xz"),
        ("zstd", rb"\x28\xb5\x2f\xfd", "zstd"),
        ("lz4", rb"\x04\x22\x4d\x18", "lz4"),
    )
)


_PACKED = frozenset({".gz", ".z", ".bz2", ".xz", ".zst", ".lz4"})


_ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")


_OFFICE = (b"[Content_Types].xml", b"_rels/.rels", b"docProps/", b"xl/")
"""Names at the beginning of ZIP archives that are documents of Excel."""


_SHEETS = (b"opendocument", b"Index/Document.iwa")
"""Names at the beginning of ZIP archives that are documents of LibreOffice or Numbers."""


_ENDINGS = frozenset({".xlsx", ".xlsm", ".xlsb", ".ods", ".numbers"})


_UNPACK = "unpack it and name the file in it that lists the artists"


_EXPORT = "export it as CSV in UTF-8 and name that file"


_NAME = "name the file that lists the artists"


# The marks are those that the formats document. Where a mark is plain text, more of the file is compared, because an
# artist may have such a name.
_OTHERS = tuple(
    (name, _pattern(pattern), remedy)
    for name, pattern, remedy in (
        ("a SQLite database", rb"SQLite format 3\0", _NAME),
        ("a ZIP archive", rb"PK(?:\x03\x04|\x05\x06|\x07\x08)", _UNPACK),
        ("a 7z archive", rb"7z\xbc\xaf\x27\x1c", _UNPACK),
        ("a RAR archive", rb"Rar!\x1a\x07", _UNPACK),
        ("a tar archive", rb".{257}ustar", _UNPACK),
        ("a Parquet file", rb"PAR1[\x00-\x08\x0e-\x1f]", "add --input-format parquet to read it"),
        ("an Arrow file", rb"ARROW1\0\0", _EXPORT),
        ("an Avro file", rb"Obj\x01", _EXPORT),
        ("an HDF5 file", rb"\x89HDF\r\n\x1a\n", _EXPORT),
        ("a NumPy file", rb"\x93NUMPY", _EXPORT),
        ("a pickle", rb"\x80[\x02-\x05][\x00-\x1f\x58-\x95]", _EXPORT),
        ("an old Office document", rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", _EXPORT),
        ("an RTF document", rb"\{\\rtf", _EXPORT),
        ("a PDF document", rb"\s*%PDF-\d", _NAME),
        ("a PostScript document", rb"%!PS-", _NAME),
        ("a web page", rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype\s+html|html)[\s>]", _NAME),
        ("an XML document", rb"(?:\xef\xbb\xbf)?\s*<(?:\?xml|svg)\s", _EXPORT),
        ("a picture", rb"\x89PNG\r\n|\xff\xd8\xff|GIF8[79]a.[\0-\x1f].[\0-\x1f]|\0\0\x01\0[\x01-\x7f]\0", _NAME),
        ("a picture", rb"8BPS\0\x01|II\*\0|MM\0\*|BM.{4}\0{4}|RIFF.{4}WEBP|\0\0..ftyp(?:heic|heix|mif1|avif)", _NAME),
        ("a recording", rb"ID3[\x02-\x04]\0|OggS\0|fLaC\0|RIFF.{4}(?:WAVE|AVI\x20)|\0\0..ftyp|\x1aE\xdf\xa3", _NAME),
        ("a program", rb"\x7fELF|\xcf\xfa\xed\xfe|\xca\xfe\xba\xbe|MZ.{58}.\0\0\0", _NAME),
    )
)
