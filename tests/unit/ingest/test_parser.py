"""Parsing of input files: rows, comments, headers, quotes and bad lines."""

import csv
import io
import itertools
import re
import sys
import tracemalloc
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from paths import ROOT, SUPPORT

from artistjobs.core.job import Artist, BadLine
from artistjobs.errors import InputError
from artistjobs.ingest import parser
from artistjobs.ingest import row as grammar
from artistjobs.ingest.header import is_plain_header, is_table_header
from artistjobs.ingest.parser import MAX_NOTICES, ArtistReader
from artistjobs.ingest.row import FIELD_LIMIT
from artistjobs.ingest.source import open_artists

TATE = SUPPORT / "tate_artists.csv"
MARK = b"\xef\xbb\xbf"
MIB = 1 << 20

# The tokens are those of the grammar. Blocks are small, so that rows cross their ends.
MARKS = [*b'" " " "" , , # \0 a b'.split(), b"\n", b"\n", b"\r\n", b"\r", b" ", b"\t"]
WORDS = [MARK, *(text.encode() for text in ("é", "\u3000", "🎨", "artist_name", "artist_data"))]
NOT_UTF8 = [b"\xff", b"\xed\xa0\x80"]
TOKENS = st.sampled_from(MARKS + WORDS + NOT_UTF8)
TOKENS = st.one_of(TOKENS, st.sampled_from([MARK, b"artist_name,artist_data"]))
FILES = st.one_of(st.lists(TOKENS, max_size=40).map(b"".join), st.binary(max_size=60))
BLOCK_SIZES = st.sampled_from([1, 2, 3, 7, 20, 1 << 18])


class Blocks:
    """A stream whose content is generated while it is read."""

    def __init__(self, blocks):
        self._blocks = iter(blocks)

    def read(self, _size):
        return next(self._blocks, b"")


class BrokenAfter:
    """A stream that fails after its bytes are read."""

    def __init__(self, data, error):
        self._data = io.BytesIO(data)
        self._error = error

    def read(self, size):
        if data := self._data.read(size):
            return data
        raise self._error


def read(data, **options):
    return list(ArtistReader(io.BytesIO(data), **options))


def pairs(data):
    return [(row.name, row.data) for row in read(data) if isinstance(row, Artist)]


def bad(data):
    return [(row.line, row.reason) for row in read(data) if isinstance(row, BadLine)]


def physical_lines(data):
    lines = re.split(rb"\r\n|\r|\n", data)
    return lines if lines[-1] else lines[:-1]


def outcome(data, **options):
    """Return the rows, or the message with which the file is refused."""
    try:
        return read(data, **options)
    except InputError as error:
        return str(error)


def read_with_care(data, monkeypatch, **options):
    with monkeypatch.context() as patch:
        patch.setattr(parser, "simple_row", lambda _: None)
        return outcome(data, **options)


# Rows


@pytest.mark.parametrize(
    ("line", "name", "data"),
    [
        ("Prince", "Prince", ""),
        ("Prince,", "Prince", ""),
        ("Prince,  ", "Prince", ""),
        ("Prince,singer", "Prince", "singer"),
        ("  Prince\t,  singer ", "Prince", "singer"),
        ("Prince,singer, songwriter", "Prince", "singer, songwriter"),
        ('Prince,"singer, songwriter","born 1958"', "Prince", "singer, songwriter,born 1958"),
        ('Prince,"singer" , songwriter', "Prince", "singer , songwriter"),
        ("Prince,,singer,", "Prince", ",singer"),
        ("Prince,singer,,,", "Prince", "singer"),
        ("Prince,,,,", "Prince", ""),
        ("Prince , singer , ,\t,  ", "Prince", "singer"),
        ("Prince,singer,\u3000,\u00a0", "Prince", "singer"),
        ('Prince,"singer",,', "Prince", "singer"),
        ('Prince,"singer,,",,', "Prince", "singer,,"),
        ('Prince,"singer,"', "Prince", "singer,"),
        ('"Prince",singer,"",""', "Prince", "singer"),
        ('"Prince","","singer","  "', "Prince", ",singer"),
        ('"Tyler, the Creator",rapper,,', "Tyler, the Creator", "rapper"),
        ('"Abbey, Edwin Austin","male; born 1852"', "Abbey, Edwin Austin", "male; born 1852"),
        (' "Tyler, the Creator" \t, "rapper"\t', "Tyler, the Creator", "rapper"),
        ('"  Prince  ","  singer  "', "Prince", "singer"),
        ('"Joe ""King"" Oliver","""King"""', 'Joe "King" Oliver', '"King"'),
        ('"Weird Al" Yankovic,parodist', '"Weird Al" Yankovic', "parodist"),
        ('"Weird Al" Yankovic,"a, b"', '"Weird Al" Yankovic', "a, b"),
        ('"Weird ""Al""" Yankovic,x', '"Weird ""Al""" Yankovic', "x"),
        ('"Smith, John" Jr,x', '"Smith', 'John" Jr,x'),
        ('Joe "King" Oliver,plays "jazz"', 'Joe "King" Oliver', 'plays "jazz"'),
        ('Prince,"the artist" formerly, known', "Prince", '"the artist" formerly, known'),
        ("5'10\",x", "5'10\"", "x"),
        ("Björk 🌋,草間", "Björk 🌋", "草間"),
        ('"#1 Dads",band', "#1 Dads", "band"),
        ('"a\rb","c\rd"', "a\rb", "c\rd"),
        ("\u3000Prince\u00a0,\u2003singer\u3000", "Prince", "singer"),
        ("\ufeff\ufeffPrince", "Prince", ""),
    ],
)
@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\r"])
def test_a_line_is_a_name_and_its_data(line, name, data, end):
    assert read((line + end).encode()) == [Artist(1, name, data)]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_line_breaks_within_quotes_are_data(newline):
    text = f'"Edwin{newline}Austin","a{newline}{newline}# b"{newline}Prince'.encode()

    assert read(text) == [
        Artist(1, f"Edwin{newline}Austin", f"a{newline}{newline}# b"),
        Artist(5, "Prince", ""),
    ]


def test_rows_are_numbered_by_their_first_physical_line():
    text = b'\n# x\nA\n"B\nB",x\n\nC'

    assert [row.line for row in read(text)] == [3, 4, 7]


def test_the_last_line_needs_no_newline():
    assert pairs(b"A,x\nB,y") == pairs(b"A,x\nB,y\n") == [("A", "x"), ("B", "y")]


def test_an_empty_file_has_no_rows():
    assert read(b"") == read(MARK) == []


# Blank lines, comments, header, byte-order mark


def test_blank_lines_and_comments_are_skipped_and_not_bad():
    text = '\n  \t\r\n\u3000\n# a, "b\n  # c\n\u00a0#d\n'.encode() + b"#\0\xff\nPrince\n#"

    assert read(text) == [Artist(8, "Prince", "")]


def test_all_white_space_of_python_is_blank_on_the_general_path():
    spaces = [char for char in map(chr, range(sys.maxunicode)) if char.isspace()]

    assert read("\n".join(spaces).encode()) == []
    others = [char for char in map(chr, range(0x3100)) if not char.isspace() and char not in "#,"]
    assert not any(grammar.is_skipped(char.encode(), 0) for char in others)


def test_a_comment_within_quotes_is_data():
    assert pairs(b'Prince,"a\n# b\n\nc"\n') == [("Prince", "a\n# b\n\nc")]


@pytest.mark.parametrize(
    "header",
    [
        "artist_name",
        "artist_name,artist_data",
        "Artist_Name,ARTIST_DATA",
        '"artist_name","artist_data"',
        ' artist_name , "artist_data" ',
        "\n# of my collection\nartist_name",
    ],
)
@pytest.mark.parametrize("mark", [b"", MARK])
def test_a_header_is_skipped(header, mark):
    assert pairs(mark + header.encode() + b"\r\nPrince\n") == [("Prince", "")]


HEADER_AND_TWO = b"artist_name,artist_data\nPrince,singer\nBowie\n"


@pytest.mark.parametrize("header", ["artist_name,artist_data,,,", "Artist Name , Artist Data,,", '"artist name",,"",'])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_a_header_that_a_spreadsheet_padded_is_skipped(header, newline):
    lines = [header, "Frida Kahlo,painter,,,", "Prince,,,,", ",,,,", " , ,,", '"Tyler, the Creator",rapper,,,', ""]

    assert read(newline.join(lines).encode()) == [
        Artist(2, "Frida Kahlo", "painter"),
        Artist(3, "Prince", ""),
        Artist(6, "Tyler, the Creator", "rapper"),
    ]


@pytest.mark.parametrize("first", ["name", "Artist", "name,data", "my artist_name", "artist-name", "artist_names,x"])
def test_a_first_row_of_other_words_is_an_artist(first):
    assert len(pairs(f"{first}\nPrince".encode())) == 2


@pytest.mark.parametrize("block_size", [1, 7, 20, 1 << 18])
@pytest.mark.parametrize(
    ("data", "rows", "notices"),
    [
        (HEADER_AND_TWO * 2, [2, 3, 5, 6], [(4, "header")]),
        ((MARK + HEADER_AND_TWO) * 2, [2, 3, 5, 6], [(4, "mark"), (4, "header")]),
        (HEADER_AND_TWO + b"Artist Name,Artist Data\nPrince\n", [2, 3, 5], [(4, "header")]),
        (HEADER_AND_TWO + b'"ARTIST_NAME",,\nPrince\n', [2, 3, 5], [(4, "header")]),
        (b"A\nartist_name\nB\n", [1, 3], [(2, "header")]),
        (b",bad\nartist_name,artist_data\nB", [1, 3], [(2, "header")]),
        (b"A\n" + MARK + b"B,x\n", [1, 2], [(2, "mark")]),
        (b"A\n" + MARK + b'"B",x\n' + MARK + b"\nC", [1, 2, 4], [(2, "mark"), (3, "mark")]),
        (b"A\n" + MARK + MARK + b"# remark\nB\n" + MARK, [1, 3], [(2, "mark"), (4, "mark")]),
        (MARK + MARK + b"artist_name\nB", [2], [(1, "mark")]),
        # The first file ends without a line end.
        (b"A\nB,x" + MARK + HEADER_AND_TWO, [1, 2, 3, 4], [(2, "header")]),
        (b"A\rB" + MARK + b"artist_name\rC", [1, 2, 3], [(2, "header")]),
        (HEADER_AND_TWO[:-1] + HEADER_AND_TWO, [2, 3, 4, 5], [(3, "header")]),
        (HEADER_AND_TWO + b',no name"' + HEADER_AND_TWO[:-1], [2, 3, 4, 5, 6], []),
    ],
)
def test_what_files_that_were_joined_repeat_is_skipped_with_a_notice(data, rows, notices, block_size):
    reader = ArtistReader(io.BytesIO(data), block_size=block_size)

    assert [row.line for row in reader] == rows
    assert [(line, text.split()[2 if "header" in text else -1].strip(",")) for line, text in reader.notices] == notices
    assert reader.notice_count == len(notices)


def test_a_row_before_a_header_without_a_line_end_keeps_its_data():
    data = b"artist_name,artist_data\nPrince,singerartist_name,artist_data\nB" + MARK + b"artist_name,artist_data\nC,x"

    assert pairs(data) == [("Prince", "singer"), ("B", ""), ("C", "x")]
    assert pairs(b'artist_name,artist_data\nPrince,"a artist_name,artist_data\nb"\n') == [
        ("Prince", "a artist_name,artist_data\nb")
    ]


def test_a_mark_within_a_line_is_noted_and_kept():
    reader = ArtistReader(io.BytesIO(b"A\nPrince,singer" + MARK + "Björk,x\n".encode()))

    assert [(row.name, row.data) for row in reader] == [("A", ""), ("Prince", "singer\ufeffBjörk,x")]
    assert [notice.line for notice in reader.notices] == [2]


def test_a_header_of_another_table_later_in_the_file_is_refused():
    with pytest.raises(InputError, match=r"line 3: the header has the columns artist_name, country, but"):
        read(b"artist_name\nPrince\nartist_name,country\nBowie,UK\n")


def test_notices_are_kept_up_to_a_limit_and_counted():
    reader = ArtistReader(io.BytesIO(b"artist_name\n" * 1_000))

    assert list(reader) == []
    assert (len(reader.notices), reader.notice_count) == (MAX_NOTICES, 999)


def test_a_byte_order_mark_at_the_very_start_is_dropped_without_a_notice():
    assert pairs(MARK + b'"Prince",x') == [("Prince", "x")]
    assert read(MARK + b"# comment") == []
    reader = ArtistReader(io.BytesIO(MARK + b"A\nB"))
    assert len(list(reader)) == 2
    assert reader.notices == []


# Line ends


MIXED = [b"\n", b"\r\n", b"\r"]


@pytest.mark.parametrize("block_size", [1, 2, 3, 7, 1 << 18])
def test_lines_end_at_cr_too_and_in_turns(block_size):
    lines = [b"artist_name,artist_data", b"A,x", b'"B",y', b"# z", b"", b'"C\rC","D\r\nD"', b",bad", b'"E', b"F"]
    data = b"".join(line + newline for line, newline in zip(lines, itertools.cycle(MIXED), strict=False))

    assert read(data, block_size=block_size) == [
        Artist(2, "A", "x"),
        Artist(3, "B", "y"),
        Artist(6, "C\rC", "D\r\nD"),
        BadLine(9, "no artist name", ",bad"),
        BadLine(10, "a quote that never closes", '"E'),
        Artist(11, "F", ""),
    ]


def test_a_file_of_lone_crs_is_read_as_quickly_as_any_other(monkeypatch):
    """Its rows take the quick path: the careful one is only for what is odd."""
    careful = []
    monkeypatch.setattr(parser, "parse_row", lambda *where: careful.append(where[1]) or grammar.parse_row(*where))

    rows = read(b"".join(b"Artist %d,painter\r" % number for number in range(100_000)))

    assert len(rows) == 100_000
    assert len(careful) <= 1, "the last line may have an LF that was not read yet"


@settings(max_examples=500, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from([b"A", b"B,x", b'"C"', b"", b"#", b'"D']), max_size=12), st.data(), BLOCK_SIZES)
def test_any_mixture_of_line_ends_gives_the_same_rows(lines, data, block_size):
    ends = data.draw(st.lists(st.sampled_from(MIXED), min_size=len(lines), max_size=len(lines)))
    mixed = b"".join(itertools.chain.from_iterable(zip(lines, ends, strict=True)))

    # A CR before an empty line with an LF is one line end.
    lonely = b"".join(line + b"\n" for line in physical_lines(mixed))
    assert read(mixed, block_size=block_size) == read(lonely)


# Bad rows


@pytest.mark.parametrize("line", [",no one", " ,x", '"",x', '"  "', '"",', '"\u3000",x', ",,x", '"",""'])
def test_a_row_without_a_name_is_bad(line):
    assert bad(f"{line}\nPrince\n".encode()) == [(1, "no artist name")]


def test_a_quoted_name_of_line_breaks_is_no_name():
    assert read(b'"\n \n",x\nPrince') == [BadLine(1, "no artist name", '"'), Artist(4, "Prince", "")]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"Ren\xe9,x", "not UTF-8 (byte 0xE9 at column 4)"),
        ("é".encode() + b"\xff", "not UTF-8 (byte 0xFF at column 2)"),
        (b"a,\xed\xa0\x80", "not UTF-8 (byte 0xED at column 3)"),
        (b"a,\xc0\x80", "not UTF-8 (byte 0xC0 at column 3)"),
        (b'a,"\nbc\xe9"', "not UTF-8 (byte 0xE9 at column 3, line 2 of the row)"),
    ],
)
def test_a_row_that_is_not_utf8_is_bad_with_its_position(line, reason):
    assert bad(b"Prince\n" + line + b"\nBowie") == [(2, reason)]


@pytest.mark.parametrize("line", [b"a\0", b"\0", b'"a\0b",c', b"a,b\0", b'a,"b\n\0"'])
def test_a_row_with_a_nul_is_bad(line):
    assert bad(b"Prince\n" + line + b"\nBowie") == [(2, "a NUL character")]


@pytest.mark.parametrize(
    "line",
    [b'"Prince', b'"Prince,singer', b'Prince,"singer', b'"a""', b'Prince,"x","y', b'"', b' "Prince, "" x'],
)
def test_an_unclosed_quote_makes_only_its_line_bad(line):
    rows = read(b"A\n" + line + b"\nB,x\nC")

    assert [row.line for row in rows] == [1, 2, 3, 4]
    assert rows[1].reason == "a quote that never closes"
    assert rows[2:] == [Artist(3, "B", "x"), Artist(4, "C", "")]


def test_the_opening_quote_of_a_later_row_closes_nothing():
    text = b'"Prince,singer\nBowie\n"Tyler, the Creator",rapper\n'

    assert read(text) == [
        BadLine(1, "a quote that never closes", '"Prince,singer'),
        Artist(2, "Bowie", ""),
        Artist(3, "Tyler, the Creator", "rapper"),
    ]


def test_an_unclosed_quote_late_in_a_row_makes_the_lines_of_the_row_bad():
    assert read(b'"Edwin\nAustin","x\nPrince') == [
        BadLine(1, "a quote that never closes", '"Edwin'),
        Artist(3, "Prince", ""),
    ]


def test_a_bad_row_of_several_lines_is_skipped_as_a_whole():
    assert read(b',"a\nb"\nPrince') == [BadLine(1, "no artist name", ',"a'), Artist(3, "Prince", "")]


@pytest.mark.parametrize(
    ("line", "beginning"),
    [
        (b"," + b"x" * 100, "," + "x" * 79),
        (("," + "🎨" * 100).encode(), "," + "🎨" * 79),
        (("🎨" * 100).encode() + b"\xff", "🎨" * 80),
        (b"\xe9\0\t\x1b", "\ufffd\0\t\x1b"),
        (b", a \r", ", a "),
    ],
)
def test_a_bad_line_shows_its_first_80_characters(line, beginning):
    (row,) = read(line + b"\n")

    assert row.beginning == beginning


# Sizes


@pytest.mark.parametrize(
    ("before", "after"),
    [(b"", b""), (b"", b",x"), (b"x,", b""), (b'"', b'"'), (b'"', b'",x'), (b'x,"', b'"')],
)
@pytest.mark.parametrize("size", [FIELD_LIMIT, FIELD_LIMIT + 1])
def test_a_field_of_one_mib_is_good_and_a_longer_one_bad(before, after, size):
    rows = read(b"A\n" + before + b"a" * size + after + b"\nB\n")

    assert [row.line for row in rows] == [1, 2, 3]
    assert isinstance(rows[1], Artist) is (size == FIELD_LIMIT)
    assert isinstance(rows[1], Artist) or rows[1].reason == "a field over 1 MiB"


def test_the_fields_that_make_up_the_data_share_its_limit():
    half = b'"' + b"a\n" * (FIELD_LIMIT // 3) + b'"'
    text = b"x," + half + b"," + half + b"\nPrince\n"

    assert bad(text) == [(1, "a field over 1 MiB")]
    assert pairs(text) == [("Prince", "")]


def test_name_and_data_may_both_have_one_mib():
    ((name, data),) = pairs(b"a" * FIELD_LIMIT + b',"' + b"b\n" * (FIELD_LIMIT // 2) + b'"')

    assert len(name) == FIELD_LIMIT
    assert len(data) == FIELD_LIMIT - 1, "its last line break is trimmed"


def test_a_quote_that_closes_after_more_than_one_mib_never_closes():
    filler = b"Prince\n" * (FIELD_LIMIT // 7 + 1)
    rows = read(b'"A\n' + filler + b'B",x\n')

    assert rows[0] == BadLine(1, "a quote that never closes", '"A')
    assert rows[1] == Artist(2, "Prince", "")
    assert rows[-1] == Artist(filler.count(b"\n") + 2, 'B"', "x")


@pytest.mark.parametrize("start", [b"", b'"', b"#", b'x,"', b"x,", b'"\n'])
@pytest.mark.parametrize("byte", [b"a", b'"', b" ", b"\xff"])
def test_a_giant_line_is_skipped_in_little_memory_as_one_line(start, byte):
    giant = itertools.chain([b"A\n" + start], itertools.repeat(byte * (MIB // 4), 20), [b"\nB"])
    reader = ArtistReader(Blocks(giant))

    tracemalloc.start()
    rows = list(reader)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert rows[-1] == Artist(3 + start.count(b"\n"), "B", "")
    assert reader.lines == rows[-1].line
    assert [row.reason for row in rows[1:-1]][-1:] == ([] if start == b"#" else ["a field over 1 MiB"])
    assert peak < 8 * MIB


def test_a_file_of_any_length_is_read_in_constant_memory():
    block = b"".join(b'Artist %d,"born %d, in London"\n' % (n, n) for n in range(10_000))
    reader = ArtistReader(Blocks(itertools.repeat(block, 30)))

    tracemalloc.start(1)
    count = sum(1 for _ in reader)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert count == reader.lines == 300_000
    assert peak < 3 * MIB


def test_the_search_for_a_closing_quote_needs_little_memory():
    blocks = itertools.chain([b'"never\n'], itertools.repeat(b"a\n" * 50_000, 30), [b'x"'])

    tracemalloc.start(1)
    first = next(iter(ArtistReader(Blocks(blocks))))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert first == BadLine(1, "a quote that never closes", '"never')
    assert peak < 8 * MIB


class AnswerStats:
    """A pattern that counts the bytes that its matches pass over."""

    def __init__(self, pattern):
        self._pattern = pattern
        self.passed = 0

    def match(self, text, at, stop):
        match = self._pattern.match(text, at, stop)
        self.passed += match.end() - at if match else 0
        return match


def bytes_passed(data, monkeypatch):
    with monkeypatch.context() as patch:
        measured = [AnswerStats(grammar.COMMA.quoted_field), AnswerStats(grammar.COMMA.plain_field)]
        patch.setattr(grammar.COMMA, "quoted_field", measured[0])
        patch.setattr(grammar.COMMA, "plain_field", measured[1])
        read(data)
    return sum(pattern.passed for pattern in measured)


@pytest.mark.parametrize(
    "data",
    [
        b'"never\n' * 50_000,
        b'x,"never\n' * 50_000,
        b'x,"""never\n' * 50_000,
        b'"never\n' + b'even "" x\n' * 50_000,
        b'"never\n' + b'"",x\n' * 50_000,
        b'",' * 50_000,
        b'","",' * 50_000 + b'x"y',
        b'"\n' * 50_000,
    ],
)
def test_unclosed_quotes_are_found_in_linear_time(data, monkeypatch):
    """The bytes that all searches pass over are counted and compared with the size of the file; no time is measured."""
    assert bytes_passed(data, monkeypatch) <= 3 * len(data)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from([b'"', b'""', b",", b"\n", b"a"]), max_size=80).map(b"".join))
def test_no_arrangement_of_quotes_is_searched_repeatedly(data):
    assert bytes_passed(data, pytest.MonkeyPatch()) <= 4 * len(data), "one of them to find a header"


# Arbitrary bytes


@settings(max_examples=1500, deadline=None, derandomize=True)
@given(FILES, BLOCK_SIZES)
@example(b'"\r\n"', 1)
@example(MARK + b'artist_name\n"a\nb', 2)
def test_every_line_belongs_to_one_row_or_is_blank_comment_or_header(data, block_size):
    lines = physical_lines(data.removeprefix(MARK))
    reader = ArtistReader(io.BytesIO(data), block_size=block_size)

    gaps, before = [], 0
    try:
        for row in reader:
            assert before < row.line <= reader.lines
            gaps.append(lines[before : row.line - 1])
            before = reader.lines
    except InputError:
        return
    gaps.append(lines[before:])

    assert reader.lines == len(lines)
    if is_table_header(reader.first_row):
        return  # the header of a table may hold anything
    for gap in gaps:
        rest = "\n".join(line for line in map(as_text, gap) if not line.startswith("#"))
        assert re.fullmatch(r'(artist[_ ]name|artist[_ ]data|[\s",\ufeff])*', rest)
        assert "name" in rest or not re.search(r'"|artist', rest)


def as_text(line):
    return line.decode(errors="replace").lower().lstrip("\ufeff").strip()


@settings(max_examples=1500, deadline=None, derandomize=True)
@given(FILES, BLOCK_SIZES)
@example(b'"a",b"\n', 1)
@example(b'a,"b"\r\r\n', 7)
@example(b"a\r\nb,,\r\xef\xbb\xbfartist_name\rc", 3)
@example(b"artist_name,artist_data\na,bartist_name,artist_data\n", 1 << 18)
def test_the_fast_path_and_the_general_path_agree(data, block_size):
    assert outcome(data, block_size=block_size) == read_with_care(data, pytest.MonkeyPatch())


@settings(max_examples=500, deadline=None, derandomize=True)
@given(FILES)
def test_artists_are_trimmed_named_and_fit_for_utf8(data):
    rows = outcome(data)
    for row in rows if isinstance(rows, list) else []:
        if isinstance(row, BadLine):
            row.beginning.encode()
            assert len(row.beginning) <= 80
            assert "\n" not in row.beginning
        else:
            assert row.name
            assert (row.name, row.data) == (row.name.strip(), row.data.strip())
            assert b"\0" not in (row.name + row.data).encode()


CELLS = st.text(
    st.one_of(
        st.sampled_from('"",,\n\r \t#\ufeffa'),
        st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
    ),
    max_size=12,
)
NAMES = CELLS.filter(
    lambda name: name.strip() and not name.strip().startswith(("#", "\ufeff")) and name.strip().lower() != "artist_name"
)


@settings(max_examples=500, deadline=None, derandomize=True)
@given(
    st.lists(st.tuples(NAMES, CELLS), max_size=6),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.sampled_from(["\n", "\r\n"]),
    BLOCK_SIZES,
)
def test_rows_written_by_the_csv_module_come_back_trimmed(rows, quoting, newline, block_size):
    if newline == "\n":  # the module of Python 3.11 and 3.12 does not quote a CR then
        rows = [(name.replace("\r", ""), data.replace("\r", "")) for name, data in rows]
    assume(not any(is_table_header(row) or is_plain_header(row) for row in rows))  # a header is no row
    text = io.StringIO(newline="")
    csv.writer(text, quoting=quoting, lineterminator=newline).writerows(rows)

    found = read(text.getvalue().encode(), block_size=block_size)

    assert [row[1:] for row in found] == [(name.strip(), data.strip()) for name, data in rows]


# Real files


def test_the_example_has_one_bad_line():
    rows = read((ROOT / "example_artists.csv").read_bytes())

    assert [row.reason for row in rows if isinstance(row, BadLine)] == ["no artist name"]
    assert len(rows) == 10


def test_artists_of_a_museum_are_read_as_the_csv_module_reads_them():
    lines = TATE.read_text("utf-8").splitlines()[1:]

    with open_artists(TATE) as stream:
        rows = [(row.name, row.data) for row in ArtistReader(stream)]

    assert rows == [tuple(row) for row in csv.reader(lines)]
    assert len(rows) == 33


# Opening


def set_stdin(monkeypatch, buffer):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=buffer))


def refusal(path):
    with pytest.raises(InputError) as caught, open_artists(path) as stream:
        list(ArtistReader(stream))
    return str(caught.value)


def test_a_file_is_opened_and_closed(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(MARK + b"Prince,singer\n")

    with open_artists(path) as stream:
        assert list(ArtistReader(stream)) == [Artist(1, "Prince", "singer")]


def test_a_dash_is_stdin_and_is_left_open(monkeypatch):
    buffer = io.BytesIO(b"Prince\n" * 100_000)
    set_stdin(monkeypatch, buffer)

    with open_artists(Path("-")) as stream:
        assert sum(1 for _ in ArtistReader(stream)) == 100_000

    assert not buffer.closed


def test_a_closed_stdin_is_refused(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)

    assert "closed" in refusal(Path("-"))


def test_a_missing_file_is_refused_with_its_name(tmp_path):
    message = refusal(tmp_path / "nowhere.csv")

    assert "nowhere.csv: there is no such file; check the path" in message


def test_a_folder_is_refused(tmp_path):
    assert "this is a folder; name a CSV file in it." in refusal(tmp_path)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (PermissionError(13, "Permission denied"), "you have no permission to read this file; allow it"),
        (IsADirectoryError(21, "Is a directory"), "this is a folder"),
        (OSError(5, "Input/output error"), "it cannot be read (Input/output error); check the disk"),
        (OSError("odd"), "it cannot be read (odd)"),
    ],
)
@pytest.mark.parametrize("data", [b"", b"Prince\n" * 100_000])
def test_a_read_error_is_reported_with_its_remedy(error, said, data, monkeypatch):
    set_stdin(monkeypatch, BrokenAfter(data, error))

    assert f"standard input: {said}" in refusal(Path("-"))


def test_an_error_of_the_store_is_not_reported_as_one_of_the_file(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"Prince")

    with pytest.raises(OSError, match="No space left"), open_artists(path):
        raise OSError(28, "No space left on device")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
def test_utf16_and_utf32_are_refused_with_the_command_that_converts(encoding, tmp_path):
    path = tmp_path / "my artists.csv"
    path.write_bytes("artist_name,artist_data\nBjörk,singer\n".encode(encoding))
    stated = encoding.upper().replace("-LE", "LE").replace("-BE", "BE")

    message = refusal(path)

    assert f"iconv -f {stated} -t UTF-8 '{path}' > '{tmp_path / 'my artists-utf8.csv'}'" in message


@pytest.mark.parametrize("mark", [b"\xff\xfe", b"\xfe\xff", b"\xff\xfe\0\0", b"\0\0\xfe\xff"])
def test_a_mark_of_utf16_or_utf32_alone_is_enough(mark, monkeypatch):
    set_stdin(monkeypatch, io.BytesIO(mark))

    assert "pipe it through iconv" in refusal(Path("-"))


@pytest.mark.parametrize("data", [b"", b"a", b"\0", b"a\0b\n", b"\0\0\0\0\0\0", b"Prince\0\n"])
def test_a_few_nuls_do_not_make_a_file_utf16(data, monkeypatch):
    set_stdin(monkeypatch, io.BytesIO(data))

    with open_artists(Path("-")) as stream:
        assert stream.read(100) == data
