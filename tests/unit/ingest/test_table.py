"""Tables: a header gives each field of a row its column."""

import csv
import io

import pytest
from factories import table_row
from hypothesis import given, settings
from hypothesis import strategies as st

from artistjobs.core.job import BadLine
from artistjobs.errors import InputError
from artistjobs.ingest import table
from artistjobs.ingest.columns import ChosenColumns, column_name
from artistjobs.ingest.parser import ArtistReader
from artistjobs.ingest.row import separator

MARK = b"\xef\xbb\xbf"
HEADER = "artist_name,artist_data,country,id"


def read(text, **options):
    return list(ArtistReader(io.BytesIO(text.encode()), name="my.csv", **options))


def names_of(header, **options):
    reader = ArtistReader(io.BytesIO(f"{header}\n".encode()), name="my.csv", **options)
    assert list(reader) == []
    return list(reader.columns)


def refusal_of(text, **options):
    with pytest.raises(InputError) as caught:
        read(text, **options)
    return str(caught.value)


# Headers


@pytest.mark.parametrize(
    ("header", "names"),
    [
        ("artist_name,note", ["artist_name", "note"]),
        (HEADER, ["artist_name", "artist_data", "country", "id"]),
        ("artist_data,artist_name", ["artist_data", "artist_name"]),
        ("id,Artist Name,ARTIST_DATA,,", ["id", "artist_name", "artist_data"]),
        (
            '"Year of birth", artist_name ,"Place (city), country"',
            ["year_of_birth", "artist_name", "place_city_country"],
        ),
        (",artist_name,%", ["column_1", "artist_name", "column_3"]),
        ("artist_name,1990,in,straße", ["artist_name", "column_1990", "in_", "straße"]),
        ("artist_name,a\U0001ed01b,\u2460", ["artist_name", "a_b", "column_1"]),
        ("artist_name,名前,\uff2c\uff41\uff4e\uff44", ["artist_name", "名前", "land"]),
    ],
)
def test_header_cells_become_names_that_a_template_can_use(header, names):
    assert names_of(header) == names
    assert all(name.isidentifier() for name in names)


@given(st.text(max_size=20), st.integers(1, 99))
def test_any_header_cell_becomes_a_name(cell, number):
    name = column_name(cell, number)

    assert name.isidentifier()
    assert column_name(name, number) == name


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("artist_name,Country,country ", "the columns 'Country' and 'country' are both named country; rename one"),
        ("artist_name,note,artist name", "the columns 'artist_name' and 'artist name' are both named artist_name"),
    ],
)
def test_two_equal_columns_are_refused(header, said):
    assert refusal_of(f"\n# remark\n{header}\nPrince,a,b\n").startswith(f"my.csv, line 3: {said}")


def test_a_header_of_too_many_columns_is_refused():
    assert "my.csv, line 1: the header is longer than 256 KiB" in refusal_of(
        "artist_name," + "x" * (1 << 18) + "\nA,b\n"
    )


def test_chosen_columns_are_read_as_name_and_data():
    text = "Country,Artist,Bio\nMexico,Frida Kahlo,painter\n"
    chosen = ChosenColumns("Artist", "bio")

    assert names_of(text.split("\n", 1)[0], chosen=chosen) == ["country", "artist_name", "artist_data"]
    assert read(text, chosen=chosen) == [table_row(2, "Frida Kahlo", "painter", ["Mexico"])]


def test_a_chosen_column_that_does_not_exist_is_refused_with_those_that_do():
    assert refusal_of("Artist,Country\nPrince,USA\n", chosen=ChosenColumns("Name")) == (
        "my.csv, line 1: --column artist_name=Name names no column; the file has the columns Artist, Country."
    )
    assert "none of the columns Artist, Bio is artist_name" in refusal_of(
        "Artist,Bio\n", chosen=ChosenColumns(None, "Bio")
    )


def test_chosen_columns_in_the_usual_order_change_nothing_else():
    rows = read("name,data\nPrince,singer, songwriter\nname,data\n", chosen=ChosenColumns("name", "data"))

    assert [row[1:] for row in rows] == [("Prince", "singer, songwriter")]


# Rows


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        ("Prince,singer,USA,7", ("Prince", "singer", "USA", "7")),
        ("Prince", ("Prince", "", "", "")),
        (" Prince ,,, 7 ", ("Prince", "", "", "7")),
        ("Prince,singer,USA,7,,", ("Prince", "singer", "USA", "7")),
        ('"Tyler, the Creator","a ""b""",USA,7', ("Tyler, the Creator", 'a "b"', "USA", "7")),
        ('"Weird Al" Yankovic,x,"USA" ,"7"', ('"Weird Al" Yankovic', "x", "USA", "7")),
        ('Prince,"two\nlines",USA,7', ("Prince", "two\nlines", "USA", "7")),
        ('"#1 Dads",band,,', ("#1 Dads", "band", "", "")),
    ],
)
@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\r"])
def test_each_field_belongs_to_its_column(line, fields, end):
    name, data, *cells = fields

    assert read(f"{HEADER}\n{line}{end}") == [table_row(2, name, data, cells)]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("Prince,singer, songwriter,USA,7", "5 fields, but the header has 4 columns"),
        (",singer,USA,7", "no artist name"),
        ("Prince,a\0b,USA,7", "a NUL character"),
        ('Prince,"never,USA,7', "a quote that never closes"),
        ("Prince,a," + "x" * (1 << 20) + "y,7", "a field over 1 MiB"),
    ],
)
def test_a_row_that_does_not_fit_is_bad_and_the_others_are_read(line, reason):
    bad, good = read(f"{HEADER}\n{line}\nBowie,singer,UK,8\n")

    assert (bad.line, bad.reason) == (2, reason)
    assert good == table_row(3, "Bowie", "singer", ["UK", "8"])


def test_bytes_that_are_no_text_are_bad_in_any_column():
    (bad,) = ArtistReader(io.BytesIO(f"{HEADER}\nPrince,a,b,".encode() + b"\xff\n"))

    assert bad.reason == "not UTF-8 (byte 0xFF at column 12)"


def test_blank_lines_and_comments_are_skipped_in_a_table_too():
    rows = read(f"# remark\n\n{HEADER}\n\n  # not me,a,b,c\n,,,\nPrince,singer,USA,7\n")

    assert rows == [table_row(7, "Prince", "singer", ["USA", "7"])]


@pytest.mark.parametrize("by", ["\t", ";"])
def test_other_separators_have_the_same_rules(by):
    text = 'artist_name,artist_data\nPrince,singer, songwriter\n"Tyler, the Creator",,,\nBowie'.replace(", ", ". ")
    expected = [(row.name, row.data) for row in read(text)]
    wide = HEADER.replace(",", by) + f'\nPrince{by}a, b{by}{by}"x{by}y"\n'

    assert [(row.name, row.data.replace(by, ",")) for row in read(text.replace(",", by), by=separator(by))] == expected
    assert read(wide, by=separator(by)) == [table_row(2, "Prince", "a, b", ["", f"x{by}y"])]


# Joined files


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", ""])
def test_the_header_of_a_table_that_comes_again_is_skipped(mark, end):
    one = f"{mark}{HEADER}\nPrince,singer,USA,7\nBowie,singer,UK,8"
    reader = ArtistReader(io.BytesIO((one + end + one).encode()))

    assert [(row.name, row.cells) for row in reader] == [("Prince", ["USA", "7"]), ("Bowie", ["UK", "8"])] * 2
    assert "skipped the header, which comes again" in [notice.text for notice in reader.notices]


@pytest.mark.parametrize(
    "other", ["country,artist_name,id", "artist_name", "artist_name,artist_data", "id;Artist Name,x"]
)
def test_another_header_later_in_a_table_is_refused_and_never_an_artist(other):
    text = f"{HEADER}\nPrince,singer,USA,7\n{other}\n"
    if ";" in other:
        assert len(read(text)) == 2
    else:
        assert refusal_of(text).startswith("my.csv, line 3: the header has the columns ")


# Arbitrary content


TOKENS = st.sampled_from([*'",,,\n\n\r #ab\0é', "artist_name", '""', "\ufeff", "\t"])


def with_care(text, block_size):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table.TableRows, "parser_for", lambda *_: lambda _: None)
        return outcome(text, block_size)


def outcome(text, block_size):
    try:
        return [
            (row if isinstance(row, BadLine) else (*row[:3], list(row.cells)))
            for row in read(text, block_size=block_size)
        ]
    except InputError as error:
        return str(error)


@settings(max_examples=1000, deadline=None, derandomize=True)
@given(st.lists(TOKENS, max_size=40).map("".join), st.sampled_from([1, 7, 20, 1 << 18]))
def test_the_quick_path_and_the_careful_path_agree_on_a_table(text, block_size):
    text = "artist_name,b,c\n" + text

    assert outcome(text, block_size) == with_care(text, 1 << 18)


CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff\r"), max_size=12)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    st.lists(st.tuples(CELLS, CELLS, CELLS).filter(lambda row: row[1].strip() and not row[0].strip().startswith("#"))),
    st.sampled_from([",", ";", "\t"]),
)
def test_tables_written_by_the_csv_module_come_back_trimmed(rows, by):
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=by, lineterminator="\n").writerows([("note", "artist_name", "x"), *rows])

    found = read(text.getvalue(), by=separator(by))

    expected = [[cell.strip() for cell in row] for row in rows]
    assert [[row.cells[0], row.name, row.cells[1]] for row in found] == [
        row for row in expected if row[1] != "artist_name"
    ]
