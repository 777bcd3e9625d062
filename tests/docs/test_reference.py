"""The worked examples in docs/ come out as their text says, and the keys listed in docs/ are those of the program."""

import csv
import io
import json
import shlex

import jsonschema
from conftest import read_records
from documents import page
from paths import SUPPORT


def follow(name: str, cli, folder) -> None:
    """Run the commands of a page that work on its own files."""
    files = page(name).files()
    for file, text in files.items():
        (folder / file).write_text(text, "utf-8")
    for shown in page(name).commands():
        if "artists.csv" not in shown.line:
            cli(*shlex.split(shown.line.partition(" || ")[0])[1:])


def test_the_worked_example_works_as_the_text_says(cli, folder):
    follow("schemas", cli, folder)
    schema = json.loads((folder / "facts.json").read_text())
    rows = list(csv.DictReader(io.StringIO((folder / "facts.csv").read_text(), newline="")))
    records = read_records(folder / "facts.jsonl")

    assert list(rows[0]) == ["artist_name", "gender", "born", "died", "place"]
    assert len(rows) == len(records) == 2
    for row, record in zip(rows, records, strict=True):
        jsonschema.validate(record["data"], schema)
        assert json.loads(row["place"] or "null") == record["data"]["place"]
        assert row["born"] == ("" if record["data"]["born"] is None else str(record["data"]["born"]))


def test_the_example_of_a_table_works_as_the_text_says(cli, folder):
    follow("input", cli, folder)
    written = list(csv.DictReader(io.StringIO((folder / "regions.csv").read_text(), newline="")))
    chosen = list(csv.DictReader(io.StringIO((folder / "chosen.csv").read_text(), newline="")))
    records = read_records(folder / "regions.jsonl")

    assert list(written[0])[-4:] == ["gender", "born", "died", "place"]
    assert list(chosen[0]) == ["artist_name", "place", "born", "response_text"]
    assert [record["columns"]["place"] for record in records] == [row["place"] for row in written]
    assert records[1]["request"]["variables"] == {
        "artist_name": "Absalon", "born": "1964", "place": "Tel Aviv-Yafo, Yisra'el",
    }  # fmt: skip


def test_the_table_shown_is_an_excerpt_of_the_catalogue():
    catalogue = dict(row for row in csv.reader((SUPPORT / "tate_artists.csv").read_text("utf-8").splitlines()[1:]))

    for name, gender, born, died, place in list(csv.reader(page("input").files()["tate_columns.csv"].splitlines()))[1:]:
        facts = catalogue[name].split("; ")
        assert facts[0] == gender
        assert facts[1] == (f"{born}\u2013{died}" if died else f"born {born}")
        assert facts[2] == f"born in {place}"


def test_the_keys_of_an_inspection_are_those_of_the_table(cli, folder):
    (folder / "a.csv").write_text("Prince\n")
    table = page("json").section("The keys of `inspect --json`")

    found = json.loads(cli("inspect", "a.csv", "--json").stdout)

    assert all(f"`{name}`" in table for name in (*found, *found["columns"][0]))


def test_the_schema_of_the_example_is_strict():
    from artistjobs.core.text_format import strict_obstacle

    assert strict_obstacle(json.loads(page("schemas").files()["facts.json"])) is None


def test_the_keys_of_a_comparison_are_those_of_the_table():
    from artistjobs.core.comparison import Verdict
    from artistjobs.export.comparison import _COMMON

    table = page("compare").section("The file of `compare`")

    assert all(f"`{name}`" in table for name in {*_COMMON, *Verdict} - {Verdict.NEITHER})


def test_the_subjects_of_a_diagnosis_are_those_of_the_table(cli, monkeypatch):
    table = page("json").section("The keys of `doctor --json`")
    monkeypatch.setenv("SSL_CERT_DIR", "/")
    cli("ingest", "-", input="Prince\n")

    found = json.loads(cli("doctor", "--json").stdout)

    assert all(f"`{name}`" in table for name in (*found, *(one["subject"] for one in found["findings"])))
