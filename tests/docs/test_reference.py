"""Every command that the reference shows works, on the files that it shows."""

import csv
import io
import json
import re
import shlex

import jsonschema
import pytest
from conftest import read_records
from paths import ROOT, SUPPORT

REFERENCE = (ROOT / "docs" / "reference.md").read_text()


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", REFERENCE, re.MULTILINE | re.DOTALL)


def commands() -> list[tuple[list[str], int]]:
    """Return the arguments of each command, and the exit code that it may have instead of 0."""
    lines = [line for block in blocks("sh") for line in block.splitlines() if line.strip()]
    parts = [line.partition(" || test $? -eq ") for line in lines]
    return [(shlex.split(command)[1:], int(code or 0)) for command, _, code in parts]


@pytest.fixture
def example(cli, folder):
    """Folder in which all commands were run, with their exit codes."""
    (folder / "tate.csv").write_text(blocks("csv")[0])
    (folder / "split.txt").write_text(blocks("text")[0])
    (folder / "facts.json").write_text(blocks("json")[0])
    (folder / "tate_columns.csv").write_text(blocks("csv")[1])
    (folder / "region.txt").write_text(blocks("text")[1])
    for arguments, other in commands():
        result = cli(*arguments)

        assert result.exit_code in (0, other), (arguments, result.stderr)
    return folder


def test_the_worked_example_works_as_the_text_says(example):
    schema = json.loads((example / "facts.json").read_text())
    rows = list(csv.DictReader(io.StringIO((example / "facts.csv").read_text(), newline="")))
    records = read_records(example / "facts.jsonl")

    assert list(rows[0]) == ["artist_name", "gender", "born", "died", "place"]
    assert len(rows) == len(records) == 2
    for row, record in zip(rows, records, strict=True):
        jsonschema.validate(record["data"], schema)
        assert json.loads(row["place"] or "null") == record["data"]["place"]
        assert row["born"] == ("" if record["data"]["born"] is None else str(record["data"]["born"]))


def test_the_example_of_a_table_works_as_the_text_says(example):
    written = list(csv.DictReader(io.StringIO((example / "regions.csv").read_text(), newline="")))
    chosen = list(csv.DictReader(io.StringIO((example / "chosen.csv").read_text(), newline="")))
    records = read_records(example / "regions.jsonl")

    assert list(written[0])[-4:] == ["gender", "born", "died", "place"]
    assert list(chosen[0]) == ["artist_name", "place", "born", "response_text"]
    assert [record["columns"]["place"] for record in records] == [row["place"] for row in written]
    assert records[1]["request"]["variables"] == {
        "artist_name": "Absalon", "born": "1964", "place": "Tel Aviv-Yafo, Yisra'el",
    }  # fmt: skip


def test_the_table_shown_is_an_excerpt_of_the_catalogue():
    catalogue = dict(row for row in csv.reader((SUPPORT / "tate_artists.csv").read_text("utf-8").splitlines()[1:]))

    for name, gender, born, died, place in list(csv.reader(blocks("csv")[1].splitlines()))[1:]:
        facts = catalogue[name].split("; ")
        assert facts[0] == gender
        assert facts[1] == (f"{born}\u2013{died}" if died else f"born {born}")
        assert facts[2] == f"born in {place}"


def test_the_keys_of_an_inspection_are_those_of_the_table(cli, folder):
    (folder / "a.csv").write_text("Prince\n")
    table = REFERENCE.split("## The keys of `inspect --json`")[1].split("## ")[0]

    found = json.loads(cli("inspect", "a.csv", "--json").stdout)

    assert all(f"`{name}`" in table for name in (*found, *found["columns"][0]))


def test_the_schema_of_the_example_is_strict():
    from artistjobs.core.text_format import strict_obstacle

    assert strict_obstacle(json.loads(blocks("json")[0])) is None


def test_the_keys_of_a_comparison_are_those_of_the_table():
    from artistjobs.core.comparison import Verdict
    from artistjobs.export.comparison import _COMMON

    table = REFERENCE.split("## The file of `compare`")[1]

    assert all(f"`{name}`" in table for name in (*_COMMON, *Verdict))


def test_the_subjects_of_a_diagnosis_are_those_of_the_table(cli, monkeypatch):
    table = REFERENCE.split("## The keys of `doctor --json`")[1].split("## ")[0]
    monkeypatch.setenv("SSL_CERT_DIR", "/")
    cli("ingest", "-", input="Prince\n")

    found = json.loads(cli("doctor", "--json").stdout)

    assert all(f"`{name}`" in table for name in (*found, *(one["subject"] for one in found["findings"])))
