"""Command ``doctor``: findings about the machine, the environment and the database, each with a level and a remedy."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from types import SimpleNamespace

import psycopg
import pytest
from conftest import KEY, write_artists

from artistjobs.commands.doctor import OLDEST_NOW, clock, openssl_version
from artistjobs.core.findings import Level
from artistjobs.store import place
from artistjobs.store.sqlite import diagnosis
from artistjobs.store.sqlite.diagnosis import sqlite_version

SUBJECTS = [
    "artistjobs", "python", "openssl", "file handles", "clock", "key", "address", ".env", "proxy", "sqlite",
    "file system", "disk", "folder", "locks",
]  # fmt: skip


def findings(result) -> dict[str, tuple[str, str]]:
    """Return level and text of each finding by its subject, the last one of each."""
    return {one["subject"]: (one["level"], one["text"]) for one in json.loads(result.stdout)["findings"]}


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch):
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name.startswith(("SSL", "PG")):
            monkeypatch.delenv(name)


def test_a_healthy_folder_without_a_database_passes_and_stays_as_it_was(cli, folder):
    result = cli("doctor", "--json")
    found = findings(result)

    assert result.exit_code == 0
    assert [name for name in SUBJECTS if name not in found] == []
    assert {level for name, (level, _) in found.items() if name != "sqlite"} == {"ok"}
    assert "start with: artistjobs ingest FILE" in found["database"][1]
    assert list(folder.iterdir()) == []


def test_the_lines_say_the_same_as_the_json_and_end_with_a_verdict(cli):
    lines, found = cli("doctor").stdout.splitlines(), findings(cli("doctor", "--json"))

    assert [line[:4].strip() for line in lines[:-1]] == [level for level, _ in found.values()]
    assert lines[-1].startswith("Nothing here prevents a run")


def test_doctor_sends_nothing_and_shows_no_secret(cli, folder, api, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://user:s3cret-pass@127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")
    (folder / ".env").write_text("OPENAI_API_KEY=sk-other-key\n")

    shown = cli("doctor").output + cli("doctor", "--json").output

    assert api.journal.received == 0
    assert "through a proxy (HTTP_PROXY set)" in shown
    assert not [secret for secret in (KEY, "s3cret-pass", "sk-other-key") if secret in shown]


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [("HTTP_PROXY", "socks5://127.0.0.1:9", 2), ("SSLKEYLOGFILE", "/nowhere/keys", 2), ("OPENAI_BASE_URL", "x", 2)],
)
def test_a_variable_that_stops_every_run_is_a_failure_with_its_name(cli, monkeypatch, name, value, code):
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv(name, value)

    result = cli("doctor", "--json")

    assert result.exit_code == code
    level, text = findings(result)["environment"]
    assert level == "fail"
    assert name in text


def test_a_log_of_tls_keys_is_a_warning(cli, folder, monkeypatch):
    monkeypatch.setenv("SSLKEYLOGFILE", str(folder / "keys"))

    assert findings(cli("doctor", "--json"))["tls"][0] == "warn"


def test_a_missing_key_is_a_warning_because_rehearsals_work(cli, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY")
    monkeypatch.delenv("OPENAI_BASE_URL")
    result = cli("doctor", "--json")

    assert result.exit_code == 0
    assert findings(result)["key"][0] == "warn"


def test_a_key_file_that_others_can_read_is_a_warning(program):
    (program.folder / ".env").write_text("OPENAI_API_KEY=sk-other-key\nHTTPS_PROXY=x\n")
    (program.folder / ".env").chmod(0o644)

    lines = program.run("doctor").stdout.splitlines()

    texts = [line for line in lines if " .env " in line]
    assert "chmod 600 .env" in texts[0]
    assert "HTTPS_PROXY cannot be set in this file" in texts[1]
    assert texts[2].endswith("sets OPENAI_API_KEY")


def test_a_sound_database_passes_the_deep_check(cli, folder):
    write_artists(folder / "a.csv", 3)
    cli("run", "a.csv")

    quick, deep = cli("doctor", "--json"), cli("doctor", "--deep", "--json")

    assert findings(quick)["integrity"][1] == "not checked; add --deep"
    assert findings(deep)["integrity"] == ("ok", "every page, index and reference of the database is sound")
    assert findings(deep)["clock"][1] == "agrees with the times in the database"
    assert deep.exit_code == 0


def test_a_damaged_index_is_found_by_the_deep_check_alone(cli, folder):
    write_artists(folder / "a.csv", 3)
    cli("ingest", "a.csv")
    with sqlite3.connect("artistjobs.db") as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (root,) = db.execute("SELECT rootpage FROM sqlite_master WHERE type = 'index' AND tbl_name = 'jobs'").fetchone()
        (size,) = db.execute("PRAGMA page_size").fetchone()
    db.close()
    with (folder / "artistjobs.db").open("r+b") as file:
        file.seek((root - 1) * size + 3)
        file.write(b"\0\0")  # the number of entries on the page

    assert cli("doctor").exit_code == 0
    result = cli("doctor", "--deep", "--json")

    assert result.exit_code == 74
    level, text = findings(result)["integrity"]
    assert level == "fail"
    assert "restore a backup" in text or ".recover" in text


def test_a_row_that_refers_to_nothing_is_found_by_the_deep_check(cli, folder):
    write_artists(folder / "a.csv", 1)
    cli("ingest", "a.csv")
    with sqlite3.connect("artistjobs.db") as db:
        db.execute("DELETE FROM ingests")
    db.close()

    result = cli("doctor", "--deep", "--json")

    assert result.exit_code == 74
    assert "refer to rows that are missing" in findings(result)["integrity"][1]


def test_a_file_of_another_program_is_wrong_use(cli, folder):
    with sqlite3.connect("artistjobs.db") as db:
        db.execute("CREATE TABLE theirs (x)")
    db.close()

    result = cli("doctor", "--json")

    assert result.exit_code == 2
    assert findings(result)["database"][0] == "fail"


def test_a_missing_folder_is_wrong_use(cli):
    result = cli("doctor", "--db", "nowhere/a.db", "--json")

    assert result.exit_code == 2
    assert "create it" in findings(result)["folder"][1]


def test_a_network_file_system_is_wrong_use(cli, folder, monkeypatch):
    mounts = folder / "mounts"
    mounts.write_text("1 0 0:1 / / rw - nfs4 server:/ rw\n")
    monkeypatch.setattr("artistjobs.store.sqlite.filesystem.MOUNTINFO", mounts)

    result = cli("doctor", "--json")

    assert result.exit_code == 2
    assert "network file system (nfs4)" in findings(result)["file system"][1]


@pytest.mark.parametrize(("free", "level", "code"), [(2**20, "fail", 74), (2**29, "warn", 0), (2**40, "ok", 0)])
def test_little_disk_is_a_warning_and_none_is_a_failure(cli, monkeypatch, free, level, code):
    monkeypatch.setattr(place.shutil, "disk_usage", lambda folder: SimpleNamespace(free=free))

    result = cli("doctor", "--json")

    assert result.exit_code == code
    assert findings(result)["disk"][0] == level


def test_locks_that_keep_nobody_out_are_a_failure(cli, monkeypatch):
    monkeypatch.setattr(diagnosis, "_met", lambda file: {"lockf"})

    result = cli("doctor", "--json")

    assert result.exit_code == 74
    assert findings(result)["locks"][1].startswith("flock do not keep another process out")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lists the holders of locks")
def test_a_stopped_holder_of_the_write_lock_is_named(cli, folder):
    write_artists(folder / "a.csv", 1)
    cli("ingest", "a.csv")
    script = (
        "import fcntl, time; f = open('artistjobs.db-lock'); fcntl.flock(f, 2); print(1, flush=True); time.sleep(99)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as holder:
        holder.stdout.readline()
        holder.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, holder.pid, os.WSTOPPED | os.WNOWAIT)
        found = findings(cli("doctor", "--json"))
        holder.kill()

    assert found["write lock"][0] == "warn"
    assert f"kill -CONT {holder.pid}" in found["write lock"][1]


def test_few_file_handles_are_a_warning(program):
    import resource

    def few() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (60, 60))

    lines = program.run("doctor", prepare=few).stdout.splitlines()

    (line,) = [line for line in lines if "file handles" in line]
    assert line.startswith("warn")
    assert "ulimit" in line


@pytest.mark.parametrize(("version", "level"), [((3, 40, 1), Level.WARN), ((3, 51, 2), Level.WARN), ((3, 51, 3), "ok")])
def test_versions_of_sqlite_with_the_wal_reset_bug_are_a_warning(version, level):
    assert sqlite_version(version).level == level


@pytest.mark.parametrize(
    ("name", "version", "level"), [("OpenSSL 1.1.1w", (1, 1), "warn"), ("OpenSSL 3.0.2", (3, 0), "ok")]
)
def test_a_version_of_openssl_without_fixes_is_a_warning(name, version, level):
    assert openssl_version(name, version).level == level


@pytest.mark.parametrize(
    ("now", "newest", "level"),
    [
        (0.0, None, "fail"),
        (OLDEST_NOW + 1, None, "ok"),
        (OLDEST_NOW + 1, "2026-01-01T05:00:00.000Z", "warn"),
        (OLDEST_NOW + 1, "2025-12-31T23:00:00.000Z", "ok"),
    ],
)
def test_a_clock_that_is_behind_is_found(now, newest, level):
    assert clock(now, newest).level == level


def test_a_server_is_examined_without_its_password(cli, postgres, monkeypatch, folder):
    write_artists(folder / "a.csv", 1)
    with postgres.database() as url:
        empty = cli("doctor", "--db", url, "--json")
        cli("ingest", "a.csv", "--db", url)
        result = cli("doctor", "--db", url, "--deep", "--json")
        with psycopg.connect(url) as db:
            db.execute("UPDATE jobs SET prompt = 99")
        broken = cli("doctor", "--db", url, "--deep", "--json")

    found = findings(result)
    assert empty.exit_code == result.exit_code == 0
    assert found["server"][1].startswith("PostgreSQL ")
    assert {"psycopg", "disk", "server clock", "integrity", "spool", "database"} <= set(found)
    assert found["references"][0] == "ok"
    assert findings(broken)["references"] == (
        "fail", "1 reference to rows that are missing; restore a backup with pg_restore"
    )  # fmt: skip


def test_a_server_that_is_away_is_found_at_once(cli):
    result = cli("doctor", "--db", "postgresql://user:s3cret-pass@127.0.0.1:9/x", "--db-timeout", "60", "--json")

    assert result.exit_code == 74
    assert findings(result)["server"][0] == "fail"
    assert "s3cret-pass" not in result.output
