"""Files that are no list of artists, in another encoding, mostly bad, or changed while they are ingested."""

import gzip
import json
import zipfile

import pytest
from conftest import read_records, write_artists

from artistjobs.ingest import readers as module

ROWS = "artist_name,artist_data\n" + "".join(f"Björk {n},Sängerin\nRené {n},peintre\nPrince {n}\n" for n in range(9))


@pytest.fixture
def windows_file(folder):
    (folder / "a.csv").write_bytes(ROWS.encode("cp1252"))
    return folder / "a.csv"


def counts(cli) -> dict:
    return json.loads(cli("status", "--json").stdout)["jobs"]


# Not a list of artists


def test_a_packed_file_and_a_spreadsheet_are_refused_in_one_sentence(cli, folder, api):
    (folder / "a.csv.gz").write_bytes(gzip.compress(ROWS.encode()))
    with zipfile.ZipFile(folder / "book.csv", "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("[Content_Types].xml", "<Types/>")
        book.writestr("xl/sharedStrings.xml", ROWS)

    for name, said in (("a.csv.gz", "is compressed with gzip"), ("book.csv", "is an Excel workbook")):
        for command in ("ingest", "run"):
            result = cli(command, name)
            assert result.exit_code == 2
            assert result.stderr.splitlines()[1:] == [line for line in result.stderr.splitlines() if said in line]
        check = cli("check", name)
        assert check.exit_code == 2
        assert f"{name} {said}" in check.stdout
    assert not (folder / "artistjobs.db").exists()
    assert api.journal.received == 0


# Encodings


def test_a_file_of_which_most_rows_are_not_utf8_is_refused_with_the_encoding(cli, windows_file, api):
    for command in ("run", "ingest"):
        result = cli(command, "a.csv")

        assert result.exit_code == 2
        assert len(result.stderr.splitlines()) == 2  # the other line is about stored prompts
        assert (
            "a.csv: 18 of 27 rows are bad, the first in line 2 (not UTF-8 (byte 0xF6 at column 3)), and nothing was "
            "ingested; if it is in the Windows-1252 of older spreadsheets, add --encoding windows-1252."
        ) in result.stderr
    check = cli("check", "a.csv")
    assert check.exit_code == 2
    assert "--encoding windows-1252" in check.stdout
    assert counts(cli)["total"] == api.journal.received == 0


def test_the_named_encoding_reads_it(cli, windows_file, api):
    checked = cli("check", "a.csv", "--encoding", "windows-1252")
    result = cli("run", "a.csv", "--encoding", "windows-1252")

    assert (checked.exit_code, result.exit_code) == (0, 0)
    assert "27 good rows" in checked.stdout
    records = read_records(windows_file.parent / "out.jsonl")
    assert [record["artist_name"] for record in records[:3]] == ["Björk 0", "René 0", "Prince 0"]
    assert records[0]["artist_data"] == "Sängerin"


def test_the_same_file_in_another_encoding_is_not_the_same_file(cli, windows_file):
    cli("ingest", "a.csv", "--encoding", "cp1252")
    again = cli("ingest", "a.csv", "--encoding", "windows-1252")
    other = cli("ingest", "a.csv", "--encoding", "cp1251")

    assert "the same file as before" in again.stderr
    assert "18 jobs added, 9 already known" in other.stderr


def test_some_rows_that_are_not_utf8_are_skipped_with_a_hint_at_the_encoding(cli, folder):
    (folder / "a.csv").write_bytes(b"A\nB\nRen\xe9\nC\n")

    for result in (cli("ingest", "a.csv"), cli("ingest", "a.csv"), cli("ingest", "a.csv", "--dry-run")):
        assert result.exit_code == 0
        assert "a.csv, line 3: not UTF-8 (byte 0xE9 at column 4); skipped" in result.stderr
        assert "a.csv has lines that are not UTF-8; if it is in the Windows-1252 of" in result.stderr
    again = cli("ingest", "a.csv", "--encoding", "windows-1252")
    assert "1 job added, 3 already known, 0 duplicates, 0 bad" in again.stderr


def test_an_encoding_that_does_not_fit_is_warned_of_or_refused(cli, folder):
    (folder / "utf-8.csv").write_text(ROWS)
    (folder / "cut.csv").write_bytes(b"A\nB\x81\nC\n")

    utf8, cut = (cli("ingest", name, "--encoding", "windows-1252") for name in ("utf-8.csv", "cut.csv"))
    unknown = [cli(command, "utf-8.csv", "--encoding", "latin-99") for command in ("ingest", "run")]
    checked = cli("check", "utf-8.csv", "--encoding", "latin-99")

    assert "utf-8.csv is valid UTF-8, but is read as cp1252; leave --encoding out if names look wrong" in utf8.stderr
    assert "not cp1252 (byte 0x81 at column 2)" in cut.stderr
    assert "--encoding cp1252 is wrong, or the file is damaged" in cut.stderr
    for result in [*unknown, checked]:
        assert result.exit_code == 2
        assert "--encoding latin-99 is not known" in result.output


# Mostly bad


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b",bad\n,bad\nPrince\n", "2 of 3 rows are bad, the first in line 1 (no artist name)"),
        (b",bad\n", "1 of 1 row are bad"),
        (b'"x\n' * 30 + b"A\n" * 20, "30 of 50 rows are bad, the first in line 1 (a quote that never closes)"),
        (b"a\0b\n" * 3 + b"A\n", "3 of 4 rows are bad, the first in line 1 (a NUL character)"),
    ],
    ids=["no names", "one row", "open quotes", "NULs"],
)
def test_nothing_is_asked_about_a_file_that_is_mostly_bad(cli, folder, api, content, said):
    (folder / "a.csv").write_bytes(content)

    for arguments in (["run", "a.csv"], ["ingest", "a.csv"], ["run", "a.csv", "--dry-run"]):
        result = cli(*arguments)
        assert result.exit_code == 2
        assert said in result.stderr
        assert "check that it is a file of rows such as: Prince,singer" in result.stderr
    assert said in cli("check", "a.csv").stdout
    assert counts(cli)["total"] == api.journal.received == 0


@pytest.mark.parametrize("content", [b"A\nB\n,bad\n,bad\n", b"", b"# nothing\n,,,\n"])
def test_a_file_with_as_many_good_rows_or_none_at_all_is_read(cli, folder, content):
    (folder / "a.csv").write_bytes(content)

    assert cli("run", "a.csv").exit_code == 0


# check


def test_check_shows_every_warning_of_a_run(cli, folder):
    rows = b"name,data\n" + b"A,x\n" * 30 + b"\xef\xbb\xbfB\nartist_name\n" + b",bad\n" * 22 + b"Ren\xe9\n"
    (folder / "a.csv").write_bytes(rows)

    run, check = cli("run", "a.csv"), cli("check", "a.csv", "--json")

    warnings = [line.split("warning: ")[1] for line in run.stderr.splitlines() if "warning: a.csv" in line]
    found = [finding["text"] for finding in json.loads(check.stdout)["findings"] if finding["level"] == "warn"]
    assert len(warnings) == 1 + 20 + 1 + 2
    assert [text for text in found if text in warnings] == warnings


# A file that changes


@pytest.fixture
def between(monkeypatch):
    """Sets what happens to the file after it was read for its hash, and before it is read for its rows."""
    changes = []
    real = module.open_artists

    def opened(path, encoding="UTF-8", expected=None):
        if expected is not None and changes:
            changes.pop()()
        return real(path, encoding, expected)

    monkeypatch.setattr(module, "open_artists", opened)
    return changes


@pytest.mark.parametrize("kind", ["truncated", "rewritten", "replaced", "cut within a line"])
def test_a_file_that_changes_while_it_is_ingested_is_never_known_as_another_one(cli, folder, between, kind):
    whole = write_artists(folder / "a.csv", 500).read_bytes()
    other = {"rewritten": whole.replace(b"painter", b"sculptor"), "cut within a line": whole + b",more"}

    def change():
        if kind == "replaced":
            write_artists(folder / "b.csv", 400).replace(folder / "a.csv")
        else:
            (folder / "a.csv").write_bytes(other.get(kind, whole[: len(whole) // 2]))

    if kind == "cut within a line":
        (folder / "a.csv").write_bytes(whole[:-1])
    between.append(change)
    first = cli("ingest", "a.csv")
    (folder / "a.csv").write_bytes(whole)
    second = cli("ingest", "a.csv")

    assert first.exit_code == 2
    assert "a.csv changed while it was read, and nothing was ingested; run the same command again" in first.stderr
    assert "500 lines read, 500 jobs added" in second.stderr
    assert "the same file" not in second.stderr


def test_rows_that_are_appended_while_a_file_is_ingested_are_new_the_next_time(cli, folder, between):
    path = write_artists(folder / "a.csv", 100)

    def grow():
        with path.open("a") as file:
            file.write("Late,comer\n")

    between.append(grow)
    first, second, third = (cli("ingest", "a.csv") for _ in range(3))

    assert "100 jobs added" in first.stderr
    assert "1 job added, 100 already known" in second.stderr
    assert "the same file as before" in third.stderr
