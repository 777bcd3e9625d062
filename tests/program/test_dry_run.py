"""Checks before anything is sent: dry runs, files in another format, unusable ``.env`` files."""

import json
from collections import Counter
from random import Random

import pytest
from conftest import write_artists
from hypothesis import given
from hypothesis import strategies as st

from artistjobs.core.job import Artist
from artistjobs.ingest.preview import Sample
from artistjobs.ingest.sniff import wrong_format_hint


def test_a_dry_run_prints_one_json_object(cli, folder):
    (folder / "a.csv").write_text("Prince,singer\nBjörk\n,bad\n")

    for command in ("ingest", "run"):
        said = json.loads(cli(command, "a.csv", "--dry-run", "--json").stdout)

        assert list(said) == ["rows", "bad", "requests", "estimate"]
        assert (said["rows"], said["bad"], said["estimate"]["calls"]) == (2, 1, 2)
        assert [body["prompt"]["variables"]["artist_name"] for body in said["requests"]] == ["Prince", "Björk"]
    assert not (folder / "artistjobs.db").exists()


def test_a_dry_run_of_a_sample_shows_random_rows_in_the_order_of_the_file(cli, folder):
    write_artists(folder / "a.csv", 400)

    result = cli("run", "a.csv", "--dry-run", "--limit", 4, "--sample", "--json")
    text = cli("run", "a.csv", "--dry-run", "--limit", 20, "--sample")
    without = cli("run", "a.csv", "--dry-run", "--sample")

    shown = [
        int(body["prompt"]["variables"]["artist_name"].split()[-1]) for body in json.loads(result.stdout)["requests"]
    ]
    assert len(set(shown)) == 4
    assert shown == sorted(shown)
    assert shown != [1, 2, 3, 4], "one chance in 10**9"
    assert "calls limited to 20 random rows by --limit and --sample" in text.stderr
    assert text.stdout.count("artist_name") == 5
    assert (without.exit_code, "add --limit N" in without.stderr) == (2, True)


def test_each_row_has_the_same_chance_to_be_in_a_sample():
    chosen = Counter()
    for seed in range(3_000):
        sample = Sample(2, Random(seed))
        for line in range(1, 7):
            sample.add(Artist(line, "A", ""), {})
        chosen.update(row.line for row, _ in sample.rows)

    assert all(900 < count < 1_100 for count in chosen.values())


def test_a_dry_run_keeps_to_the_limit(cli, folder):
    write_artists(folder / "a.csv", 8)

    some, text = (
        cli("run", "a.csv", "--dry-run", "--limit", "2", "--json"),
        cli("run", "a.csv", "--dry-run", "--limit", "2"),
    )
    many = cli("run", "a.csv", "--dry-run", "--limit", "100", "--json")

    assert (len(json.loads(some.stdout)["requests"]), json.loads(some.stdout)["estimate"]["calls"]) == (2, 2)
    assert text.stdout.count('"artist_name"') == 2
    assert "8 good rows, calls limited to 2 by --limit, 0 bad" in text.stderr
    assert (len(json.loads(many.stdout)["requests"]), json.loads(many.stdout)["estimate"]["calls"]) == (5, 8)


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ('{"artist_name": "Prince", "artist_data": "singer"}\n{"artist_name": "Björk"}\n', "its first line is JSON"),
        ('["Prince", "Björk"]\n', "its first line is JSON"),
        ('[\n{"artist_name": "Prince"}\n]\n', "its first line is JSON"),
        ("artist_name\tartist_data\nPrince\tsinger\n", "separated by tabs"),
        ("Prince\tsinger, songwriter\nBjörk\tsinger\n", "its first line is separated by tabs"),
        ("Artist_Name;Artist_Data\nPrince;singer\n", "separated by semicolons"),
        ('"artist_name";"artist_data"\n', "separated by semicolons"),
    ],
)
def test_a_file_in_another_format_causes_one_warning_and_is_read(cli, folder, content, part):
    (folder / "a.csv").write_text(content)

    said, dry = cli("ingest", "a.csv"), cli("ingest", "a.csv", "--dry-run")

    assert said.exit_code == 0
    assert said.stderr.count("warning: a.csv: ") == 1
    assert part in said.stderr
    assert part in dry.stderr
    assert " 0 jobs added" not in said.stderr


@pytest.mark.parametrize("name", ["{", "[Unknown]", "{artist_name}", "A; B", "Artist_Name Band", "[1"])
def test_unusual_names_cause_no_warning(name):
    assert wrong_format_hint(Artist(1, name, "painter; sculptor")) is None


@given(st.text(min_size=1), st.text())
def test_any_row_may_come_first(name, data):
    assert (
        wrong_format_hint(Artist(1, name, data)) is None
        or name.lstrip('"')[:1] in "{["
        or "\t" in name
        or "artist_name" in name.lower()
    )


def test_invalid_lines_of_an_env_file_cause_one_warning(program, folder):
    write_artists(folder / "a.csv", 1)
    (folder / ".env").write_text("OPENAI_PROMPT_ID=pmpt_1\nthis is no line\n\n= 5\n# a remark\n")

    result = program.run("ingest", "a.csv")

    assert result.returncode == 0
    assert [line for line in result.stderr.splitlines() if ".env" in line] == [
        "artistjobs: .env, lines 2, 4: ignored; write NAME=value, or # before a comment."
    ]
    assert "parse" not in result.stderr


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("name,data", "'name,data' looks like a header, but is read as an artist; if it is one, add --column"),
        ("Artist,Country,,", "'Artist,Country,,' looks like a header"),
        ("id;name;data", "'id;name;data' looks like a header, but is read as an artist; if it is one, add --input"),
    ],
)
def test_a_header_of_other_names_is_named_before_anything_is_asked(cli, folder, header, said):
    (folder / "a.csv").write_text(f"\n{header}\nPrince,singer\n")

    first, again, dry = cli("ingest", "a.csv"), cli("ingest", "a.csv"), cli("run", "a.csv", "--dry-run")

    assert "the same file as before" in again.stderr
    for result in (first, again, dry):
        assert result.exit_code == 0
        assert result.stderr.count(f"warning: a.csv, line 2: {said}") == 1
        assert "rename it to artist_name,artist_data" in result.stderr
        if "data" in header:
            assert " --column artist_name=name --column artist_data=data," in result.stderr


def test_what_joined_files_repeat_is_skipped_with_a_warning(cli, folder):
    one = b"\xef\xbb\xbfartist_name,artist_data\r\nPrince,singer\r\n"
    (folder / "a.csv").write_bytes(one + one.replace(b"Prince", b"Bowie") + b"artist_name\r\n" * 30)

    result = cli("ingest", "a.csv", "--strict")

    assert result.exit_code == 0
    assert "2 jobs added" in result.stderr
    assert "warning: a.csv, line 3: skipped a byte-order mark" in result.stderr
    assert "warning: a.csv, line 3: skipped the header, which comes again" in result.stderr
    assert "warning: a.csv: 12 more lines with a byte-order mark or the header" in result.stderr
