"""Tables with columns, batches and background calls with a PostgreSQL database, and their copies."""

import json
import sqlite3
from contextlib import closing
from dataclasses import replace

import psycopg
import pytest
from conftest import read_records

from artistjobs.rehearsal.scenarios import BackgroundRules, BatchRules
from artistjobs.store.queries.tables import TABLES

TABLE = (
    "artist_name,artist_data,Country,Note\n"
    'Frida Kahlo,painter,Mexico,"""quoted"", \\ and a\ttab"\n'
    "Prince,singer,USA,\n"
    "Björk,singer,Ísland,雪\n"
    "Prince,singer,Minnesota,again\n"
)
PROMPT = "--prompt-file", "p.txt"
QUICK = BatchRules(validating_seconds=0.0, seconds=0.02, finalizing_seconds=0.0, cancelling_seconds=0.0)
SLOW = replace(QUICK, seconds=60.0)


@pytest.fixture(autouse=True)
def service(api, folder, monkeypatch):
    """The simulated API with quick batches and background calls, and the files of a run."""
    monkeypatch.setattr("artistjobs.library.arguments.BATCH_SPEED", 1000.0)
    (folder / "a.csv").write_text(TABLE, encoding="utf-8")
    (folder / "p.txt").write_text("Who is {{ artist_name }} of {{ country }}?", encoding="utf-8")
    use(api, QUICK)
    return api


def use(api, rules):
    api.scenario = replace(
        api.scenario, latency_seconds=0.0, batch=rules, background=BackgroundRules(seconds=rules.seconds)
    )


def select(url, statement):
    with psycopg.connect(url) as connection:
        return connection.execute(statement).fetchall()


def rows_of(path, table):
    with closing(sqlite3.connect(path)) as db:
        return sorted(db.execute(f"SELECT * FROM {table}"), key=repr)


def columns(path):
    return [record["columns"] for record in read_records(path)]


EXPECTED = [
    {"country": "Mexico", "note": '"quoted", \\ and a\ttab'},
    {"country": "USA", "note": ""},
    {"country": "Ísland", "note": "雪"},
    {"country": "Minnesota", "note": "again"},
]


@pytest.mark.parametrize("way", [(), ("--batch",), ("--background",)])
def test_a_table_is_asked_about_with_its_columns_and_exported_with_them(cli, folder, service, url, way):
    run = cli("--db", url, "run", "a.csv", *PROMPT, *way, "--no-text", "--max-cost", 5)

    assert run.exit_code == 0, run.stderr
    assert columns(folder / "out.jsonl") == EXPECTED
    assert select(url, "SELECT DISTINCT way FROM answers") == [(way[0].strip("-") if way else "live",)]
    assert select(url, "SELECT count(*) FROM submissions") == [(0,)]
    # Nothing is held back any more: the money of every way is settled.
    assert select(url, "SELECT sum(reserved_usd), sum(margin_usd), sum(lost_usd) FROM workers") == [
        (pytest.approx(0.0, abs=1e-9), pytest.approx(0.0, abs=1e-9), 0.0)
    ]
    assert service.journal.repeated() == {}


def test_every_export_of_columns_is_that_of_sqlite(cli, folder, url):
    exports = (("one.jsonl",), ("full.jsonl", "--full"), ("one.csv",), ("first.jsonl", "--ingest", "1"))
    found = {}
    for database in ("artistjobs.db", url):
        assert cli("--db", database, "run", "a.csv", *PROMPT, "--no-text").exit_code == 0
        for name, *options in exports:
            (folder / name).unlink(missing_ok=True)
            assert cli("--db", database, "export", name, "--no-text", *options).exit_code == 0
        found[database] = (
            [columns(folder / name) for name, *_ in exports if name.endswith("jsonl")],
            (folder / "one.csv").read_text(encoding="utf-8").splitlines()[0],
        )
        (folder / "out.jsonl").unlink()

    assert found[url] == found["artistjobs.db"]
    assert found[url][0] == [EXPECTED] * 3


def test_a_file_that_is_read_otherwise_is_another_file(cli, folder, url):
    (folder / "b.txt").write_text("artist_name\tcountry\nPrince\tUSA\n")

    def ingest(form):
        return json.loads(
            cli("--db", url, "ingest", "b.txt", *PROMPT, "--input-format", form, "--json").stdout
        )  # fmt: skip

    first, same = ingest("tsv"), ingest("tsv")
    cli("--db", url, "ingest", "b.txt", "--prompt-file", "p.txt", "--input-format", "csv")

    assert (first["added"], same["added"]) == (1, 0)
    ways = select(url, "SELECT read_as, count(*), count(lines_of) FROM ingests GROUP BY read_as ORDER BY count(*) DESC")
    assert [row[1:] for row in ways][:1] == [(2, 1)]
    assert len({row[0] for row in ways}) == len(ways)


def test_open_batches_and_columns_come_back_from_a_server_as_they_were_and_work_goes_on(cli, folder, service, url):
    use(service, SLOW)
    started = cli("run", "a.csv", *PROMPT, "--batch", "--no-wait", "--no-text")
    assert started.exit_code == 75, started.stderr
    with closing(sqlite3.connect("artistjobs.db")) as db, db:
        # A process that was killed leaves such a row.
        db.execute("INSERT INTO submissions VALUES (1, 'resp_1', '24h', '2026-01-01T00:00:00.000Z', 0.5)")

    there = cli("copy", "--to", url)
    back = cli("--db", url, "copy", "--to", "back.db")

    assert (there.exit_code, back.exit_code) == (0, 0), there.stderr + back.stderr
    for table in TABLES:
        assert rows_of(folder / "back.db", table) == rows_of(folder / "artistjobs.db", table), table
    for table in ("headers", "batches", "submissions"):
        assert rows_of(folder / "back.db", table), table
    assert "in the background: 1 answer, the oldest for" in cli("--db", url, "status").stdout
    assert cli("--db", url, "report", "r.html").exit_code == 0
    with psycopg.connect(url) as connection:
        connection.execute("DELETE FROM submissions")

    use(service, QUICK)
    for batch in service.desk.batches.values():
        service._running.loop.call_soon_threadsafe(batch.hurried.set)
    last = cli("--db", url, "run", "a.csv", *PROMPT, "--batch", "--no-text")

    assert last.exit_code == 0, last.stderr
    assert columns(folder / "out.jsonl") == EXPECTED
    assert len(service.desk.batches) == 1
    assert service.journal.repeated() == {}
