"""Locks are released when their process ends, and not before."""

import os
import signal
import socket
from contextlib import ExitStack, nullcontext
from io import FileIO

import factories as make
import pytest
from children import child, finish, receive, send

from artistjobs.store.sqlite import liveness
from artistjobs.store.sqlite.liveness import DeathWatch, LivenessLock, WorkerProcess, suspected_job, worker_file
from artistjobs.store.sqlite.locks import WriteLock
from artistjobs.store.sqlite.store import open_store

NO_PROCESS = 2**22 + 1
"""A process id above the greatest of Linux, 2^22."""


LIVE = """
    import sys
    from pathlib import Path
    from artistjobs.store.sqlite.liveness import LivenessLock

    life = LivenessLock(Path(sys.argv[1]), 1)
    print("alive", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def database(tmp_path):
    return tmp_path / "jobs.db"


def a_worker(worker=1, **its):
    """A worker of this machine, whose process nobody has."""
    return WorkerProcess(worker, **{"host": socket.gethostname(), "pid": NO_PROCESS, **its})


def is_alive(database, worker=1, **its):
    return liveness.is_alive(database, a_worker(worker, **its))


def lock_if_dead(database, worker=1, **its):
    return DeathWatch(database).lock_if_dead(a_worker(worker, **its))


def is_certified_dead(database, worker=1, **its):
    with lock_if_dead(database, worker, **its) as is_dead:
        return is_dead


def stop_and_wait(process):
    os.kill(process.pid, signal.SIGSTOP)
    os.waitpid(process.pid, os.WUNTRACED)


def test_a_worker_is_alive_as_long_as_its_process(database):
    with child(LIVE, database) as process:
        receive(process)
        assert is_alive(database, 1)
        assert not is_certified_dead(database)

        process.kill()
        process.wait()

    assert not is_alive(database, 1)
    assert is_certified_dead(database)


def test_a_stopped_worker_is_alive(database):
    with child(LIVE, database) as process:
        receive(process)
        stop_and_wait(process)

        assert is_alive(database, 1)
        assert not is_certified_dead(database)


def test_a_process_that_a_worker_started_does_not_keep_it_alive(database):
    script = """
        import subprocess, sys
        from pathlib import Path
        from artistjobs.store.sqlite.liveness import LivenessLock

        life = LivenessLock(Path(sys.argv[1]), 1)
        print(subprocess.Popen(["sleep", "60"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).pid, flush=True)
        sys.stdin.readline()
    """
    with child(script, database) as process:
        sleeper = int(receive(process))
        process.kill()
        process.wait()

    try:
        assert not is_alive(database, 1)
    finally:
        os.kill(sleeper, signal.SIGKILL)


def test_an_unknown_worker_is_dead(database):
    assert not is_alive(database, 7)
    assert not (database.parent / "jobs.db-worker-7").exists()


def test_a_check_of_liveness_changes_nothing(database):
    life = LivenessLock(database, 1)
    life.close()

    assert [is_alive(database, 1), is_alive(database, 1)] == [False, False]
    assert make.litter(database) == {"-worker-1"}


def test_two_processes_that_check_at_once_do_not_take_each_other_for_the_worker(database, monkeypatch):
    LivenessLock(database, 1).close()
    with monkeypatch.context() as other, ExitStack() as stack:
        # The other process keeps the file open.
        other.setattr(liveness, "open_existing", lambda path: nullcontext(stack.enter_context(FileIO(path))))
        assert not is_alive(database, 1)
        other.undo()

        assert not is_alive(database, 1)


def test_only_one_process_at_a_time_rescues_a_dead_worker(database):
    LivenessLock(database, 1).close()

    with lock_if_dead(database, 1) as first, lock_if_dead(database, 1) as second:
        assert (first, second) == (True, False)


def test_the_file_of_a_dead_worker_is_removed_and_that_of_a_living_one_stays(database):
    life = LivenessLock(database, 1)
    assert not is_certified_dead(database, 1)
    assert is_certified_dead(database, 2)

    assert make.litter(database) == {"-worker-1"}
    life.end()
    assert make.litter(database) == set()


def test_a_worker_whose_file_somebody_else_looks_at_is_alive_all_the_same(database):
    """The process that rescues a dead worker removes its lock file; no other process would see a lock on that file."""
    LivenessLock(database, 1).close()

    with lock_if_dead(database, 1) as is_dead:
        life = LivenessLock(database, 1)
        assert is_dead

    assert is_alive(database, 1)
    life.end()


def test_the_write_lock_admits_one_process_at_a_time(database):
    counter = database.with_name("counter")
    counter.write_text("0")
    script = """
        import sys
        from pathlib import Path
        from artistjobs.store.sqlite.locks import WriteLock

        turn, counter = WriteLock(Path(sys.argv[1])), Path(sys.argv[2])
        print("ready", flush=True)
        sys.stdin.readline()
        for _ in range(500):
            with turn():
                counter.write_text(str(int(counter.read_text()) + 1))
        turn.close()
    """
    with ExitStack() as stack:
        children = [stack.enter_context(child(script, database, counter)) for _ in range(3)]
        for process in children:
            receive(process)
        for process in children:
            send(process)
        for process in children:
            finish(process)

    assert counter.read_text() == "1500"


def test_the_write_lock_is_free_once_its_holder_is_killed(database):
    script = """
        import sys
        from pathlib import Path
        from artistjobs.store.sqlite.locks import WriteLock

        turn = WriteLock(Path(sys.argv[1]))
        with turn():
            print("inside", flush=True)
            sys.stdin.readline()
    """
    with child(script, database) as process:
        receive(process)
        process.kill()
        process.wait()

    turn = WriteLock(database)
    with turn():
        pass
    turn.close()


WORK = """
    import sys
    from pathlib import Path
    from artistjobs.core.job import EVERYTHING
    from artistjobs.store.sqlite.store import open_store

    with open_store(Path(sys.argv[1])) as store:
        store.queue.register()
        print(*[claim.job for claim in store.queue.exchange([], 2, EVERYTHING)], flush=True)
        sys.stdin.readline()
"""


def test_the_jobs_of_a_killed_process_are_pending_again_and_those_of_a_stopped_one_are_not(database):
    with ExitStack() as stack:
        store = stack.enter_context(open_store(database, create=True))
        make.ingest(store, *make.names(4))
        killed, stopped = (stack.enter_context(child(WORK, database)) for _ in range(2))
        assert sorted(receive(killed).split() + receive(stopped).split()) == ["1", "2", "3", "4"]
        stop_and_wait(stopped)
        killed.kill()
        killed.wait()

        assert [row.is_alive for row in store.records.workers()].count(True) == 1
        assert store.queue.rescue().pending == 2
        assert [row.is_alive for row in store.records.workers()] == [True]


def test_no_job_is_suspected_of_a_death_after_the_next_sign_of_life(tmp_path):
    database = tmp_path / "jobs.db"
    database.touch()
    life = LivenessLock(database, 1)
    assert suspected_job(database, 1) is None

    life.note_call(7)
    life.note_call(123_456_789)
    assert suspected_job(database, 1) == 123_456_789

    life.beat()
    assert suspected_job(database, 1) is None

    life.note_call(7)
    assert suspected_job(database, 1) == 7
    life.end()


@pytest.mark.parametrize("content", [b"", b"\0" * 80, b"no number", b"1" * 20, b"%020d%20.6f" % (1, 2.0) + b"x" * 40])
def test_a_lock_file_of_any_content_suspects_no_more_than_it_tells(tmp_path, content):
    worker_file(tmp_path / "jobs.db", 1).write_bytes(content)

    assert suspected_job(tmp_path / "jobs.db", 1) in (None, 1)
