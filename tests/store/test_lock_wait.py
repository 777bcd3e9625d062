"""A wait for the right to write: who is named, when, and when there is no hope."""

import fcntl
import os
from pathlib import Path

import pytest
from children import child, receive

from artistjobs.errors import StoreError
from artistjobs.store.sqlite import holders, lock_wait
from artistjobs.store.sqlite.holders import Process
from artistjobs.store.sqlite.lock_wait import SAY_SECONDS, LockWait

PATIENCE = 60.0


class World:
    """The holder, what it has written, and the time."""

    def __init__(self):
        self.now = 0.0
        self.holder = Process(7, "artistjobs", is_stopped=False, cpu_seconds=0.0)
        self.written = ()

    def set(self, **its):
        row = {name: getattr(self.holder, name) for name in ("pid", "name", "is_stopped", "cpu_seconds")}
        self.holder = Process(**(row | its))


@pytest.fixture
def world(monkeypatch):
    world = World()
    monkeypatch.setattr(lock_wait, "_holder", lambda _: world.holder)
    monkeypatch.setattr(lock_wait, "_written", lambda _: world.written)
    return world


@pytest.fixture
def wait(world):
    return LockWait(Path("/srv/jobs.db"), Path("jobs.db"), PATIENCE, lambda: world.now)


def look_for(wait, world, seconds, each=lambda second: None):
    for second in range(seconds):
        world.now += 1.0
        each(second)
        wait.poll()


def test_a_short_wait_says_nothing(wait, world, capsys):
    look_for(wait, world, int(SAY_SECONDS) - 1)

    assert capsys.readouterr().err == ""


def test_a_holder_is_named_once(wait, world, capsys):
    look_for(wait, world, 30)

    assert capsys.readouterr().err.splitlines() == [
        "waiting, since another program keeps jobs.db locked; close that program, process 7 (artistjobs)"
    ]


def test_a_holder_that_is_stopped_meanwhile_is_named_again_with_what_continues_it(wait, world, capsys):
    look_for(wait, world, 10)
    world.set(is_stopped=True)
    look_for(wait, world, 10)

    assert "continue process 7 (artistjobs, stopped) with: kill -CONT 7" in capsys.readouterr().err.splitlines()[1]


def test_a_holder_that_does_nothing_ends_the_wait(wait, world):
    with pytest.raises(StoreError, match=r"^jobs\.db: another program keeps it locked; close that program, process 7"):
        look_for(wait, world, 2 * int(PATIENCE))

    assert PATIENCE <= world.now <= PATIENCE + 2


def test_a_holder_that_cannot_be_seen_ends_the_wait_too(wait, world):
    world.holder = None

    with pytest.raises(StoreError, match="close that program, then run the same command again"):
        look_for(wait, world, 2 * int(PATIENCE))


@pytest.mark.parametrize("work", ["computes", "writes", "takes turns"])
def test_a_holder_that_works_is_waited_for_however_long_it_takes(wait, world, work):
    def each(second):
        if work == "computes":
            world.set(cpu_seconds=second * 0.5)
        elif work == "writes":
            world.written = (second,)
        else:
            world.set(pid=second % 2 + 1)

    look_for(wait, world, 10 * int(PATIENCE), each)


def test_a_holder_that_wakes_up_now_and_then_does_not_work(wait, world):
    with pytest.raises(StoreError):
        look_for(wait, world, 2 * int(PATIENCE), lambda second: world.set(cpu_seconds=second * 0.02))


needs_list = pytest.mark.skipif(not holders.LOCKS.exists(), reason="needs the list of locks that Linux has")


@needs_list
def test_the_holder_of_a_lock_is_found_among_those_who_wait_for_it(tmp_path):
    path = tmp_path / "a lock"
    path.touch()
    script = """
        import fcntl, sys

        with open(sys.argv[1]) as file:
            print("waiting", flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
    """
    assert holders.flock_holder(path) is None
    with path.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with child(script, path) as process:
            receive(process)

            assert holders.flock_holder(path).pid == os.getpid()


@pytest.mark.parametrize(
    "line",
    ["", "nonsense", "1: FLOCK", "1: LEASE ACTIVE WRITE 7 fe:00:1 0 EOF", "1: FLOCK ADVISORY WRITE 0 fe:00:1 0 EOF"],
)
def test_a_line_in_another_form_names_nobody(line):
    assert holders._parsed(line) is None


def test_a_program_is_named_by_its_name_and_ours_by_ours(monkeypatch, tmp_path):
    monkeypatch.setattr(holders, "PROCESSES", tmp_path)
    for pid, command, name in (
        (1, b"/opt/a\tb\0-x\0secret\0", b"a\tb) c"),
        (2, b"python\0/v/bin/artistjobs\0work\0", b"python"),
    ):
        (tmp_path / str(pid)).mkdir()
        (tmp_path / str(pid) / "cmdline").write_bytes(command)
        (tmp_path / str(pid) / "stat").write_bytes(b"%d (%s) T %s\n" % (pid, name, b" ".join(b"0" for _ in range(40))))

    assert str(holders.process(1)) == "process 1 (ab) c, stopped)"
    assert str(holders.process(2)) == "process 2 (artistjobs, stopped)"
    assert holders.process(3) is None
