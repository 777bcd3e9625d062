"""``Database`` opens a database by its name and kind, and imports the driver when it is needed."""

import subprocess
import sys

import factories as make
import pytest

from artistjobs.core.job import EVERYTHING
from artistjobs.errors import NoDatabaseError, WrongUseError
from artistjobs.store.database import Database
from artistjobs.store.models import Kind


@pytest.fixture
def database(tmp_path):
    database = Database(tmp_path / "jobs.db", Kind.REHEARSAL)
    with database.open(create=True) as store:
        make.ingest(store, *make.names(3))
    return database


def test_a_database_can_be_opened_for_work_preview_and_reading(database):
    with database.open() as store, database.preview() as preview, database.reader() as reader:
        assert store.records.counts(EVERYTHING).pending == 3
        assert preview.has_database
        assert reader.records.counts(EVERYTHING).pending == 3
        assert {store.kind, reader.kind} == {Kind.REHEARSAL}


@pytest.mark.parametrize("way", ["open", "preview"])
def test_a_database_of_the_other_kind_is_refused(database, way):
    with pytest.raises(WrongUseError, match="--rehearse"), getattr(Database(database.path, Kind.REAL), way)():
        pass


def test_a_database_of_either_kind_can_be_read(database):
    with Database(database.path, None).reader() as reader:
        assert reader.kind is Kind.REHEARSAL


def test_a_preview_needs_no_database_and_creates_none(tmp_path):
    database = Database(tmp_path / "none.db", None)

    for way in (database.open, database.reader):
        with pytest.raises(NoDatabaseError), way():
            pass
    with database.preview() as preview:
        assert not preview.has_database
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", [["retry"], ["ingest", "a.csv", "--dry-run", "--rehearse"], ["status"]])
@pytest.mark.parametrize(
    ("scheme", "sentence"),
    [
        ("postgresql", "the name of the server is unknown"),
        ("postgres", "the name of the server is unknown"),
        ("mysql", "name a SQLite file, or a server with postgresql://"),
    ],
)
def test_a_url_that_leads_nowhere_is_refused_without_its_password(cli, folder, command, scheme, sentence):
    (folder / "a.csv").write_text("Nina Simone\n")

    result = cli("--db", f"{scheme}://user:hidden@host.invalid/jobs", *command)

    assert result.exit_code == WrongUseError.exit_code
    assert sentence in result.stderr
    assert "hidden" not in result.stderr + result.stdout


@pytest.mark.parametrize(("way", "imported"), [("open", {"sqlite3", "sqlite_utils"}), ("reader", {"sqlite3"})])
def test_a_driver_is_imported_when_a_database_is_opened_and_no_more_of_it_than_needed(database, way, imported):
    script = (
        "import sys; from pathlib import Path; from artistjobs.store.database import Database\n"
        "loaded = lambda: {'sqlite3', 'sqlite_utils', 'jinja2'} & set(sys.modules)\n"
        "assert not loaded(), loaded()\n"
        f"with Database(Path(sys.argv[1]), None).{way}(): print(*loaded())"
    )

    done = subprocess.run(
        [sys.executable, "-c", script, str(database.path)], capture_output=True, text=True, check=True
    )

    assert set(done.stdout.split()) == imported
