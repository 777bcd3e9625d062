"""A first row is a header, the header of a table, an artist, or looks like a header with other names."""

import pytest

from artistjobs.ingest.header import is_plain_header, is_table_header, looks_like_header
from artistjobs.ingest.sniff import header_hint


@pytest.mark.parametrize(
    "fields",
    [
        ["artist_name"],
        ["Artist Name", "ARTIST_DATA"],
        ["artist_name", "artist_data", "", "  "],
        ["artist_name", "", ""],
    ],
)
def test_a_plain_header_has_one_or_both_columns_and_padding(fields):
    assert is_plain_header(fields)
    assert not is_table_header(fields)
    assert not looks_like_header(fields)


@pytest.mark.parametrize(
    "fields",
    [
        ["artist_name", "country"],
        ["artist_data", "artist_name"],
        ["", "artist_name"],
        ["artist_name", "", "artist_data"],
        ["id", "Artist Name", "artist data", "", "x"],
    ],
)
def test_any_other_row_with_artist_name_is_the_header_of_a_table(fields):
    assert is_table_header(fields)
    assert not is_plain_header(fields)


@pytest.mark.parametrize(
    "fields",
    [
        ["name", "data"],
        ["Artist", "Country"],
        ["ARTIST"],
        ["Name", "Bio", "", ""],
        ["artist", "favourite colour"],
        ["Artist (name)", "Notes"],
        ["full name", "born"],
        ["id", "artist"],
        ["No.", "Name", "Year of birth"],
        ["title", "genre", "url"],
        ["artist-name", "artist-data"],
        ["Künstler", "Land"],
        ["nom", "pays"],
        ["名前", "国"],
    ],
)
def test_usual_names_of_columns_look_like_a_header(fields):
    assert looks_like_header(fields)
    assert header_hint(fields).startswith(repr(",".join(fields)))
    for separator in ";\t|":
        assert (header_hint([separator.join(fields)]) is None) == (header_hint(fields) is None)


@pytest.mark.parametrize(
    "fields",
    [
        [],
        [""],
        ["Prince"],
        ["Prince", "singer"],
        ["Frida Kahlo", "Mexican painter, 1907 to 1954"],
        ["Madonna", "", ""],
        ["The Band", "rock band"],
        ["Band of Horses", "band"],
        ["First Aid Kit", "folk"],
        ["Genesis", "genre: rock"],
        ["Artist", "Prince Rogers Nelson, who was known by many names"],
        ["Name", "1958, Minneapolis"],
        ["country", "city"],
        ["{artist_name}"],
        ["artist_name_2"],
    ],
)
def test_artists_do_not_look_like_a_header(fields):
    assert not looks_like_header(fields)
    assert header_hint(fields) is None
