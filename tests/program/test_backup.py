"""Backups: one consistent file, also while workers write; a restore replaces all or nothing, and loses nothing."""

import errno
import os
import shutil
import signal
import sqlite3
import stat
from contextlib import closing, suppress
from pathlib import Path

import factories as make
import pytest
from children import child, receive
from conftest import wait_until, write_artists

from artistjobs.store.sqlite import copy, leftover_log, migrations
from artistjobs.store.sqlite.liveness import LivenessLock
from artistjobs.store.sqlite.store import open_store

ROWS = 20


@pytest.fixture(autouse=True)
def _new_process(monkeypatch):
    """As in a process that has not opened a database before."""
    monkeypatch.setattr(leftover_log, "_seen", set())


@pytest.fixture
def database(cli, folder):
    """A database with some jobs done and some pending."""
    write_artists(folder / "a.csv", ROWS)
    assert cli("run", "a.csv", "--limit", "8").exit_code == 4
    return folder / "artistjobs.db"


def done(path: Path) -> int:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return db.execute("SELECT count(*) FROM jobs WHERE state = 'done'").fetchone()[0]


def kept(folder: Path) -> list[Path]:
    return [file for file in folder.glob("*.replaced-*") if not file.name.endswith(("-wal", "-shm"))]


def leftovers(folder: Path) -> list[str]:
    return [file.name for file in folder.iterdir() if file.name.startswith(".artistjobs-")]


def test_a_backup_is_one_file_that_can_be_read_anywhere(cli, folder, database):
    (folder / "safe").mkdir()

    result = cli("backup", "safe/b.db")

    assert result.exit_code == 0, result.stderr
    assert "20 jobs, 8 done; restore it with: artistjobs restore safe/b.db" in result.stderr
    assert [file.name for file in (folder / "safe").iterdir()] == ["b.db"]
    (folder / "safe" / "b.db").chmod(0o444)
    (folder / "safe").chmod(0o555)
    assert done(folder / "safe" / "b.db") == 8
    (folder / "safe").chmod(0o755)
    assert cli("--db", "safe/b.db", "status").exit_code == 0


def test_a_backup_while_workers_write_is_one_state_and_keeps_nobody_waiting(
    program_with_api, cli, folder, api, database, monkeypatch
):
    monkeypatch.setattr(copy, "PAGES_AT_ONCE", 1)
    api.latency_seconds = 0.05
    process = program_with_api.start("work", "--max-workers", "2")
    wait_until(lambda: api.journal.paid_calls > 10)

    assert cli("backup", "b.db").exit_code == 0

    assert process.wait(60) == 0
    assert 8 <= done(folder / "b.db") <= ROWS
    assert done(database) == ROWS


def test_a_backup_replaces_nothing_unasked_and_only_a_backup_when_asked(cli, folder, database):
    (folder / "text").write_text("mine")
    shutil.copy(database, folder / "other.db")
    assert cli("--db", "other.db", "status").exit_code == 0
    assert cli("backup", "b.db").exit_code == 0
    before = {name: (folder / name).read_bytes() for name in ("text", "b.db", "other.db", "a.csv")}

    refused = [cli("backup", name) for name in before]
    refused += [cli("backup", "--replace", name) for name in ("text", "a.csv", "artistjobs.db", "artistjobs.db-wal")]
    refused += [cli("backup", ".", "--replace"), cli("backup", "nowhere/b.db")]
    # A database, though nobody works on it now.
    refused += [cli("backup", "--replace", "other.db")]

    assert [result.exit_code for result in refused] == [2] * len(refused)
    assert {name: (folder / name).read_bytes() for name in before} == before
    assert cli("backup", "--replace", "b.db").exit_code == 0
    assert leftovers(folder) == []


def test_a_backup_of_a_closed_database_has_its_mode(cli, folder, database):
    database.chmod(0o600)

    cli("backup", "b.db")

    assert stat.S_IMODE((folder / "b.db").stat().st_mode) == 0o600


def test_a_damaged_database_makes_no_backup(cli, folder, database):
    with database.open("r+b") as file:
        file.seek(3 * 16_384)
        file.write(b"\xa5" * 16_384 * 4)

    result = cli("backup", "b.db")

    assert result.exit_code == 74
    assert "damaged" in result.stderr
    assert not (folder / "b.db").exists()
    assert leftovers(folder) == []


@pytest.mark.parametrize("command", [("backup", "b.db"), ("restore", "old.db")])
def test_a_disk_that_fills_up_leaves_everything_as_it_was(cli, folder, database, monkeypatch, command):
    cli("backup", "old.db")
    before = database.read_bytes()

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(copy.os, "fsync", full)
    result = cli(*command)

    assert result.exit_code == 74
    assert "No space left on device" in result.stderr
    assert database.read_bytes() == before
    assert database.stat().st_nlink == 1
    assert (leftovers(folder), kept(folder)) == ([], [])
    assert not (folder / "b.db").exists()


def test_a_restore_brings_back_the_backup_and_keeps_what_was_there(cli, folder, database):
    assert cli("backup", "b.db").exit_code == 0
    assert cli("run", "a.csv").exit_code == 0

    result = cli("restore", "b.db")

    assert result.exit_code == 0, result.stderr
    (old,) = kept(folder)
    assert f"restored artistjobs.db from b.db: 20 jobs, 8 done; what was there is kept as {old}" in result.stderr
    assert (done(database), done(old), done(folder / "b.db")) == (8, ROWS, 8)
    assert [file.stat().st_nlink for file in (database, old)] == [1, 1]
    assert leftovers(folder) == []
    assert cli("run", "a.csv").exit_code == 0
    assert done(database) == ROWS


def test_a_restore_after_a_kill_leaves_no_log_to_be_played_into_it(program_with_api, cli, folder, api, database):
    assert cli("backup", "b.db").exit_code == 0
    before = api.journal.paid_calls
    api.latency_seconds = 0.1
    process = program_with_api.start("work", "--max-workers", "3")
    wait_until(lambda: api.journal.paid_calls >= before + 6)
    process.kill()
    process.wait()
    assert (folder / "artistjobs.db-wal").stat().st_size > 0

    assert cli("restore", "b.db").exit_code == 0

    assert not [file.name for file in folder.iterdir() if file.name.startswith("artistjobs.db-w")]
    assert done(database) == 8
    (old,) = kept(folder)
    assert Path(f"{old}-wal").exists()
    # The log was moved with its database: nothing that the killed run had stored is lost.
    assert cli("--db", old, "status", "--json").exit_code == 0
    assert done(old) > 8
    api.latency_seconds = 0.0
    assert cli("run", "a.csv").exit_code == 0
    assert done(database) == ROWS


@pytest.mark.parametrize("state", ["missing", "missing with a log", "garbage", "foreign log", "cut"])
def test_a_restore_works_whatever_is_there(cli, folder, database, state):
    assert cli("backup", "b.db").exit_code == 0
    log = folder / "artistjobs.db-wal"
    if state.startswith("missing"):
        database.unlink()
    if state == "missing with a log":
        log.write_bytes(b"anything")
    if state == "garbage":
        database.write_bytes(b"x" * 40_000)
    if state == "foreign log":
        log.write_bytes(os.urandom(40_000))
    if state == "cut":
        os.truncate(database, 20_000)

    result = cli("restore", "b.db")

    assert result.exit_code == 0, result.stderr
    assert done(database) == 8
    assert not log.exists()


def test_a_restore_is_refused_while_a_worker_lives(program_with_api, cli, folder, api, database):
    assert cli("backup", "b.db").exit_code == 0
    before = api.journal.paid_calls
    api.latency_seconds = 0.3
    process = program_with_api.start("work", "--max-workers", "2")
    wait_until(lambda: api.journal.received > before)

    refused = cli("restore", "b.db")
    for file in folder.glob("artistjobs.db-worker-*"):
        file.unlink()
    again = cli("restore", "b.db")

    for result in (refused, again):
        assert result.exit_code == 2
        assert f"in use by a worker (process {process.pid}" in result.stderr
        assert "stop that first" in result.stderr
    assert process.wait(60) == 0
    assert done(database) == ROWS
    assert cli("restore", "b.db").exit_code == 0


def test_a_restore_of_a_damaged_database_is_refused_while_its_worker_lives(cli, folder, database):
    cli("backup", "b.db")
    life = LivenessLock(database, 7)
    database.write_bytes(b"x" * 40_000)

    refused = cli("restore", "b.db")
    life.close()

    assert refused.exit_code == 2
    assert "in use by a worker" in refused.stderr
    assert cli("restore", "b.db").exit_code == 0


def test_a_restore_is_refused_while_another_program_has_the_database_open(cli, folder, database):
    """It would remove the log of the new database when it closes the old one."""
    cli("backup", "b.db")
    script = """
        import sqlite3, sys

        db = sqlite3.connect(sys.argv[1])
        db.execute("SELECT count(*) FROM jobs").fetchall()
        print("open", flush=True)
        sys.stdin.readline()
    """
    with child(script, database) as process:
        receive(process)
        refused = cli("restore", "b.db")

    assert refused.exit_code == 2
    assert "is in use by " in refused.stderr
    assert done(database) == 8
    assert kept(folder) == []


@pytest.mark.parametrize("source", ["nowhere.db", "a.csv", "artistjobs.db", "link.db", "foreign.db", ".", "cut.db"])
def test_what_is_no_backup_is_not_restored(cli, folder, database, source):
    cli("backup", "cut.db")
    os.truncate(folder / "cut.db", 40_000)
    (folder / "link.db").symlink_to("artistjobs.db")
    with closing(sqlite3.connect(folder / "foreign.db")) as db:
        db.execute("CREATE TABLE theirs (id)")
    before = database.read_bytes()

    result = cli("restore", source)

    assert result.exit_code in (2, 74), result.stderr
    assert "Traceback" not in result.stderr
    assert database.read_bytes() == before
    assert (leftovers(folder), kept(folder)) == ([], [])


def test_a_database_of_another_program_is_not_replaced(cli, folder, database):
    cli("backup", "b.db")
    with closing(sqlite3.connect(folder / "theirs.db")) as db:
        db.execute("CREATE TABLE theirs (id)")

    assert cli("--db", "theirs.db", "restore", "b.db").exit_code == 2


def test_real_and_rehearsed_jobs_are_not_mixed_by_a_restore(cli, folder, database):
    cli("run", "a.csv", "--rehearse")
    cli("--db", "rehearsal.db", "backup", "r.db")
    cli("backup", "b.db")

    assert cli("restore", "r.db").exit_code == 2
    assert cli("--db", "rehearsal.db", "restore", "b.db").exit_code == 2
    database.unlink()
    assert cli("restore", "r.db").exit_code == 2
    assert cli("--db", "rehearsal.db", "restore", "r.db").exit_code == 0


def test_a_backup_of_a_later_version_is_not_restored_and_one_of_an_earlier_version_is(cli, folder, monkeypatch):
    write_artists(folder / "a.csv", 3)
    found = migrations.migration_files()
    with monkeypatch.context() as earlier:
        earlier.setattr(migrations, "migration_files", lambda: found[:-1])
        with open_store(folder / "artistjobs.db", create=True) as store:
            make.ingest(store, *make.names(3))
        assert cli("backup", "earlier.db").exit_code == 0
    assert cli("backup", "as it is.db").exit_code == 0
    assert cli("status").exit_code == 0
    assert cli("backup", "now.db").exit_code == 0
    with monkeypatch.context() as earlier:
        earlier.setattr(migrations, "migration_files", lambda: found[:-1])
        refused = cli("restore", "now.db")

    assert refused.exit_code == 74
    assert "later version" in refused.stderr
    for name in ("earlier.db", "as it is.db"):
        assert cli("restore", name).exit_code == 0
        assert cli("status", "--json").stdout.startswith("{")


def test_an_interrupted_restore_or_backup_leaves_everything_as_it_was(program, folder, database, cli):
    cli("backup", "b.db")
    before = database.read_bytes()
    for command in (("backup", "c.db"), ("restore", "b.db")):
        process = program.start(*command)
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGINT)
        process.wait(60)

        assert database.read_bytes() == before or process.returncode == 0
    assert leftovers(folder) == []
