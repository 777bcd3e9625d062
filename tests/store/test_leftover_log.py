"""A log that a killed run left is played into its own database, and into no other that was put in its place."""

import os
import random
import shutil
import sqlite3
import struct
from contextlib import ExitStack, closing
from pathlib import Path

import factories as make
import pytest
from children import child, finish, receive
from conftest import write_artists

from artistjobs.core.attempt import Outcome
from artistjobs.core.job import EVERYTHING
from artistjobs.errors import StoreError
from artistjobs.store.sqlite import leftover_log
from artistjobs.store.sqlite.leftover_log import ensure_own_log, is_foreign_log
from artistjobs.store.sqlite.log_file import read_log
from artistjobs.store.sqlite.store import open_store

TABLES = ("jobs", "answers", "attempts", "ingest_lines", "workers")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "jobs.db"


@pytest.fixture(autouse=True)
def _new_process(monkeypatch):
    """As in a process that has not opened a database before."""
    monkeypatch.setattr(leftover_log, "_seen", set())


def log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def copy(path: Path, to: Path, *, with_log: bool = True) -> Path:
    """Copy a database as it is at this moment, as if its process had been killed."""
    shutil.copy(path, to)
    if with_log and log_of(path).exists():
        shutil.copy(log_of(path), log_of(to))
    return to


def is_foreign(path: Path, log: Path) -> bool:
    with path.open("rb", buffering=0) as file, log.open("rb", buffering=0) as log_file:
        return is_foreign_log(file, log_file)


def content(path: Path, log: Path | None, folder: Path) -> object:
    """Return the rows of a database with a log beside it, None if it is damaged."""
    folder.mkdir()
    shutil.copy(path, folder / "x.db")
    if log is not None:
        shutil.copy(log, folder / "x.db-wal")
    try:
        with closing(sqlite3.connect(folder / "x.db")) as db:
            if db.execute("PRAGMA integrity_check").fetchall() != [("ok",)]:
                return None
            return [db.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall() for table in TABLES]
    except sqlite3.Error:
        return None
    finally:
        shutil.rmtree(folder)


class Life:
    """A database at work, copied at random moments together with its log."""

    def __init__(self, folder: Path, chance: random.Random) -> None:
        self.folder = folder
        self.chance = chance
        self.moments: list[Path] = []
        self.rows = 0

    def live(self) -> None:
        path = self.folder / "jobs.db"
        for _ in range(3):
            with open_store(path, create=True) as store:
                db = store._connection.db.conn
                db.execute("PRAGMA synchronous = 0")
                # Checkpoints, some of them halfway, come often.
                db.execute(f"PRAGMA wal_autocheckpoint = {self.chance.choice([10, 40, 1000])}")
                store.queue.register()
                for _ in range(6):
                    self.act(store)
                    self.keep(path)
                store.queue.end("finished")
            self.keep(path)

    def keep(self, path: Path) -> None:
        if self.chance.random() < 0.6:
            self.moments.append(copy(path, self.folder / f"{len(self.moments)}.db"))

    def act(self, store) -> None:
        match self.chance.randrange(5):
            case 0:
                make.ingest(store, *make.names(40, start=self.rows))
                self.rows += 40
            case 1 | 2:
                for claim in make.claim(store, 4):
                    answer = make.make_answer("x" * self.chance.randrange(6000))
                    make.settle(store, make.make_attempt(claim, answer=answer))
            case 3:
                for claim in make.claim(store, 4):
                    make.settle(store, make.make_attempt(claim, outcome=Outcome.FAILED))
            case 4:
                store.queue.retry(scope=EVERYTHING)


@pytest.mark.parametrize("seed", range(2))
def test_a_log_is_known_by_its_database_and_is_foreign_wherever_it_would_do_harm(tmp_path, seed):
    life = Life(tmp_path, random.Random(seed))
    life.live()
    found = 0
    for after in life.moments:
        log = log_of(after)
        if not log.exists():
            continue
        assert not is_foreign(after, log)
        want = content(after, log, tmp_path / "copy")
        for before in life.moments:
            if is_foreign(before, log):
                found += 1
            else:
                # It has the changes that the file has, and more: the file becomes what the killed run had.
                assert content(before, log, tmp_path / "copy") == want
    assert found > 10


KILL = """
    import os, signal, sys
    from pathlib import Path
    import factories as make
    from artistjobs.store.sqlite.store import open_store

    with open_store(Path(sys.argv[1])) as store:
        store.queue.register()
        for number in range(int(sys.argv[2])):
            make.settle(store, make.make_attempt(make.claim_one(store), answer=make.make_answer("x" * 3000)))
        print("settled", flush=True)
        if sys.argv[3] == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        store.queue.end("finished")
"""


def work(path: Path, answers: int, ending: str) -> None:
    with child(KILL, path, answers, ending) as process:
        assert receive(process) == "settled"
        process.wait()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with copies of a database at several moments of its life, and the database with a killed run's log."""
    folder = tmp_path_factory.mktemp("made")
    path = folder / "jobs.db"
    with open_store(path, create=True) as store:
        make.ingest(store, *make.names(60))
    work(path, 5, "ended")
    copy(path, folder / "old.db")
    work(path, 5, "ended")
    work(path, 5, "killed")
    assert log_of(path).stat().st_size > 0
    (folder / "elsewhere").mkdir()
    new = copy(path, folder / "elsewhere" / "jobs.db")
    work(new, 5, "ended")
    work(new, 5, "ended")
    return folder


@pytest.fixture
def killed(made, tmp_path):
    """The database with the log of a killed run, an older copy, and a newer one that was used elsewhere."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return tmp_path / "jobs.db", tmp_path / "old.db", tmp_path / "elsewhere" / "jobs.db"


@pytest.mark.parametrize("which", ["old", "new", "another"])
@pytest.mark.parametrize("how", ["cp", "mv"])
def test_a_copy_put_in_its_place_is_refused_and_left_as_it_is(killed, tmp_path, which, how):
    path, old, new = killed
    if which == "another":
        with open_store(tmp_path / "another.db", create=True) as store:
            make.ingest(store, *make.names(60))
        work(tmp_path / "another.db", 5, "ended")
    chosen = {"old": old, "new": new, "another": tmp_path / "another.db"}[which]
    before = chosen.read_bytes()
    shutil.copyfile(chosen, path) if how == "cp" else chosen.replace(path)

    with pytest.raises(StoreError) as raised:
        ensure_own_log(path, Path("jobs.db"))

    assert str(raised.value).startswith("jobs.db-wal is not the log of jobs.db, ")
    assert "remove jobs.db-wal and jobs.db-shm" in str(raised.value)
    assert path.read_bytes() == before


def test_a_copy_whose_pages_have_another_size_is_refused(killed):
    path, *_ = killed
    with closing(sqlite3.connect(path.with_name("small.db"))) as db:
        db.execute("PRAGMA page_size = 4096")
        db.execute("CREATE TABLE other (id)")
    path.with_name("small.db").replace(path)

    with pytest.raises(StoreError):
        ensure_own_log(path, path)


def test_the_log_of_a_killed_run_is_played_into_its_own_database(killed):
    path, *_ = killed
    ensure_own_log(path, path)

    with open_store(path) as store:
        assert store.records.counts(EVERYTHING).done == 15


def test_a_log_is_known_after_a_power_cut_tore_its_end(killed):
    """The last page in the log, which is the first of the database, was not written: its number is 0."""
    path, *_ = killed
    log = log_of(path)
    with log.open("rb", buffering=0) as file:
        frames = read_log(file).committed(checks_sums=True)
        page_bytes = read_log(file).page_bytes
    last = max(number for number, frame in enumerate(frames) if frame.page == 1)
    with log.open("r+b") as file:
        file.truncate(32 + (last + 1) * (24 + page_bytes))
        file.seek(32 + last * (24 + page_bytes) + 4)
        file.write(struct.pack(">I", frames[-1].pages))
        file.seek(32 + last * (24 + page_bytes) + 24)
        file.write(bytes(page_bytes))

    assert not is_foreign(path, log)


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 40_000, b"not a log", struct.pack(">8I", 0x377F0682, 0, 9, 0, 0, 0, 0, 0)]
)
def test_what_is_no_log_is_none(killed, content):
    path, *_ = killed
    log_of(path).write_bytes(content)

    assert not is_foreign(path, log_of(path))


def test_a_database_that_a_process_has_open_is_not_examined(killed):
    """A process that reads while another one writes would see the two at different moments."""
    path, old, _ = killed
    script = """
        import sqlite3, sys

        db = sqlite3.connect(sys.argv[1])
        db.execute("SELECT * FROM jobs")
        print("open", flush=True)
        sys.stdin.read()
    """
    with child(script, path) as process:
        receive(process)
        # In its place would be a foreign one, if it were examined.
        shutil.copyfile(old, path)

        ensure_own_log(path, path)


def test_processes_that_begin_together_all_refuse(killed):
    path, old, _ = killed
    shutil.copyfile(old, path)
    script = """
        import sys
        from pathlib import Path
        from artistjobs.errors import StoreError
        from artistjobs.store.sqlite import reader, store

        print("ready", flush=True)
        sys.stdin.readline()
        try:
            with (store.open_store if sys.argv[2] == "1" else reader.open_reader)(Path(sys.argv[1])):
                pass
        except StoreError as error:
            print("is not the log" in str(error))
    """
    with ExitStack() as stack:
        children = [stack.enter_context(child(script, path, number % 2)) for number in range(4)]
        for process in children:
            receive(process)
        for process in children:
            process.stdin.write("\n")
            process.stdin.flush()
        assert [finish(process).strip() for process in children] == ["True"] * 4
    assert path.read_bytes() == old.read_bytes()


def test_every_command_refuses_a_copy_beside_a_foreign_log(cli, folder, path, killed, monkeypatch):
    path, old, _ = killed
    write_artists(folder / "a.csv", 3)
    shutil.copyfile(old, path)
    commands = (
        "status",
        "failures",
        "export",
        "report",
        "work",
        "retry",
        "pause",
        "ingest a.csv",
        "run a.csv",
        "run a.csv --dry-run",
    )
    for command in commands:
        monkeypatch.setattr(leftover_log, "_seen", set())
        refused = cli("--db", "jobs.db", *command.split())

        assert (refused.exit_code, "jobs.db-wal is not the log of" in refused.stderr) == (74, True), command
    assert path.read_bytes() == old.read_bytes()

    for end in ("-wal", "-shm"):
        path.with_name(f"jobs.db{end}").unlink()
    assert cli("--db", "jobs.db", "status").exit_code == 0


def test_a_database_is_opened_for_the_look_before_sqlite_has_it_open_and_never_later(path, monkeypatch):
    """Closing any descriptor of the file would drop SQLite's locks."""
    opened = []
    monkeypatch.setattr(leftover_log, "_has_log", opened.append)
    with open_store(path, create=True), open_store(path):
        os.link(path, path.with_name("other.db"))
        ensure_own_log(path.with_name("other.db"), path)

    assert opened == [path.resolve()]
