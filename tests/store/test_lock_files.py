"""Lock files: whoever may write the database may lock them, and nobody else."""

import fcntl
import os
import stat
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from children import child, finish

from artistjobs.errors import StoreError
from artistjobs.store.sqlite.lock_files import create_lock_file, has_name, open_existing, open_lock_file, try_lock
from artistjobs.store.sqlite.locks import WriteLock

STRANGER = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may become somebody else")


@pytest.fixture
def database():
    # Not below the folder of pytest, which every other run of pytest closes to other users.
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        path = Path(folder) / "jobs.db"
        path.touch()
        path.chmod(0o644)
        yield path


@pytest.fixture
def lock(database):
    return database.with_name("jobs.db-lock")


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
@pytest.mark.parametrize(
    ("of_database", "of_lock"),
    [(0o600, 0o600), (0o644, 0o600), (0o660, 0o660), (0o664, 0o660), (0o666, 0o666), (0o622, 0o666), (0o444, 0o600)],
)
def test_those_who_may_write_the_database_may_lock_and_no_others(database, lock, umask, of_database, of_lock):
    database.chmod(of_database)
    before = os.umask(umask)
    try:
        open_lock_file(lock, database).close()
    finally:
        os.umask(before)

    assert mode(lock) == of_lock


def test_a_lock_file_follows_when_the_database_is_shared_later(database, lock):
    open_lock_file(lock, database).close()
    inode = lock.stat().st_ino
    database.chmod(0o664)

    open_lock_file(lock, database).close()

    assert (mode(lock), lock.stat().st_ino) == (0o660, inode)


def test_a_lock_file_that_others_could_lock_is_replaced_since_they_may_hold_it(database, lock):
    lock.touch()
    lock.chmod(0o644)
    with open_existing(lock) as held:
        fcntl.flock(held, fcntl.LOCK_EX)

        with open_lock_file(lock, database) as file:
            assert try_lock(file)

    assert mode(lock) == 0o600


def test_where_files_have_no_modes_the_file_stays(database, lock, monkeypatch):
    lock.touch()
    lock.chmod(0o755)
    inode = lock.stat().st_ino
    monkeypatch.setattr(os, "fchmod", lambda *_: None)

    open_lock_file(lock, database).close()

    assert lock.stat().st_ino == inode


def test_a_lock_needs_no_right_to_write(database, lock):
    open_lock_file(lock, database).close()
    lock.chmod(0o400)

    with open_existing(lock) as file:
        assert try_lock(file)


def test_a_link_in_the_place_of_a_lock_file_is_not_followed(database, lock):
    lock.with_name("other").write_text("mine")
    lock.symlink_to("other")

    with pytest.raises(OSError, match="symbolic links"):
        open_lock_file(lock, database)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_no_lock_file(database, lock, make):
    make(lock)

    with pytest.raises((StoreError, IsADirectoryError)):
        open_lock_file(lock, database)


def test_a_file_that_was_removed_or_replaced_has_lost_its_name(database, lock):
    with open_lock_file(lock, database) as file:
        assert has_name(file, lock)
        lock.unlink()
        assert not has_name(file, lock)
        lock.touch()
        assert not has_name(file, lock)


def test_a_write_lock_whose_file_was_removed_is_the_same_as_that_of_a_newcomer(database, lock):
    first = WriteLock(database)
    lock.unlink()
    first.check_name()

    with first(), open_existing(lock) as other:
        assert not try_lock(other)
    first.close()


@as_root
def test_no_other_user_can_take_a_lock(database, lock):
    open_lock_file(lock, database).close()

    for path, heard in ((database, "held"), (lock, "Permission denied")):
        with child(HOLD, path) as stranger:
            assert finish(stranger).strip() == heard


@as_root
def test_a_stranger_who_holds_an_old_lock_file_keeps_nobody_waiting(database, lock):
    lock.touch()
    lock.chmod(0o644)
    with child(HOLD, lock) as stranger:
        assert stranger.stdout.readline().strip() == "held"

        write_lock = WriteLock(database)
        with write_lock():
            pass
        write_lock.close()


@as_root
def test_a_lock_file_of_a_stranger_is_not_trusted(database, lock):
    create_lock_file(lock, database).close()
    os.chown(lock, STRANGER, STRANGER)

    with pytest.raises(StoreError, match=r"belongs to another user, .*; remove it"):
        open_lock_file(lock, database)


@as_root
def test_a_lock_file_of_another_who_may_write_the_database_is_trusted(database, lock):
    database.chmod(0o666)
    create_lock_file(lock, database).close()
    os.chown(lock, STRANGER, STRANGER)

    open_lock_file(lock, database).close()


@as_root
def test_what_root_makes_belongs_to_the_owner_of_the_database(database, lock):
    os.chown(database, STRANGER, STRANGER)

    open_lock_file(lock, database).close()

    assert (lock.stat().st_uid, lock.stat().st_gid) == (STRANGER, STRANGER)


HOLD = """
    import fcntl, os, sys

    os.setgroups([]), os.setgid(65534), os.setuid(65534)
    try:
        file = open(sys.argv[1])
        fcntl.flock(file, fcntl.LOCK_EX)
    except OSError as error:
        print(error.strerror, flush=True)
    else:
        print("held", flush=True)
        sys.stdin.readline()
"""
