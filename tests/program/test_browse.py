"""Command ``browse``: Datasette's metadata fits the database, and it starts and stops without noise."""

import importlib.util
import json
import re
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import tomllib
import urllib.error
import urllib.parse
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import wait_until, write_artists
from factories import answer_everything, fail, ingest, names
from paths import ROOT

from artistjobs.browse.access import address, page_that_opens
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


@dataclass(frozen=True)
class Served:
    """A database that is served at an address, to those who have the token."""

    address: str
    token: str

    def link(self, page: str = "") -> str:
        """Return the address of a page with the token in it."""
        return f"{self.address}{page}{'&' if '?' in page else '?'}token={self.token}"

    def get(self, page: str = "", **headers) -> tuple[int, str]:
        return get(self.link(page), **headers)


@contextmanager
def browsing(program, *arguments, **options):
    """Run ``browse`` as a process; end it by SIGINT, as Ctrl+C does."""
    process = program.start("browse", "--no-open", *arguments, **options)
    said = process.stderr.readline().decode()
    found = re.search(r" at (http://127\.0\.0\.1:\d+/)\?token=([\w-]{43}) ", said)
    assert found, said + process.stderr.read().decode()
    yield Served(*found.groups())
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        process.wait(30)


def get(address: str, **headers) -> tuple[int, str]:
    request = urllib.request.Request(address, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


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
def test_every_page_comes_to_whoever_has_the_token_and_to_nobody_else(database, program):
    with browsing(program) as served:
        here = told()["databases"][NAME]
        pages = [*here["tables"], *(f"{name}?name=Artist" for name in here["queries"])]
        for page in ["", NAME, "-/dashboards/artistjobs", *(f"{NAME}/{page}" for page in pages)]:
            status, html = served.get(page)
            assert status == 200, page
            assert "timed out" not in html
            assert served.token not in html
        assert served.get(Host="evil.example")[0] == 421
        written = "UPDATE jobs SET artist_name = 'x'"
        assert served.get(f"{NAME}.json?sql={urllib.parse.quote(written)}")[0] == 400

        page, cookie = f"{served.address}{NAME}/results", f"artistjobs_{urllib.parse.urlsplit(served.address).port}"
        with urllib.request.urlopen(served.link()) as reply:
            given = reply.headers["Set-Cookie"]
            assert reply.headers["Referrer-Policy"] == "no-referrer"
        assert given == f"{cookie}={served.token}; Path=/; HttpOnly; SameSite=Strict"
        for headers in (
            {"Cookie": f"{cookie}={served.token}"},
            {"Cookie": f"other=1; {cookie}={served.token}; last"},
            {"Authorization": f"Bearer {served.token}"},
            {"Authorization": f"token {served.token}"},
        ):
            assert get(page, **headers)[0] == 200, headers
        for address, headers in (
            (page, {}),
            (f"{page}?token=", {}),
            (f"{page}?token={served.token[:-1]}", {}),
            (f"{page}?tokens={served.token}", {}),
            (f"{served.address}-/static/app.css", {}),
            (page, {"Cookie": f"{cookie}=wrong"}),
            (page, {"Cookie": f"artistjobs_1={served.token}"}),
            (page, {"Authorization": "Bearer wrong"}),
            (page, {"Authorization": served.token}),
        ):
            status, body = get(address, **headers)
            assert (status, "Artist" in body) == (403, False), (address, headers)
            assert "artistjobs browse printed" in body


TYPOS = [
    "nowhere", f"{NAME}/nothing", f"{NAME}/jobs/999", f"{NAME}/jobs?_sort=nothing", f"{NAME}/jobs?_size=many",
    f"{NAME}/jobs?_facet=nothing", f"{NAME}/jobs.json?_facet=nothing", f"{NAME}/jobs?_where=nothing",
    f"{NAME}/jobs.json?_shape=round", f"{NAME}/jobs.json?_col=nothing", f"{NAME}?sql=selec", f"{NAME}.json?sql=selec",
    f"{NAME}?sql=select+nothing", f"{NAME}.csv?sql=select+nothing", "-/dashboards/nothing", f"{NAME}?sql=select%20%00",
    f"{NAME}.json?sql=select+1%3B+select+2", f"{NAME}/jobs/1.blob?_blob_column=nothing",
]  # fmt: skip


@needs_extra
def test_a_typo_is_told_on_the_page_and_prints_nothing(database, program):
    with browsing(program) as served:
        answers = {page: served.get(page) for page in TYPOS}
        (process,) = program.started
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)

    assert (out, err) == (b"", b"")
    # Datasette puts the error of a query into the text of the CSV.
    assert {page for page, (status, _) in answers.items() if status < 400} == {f"{NAME}.csv?sql=select+nothing"}
    assert not [page for page, (_, body) in answers.items() if "Traceback" in body]


LARGE = {
    "one value": "select hex(zeroblob(400000000))",
    "a value that is only measured": "select length(hex(zeroblob(400000000)))",
    "a group": "select group_concat(hex(zeroblob(30000000))) from jobs",
    "many columns": "select " + ", ".join(["hex(zeroblob(16000000))"] * 60),
    "one value many times": "select " + ", ".join(["x"] * 60) + " from (select hex(zeroblob(16000000)) as x)",
    "many rows": "with recursive c(x) as (select 1 union all select x + 1 from c limit 900)"
    " select hex(zeroblob(5000000)) from c",
}


@needs_extra
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc to read the memory of a process")
def test_no_query_takes_much_memory(database, program):
    with browsing(program) as served:
        (process,) = program.started
        answers = {
            name: served.get(f"{NAME}.json?{urllib.parse.urlencode({'sql': sql})}") for name, sql in LARGE.items()
        }
        status = Path(f"/proc/{process.pid}/status").read_text()
        assert served.get(f"{NAME}.json?sql=select+count(*)+from+jobs")[0] == 200

    assert {name: status for name, (status, _) in answers.items()} == dict.fromkeys(LARGE, 400)
    assert int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) < 1_500_000
    assert "select fewer columns or rows" in answers["many columns"][1]
    assert "select fewer columns or rows" in answers["many rows"][1]


@needs_extra
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_without_a_message(database, program, number, code):
    with browsing(program) as served:
        assert served.get()[0] == 200
        (process,) = program.started

        process.send_signal(number)
        out, err = process.communicate(timeout=30)

        assert (process.returncode, out, err) == (code, b"", b"")
        with pytest.raises(urllib.error.URLError):
            served.get()


@needs_extra
def test_a_killed_server_leaves_nothing(database, program):
    with browsing(program) as served:
        (process,) = program.started
        children = subprocess.run(["ps", "--ppid", str(process.pid)], capture_output=True, text=True)
        assert len(children.stdout.splitlines()) == 1

        process.kill()
        process.wait(30)

        with pytest.raises(urllib.error.URLError):
            served.get()


@needs_extra
def test_rows_that_workers_add_are_visible(database, program, cli, folder):
    def rows(served):
        return json.loads(served.get(f"{NAME}/jobs.json?_shape=objects&_size=max")[1])["filtered_table_rows_count"]

    with browsing(program) as served:
        before = rows(served)
        write_artists(folder / "more.csv", 20)
        cli("ingest", "more.csv")

        assert rows(served) > before


@needs_extra
@pytest.mark.parametrize("name", ["100%.db", "what?.db", "a#b c.db"])
def test_a_path_with_any_character_is_served(program, folder, database, name):
    database.rename(folder / name)

    with browsing(program, "--db", name) as served:
        assert served.get(f"{NAME}/jobs")[0] == 200


@needs_extra
@pytest.mark.parametrize("has_log", [True, False])
def test_a_database_that_may_only_be_read_is_served_with_its_log(database, folder, program, has_log):
    # The user is root in some places, who may write everywhere: only the mode of opening is checked then.
    with open_store(database) as store:
        store.queue.register()
        answer_everything(store, 1)
        kept = folder / "kept"
        kept.mkdir()
        shutil.copy(database, kept)
        if has_log:
            shutil.copy(f"{database}-wal", kept)
    (kept / "artistjobs.db").chmod(0o444)
    kept.chmod(0o555)

    with browsing(program, "--db", kept / "artistjobs.db") as served:
        status, body = served.get(f"{NAME}/jobs.json?state=done")

    kept.chmod(0o755)
    assert status == 200
    assert json.loads(body)["filtered_table_rows_count"] == (4 if has_log else 3)


def test_the_page_that_opens_the_browser_is_private_and_temporary():
    link = address(8001, "a-token")

    with page_that_opens(link) as page:
        file = Path(urllib.request.url2pathname(urllib.parse.urlsplit(page).path))
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert f'url={link}"' in file.read_text()
        assert "a-token" not in page

    assert not file.exists()


@needs_extra
def test_the_token_is_not_in_the_command_line_of_the_browser(database, program, folder):
    script = folder / "browser"
    script.write_text(
        f'#!/bin/sh\nprintf %s "$1" > "{folder}/opened.tmp"; mv "{folder}/opened.tmp" "{folder}/opened"\n'
    )
    script.chmod(0o755)

    process = program.start("browse", env={"BROWSER": f"{script} %s"})
    told = process.stderr.readline().decode()
    wait_until((folder / "opened").exists)
    opened = (folder / "opened").read_text()
    process.send_signal(signal.SIGINT)
    process.wait(30)

    assert opened.startswith("file://")
    assert re.search(r"token=([\w-]+)", told)[1] not in opened
    assert not Path(urllib.parse.urlsplit(opened).path).exists()
