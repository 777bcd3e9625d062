"""What `inspect` understands of a file, before anything is stored."""

import json

import pytest
from workbooks import workbook

TABLE = (
    "artist_name,Year of birth,note\nFrida Kahlo,1907,painter\nFrida Kahlo,1907,painter\nFrida Kahlo,,a longer note\n"
    ",1,x\nPrince,1958,"
)


def inspected(cli, *arguments, **options):
    result = cli("inspect", *arguments, "--json", **options)
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_a_table_is_described_with_its_columns_and_nothing_is_stored(cli, folder, api):
    (folder / "a.csv").write_text(TABLE)

    found = inspected(cli, "a.csv")

    assert list(found) == [
        "file", "format", "encoding", "header", "columns", "lines", "rows", "bad", "duplicates", "repeated_names",
        "bad_lines", "warnings", "next",
    ]  # fmt: skip
    assert (found["format"], found["encoding"]) == ("csv", "UTF-8")
    assert found["header"] == ["artist_name", "Year of birth", "note"]
    assert (found["lines"], found["rows"], found["bad"]) == (6, 4, 1)
    assert (found["duplicates"], found["repeated_names"]) == (1, 2)
    assert found["bad_lines"] == [{"line": 5, "reason": "no artist name", "beginning": ",1,x"}]
    assert found["columns"][1:] == [
        {"name": "year_of_birth", "header": "Year of birth", "examples": ["1907", "1958"], "values": 3, "longest": 4,
         "longest_line": 2},
        {"name": "note", "header": "note", "examples": ["painter", "a longer note"], "values": 3, "longest": 13,
         "longest_line": 4},
    ]  # fmt: skip
    assert found["next"] == "artistjobs run a.csv --prompt-file prompt.txt --dry-run"
    assert sorted(path.name for path in folder.iterdir()) == ["a.csv"]
    assert api.journal.received == 0


def test_the_text_names_columns_bad_lines_and_the_next_command(cli, folder):
    (folder / "my file.csv").write_text(TABLE)

    lines = cli("inspect", "my file.csv").stdout.splitlines()

    assert lines[:3] == [
        "my file.csv: rows separated by commas, UTF-8",
        "header: 'artist_name', 'Year of birth', 'note'",
        "4 good rows, 1 bad line, 1 duplicate, 2 repeated names, 6 lines",
    ]
    assert lines[6].split() == ["year_of_birth", "Year", "of", "birth", "3", "4", "2", "'1907',", "'1958'"]
    assert lines[-3:] == [
        "warning: my file.csv, line 5: no artist name; skipped: ,1,x",
        "in a prompt file: {{ artist_name }} {{ year_of_birth }} {{ note }}",
        "next: artistjobs run 'my file.csv' --prompt-file prompt.txt --dry-run",
    ]


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        ("Artist,Bio\nPrince,singer\n", [], "a.csv --column artist_name=Artist --column artist_data=Bio"),
        ("id;Artist\n1;Prince\n", [], "a.csv --input-format semicolon --column artist_name=Artist"),
        ("id\tartist_name\n1\tPrince\n", [], "a.csv --input-format tsv"),
        ("Artist;Bio\nA;B\n", ["--input-format", "semicolon", "--column", "artist_name=Artist"],
         "a.csv --input-format semicolon --column artist_name=Artist"),
        ("Bj\xf6rk\n", ["--encoding", "latin-1"], "a.csv --encoding iso8859-1"),
        ("Prince\n", [], "a.csv"),
    ],
)  # fmt: skip
def test_the_next_command_has_the_options_that_the_file_needs(cli, folder, text, options, expected):
    (folder / "a.csv").write_bytes(text.encode("latin-1"))

    found = inspected(cli, "a.csv", *options)

    assert found["next"] == f"artistjobs run {expected} --prompt-file prompt.txt --dry-run"
    assert cli("ingest", *expected.split(), "--prompt-id", "x", "--dry-run").exit_code == 0


def test_standard_input_is_inspected_too(cli):
    found = inspected(cli, "-", "--input-format", "jsonl", input='{"artist_name": "Prince", "born": 1958}\n')

    assert (found["file"], found["encoding"], found["header"]) == ("standard input", "UTF-8", ["artist_name", "born"])
    assert found["next"].startswith("artistjobs run - --input-format jsonl --prompt-file")


def test_a_workbook_is_inspected_too(cli, folder):
    pytest.importorskip("python_calamine")
    (folder / "a.xlsx").write_bytes(workbook(["artist_name", "born"], ["Prince", 1958]))

    found = inspected(cli, "a.xlsx")

    assert (found["format"], found["encoding"]) == ("xlsx", None)
    assert found["columns"][1]["examples"] == ["1958"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\x1f\x8b\x08" + bytes(60), "a.csv is compressed with gzip; unpack it with gzip -dc a.csv >"),
        ("artist_name\nBjörk\n".encode("utf-16"), "a.csv is UTF-16 text, but UTF-8 is needed; make a copy with iconv"),
        (b"\x89PNG\r\n\x1a\n", "a.csv is a picture, not a list of artists"),
        ("Björk\nÁsgeir\n".encode("windows-1252"), "add --encoding windows-1252."),
        (None, "a.csv: there is no such file"),
    ],
)
def test_what_is_no_table_is_refused_in_one_sentence(cli, folder, content, said):
    if content is not None:
        (folder / "a.csv").write_bytes(content)

    result = cli("inspect", "a.csv")

    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert cli("inspect").exit_code == 2
