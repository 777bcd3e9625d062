"""JSON Lines: an object is a row, and its keys are the columns."""

import io
import re
import tracemalloc

import pytest
from factories import table_row
from hypothesis import given, settings
from hypothesis import strategies as st

from artistjobs.core.job import BadLine
from artistjobs.errors import InputError
from artistjobs.ingest.columns import ChosenColumns
from artistjobs.ingest.json_lines import JsonLinesReader


def reader_of(text, **options):
    data = text if isinstance(text, bytes) else text.encode()
    return JsonLinesReader(io.BytesIO(data), name="a.jsonl", **options)


def cells_of(line):
    """Return the one other cell of a row whose object has this value."""
    (row,) = reader_of(f'{{"artist_name": "A", "x": {line}}}')
    return row.cells[0]


def test_each_object_is_a_row_and_its_keys_are_columns():
    reader = reader_of('{"Artist Name": "Prince", "Born": 1958}\n\r\n{"Artist Name": " Björk ", "artist_data": "x"}')

    assert list(reader) == [table_row(1, "Prince", "", ["1958"]), table_row(3, "Björk", "x", [""])]
    assert (list(reader.columns), list(reader.cell_names)) == (["artist_name", "born", "artist_data"], ["born"])
    assert reader.lines == 3


def test_later_objects_may_add_columns():
    reader = reader_of('{"artist_name": "A"}\n{"b": 1, "artist_name": "B"}\n{"c": 2, "artist_name": "C", "b": 3}')

    assert [row.cells for row in reader] == [[], ["1"], ["3", "2"]]
    assert list(reader.cell_names) == ["b", "c"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("1907", "1907"),
        ("1907.0", "1907"),
        ("0.1", "0.1"),
        ("-1e3", "-1000"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ("1e300", "1e+300"),
        ("true", "true"),
        ("null", ""),
        ('" é\\n"', "é"),
        ('["a", 1.0, {"b": null}]', '["a", 1.0, {"b": null}]'),
        ("{}", "{}"),
    ],
)
def test_values_are_written_as_people_read_them(value, text):
    assert cells_of(value) == text


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("Prince,singer", "not a JSON object"),
        ("[1]", "not a JSON object"),
        ('{"artist_name": "A"', "not a JSON object"),
        ('{"artist_name": NaN}', "not a JSON object"),
        ("[" * 100_000, "not a JSON object"),
        ('{"artist_name": ""}', "no artist name"),
        ('{"b": 1}', "no artist name"),
        ('{"artist_name": "a\\u0000b"}', "a NUL character"),
        ('{"artist_name": "A", "b": "\\ud800"}', "a character that is no valid text"),
        ('{"artist_name": "' + "x" * (1 << 20) + 'y"}', "a field over 1 MiB"),
        ('{"artist_name": "' + "x" * (5 << 20) + '"}', "a line over 4 MiB"),
    ],
)
def test_a_bad_line_is_told_and_the_others_are_read(line, reason):
    _, bad, good = reader_of('{"artist_name": "B", "b": 2}\n' + line + '\n{"artist_name": "C"}\n')

    assert isinstance(bad, BadLine)
    assert (bad.line, bad.reason) == (2, reason)
    assert good == table_row(3, "C", "", [""])


def test_bytes_that_are_no_text_are_bad():
    _, bad = reader_of(b'{"artist_name": "A"}\n{"artist_name": "\xff"}')

    assert bad.reason == "not UTF-8 (byte 0xFF)"


@pytest.mark.parametrize(
    ("text", "chosen", "said"),
    [
        ('{"Artist": "A", "b": 1}', ChosenColumns(), "line 1: none of the columns Artist, b is artist_name"),
        ('{"Artist": "A"}', ChosenColumns("Name"), "line 1: --column artist_name=Name names no column"),
        ('{"artist_name": "A", "b c": 1, "B-C": 2}', ChosenColumns(), "the columns 'b c' and 'B-C' are both named b_c"),
        (
            '{"artist_name": "A"}\n{"Artist Name": "B"}',
            ChosenColumns(),
            "line 2: the columns 'artist_name' and 'Artist",
        ),
    ],
)
def test_keys_that_cannot_be_columns_are_refused(text, chosen, said):
    with pytest.raises(InputError) as caught:
        list(reader_of(text, chosen=chosen))

    assert said in str(caught.value)


def test_chosen_keys_are_read_as_name_and_data():
    assert list(reader_of('{"Bio": "x", "Artist": "A"}', chosen=ChosenColumns("artist", "Bio"))) == [
        table_row(1, "A", "x", [])
    ]


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.binary(max_size=60), st.sampled_from([1, 7, 1 << 18]))
def test_any_bytes_are_rows_or_bad_lines_and_each_line_counts(data, block_size):
    data = b'{"artist_name": "A"}\n' + data.replace(b"artist", b"")
    reader = reader_of(data, block_size=block_size)

    rows = list(reader)

    lines = re.split(rb"\r\n|\r|\n", data)
    assert reader.lines == len(lines if lines[-1] else lines[:-1])
    assert [row.line for row in rows] == sorted({row.line for row in rows})


def test_json_lines_of_any_length_are_read_in_constant_memory():
    class Blocks:
        left = 40

        def read(self, _size):
            self.left -= 1
            return b'{"artist_name": "Prince", "born": 1958}\n' * 2_000 if self.left >= 0 else b""

    tracemalloc.start(1)
    count = sum(1 for _ in JsonLinesReader(Blocks()))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert count == 80_000
    assert peak < 3 << 20
