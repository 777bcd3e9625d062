"""Excel workbooks and Parquet files: cells are values, which become text as people read it."""

import io
from datetime import UTC, date, datetime, time
from decimal import Decimal

import pytest
from factories import table_row
from workbooks import workbook

from artistjobs.core.job import Artist
from artistjobs.errors import InputError
from artistjobs.ingest.cells import cell_fault, cell_text
from artistjobs.ingest.columns import ChosenColumns
from artistjobs.ingest.grid import GridReader
from artistjobs.ingest.input_format import InputFormat
from artistjobs.ingest.parquet import parquet_rows
from artistjobs.ingest.readers import open_input, open_twice
from artistjobs.ingest.source import InputFile
from artistjobs.ingest.workbook import workbook_rows

MEXICO = {"artist_name": "Frida Kahlo", "born": 1907.0, "day": date(1907, 7, 6)}


def grid(*rows, **options):
    return list(GridReader(enumerate(rows, 1), **({"name": "a.xlsx", "chosen": ChosenColumns()} | options)))


# Values


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (" é ", "é"),
        (None, ""),
        (1907.0, "1907"),
        (0.5, "0.5"),
        (float("nan"), ""),
        (1e16, "1e+16"),
        (12, "12"),
        (True, "true"),
        (Decimal("1907.00"), "1907"),
        (Decimal("12.50"), "12.50"),
        (datetime(1907, 7, 6), "1907-07-06"),  # noqa: DTZ001
        (datetime(1907, 7, 6, 12, 30), "1907-07-06T12:30:00"),  # noqa: DTZ001
        (datetime(1907, 7, 6, tzinfo=UTC), "1907-07-06T00:00:00+00:00"),
        (date(1907, 7, 6), "1907-07-06"),
        (time(12, 30), "12:30:00"),
        (b"caf\xc3\xa9", "café"),
        (["a", date(1907, 7, 6)], '["a", "1907-07-06"]'),
        ({"a": {"b": Decimal(1)}}, '{"a": {"b": "1"}}'),
    ],
)
def test_a_value_becomes_the_text_that_people_read(value, text):
    assert cell_text(value) == text


def test_binary_data_is_no_text():
    assert cell_fault(cell_text(b"\xff")) == "a character that is no valid text"


# Rows


def test_a_first_row_with_artist_name_is_the_header_of_a_table():
    rows = grid(["Born", "Artist Name"], [1907.0, "Frida Kahlo"], ["", ""], [1958.0, "Prince"])

    assert rows == [table_row(2, "Frida Kahlo", "", ["1907"]), table_row(4, "Prince", "", ["1958"])]


def test_without_such_a_header_the_rules_are_those_of_rows():
    assert grid(["Prince", "singer", "songwriter", ""], ["#1 Dads", "", "", ""]) == [
        Artist(1, "Prince", "singer,songwriter"),
        Artist(2, "#1 Dads", ""),
    ]
    assert grid(["artist_name", "artist_data"], ["Prince", "singer"]) == [Artist(2, "Prince", "singer")]


def test_bad_cells_make_a_row_bad_and_a_repeated_header_is_skipped():
    header = ["artist_name", "x"]
    reader = GridReader(
        enumerate([header, ["", "a"], ["Prince", "b\0c"], header, header, ["Bowie", "z"]], 1),
        name="a.xlsx", chosen=ChosenColumns(),
    )  # fmt: skip

    *bad, good = reader

    assert [(row.line, row.reason, row.beginning) for row in bad] == [
        (2, "no artist name", ",a"), (3, "a NUL character", "Prince,b\0c"),
    ]  # fmt: skip
    assert good == table_row(6, "Bowie", "", ["z"])
    assert (len(reader.notices), reader.notice_count) == (1, 2)


# Excel


def test_a_workbook_is_read_with_numbers_and_dates_as_text():
    pytest.importorskip("python_calamine")
    content = workbook(["artist_name", "born", "day", "alive"], ["Frida Kahlo", 1907, date(1907, 7, 6), False], ["A"])

    assert grid_of(workbook_rows(content, "a.xlsx")) == [
        table_row(2, "Frida Kahlo", "", ["1907", "1907-07-06", "false"]),
        table_row(3, "A", "", ["", "", ""]),
    ]


def grid_of(rows, **options):
    return list(GridReader(rows, **({"name": "a", "chosen": ChosenColumns()} | options)))


def test_rows_of_a_workbook_have_the_numbers_that_excel_shows():
    pytest.importorskip("python_calamine")

    rows = workbook_rows(workbook([], [None, "artist_name"], [], [None, "Prince"]), "a.xlsx")

    assert [number for number, row in rows if any(row)] == [2, 4]


def test_an_empty_workbook_has_no_rows():
    pytest.importorskip("python_calamine")

    assert list(workbook_rows(workbook(), "a.xlsx")) == []


@pytest.mark.parametrize("content", [b"", b"artist_name\nPrince\n", b"PK\x03\x04", workbook(["a"])[:300]])
def test_what_is_no_workbook_is_refused_in_one_sentence(content):
    pytest.importorskip("python_calamine")
    with pytest.raises(InputError) as caught:
        workbook_rows(content, "a.xlsx")

    assert str(caught.value).startswith("a.xlsx cannot be read as an Excel workbook (")
    assert str(caught.value).endswith("; save it again as .xlsx.")


def test_a_workbook_is_known_by_the_hash_of_its_bytes(tmp_path):
    pytest.importorskip("python_calamine")
    content = workbook(["artist_name", "x"], ["Prince", 1])
    (tmp_path / "a.xlsx").write_bytes(content)
    file = InputFile(source=tmp_path / "a.xlsx", input_format=InputFormat.XLSX)

    with open_twice(file) as (opened, found):
        assert list(opened.reader) == [table_row(2, "Prince", "", ["1"])]

    assert found.size == len(content)


# Parquet


def parquet(rows, path, **types):
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    table = pa.Table.from_pylist(rows)
    pq.write_table(table, path, row_group_size=2)
    return InputFile(source=path, input_format=InputFormat.PARQUET)


def test_a_parquet_file_is_a_table_with_the_names_of_its_columns(tmp_path):
    rows = [MEXICO | {"artist_name": f"Artist {n}", "n": n, "tags": ["a"]} for n in range(5)]

    with open_input(parquet(rows, tmp_path / "a.parquet")) as (reader, _):
        found = list(reader)
        names = list(reader.cell_names)

    assert names == ["born", "day", "n", "tags"]
    assert found == [table_row(n + 1, f"Artist {n}", "", ["1907", "1907-07-06", str(n), '["a"]']) for n in range(5)]


def test_nanoseconds_of_a_parquet_file_are_cut(tmp_path):
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    moments = pa.array([1, 1_000_000_001], pa.timestamp("ns"))
    pq.write_table(pa.table({"artist_name": ["A", "B"], "at": moments}), tmp_path / "a.parquet")

    with (tmp_path / "a.parquet").open("rb") as file:
        names, rows = parquet_rows(file, "a.parquet")
        assert [row.cells for row in grid_of(rows, heading=names)] == [["1970-01-01"], ["1970-01-01T00:00:01"]]


def test_a_parquet_file_without_artist_name_is_refused_with_its_columns(tmp_path):
    file = parquet([{"Artist": "A", "b": 1}], tmp_path / "a.parquet")

    with pytest.raises(InputError, match="none of the columns Artist, b is artist_name"), open_input(file):
        pass


@pytest.mark.parametrize("content", [b"", b"PAR1", b"artist_name\nPrince\n", b"PAR1" + bytes(60) + b"PAR1"])
def test_what_is_no_parquet_file_is_refused_in_one_sentence(content):
    pytest.importorskip("pyarrow")
    with pytest.raises(InputError) as caught:
        parquet_rows(io.BytesIO(content), "a.parquet")

    assert str(caught.value).startswith("a.parquet cannot be read as a Parquet file (")
    assert "\n" not in str(caught.value)


def test_a_parquet_file_that_changes_while_it_is_read_is_refused(tmp_path):
    file = parquet([MEXICO] * 5, tmp_path / "a.parquet")

    with open_twice(file) as (opened, _):
        rows = iter(opened.reader)
        next(rows)
        with file.source.open("ab") as grown:
            grown.write(b"x")
        with pytest.raises(InputError, match="changed while it was read"):
            list(rows)
