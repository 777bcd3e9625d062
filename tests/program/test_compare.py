"""Two prompts or models side by side, for the rows that both were asked about."""

import csv
import io
import json
import sqlite3
from contextlib import closing

import pytest
from conftest import read_records, write_artists
from schemas import ARTIST

from artistjobs.rehearsal import Fault, replies


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr("artistjobs.core.retry.FIRST_WAIT_SECONDS", 0.001)


@pytest.fixture
def run(cli, folder):
    write_artists(folder / "a.csv", 5)
    (folder / "p.txt").write_text("Who is {{ artist_name }}? {{ artist_data }}")
    (folder / "q.txt").write_text("Describe {{ artist_name }}.")
    (folder / "artist.json").write_text(json.dumps(ARTIST))
    return lambda *options, file="a.csv": cli("run", file, *options)


def query(folder, statement: str) -> list[tuple]:
    with closing(sqlite3.connect(folder / "artistjobs.db")) as db:
        return db.execute(statement).fetchall()


def test_two_models_are_put_side_by_side_with_cost_and_summary(cli, folder, run):
    for model in ("gpt-5", "gpt-5-mini"):
        run("--prompt-file", "p.txt", "--model", model)

    result = cli("compare", "gpt-5", "gpt-5-mini")

    assert result.exit_code == 0, result.stderr
    records = read_records(folder / "compare.jsonl")
    assert [record["artist_name"] for record in records] == [f"Artist {number}" for number in range(1, 6)]
    assert {record["result"] for record in records} == {"different"}
    for record in records:
        assert (record["first"]["model"], record["second"]["model"]) == ("gpt-5", "gpt-5-mini")
        assert record["first"]["cost_usd"] > record["second"]["cost_usd"]
    ((cost,),) = query(folder, "SELECT sum(cost_usd) FROM answers JOIN jobs ON jobs.id = job WHERE prompt = 1")
    assert sum(record["first"]["cost_usd"] for record in records) == pytest.approx(cost)
    assert "first: prompt 1, p.txt, gpt-5: 5 of 5 done, $" in result.stdout


def test_each_row_is_same_different_or_only_done_once(cli, api, folder, run):
    answers = {"Artist 1": "same", "Artist 2": "other"}

    def text(body, *, key, tokens):
        name = next(name for name in [*answers, "Artist 3", "Artist 4", "Artist 5"] if f"{name}?" in body["input"])
        return f"{name} {body['model'] if answers.get(name) == 'other' else ''}"

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(replies, "write_text", text)

        def failing(*names):
            return lambda body, nth: Fault.ROW_400 if any(f"{name}?" in body["input"] for name in names) else None

        api.script = failing("Artist 3", "Artist 5")
        run("--prompt-file", "p.txt", "--model", "gpt-5")
        api.script = failing("Artist 4", "Artist 5")
        run("--prompt-file", "p.txt", "--model", "gpt-5-mini")

    result = cli("compare", "1", "2", "both.csv", "--json")

    summary = json.loads(result.stdout)
    assert {name: summary[name] for name in ("rows", "same", "different", "only_first", "only_second", "neither")} == {
        "rows": 5, "same": 1, "different": 1, "only_first": 1, "only_second": 1, "neither": 1,
    }  # fmt: skip
    assert (summary["first"]["done"], summary["second"]["done"]) == (3, 3)
    rows = list(csv.DictReader(io.StringIO((folder / "both.csv").read_text(), newline="")))
    assert [row["result"] for row in rows] == ["same", "different", "only_second", "only_first"]
    assert rows[2]["first_error_code"] == "invalid_prompt"
    assert rows[2]["first_response_text"] == ""


def test_structured_answers_are_compared_by_property(cli, folder, run):
    run("--prompt-file", "p.txt", "--schema", "artist.json")
    run("--prompt-file", "q.txt", "--schema", "artist.json")

    summary = json.loads(cli("compare", "p.txt", "q.txt", "--json").stdout)
    cli("compare", "1", "2", "both.csv")

    records = read_records(folder / "compare.jsonl")
    for record in records:
        first, second = record["first"]["data"], record["second"]["data"]
        assert record["differing"] == [name for name in ARTIST["properties"] if first[name] != second[name]]
        assert (record["result"] == "same") == (not record["differing"])
    assert summary["differing"] == {
        name: sum(name in record["differing"] for record in records)
        for name in sorted(ARTIST["properties"])
        if any(name in record["differing"] for record in records)
    }
    header, *rows = csv.reader(io.StringIO((folder / "both.csv").read_text(), newline=""))
    assert header[4:10] == [
        "first_gender", "second_gender", "first_born", "second_born", "first_works", "second_works",
    ]  # fmt: skip
    assert [row[4] for row in rows] == [record["first"]["data"]["gender"] for record in records]


def test_rows_are_matched_by_name_and_data_also_where_the_data_is_not_sent(cli, folder, run):
    (folder / "a.csv").write_text("Prince,singer\nPrince,guitarist\nBjörk\nPrince,singer\n")
    (folder / "b.csv").write_text("Björk\nPrince,guitarist\nNobody else\n")
    run("--prompt-file", "p.txt")
    run("--prompt-file", "q.txt", file="b.csv")

    cli("compare")

    records = read_records(folder / "compare.jsonl")
    assert [(record["artist_name"], record.get("artist_data")) for record in records] == [
        ("Prince", "guitarist"), ("Björk", None),
    ]  # fmt: skip


def test_corrections_and_retries_count_in_the_cost(cli, api, folder, run):
    api.script = lambda body, nth: None if isinstance(body["input"], list) else Fault.SCHEMA_MISMATCH
    run("--prompt-file", "p.txt", "--schema", "artist.json")
    api.script = None
    run("--prompt-file", "q.txt", "--schema", "artist.json")

    summary = json.loads(cli("compare", "--json").stdout)

    ((cost, tokens),) = query(
        folder, "SELECT sum(cost_usd), sum(output_tokens) FROM answers JOIN jobs ON jobs.id = job WHERE prompt = 1"
    )
    assert summary["first"]["cost_usd"] == pytest.approx(cost, abs=1e-6)
    assert summary["first"]["output_tokens"] == tokens


def test_the_rows_can_go_to_stdout_and_the_summary_to_stderr(cli, run):
    run("--prompt-file", "p.txt")
    run("--prompt-file", "q.txt")

    result = cli("compare", "1", "2", "-", "--format", "csv")

    assert len(list(csv.DictReader(result.stdout.splitlines()))) == 5
    assert "5 rows asked with both" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["1"], "name the two to compare"),
        (["1", "1"], "are the same"),
        (["1", "9"], "no prompt '9'"),
        (["gpt-5", "2"], "2 prompts are named 'gpt-5'"),
        (["1", "3"], "no row was asked with both"),
        (["1", "2", "x.parquet"], "JSON Lines or CSV"),
        (["1", "2", "artistjobs.db", "--format", "csv"], "database"),
        (["1", "2", "-", "--json"], "cannot both go to stdout"),
        ([], "name the two to compare"),
    ],
)
def test_what_cannot_be_compared_is_told_and_an_old_file_stays(cli, folder, run, arguments, said):
    run("--prompt-file", "p.txt")
    run("--prompt-file", "q.txt")
    (folder / "b.csv").write_text("Somebody else\n")
    run("--prompt-file", "q.txt", "--model", "gpt-5-mini", file="b.csv")
    (folder / "compare.jsonl").write_text("old")

    result = cli("compare", *arguments)

    assert result.exit_code == 2
    assert said in result.stderr
    assert (folder / "compare.jsonl").read_text() == "old"


def test_a_database_with_one_prompt_has_nothing_to_compare(cli, run):
    run("--prompt-file", "p.txt")

    assert "the database has 1 (p.txt, gpt-5)" in cli("compare").stderr
