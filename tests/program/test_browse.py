"""Command ``browse``: Datasette's metadata fits the database, and it starts and stops without noise."""

import importlib.util
import json
import re
import signal
import sqlite3
import subprocess
import sys
import tomllib
import urllib.error
import urllib.parse
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import write_artists
from factories import answer_everything, fail, ingest, names
from paths import ROOT

from artistjobs.browse.metadata import NAME, metadata
from artistjobs.browse.server import REQUIREMENTS, open_port
from artistjobs.errors import WrongUseError
from artistjobs.store.sqlite.store import open_store

HAS_EXTRA = importlib.util.find_spec("datasette_dashboards") is not None
needs_extra = pytest.mark.skipif(not HAS_EXTRA, reason="the extra browse is not installed")


@pytest.fixture
def database(folder) -> Path:
    path = folder / "artistjobs.db"
    with open_store(path, create=True) as store:
        store.queue.register()
        ingest(store, *names(5))
        fail(store, "refused")
        answer_everything(store, 3)
    return path


@contextmanager
def browsing(program, *arguments, **options):
    """Run ``browse`` as a process and yield its address; end it by SIGINT, as Ctrl+C does."""
    process = program.start("browse", "--no-open", *arguments, **options)
    said = process.stderr.readline().decode()
    found = re.search(r"http://127\.0\.0\.1:\d+/", said)
    assert found, said + process.stderr.read().decode()
    yield found[0]
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        process.wait(30)


def get(address: str, **headers) -> tuple[int, str]:
    request = urllib.request.Request(address, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, ""


def told() -> dict:
    return metadata("artistjobs.db", 5, is_rehearsal=False)


def test_every_query_and_table_in_the_metadata_exists(database):
    db = sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)
    here = told()["databases"][NAME]
    charts = told()["plugins"]["datasette-dashboards"][NAME]["charts"]

    for query in here["queries"].values():
        db.execute(query["sql"], dict.fromkeys(query.get("params", ()), "")).fetchall()
    for chart in charts.values():
        assert db.execute(chart["query"]).fetchall(), chart["title"]
    for table, words in here["tables"].items():
        columns = {row[1] for row in db.execute(f"PRAGMA table_info({table})")}
        assert columns, table
        wanted = [*words.get("facets", ()), words.get("label_column"), words.get("sort_desc")]
        assert {name for name in wanted if name} <= columns
    tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")}
    assert tables - {"_sqlite_migrations", "sqlite_stat1"} <= set(here["tables"])
    db.close()


def test_no_page_counts_a_million_answers_without_a_request():
    large = metadata("a.db", 1_000_000, is_rehearsal=False)["databases"][NAME]["tables"]

    assert large["results"]["facets"] == large["answers"]["facets"] == []
    assert told()["databases"][NAME]["tables"]["results"]["facets"]


def test_a_rehearsed_database_is_labelled():
    assert "rehearsal" in metadata("r.db", 5, is_rehearsal=True)["title"]
    assert json.dumps(metadata("r.db", 5, is_rehearsal=True))


def test_without_the_extra_one_sentence_says_how_to_install_it(cli, database, monkeypatch):
    monkeypatch.setattr("artistjobs.browse.server.find_spec", lambda name: None)

    result = cli("browse")

    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert f"{sys.executable} -m pip install" in result.stderr
    assert all(requirement in result.stderr for requirement in REQUIREMENTS)


def test_the_install_command_names_the_packages_of_the_extra():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert project["optional-dependencies"]["browse"] == list(REQUIREMENTS)


def test_a_named_port_in_use_is_wrong_use_and_an_unnamed_one_is_replaced():
    with open_port(None) as first, open_port(None) as second:
        ports = first.getsockname()[1], second.getsockname()[1]

        assert ports[0] != ports[1]
        with pytest.raises(WrongUseError, match="--port"):
            open_port(ports[0])


@needs_extra
def test_every_page_comes_and_only_this_machine_is_served(database, program):
    with browsing(program) as address:
        here = told()["databases"][NAME]
        pages = [*here["tables"], *(f"{name}?name=Artist" for name in here["queries"])]
        for page in ["", NAME, "-/dashboards/artistjobs", *(f"{NAME}/{page}" for page in pages)]:
            status, html = get(address + page)
            assert status == 200, page
            assert "timed out" not in html
        assert get(address, Host="evil.example")[0] == 421
        written = "UPDATE jobs SET artist_name = 'x'"
        assert get(f"{address}{NAME}.json?sql={urllib.parse.quote(written)}")[0] == 400


@needs_extra
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_without_a_message(database, program, number, code):
    with browsing(program) as address:
        assert get(address)[0] == 200
        (process,) = program.started

        process.send_signal(number)
        out, err = process.communicate(timeout=30)

        assert (process.returncode, out, err) == (code, b"", b"")
        with pytest.raises(urllib.error.URLError):
            get(address)


@needs_extra
def test_a_killed_server_leaves_nothing(database, program):
    with browsing(program) as address:
        (process,) = program.started
        children = subprocess.run(["ps", "--ppid", str(process.pid)], capture_output=True, text=True)
        assert len(children.stdout.splitlines()) == 1

        process.kill()
        process.wait(30)

        with pytest.raises(urllib.error.URLError):
            get(address)


@needs_extra
def test_rows_that_workers_add_are_visible(database, program, cli, folder):
    def rows(address):
        return json.loads(get(f"{address}{NAME}/jobs.json?_shape=objects&_size=max")[1])["filtered_table_rows_count"]

    with browsing(program) as address:
        before = rows(address)
        write_artists(folder / "more.csv", 20)
        cli("ingest", "more.csv")

        assert rows(address) > before


@needs_extra
def test_a_path_that_datasette_would_misread_is_wrong_use(cli, folder, database):
    database.rename(folder / "100%.db")

    result = cli("--db", "100%.db", "browse", "--no-open")

    assert result.exit_code == 2
    assert "rename" in result.stderr
