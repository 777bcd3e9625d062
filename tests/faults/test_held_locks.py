"""Another process keeps the right to write: it is named after seconds, and nothing hangs, not even when interrupted."""

import os
import signal
from contextlib import contextmanager

import pytest
from children import child, receive
from conftest import wait_until, write_artists

from artistjobs.store.sqlite import holders

pytestmark = pytest.mark.skipif(not holders.LOCKS.exists(), reason="needs the list of locks that Linux has")

ROWS, WORKERS = 20, 3

SOON = {
    "artistjobs.store.sqlite.lock_wait.SAY_SECONDS": 0.1,
    "artistjobs.store.sqlite.locks.LOOK_SECONDS": 0.1,
    "artistjobs.store.sqlite.connection.LOOK_SECONDS": 0.1,
    "artistjobs.worker.signals.ECHO_SECONDS": 0.0,
    "artistjobs.worker.store_client.WATCH_SECONDS": 0.1,
}
IMPATIENT = SOON | {"artistjobs.store.sqlite.connection.BUSY_SECONDS": 0.5}

WAITING = "waiting, since another program keeps artistjobs.db locked"

HOLD = {
    "write lock": """
        import sys
        from pathlib import Path
        from artistjobs.store.sqlite.locks import WriteLock

        with WriteLock(Path(sys.argv[1]))():
            print("held", flush=True)
            sys.stdin.readline()
    """,
    "flock of another program": """
        import fcntl, sys

        file = open(sys.argv[1] + "-lock")
        fcntl.flock(file, fcntl.LOCK_EX)
        print("held", flush=True)
        sys.stdin.readline()
    """,
    "transaction": """
        import sqlite3, sys

        sqlite3.connect(sys.argv[1], isolation_level=None).execute("BEGIN IMMEDIATE")
        print("held", flush=True)
        sys.stdin.readline()
    """,
}


@contextmanager
def held(database, how, *, is_stopped=True):
    """Another process holds a lock, and stands still."""
    with child(HOLD[how], database) as process:
        assert receive(process) == "held"
        if is_stopped:
            os.kill(process.pid, signal.SIGSTOP)
            os.waitpid(process.pid, os.WUNTRACED)
        yield process


@pytest.fixture
def database(cli, folder):
    write_artists(folder / "a.csv", ROWS)
    write_artists(folder / "b.csv", ROWS + 5)
    assert cli("ingest", "a.csv").exit_code == 0
    return folder / "artistjobs.db"


COMMANDS = {
    "work": ("work",),
    "run": ("run", "a.csv"),
    "ingest": ("ingest", "b.csv"),
    "retry": ("retry",),
    "pause": ("pause",),
}


@pytest.mark.parametrize(
    ("command", "how"), [*((command, "write lock") for command in COMMANDS), ("work", "transaction")]
)
def test_a_command_that_waits_for_a_stopped_process_names_it_and_ends(world, database, api, command, how):
    with held(database, how) as holder:
        process = world.run(*COMMANDS[command], set=IMPATIENT)

    assert process.code == 74, process.err
    assert f"process {holder.pid} (python, stopped)" in process.err
    assert f"kill -CONT {holder.pid}" in process.err
    assert "Traceback" not in process.err
    assert api.journal.received == 0


@pytest.mark.parametrize("how", ["flock of another program", "transaction"])
def test_a_process_that_sleeps_with_the_lock_is_named_too(world, database, how):
    with held(database, how, is_stopped=False) as holder:
        process = world.run("work", set=IMPATIENT)

    assert process.code == 74, process.err
    assert f"close that program, process {holder.pid} (python), then run the same command again" in process.err


@pytest.mark.parametrize(("command", "how"), [("work", "write lock"), ("retry", "transaction")])
def test_a_command_names_the_process_while_it_waits_and_goes_on_once_that_is_over(world, database, command, how):
    with held(database, how):
        process = world.start(*COMMANDS[command], set=SOON)
        wait_until(lambda: WAITING in process.err or process.poll() is not None)
        assert process.code is None, process.err

    assert process.wait() in (0, 2), process.err


@pytest.mark.parametrize(
    ("command", "how"),
    [("work", "write lock"), ("work", "transaction"), ("ingest", "write lock"), ("retry", "transaction")],
)
def test_a_command_that_waits_at_its_start_is_ended_by_one_interrupt(world, database, api, command, how):
    with held(database, how):
        process = world.start(*COMMANDS[command], set=SOON)
        wait_until(lambda: WAITING in process.err or process.poll() is not None)
        process.signal(signal.SIGINT)

        assert process.wait() == 130, process.err
    assert "Traceback" not in process.err
    assert "continue with: artistjobs" in process.err
    assert api.journal.received == 0


@pytest.mark.parametrize(("processes", "how"), [*((1, how) for how in HOLD), (2, "write lock")])
def test_two_interrupts_end_a_worker_that_cannot_store_its_answers(world, database, api, folder, how, processes):
    api.latency_seconds = 0.2
    process = world.start("work", "--max-workers", WORKERS, "--processes", processes, set=SOON)
    wait_until(lambda: api.journal.paid_calls > WORKERS or process.poll() is not None)
    with held(database, how):
        wait_until(lambda: WAITING in process.err or process.poll() is not None)
        for said in ("stopping: waiting for", "giving up"):
            process.signal(signal.SIGINT)
            wait_until(lambda said=said: said in process.err or process.poll() is not None)

        assert process.wait() == 130, process.err
    assert "not everything that arrived could be stored" in process.err
    assert "Traceback" not in process.err

    again = world.run("run", "a.csv")
    assert again.code == 0, again.err
    assert sum(api.journal.paid_by_key().values()) - ROWS <= WORKERS
