"""Faults of disks, other programs and users at the store: one sentence with a remedy, and stored data is intact."""

import os
import sqlite3
import threading
from contextlib import closing, contextmanager

import factories as make
import pytest
from children import child, finish
from conftest import wait_until

from artistjobs.core.job import EVERYTHING
from artistjobs.errors import ArtistjobsError, StoreError, WrongUseError
from artistjobs.store.sqlite import connection as connection_module
from artistjobs.store.sqlite.connection import PAGE_BYTES
from artistjobs.store.sqlite.store import SqliteStore, open_store

BIG = "x" * 100_000


@pytest.fixture
def path(tmp_path):
    return tmp_path / "jobs.db"


@pytest.fixture
def store(path):
    """A store with one job done and some pending."""
    with open_store(path, create=True) as store:
        store.queue.register()
        make.ingest(store, *make.names(50))
        make.settle(store, make.make_attempt(make.claim_one(store), answer=make.make_answer("kept")))
        yield store


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(connection_module, "BUSY_SECONDS", 0.2)


@contextmanager
def trouble(says, kind=StoreError):
    """Check that a block raises an error with one sentence, which contains a text and ends with the remedy."""
    with pytest.raises(kind) as raised:
        yield
    assert_helpful(raised.value)
    assert says in str(raised.value)


def assert_helpful(error):
    assert isinstance(error, ArtistjobsError)
    text = str(error)
    assert "\n" not in text
    assert "; " in text
    assert text.removesuffix(".").count(". ") == 0


def assert_unharmed(path, done=1):
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    with open_store(path) as store:
        assert store.records.counts(EVERYTHING).done == done
        assert make.exported(store)[0].text == "kept"


def settle_big(store):
    make.settle(store, make.make_attempt(make.claim_one(store), answer=make.make_answer(BIG)))


# A full disk


def fill(store):
    """Limit the size of the database, as on a full disk."""
    db = store._connection.db.conn
    (pages,) = db.execute("PRAGMA page_count").fetchone()
    db.execute(f"PRAGMA max_page_count = {pages + 1}")


def test_a_full_disk_stops_a_settlement_and_keeps_the_rest(store, path):
    claimed = make.claim_one(store)
    fill(store)

    with trouble("the disk is full; make room"):
        make.settle(store, make.make_attempt(claimed, answer=make.make_answer(BIG)))

    assert store.records.counts(EVERYTHING).running == 1
    assert_unharmed(path)


def test_a_full_disk_rolls_an_ingest_back(store, path):
    fill(store)

    with trouble("the disk is full; make room"):
        make.ingest(store, *make.names(5_000, start=100))

    assert store.records.counts(EVERYTHING).total == 50
    assert_unharmed(path)


def test_work_continues_once_there_is_room_again(store, path):
    fill(store)
    claimed = make.claim_one(store)
    with trouble("the disk is full"):
        make.settle(store, make.make_attempt(claimed, answer=make.make_answer(BIG)))

    store._connection.db.conn.execute("PRAGMA max_page_count = 1000000")
    make.settle(store, make.make_attempt(claimed, answer=make.make_answer(BIG)))

    assert_unharmed(path, done=2)


LIMITED = """
    import resource, signal, sys
    from pathlib import Path
    import factories as make
    from artistjobs.errors import StoreError
    from artistjobs.store.sqlite.store import open_store

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    path, room = Path(sys.argv[1]), int(sys.argv[2])
    with open_store(path) as store:
        store.queue.register()
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
        settled = 0
        try:
            for _ in range(40):
                claimed = make.claim_one(store)
                make.settle(store, make.make_attempt(claimed, answer=make.make_answer("x" * 20_000)))
                settled += 1
        except StoreError as error:
            print(settled, error)
"""


@pytest.mark.parametrize("room", [100_000, 150_000, 201_123, 300_000])
def test_a_disk_that_fills_up_during_a_write_loses_nothing_settled(store, path, room):
    with child(LIMITED, path, room) as process:
        settled, _, message = finish(process).strip().partition(" ")

    assert_helpful(StoreError(message))
    assert "full" in message or "the disk failed" in message
    assert_unharmed(path, done=1 + int(settled))


# A file that is removed or changed while the store is open


def test_a_removed_database_is_not_written_to(store, path):
    path.unlink()

    with trouble("was removed while it was in use"):
        make.claim_one(store)


def test_a_replaced_database_is_not_written_to(store, path, tmp_path):
    with open_store(tmp_path / "other.db", create=True) as other:
        make.ingest(other, "Prince")
    (tmp_path / "other.db").replace(path)

    with trouble("was replaced while it was in use"):
        make.claim_one(store)


def test_a_removed_folder_is_an_error_with_one_sentence(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    with open_store(folder / "jobs.db", create=True) as store:
        make.ingest(store, "Frida Kahlo")
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()

        with trouble("was removed while it was in use"):
            store.queue.register()


@pytest.mark.parametrize("size", [0, 100, PAGE_BYTES, 20_000])
def test_a_truncated_database_is_an_error_with_one_sentence(path, size):
    with open_store(path, create=True) as store:
        store.queue.register()
        make.ingest(store, *make.names(3_000))
        store._connection.db.conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        os.truncate(path, size)

        with pytest.raises(StoreError) as raised:
            use(store)

    assert_helpful(raised.value)


def use(store):
    for _ in range(3):
        settle_big(store)
        store.records.counts(EVERYTHING)
        make.exported(store)


@pytest.mark.parametrize("page", [0, 1, 5, 20, "all"])
def test_a_damaged_database_is_an_error_with_one_sentence(path, page):
    with open_store(path, create=True) as store:
        make.ingest(store, *make.names(3_000))
    size = path.stat().st_size
    with path.open("r+b") as file:
        for start in range(PAGE_BYTES, size, PAGE_BYTES) if page == "all" else [page * PAGE_BYTES]:
            file.seek(start)
            file.write(b"\xa5" * PAGE_BYTES)

    try:
        with open_store(path) as store:
            store.queue.register()
            while claims := make.claim(store, 50):
                make.settle(store, *[make.make_attempt(claimed) for claimed in claims])
            make.exported(store)
    except StoreError as error:
        assert_helpful(error)
    else:
        assert page in (5, 20), "a page that nothing of this reads"


@pytest.mark.parametrize("content", [b"", b"\0" * 40_000, b"not a log"])
def test_an_invalid_write_ahead_log_is_ignored(path, content):
    with open_store(path, create=True) as store:
        make.ingest(store, *make.names(3))
    path.with_name("jobs.db-wal").write_bytes(content)

    with open_store(path) as store:
        assert store.records.counts(EVERYTHING).pending == 3


# Files that cannot be written or opened


def test_a_read_only_database_is_an_error_with_one_sentence(store):
    store._connection.db.conn.execute("PRAGMA query_only = 1")

    with trouble("it cannot be written; get write permission"):
        make.claim_one(store)


@pytest.mark.parametrize("beside", ["-wal", "-shm", "-lock"])
def test_a_folder_in_place_of_a_file_beside_the_database_is_an_error_with_one_sentence(path, beside):
    with open_store(path, create=True) as store:
        make.ingest(store, "Frida Kahlo")
    path.with_name(f"jobs.db{beside}").unlink(missing_ok=True)
    path.with_name(f"jobs.db{beside}").mkdir()

    with pytest.raises(StoreError) as raised, open_store(path) as store:
        store.queue.register()

    assert_helpful(raised.value)


def test_a_worker_without_a_liveness_lock_is_not_registered(store, path):
    path.with_name("jobs.db-worker-2").mkdir()

    with open_store(path) as other:
        with pytest.raises(StoreError) as raised:
            other.queue.register()
        assert [row.worker for row in other.records.workers()] == [1]

    assert_helpful(raised.value)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become somebody else")
@pytest.mark.parametrize(("file_mode", "folder_mode"), [(0o444, 0o777), (0o666, 0o555), (0o000, 0o777), (0o666, 0o000)])
def test_a_user_without_permission_is_told_which_one_is_missing(tmp_path, file_mode, folder_mode):
    folder = tmp_path / "folder"
    folder.mkdir()
    with open_store(folder / "jobs.db", create=True) as store:
        make.ingest(store, "Frida Kahlo")
    script = """
        import os, sys
        from pathlib import Path
        import factories as make
        from artistjobs.errors import ArtistjobsError
        from artistjobs.store.sqlite.store import open_store

        path = Path(sys.argv[1])
        with open_store(path.parent.parent / "other.db", create=True):
            pass  # all that is imported is read now, with the right to do so
        os.chdir(path.parent.parent)
        os.setgid(65534), os.setuid(65534)
        try:
            with open_store(Path("folder/jobs.db"), create=True) as store:
                store.queue.register()
                make.claim_one(store)
        except ArtistjobsError as error:
            print(error)
    """
    for parent in tmp_path.parents[:2]:
        parent.chmod(parent.stat().st_mode | 0o711)
    tmp_path.chmod(0o711)
    (folder / "jobs.db").chmod(file_mode)
    (folder / "jobs.db-lock").chmod(0o666)
    folder.chmod(folder_mode)

    with child(script, folder / "jobs.db") as process:
        message = finish(process).strip()

    folder.chmod(0o777)
    assert_helpful(StoreError(message))


def test_too_many_open_files_is_an_error_with_one_sentence(store, path):
    script = """
        import resource, sys
        from pathlib import Path
        import factories as make
        from artistjobs.errors import StoreError
        from artistjobs.store.sqlite.store import open_store

        path, messages, opened = Path(sys.argv[1]), set(), 0
        with open_store(path):
            pass
        for room in range(3, 20):
            resource.setrlimit(resource.RLIMIT_NOFILE, (room, 100))
            try:
                with open_store(path) as store:
                    store.queue.register()
                    make.claim_one(store)
                    opened += 1
            except StoreError as error:
                messages.add(str(error))
        print(opened)
        print(*messages, sep="\\n")
    """
    with child(script, path) as process:
        opened, *messages = finish(process).splitlines()

    assert int(opened) > 0
    assert messages
    for message in messages:
        assert_helpful(StoreError(message))
    assert_unharmed(path)


# Other programs


def test_a_database_locked_by_another_program_is_an_error_after_the_time_limit(store, path, impatient):
    with open_store(path) as other, closing(sqlite3.connect(path, isolation_level=None)) as program:
        other.queue.register()
        program.execute("BEGIN EXCLUSIVE")

        with trouble("another program keeps it locked; close that program"):
            make.claim_one(other)

        program.execute("ROLLBACK")
        assert make.claim_one(other).job == 2


def test_a_short_lock_of_another_program_is_waited_for(store, path):
    claimed = []
    with closing(sqlite3.connect(path, isolation_level=None)) as program:
        program.execute("BEGIN IMMEDIATE")
        thread = threading.Thread(target=lambda: claimed.append(make.claim_one(store)))
        thread.start()
        thread.join(0.1)
        assert not claimed
        program.execute("COMMIT")
        wait_until(lambda: claimed)
        thread.join()


def test_a_reading_program_blocks_no_writer(store, path):
    with closing(sqlite3.connect(path, isolation_level=None)) as program:
        program.execute("BEGIN")
        before = program.execute("SELECT count(*) FROM answers").fetchone()

        make.settle(store, make.make_attempt(make.claim_one(store)))

        assert program.execute("SELECT count(*) FROM answers").fetchone() == before


def test_a_new_file_locked_by_another_program_is_an_error_with_one_sentence(path, impatient):
    with closing(sqlite3.connect(path, isolation_level=None)) as program:
        program.execute("BEGIN EXCLUSIVE")
        program.execute("CREATE TABLE mine (id)")

        with trouble("another program keeps it locked"):
            SqliteStore(path, None, create=True)


def test_a_dropped_table_is_an_error_with_one_sentence(store, path):
    with closing(sqlite3.connect(path)) as db:
        db.execute("DROP VIEW results")
        db.execute("DROP TABLE bad_lines")

    with trouble("SQLite reports 'no such table: bad_lines'"):
        store.ingestor.bad_lines(1, 5)


def test_a_refused_operation_changes_nothing(store, path):
    claimed = make.claim_one(store)
    answer = make.make_answer(cost_usd="much")

    with trouble("SQLite reports"):
        make.settle(store, make.make_attempt(claimed), make.make_attempt(claimed, answer=answer))

    assert store.records.counts(EVERYTHING).done == 1
    assert_unharmed(path)


def test_a_closed_store_raises_an_error_with_one_sentence(path):
    with open_store(path, create=True) as store:
        pass

    with pytest.raises(StoreError) as raised:
        store.records.counts(EVERYTHING)

    assert_helpful(raised.value)


def test_a_folder_as_database_is_wrong_use(tmp_path):
    with trouble("is a folder", kind=WrongUseError):
        SqliteStore(tmp_path, None, create=True)
