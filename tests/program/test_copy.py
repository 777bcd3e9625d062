"""Copy of a database from SQLite to PostgreSQL and back: everything is copied, or nothing."""

import json
import re
import sqlite3
from contextlib import closing

import factories as make
import psycopg
import pytest
from conftest import write_artists

from artistjobs.core.attempt import Outcome
from artistjobs.errors import StoreError
from artistjobs.rehearsal import Fault
from artistjobs.store import transfer as transfer_module
from artistjobs.store.address import DatabaseUrl
from artistjobs.store.database import Database
from artistjobs.store.postgres.store import PostgresStore
from artistjobs.store.queries.tables import TABLES
from artistjobs.store.sqlite.store import SqliteStore

READING = (
    "status", "status --json", "failures", "failures --json", "show 1", "show 3", "ingests", "lost", "lost --json",
    "export - --full --state all", "export - --ingest 1", "export - --format csv", "retry --code nothing",
)  # fmt: skip


@pytest.fixture
def filled(cli, folder, api):
    """A database with done and failed jobs, a changed retry, a dropped job, bad lines and settings."""
    write_artists(folder / "a.csv", 8)
    (folder / "b.csv").write_text("Artist 9,x\n,nobody\nArtist 9,x\n")
    api.script = lambda body, _: (
        Fault.ROW_400 if re.search("Artist [34]", str(body)) and "900" not in str(body) else None
    )
    cli("run", "a.csv", "--no-text", "--max-cost", 5)
    cli("retry", 3, "--param", "max_output_tokens=900")
    cli("work")
    cli("ingest", "b.csv")
    cli("drop", "--ingest", "latest")
    cli("pause")
    return folder / "artistjobs.db"


def rows_of(path, table: str) -> list[tuple]:
    with closing(sqlite3.connect(path)) as db:
        columns = [name for (name,) in db.execute(f"SELECT name FROM pragma_table_xinfo('{table}')")]
        return db.execute(f"SELECT {', '.join(columns)} FROM {table} ORDER BY 1, 2").fetchall()


def test_a_database_comes_back_from_a_server_as_it_was(cli, folder, filled, url):
    there = cli("copy", "--to", url)
    back = cli("--db", url, "copy", "--to", "back.db")

    assert (there.exit_code, back.exit_code) == (0, 0), there.stderr + back.stderr
    assert "9 jobs, 7 answers, 9 attempts" in there.stderr
    for table in TABLES:
        assert rows_of(folder / "back.db", table) == rows_of(filled, table), table


@pytest.mark.usefixtures("filled")
def test_every_command_that_reads_prints_the_same_of_a_copy(cli, folder, url):
    cli("copy", "--to", url)

    def printed(database: str, line: str) -> str:
        found = cli("--db", database, *line.split())
        text = (found.stdout + found.stderr).replace(f" --db {database}", "").replace(database, "DB")
        return re.sub(r'"at": "[^"]*"|\d\d:\d\d:\d\d', "MOMENT", text)

    for line in READING:
        assert printed(url, line) == printed("artistjobs.db", line), line


@pytest.mark.usefixtures("filled")
def test_work_goes_on_in_a_copy(cli, folder, api, url):
    write_artists(folder / "a.csv", 12)
    cli("copy", "--to", url)
    before = api.journal.received

    cli("--db", url, "resume")
    done = cli("--db", url, "run", "a.csv", "--no-text")

    assert done.exit_code == 1, done.stderr
    assert api.journal.received - before == 4
    assert json.loads(cli("--db", url, "status", "--json").stdout)["jobs"]["done"] == 11


def test_texts_that_postgresql_cannot_hold_are_copied(folder, url):
    with closing(SqliteStore(folder / "a.db", None, create=True)) as store:
        make.ingest(store, "Björk", "草間彌生")
        store.queue.register()
        for text in ("a\0b", "c\ud83dd"):
            answer = make.make_answer(text, text_path=None, body="{}")
            make.settle(store, make.make_attempt(make.claim_one(store), Outcome.DONE, answer=answer))
        store.queue.end("finished")

    transfer_module.transfer(Database(folder / "a.db", None), Database(DatabaseUrl(url, spool=folder), None))
    transfer_module.transfer(Database(DatabaseUrl(url, spool=folder), None), Database(folder / "b.db", None))

    assert [row[-1] for row in rows_of(folder / "b.db", "answers")] == [
        row[-1] for row in rows_of(folder / "a.db", "answers")
    ]


def test_a_copy_is_refused_while_a_worker_lives(cli, folder, filled, url):
    with closing(SqliteStore(filled, None, create=False)) as store:
        store.queue.register()
        refused = cli("copy", "--to", url)

    assert refused.exit_code == 2
    assert "a worker is running" in refused.stderr


@pytest.mark.usefixtures("filled")
def test_a_copy_is_dropped_if_the_source_is_changed_meanwhile(cli, folder, url, monkeypatch):
    whole = transfer_module.copy_tables

    def slow(source, target, ensure_unchanged):
        cli("retry", 4)
        return whole(source, target, ensure_unchanged)

    monkeypatch.setattr(transfer_module, "copy_tables", slow)
    with pytest.raises(StoreError, match="was changed meanwhile"):
        transfer_module.transfer(
            Database(folder / "artistjobs.db", None), Database(DatabaseUrl(url, spool=folder), None)
        )

    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT count(*) FROM jobs").fetchone() == (0,)


@pytest.mark.usefixtures("filled")
def test_a_target_with_rows_is_refused_and_stays_as_it_is(cli, folder, url):
    cli("copy", "--to", url)

    again = cli("copy", "--to", url)
    itself = cli("copy", "--to", "artistjobs.db")

    assert (again.exit_code, itself.exit_code) == (2, 2)
    assert "is not empty" in again.stderr
    assert "is not empty" in itself.stderr


@pytest.mark.usefixtures("filled")
def test_a_copy_that_differs_is_not_kept(cli, folder, url):
    cli("copy", "--to", url)
    with psycopg.connect(url, autocommit=True) as connection:
        # A server that stores something else than it was given.
        connection.execute(f"TRUNCATE {', '.join(TABLES)} CASCADE")
        connection.execute(
            "CREATE FUNCTION lie() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN NEW.body := NEW.body || ' '; RETURN NEW; END $$;"
            "CREATE TRIGGER lie BEFORE INSERT ON answers FOR EACH ROW EXECUTE FUNCTION lie()"
        )
        refused = cli("copy", "--to", url)
        connection.execute("DROP TRIGGER lie ON answers; DROP FUNCTION lie")

        assert refused.exit_code == 74
        assert "the copy of the table answers is not equal to it" in refused.stderr
        assert connection.execute("SELECT count(*) FROM jobs").fetchone() == (0,)


def test_a_failed_copy_to_a_file_leaves_no_file(cli, folder, url, monkeypatch):
    with closing(PostgresStore(DatabaseUrl(url, spool=folder / "spool"), None, create=True)) as store:
        make.ingest(store, *make.names(3))

    def fail(*_):
        raise StoreError("no room")

    monkeypatch.setattr(transfer_module, "copy_tables", fail)
    with pytest.raises(StoreError, match="no room"):
        transfer_module.transfer(Database(DatabaseUrl(url), None), Database(folder / "new.db", None))

    assert not list(folder.glob("new.db*"))


def test_both_stores_have_the_same_tables_with_the_same_columns(folder, url):
    from artistjobs.store.sqlite.tables import SqliteTables

    with (
        closing(SqliteStore(folder / "a.db", None, create=True)) as sqlite,
        closing(PostgresStore(DatabaseUrl(url, spool=folder), None, create=True)) as postgres,
    ):
        from artistjobs.store.postgres.tables import PostgresTables

        one = SqliteTables(sqlite._connection.db.conn, sqlite.kind)
        other = PostgresTables(postgres._connection.db, postgres.kind)
        for table in (*TABLES, "results", "failures", "progress", "spending", "job_columns"):
            assert one.columns(table) == other.columns(table), table


def test_browse_names_the_copy_for_a_server(cli, folder, url):
    with closing(PostgresStore(DatabaseUrl(url, spool=folder), None, create=True)) as store:
        make.ingest(store, *make.names(3))

    refused = cli("--db", url, "browse", "--no-open")

    assert refused.exit_code == 2
    assert "artistjobs --db URL copy --to jobs.db" in refused.stderr
