"""Migrations are found, split into statements, and applied once, also by several processes at the same time."""

import os
import sqlite3
from contextlib import ExitStack, closing

import factories as make
import pytest
from children import child, finish, receive, send
from conftest import wait_until, write_artists

from artistjobs.core.job import EVERYTHING
from artistjobs.errors import StoreError
from artistjobs.store import migration_files as files
from artistjobs.store.sqlite import migrations as schema
from artistjobs.store.sqlite.migrations import migration_files
from artistjobs.store.sqlite.reader import open_reader
from artistjobs.store.sqlite.store import SqliteStore, open_store

OPENERS, ROUNDS = 8, 5


class File:
    """An additional migration for tests."""

    def __init__(self, name, text):
        self.name = name
        self._text = text

    def read_text(self, **_):
        return self._text


@pytest.fixture
def path(tmp_path):
    return tmp_path / "jobs.db"


@pytest.fixture
def add_migration(monkeypatch):
    """Function that adds migrations to the existing ones."""
    found = migration_files()

    def add(name, text):
        found.append(File(name, text))
        monkeypatch.setattr(schema, "migration_files", lambda: found)

    return add


def names_of(path, kind):
    with closing(sqlite3.connect(path)) as db:
        return {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = ?", [kind])}


def test_the_migrations_are_found_in_their_order():
    names = [file.name for file in migration_files()]

    assert names[0] == "0001_create_tables.sql"
    assert names == sorted(names)
    assert len({name[:4] for name in names}) == len(names)


def test_an_installation_without_migrations_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(files, "__file__", str(tmp_path / "a" / "b" / "c.py"))

    with pytest.raises(StoreError, match=r"the migrations are missing .*; install artistjobs again\.$"):
        migration_files()


def test_a_script_is_split_into_its_statements():
    script = """-- A comment; with a semicolon.

CREATE TABLE a (x TEXT DEFAULT ';'); -- of two parts
CREATE TRIGGER t AFTER INSERT ON a
BEGIN
    -- Inside; too.
    SELECT 1;
    UPDATE a SET x = 'END;';
END;
-- The end.
"""

    statements = [statement.strip() for statement in schema._statements(script)]

    assert [statement.split()[1] for statement in statements] == ["TABLE", "TRIGGER"]
    assert statements[1].endswith("END;")


def test_an_incomplete_statement_is_an_error():
    with pytest.raises(ValueError, match="never ends"):
        list(schema._statements("CREATE TABLE a (x);\nCREATE TABLE b (y)\n"))


def test_migrations_are_applied_once(path):
    for _ in range(2):
        with open_store(path, create=True) as store:
            make.ingest(store, "Frida Kahlo")

    with closing(sqlite3.connect(path)) as db:
        applied = [name for (name,) in db.execute("SELECT name FROM _sqlite_migrations ORDER BY id")]
    assert applied == [file.name.removesuffix(".sql") for file in migration_files()]


def test_an_older_database_is_migrated_with_its_jobs(path, add_migration):
    with open_store(path, create=True) as store:
        make.ingest(store, "Frida Kahlo")
    add_migration("9998_add_wings.sql", "ALTER TABLE jobs ADD COLUMN wings INTEGER;\nCREATE TABLE feathers (id) ;\n")

    with open_store(path) as store:
        assert store.records.counts(EVERYTHING).pending == 1

    assert "feathers" in names_of(path, "table")


def add_wings(add_migration):
    add_migration("9998_add_wings.sql", "CREATE TABLE feathers (id);\n")


@pytest.mark.parametrize("opens", [open_store, open_reader])
def test_a_database_is_not_upgraded_while_a_worker_of_an_earlier_version_lives(path, add_migration, opens):
    with open_store(path, create=True) as store:
        make.ingest(store, "Frida Kahlo")
        store.queue.register()
        add_wings(add_migration)

        with pytest.raises(StoreError) as raised, opens(path):
            pass
        assert "feathers" not in names_of(path, "table")
        claim = make.claim_one(store)
        make.settle(store, make.make_attempt(claim))
        store.queue.end("finished")

    assert f"in use by a worker of an earlier version (process {os.getpid()}" in str(raised.value)
    assert str(raised.value).endswith("wait until it ends or stop it with Ctrl+C, then run the same command again.")
    with opens(path) as later:
        assert later.records.counts(EVERYTHING).done == 1
    assert "feathers" in names_of(path, "table")


def test_a_worker_that_died_keeps_no_database_from_an_upgrade(path, add_migration):
    with open_store(path, create=True) as store:
        store.queue.register()
    add_wings(add_migration)

    with open_store(path):
        assert "feathers" in names_of(path, "table")


def test_the_upgrade_waits_for_a_running_program_and_comes_after_it(program_with_api, cli, folder, api, add_migration):
    write_artists(folder / "a.csv", 400)
    api.latency_seconds = 0.3  # for long enough that the program runs until all commands were refused
    process = program_with_api.start("run", "a.csv", "--max-workers", "2")
    wait_until(lambda: api.journal.received)
    add_wings(add_migration)

    for command in (["status"], ["export"], ["failures"], ["report"], ["work"], ["pause"], ["run", "a.csv"]):
        refused = cli(*command)
        assert (refused.exit_code, "earlier version" in refused.stderr) == (74, True), command
    api.latency_seconds = 0.0
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors

    assert cli("status").exit_code == 0
    assert "feathers" in names_of(folder / "artistjobs.db", "table")


def everything(path):
    """Return all rows of the tables that contain work, and their indexes and triggers."""
    tables = ["prompts", "ingests", "jobs", "ingest_lines", "attempts", "answers", "results", "failures", "progress"]
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
        return {table: db.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall() for table in tables}


def make_older(path, newer, version):
    """Make a database of an earlier version with the rows of a newer one, without what the newer one alone has."""
    with pytest.MonkeyPatch.context() as older:
        older.setattr(schema, "migration_files", lambda: [file for file in migration_files() if file.name < version])
        with open_store(path, create=True):
            pass
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("ATTACH ? AS newer", (str(newer),))
        for table in ("texts", "prompts", "ingests", "workers", "jobs", "ingest_lines", "attempts", "answers"):
            names = ", ".join(row[1] for row in db.execute(f"PRAGMA main.table_info({table})"))
            db.execute(f"INSERT INTO main.{table} ({names}) SELECT {names} FROM newer.{table}")


def test_jobs_of_an_older_schema_keep_their_related_rows(path, tmp_path):
    with open_store(tmp_path / "newer.db", create=True) as store:
        store.queue.register()
        make.ingest(store, *make.names(20), "Artist 3", ("Artist 4", "other data"))
        make.answer_everything(store, 5)
        make.fail(store)
        make.claim(store, 2)
    make_older(path, tmp_path / "newer.db", "0006")
    # The lock file of the worker, which shows that it is dead.
    (tmp_path / "newer.db-worker-1").rename(path.with_name(f"{path.name}-worker-1"))
    rows = everything(path)

    with open_store(path) as store:
        assert store.queue.rescue().pending == 2
        again = make.ingest(store, *make.names(22))
        assert (again.known, again.added) == (20, 2)
    with open_store(tmp_path / "new.db", create=True):
        pass

    # Later migrations add columns at the end: sent_as, header and columns of a job, and the way of an answer.
    migrated = everything(path)
    assert [(*row, None, None, None) for row in rows["jobs"][:6]] == migrated["jobs"][:6]
    assert [(*row, "live") for row in rows["answers"]] == migrated["answers"]
    assert [rows[name] for name in ("results", "failures")] == [migrated[name] for name in ("results", "failures")]
    assert all(names_of(path, kind) == names_of(tmp_path / "new.db", kind) for kind in ("index", "trigger", "view"))


def test_foreign_keys_are_enforced_again_after_a_migration(path):
    with open_store(path, create=True) as store:
        make.ingest(store, "Frida Kahlo")

        assert store._connection.db.conn.execute("PRAGMA foreign_keys").fetchone() == (1,)


def test_a_migration_that_fails_leaves_nothing_of_itself_or_those_before(path, add_migration):
    with open_store(path, create=True) as store:
        make.ingest(store, "Frida Kahlo")
    add_migration("9998_add_wings.sql", "CREATE TABLE wings (id);\n")
    add_migration("9999_add_tail.sql", "CREATE TABLE tail (id);\nCREATE TABLE jobs (id);\n")

    with pytest.raises(StoreError):
        SqliteStore(path, None, create=True)

    assert not names_of(path, "table") & {"wings", "tail"}


def test_a_new_database_is_created_completely_or_not_at_all(path, add_migration):
    add_migration("9999_fail.sql", "CREATE TABLE jobs (id);\n")

    with pytest.raises(StoreError):
        SqliteStore(path, None, create=True)

    assert names_of(path, "table") == set()


OPEN = """
    import sys
    from pathlib import Path
    from artistjobs.store.sqlite.store import open_store

    print("ready", flush=True)
    for path in sys.stdin:
        with open_store(Path(path.strip()), create=True) as store:
            print("opened", store.queue.register(), store.kind, flush=True)
            store.queue.end("finished")
"""


def test_many_processes_open_a_new_file_at_once(tmp_path):
    with ExitStack() as stack:
        children = [stack.enter_context(child(OPEN)) for _ in range(OPENERS)]
        for process in children:
            receive(process)
        for number in range(ROUNDS):
            path = tmp_path / f"{number}.db"
            for process in children:
                send(process, str(path))

            heard = [receive(process).split() for process in children]

            assert {word for word, _, _ in heard} == {"opened"}
            assert sorted(int(worker) for _, worker, _ in heard) == list(range(1, OPENERS + 1))
        for process in children:
            finish(process)


def test_a_kill_during_the_creation_of_a_database_does_not_affect_the_next_process(path):
    script = """
        import os, signal, sys
        from pathlib import Path
        from artistjobs.store.sqlite import migrations as schema
from artistjobs.store.sqlite import queue
        from artistjobs.store.sqlite.store import open_store

        class Fatal:
            name = "9999_die.sql"
            def read_text(self, encoding):
                os.kill(os.getpid(), signal.SIGKILL)

        found = [*schema.migration_files(), Fatal()]
        schema.migration_files = lambda: found
        with open_store(Path(sys.argv[1]), create=True):
            pass
    """
    with child(script, path) as process:
        process.wait(60)

    with open_store(path, create=True) as store:
        assert make.ingest(store, "Frida Kahlo").added == 1
