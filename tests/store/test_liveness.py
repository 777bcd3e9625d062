"""Workers whose lock files somebody removes: none of them is taken for dead, and each makes its file anew."""

import os
import signal
import socket
import sqlite3
import threading
from pathlib import Path

import factories as make
import pytest
from children import child, receive, send
from conftest import wait_until

from artistjobs.errors import StoreError
from artistjobs.store.queries.job_queries import SqlJobQueries
from artistjobs.store.sqlite import holders, liveness
from artistjobs.store.sqlite.liveness import GRACE_SECONDS, DeathWatch, LivenessLock, WorkerProcess, is_alive
from artistjobs.store.sqlite.store import open_store

needs_list = pytest.mark.skipif(not holders.LOCKS.exists(), reason="needs the list of locks that Linux has")

WORK = """
    import sys
    from pathlib import Path
    from artistjobs.core.job import EVERYTHING
    from artistjobs.store.sqlite import liveness
    from artistjobs.store.sqlite.store import open_store

    liveness.KEEP_SECONDS = float(sys.argv[2])
    with open_store(Path(sys.argv[1])) as store:
        worker = store.queue.register()
        print(worker, *[claim.job for claim in store.queue.exchange([], 2, EVERYTHING)], flush=True)
        for _ in sys.stdin:
            store.queue.exchange([], 0, EVERYTHING)
            print("exchanged", flush=True)
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "jobs.db"


@pytest.fixture
def store(path):
    with open_store(path, create=True) as store:
        make.ingest(store, *make.names(4))
        yield store


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def row_of(process, worker=1, **its):
    return WorkerProcess(worker, **{"host": socket.gethostname(), "pid": process.pid, **its})


def is_dead(watch, process):
    with watch.lock_if_dead(process) as dead:
        return dead


def test_a_worker_makes_its_file_anew_and_says_so(path, store, monkeypatch, capsys):
    monkeypatch.setattr(liveness, "KEEP_SECONDS", 0.01)
    worker = store.queue.register()
    file = path.with_name(f"jobs.db-worker-{worker}")

    for _ in range(3):
        file.unlink()
        wait_until(file.exists)

    assert is_alive(path, WorkerProcess(worker, "another host", 1))
    assert "was removed and is made again" in capsys.readouterr().err
    store.queue.end("finished")
    assert not file.exists()


def test_a_file_of_somebody_else_in_its_place_is_replaced_and_not_removed_at_the_end(path, store):
    life = LivenessLock(path, 7)
    file = path.with_name("jobs.db-worker-7")
    file.unlink()
    file.touch()

    assert life.renew()
    assert is_alive(path, WorkerProcess(7, "another host", 1))
    file.unlink()
    file.touch()
    life.end()

    assert file.exists()


def test_a_worker_removes_the_files_that_others_could_not_remove_at_their_end(path, store):
    with open_store(path) as other:
        ended = other.queue.register()
        other.queue.end("finished")
    living, unknown = LivenessLock(path, ended), path.with_name("jobs.db-worker-77")
    file = path.with_name(f"jobs.db-worker-{ended}")
    unknown.touch()

    with open_store(path) as other:
        other.queue.rescue()
    assert file.exists()
    living.close()
    store.queue.rescue()

    assert not file.exists()
    assert unknown.exists()


@needs_list
@pytest.mark.parametrize("is_stopped", [False, True])
def test_until_then_it_is_alive_because_its_process_uses_the_database(path, store, is_stopped):
    with child(WORK, path, 3600) as process:
        assert receive(process).split() == ["1", "1", "2"]
        path.with_name("jobs.db-worker-1").unlink()
        if is_stopped:
            os.kill(process.pid, signal.SIGSTOP)
            os.waitpid(process.pid, os.WUNTRACED)

        assert [row.is_alive for row in store.records.workers()] == [True]
        rescued = store.queue.rescue()
        assert (rescued.pending, rescued.live_workers) == (0, 1)

        process.kill()
        process.wait()
        assert store.queue.rescue().pending == 2


@needs_list
def test_a_process_that_uses_another_database_keeps_no_worker_alive(path, store, tmp_path):
    """A copy of a database names the workers of the original, which live."""
    with open_store(tmp_path / "other.db", create=True), child(WORK, tmp_path / "other.db", 3600) as process:
        receive(process)

        assert not is_alive(path, row_of(process))
        assert is_dead(DeathWatch(path), row_of(process))


@pytest.mark.parametrize("of_whom", ["another host", "no list", "own"])
def test_a_process_that_cannot_be_seen_gets_some_seconds_to_make_its_file_anew(path, store, monkeypatch, of_whom):
    clock = Clock()
    watch = DeathWatch(path, clock)
    with child("import sys; sys.stdin.readline()") as process:
        row = row_of(process)
        if of_whom == "another host":
            row = row_of(process, host="another host")
        elif of_whom == "own":  # as after the restart of a container
            row = row._replace(pid=os.getpid())
        else:
            monkeypatch.setattr(holders, "LOCKS", Path("/nowhere"))

        assert not is_dead(watch, row)
        clock.now = GRACE_SECONDS - 1
        assert not is_dead(watch, row)
        clock.now = GRACE_SECONDS + 1
        assert is_dead(watch, row)


@pytest.mark.parametrize("has_list", [True, False])
def test_a_process_that_is_gone_is_dead_at_once(path, store, monkeypatch, has_list):
    if not has_list:
        monkeypatch.setattr(holders, "LOCKS", Path("/nowhere"))
    with child("") as process:
        process.wait()

    assert not is_alive(path, row_of(process))
    assert is_dead(DeathWatch(path), row_of(process))


def test_a_worker_whose_file_cannot_be_made_anew_stops_in_a_sentence(path, store, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied", f"{path}-worker-1.new")

    monkeypatch.setattr(liveness, "KEEP_SECONDS", 0.01)
    store.queue.register()
    monkeypatch.setattr(liveness, "create_lock_file", refuse)
    path.with_name("jobs.db-worker-1").unlink()
    wait_until(lambda: store.queue._keeper._trouble)

    with pytest.raises(StoreError, match=r"jobs\.db-worker-1.*Permission denied; "):
        make.claim(store)
    monkeypatch.undo()


def test_a_worker_goes_on_with_a_file_made_anew(path, store):
    with child(WORK, path, 0.01) as process:
        receive(process)
        file = path.with_name("jobs.db-worker-1")
        file.unlink()
        wait_until(file.exists)

        send(process)
        assert receive(process) == "exchanged"
        assert is_alive(path, row_of(process, host="another host"))


def keepers():
    return [thread for thread in threading.enumerate() if thread.name == "lock keeper"]


@pytest.mark.parametrize("way", ["end", "close"])
def test_the_thread_of_a_worker_does_not_outlive_its_registration(path, way):
    before = len(keepers())
    with open_store(path, create=True) as store:
        store.queue.register()
        assert len(keepers()) == before + 1

        store.queue.end("done") if way == "end" else store.queue.close()

        assert len(keepers()) == before


def endings(store):
    return [run.ending for run in SqlJobQueries(store._connection).runs(10)]


def test_the_first_end_of_a_worker_is_the_one_that_is_recorded(path, store):
    store.queue.register()

    store.queue.end("finished")
    store.queue.end("interrupted")

    assert endings(store) == ["finished"]


def test_a_worker_that_left_like_a_dead_one_records_no_end(path, store):
    store.queue.register()

    store.queue.close()
    store.queue.end("finished")

    assert endings(store) == [None]


def test_a_registration_that_does_not_reach_the_disk_leaves_no_lock_file(path, store):
    def refuse_commits(action, name, *_):
        return sqlite3.SQLITE_DENY if (action, name) == (sqlite3.SQLITE_TRANSACTION, "COMMIT") else sqlite3.SQLITE_OK

    store._connection.db.conn.set_authorizer(refuse_commits)
    with pytest.raises(StoreError):
        store.queue.register()
    store._connection.db.conn.set_authorizer(None)

    assert list(path.parent.glob("*worker*")) == []


def test_a_queue_that_waits_for_the_right_to_write_is_watched(path, store):
    waiting = threading.Thread(target=store.queue.register)
    with open_store(path) as other, other._connection.transaction():
        waiting.start()
        wait_until(lambda: has_given_up(store.queue))
    waiting.join()


def has_given_up(queue):
    try:
        queue.watch_lock(is_abandoned=True)
    except StoreError as error:
        return "locked" in str(error)
    return False
