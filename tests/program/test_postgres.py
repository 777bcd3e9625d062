"""The program with a PostgreSQL database: the same output as with a SQLite file, refusals, and no password anywhere."""

import re
import shutil
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest
from conftest import KEY, read_records, wait_until, write_artists
from pooler import TransactionPooler

from artistjobs.rehearsal import Fault, replies

PASSWORD = "s3cret-pass"

SQL = Path(__file__).parents[2] / "artistjobs" / "store" / "postgres" / "sql"


# The same as with SQLite


COMMANDS = (
    "ingest a.csv --json",
    "work --json --max-workers 1",
    "status --json",
    "status --prometheus",
    "status",
    "failures",
    "failures --format jsonl",
    "show 1",
    "show 3",
    "show 'Artist 3'",
    "show 'artist 4'",
    "show artist",
    "show nobody",
    "retry --code nothing",
    "retry 3 --param max_output_tokens=900",
    "work --json --max-workers 1",
    "show 3",
    "export out.jsonl --json",
    "export out.jsonl --state all --full --no-text",
    "export out.csv --no-text",
    "export -",
    "ingest a.csv --prompt-file p.txt",
    "ingest b.csv --prompt-file p.txt",
    "ingests",
    "drop --ingest latest",
    "status --prompt 1",
    "run a.csv --prompt-file p.txt --output second.jsonl --no-text --max-workers 1",
    "compare 1 2 compared.jsonl",
    "lost",
    "pause",
    "resume",
    "set --max-workers 3",
    "status --json",
    "ingest a.csv --dry-run --limit 2",
)


def plain(text: str, database: object) -> str:
    """Return a text without moments, durations and names that differ from run to run."""
    for pattern, placeholder in (
        (re.escape(str(database)), "DATABASE"),
        (r"--db \S+ ", ""),
        (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?", "MOMENT"),
        (r"\d{4}-\d\d-\d\d|\d\d-\d\d \d\d:\d\d(:\d\d)?|\d\d:\d\d:\d\d", "MOMENT"),
        (r"(resp|req|rs|msg)_\w+", "ID"),
        (r'"bounded_by": (\{[^}]*\}|null|"\w+")|bounded by [^\n]*', "BOUND"),
        (
            r'"(\w*tokens|\w*usd|created|created_at|seconds|pid|jobs_per_minute|low|middle|high)": [\d.e-]+',
            r'"\1": NUMBER',
        ),
        (r"[\d,]+ tokens (in|out)|(?<=in, )[\d,]+ out|\$[\d.,]+", "NUMBER"),
        (r"((?:tokens_total|usd\w*|seconds|per_minute){[^}]*}) [\d.e+-]+", r"\1 NUMBER"),
        (r"[\d,.]+ jobs a minute", "N jobs a minute"),
        (r"(?<=,)\d+\.\d+(?=,)|\b[\d.]+ m?s\b|(?<= )[\d,]+(?= +NUMBER)", "N"),
        (r"1[67]\d{8}", "MOMENT"),
        (r"[0-9]+ kB", "SIZE"),
        (r'"bounded_by": ({[^}]*}|null|"\w+")|bounded by [^\n]*', "BOUND"),
        (r" +", " "),
    ):
        text = re.sub(pattern, placeholder, text)
    return text


def test_every_command_answers_as_it_does_with_sqlite(cli, folder, api, url, monkeypatch):
    monkeypatch.setattr(replies, "write_text", lambda *_, **__: "The same words for everybody.")
    api.script = lambda body, _: Fault.ROW_400 if "Artist 3" in str(body) and "max_output" not in str(body) else None
    write_artists(folder / "a.csv", 5)
    (folder / "b.csv").write_text("Artist 6,x\n,nobody\nArtist 7\n")
    (folder / "p.txt").write_text("Who is {{ artist_name }}?")
    answers: list[list[str]] = []
    for database in ("artistjobs.db", url):
        answers.append([])
        for name in ("out.jsonl", "out.csv", "second.jsonl", "compared.jsonl"):
            (folder / name).unlink(missing_ok=True)
        for line in COMMANDS:
            found = cli("--db", database, *(word.strip("'") for word in re.findall(r"'[^']+'|\S+", line)))
            files = [(folder / name).read_text() for name in ("out.jsonl", "out.csv", "second.jsonl", "compared.jsonl")
                     if (folder / name).exists()]  # fmt: skip
            answers[-1].append(plain("\n".join([line, found.stdout, found.stderr, *files]), database))
            assert found.exit_code in (0, 1, 2), found.stderr

    for sqlite, postgres in zip(*answers, strict=True):
        assert postgres == sqlite


def test_a_run_in_several_processes_asks_each_artist_once_and_shows_no_password(
    program_with_api, folder, api, url, query
):
    write_artists(folder / "a.csv", 300)
    query(f"CREATE ROLE known LOGIN SUPERUSER PASSWORD '{PASSWORD}'")
    api.latency_seconds = 0.05
    parent = program_with_api.start(
        "run", "a.csv", "--processes", 2, "--max-workers", 12, "--no-text",
        env={"ARTISTJOBS_DB": changed(url, user=f"known:{PASSWORD}")},
    )  # fmt: skip
    wait_until(lambda: query("SELECT to_regclass('workers')") != [(None,)])
    wait_until(lambda: len(query("SELECT pid FROM workers")) == 2)
    pids = [pid for (pid,) in query("SELECT pid FROM workers")]
    lines = b"".join(Path(f"/proc/{pid}/cmdline").read_bytes() for pid in [*pids, parent.pid])

    out, err = parent.communicate(timeout=100)

    query("DROP ROLE known")
    assert parent.returncode == 0, err
    assert PASSWORD.encode() not in lines + out + err
    assert KEY.encode() not in lines
    names = [record["artist_name"] for record in read_records(folder / "out.jsonl")]
    assert names == [f"Artist {number}" for number in range(1, 301)]
    assert len(api.journal.calls) == 300
    assert query("SELECT count(DISTINCT pid), count(*) FILTER (WHERE ended_at IS NULL) FROM workers") == [(2, 0)]


def test_every_statement_is_accepted_by_the_server(cli, folder, url):
    import psycopg

    write_artists(folder / "a.csv", 3)
    cli("--db", url, "ingest", "a.csv")
    text = {file.stem: file.read_bytes() for file in SQL.glob("*.sql")}
    with psycopg.connect(url) as connection:
        connection.execute(text["stage_tables"])
        connection.execute(text["stage_again"])
        connection.execute(text["preview_table"])
        for name, statement in text.items():
            if b"COPY" in statement or name in {"stage_tables", "stage_again", "preview_table"}:
                continue
            arrays = {found.decode() for found in re.findall(rb"%\((\w+)\)s::\w+\[\]", statement)}
            names = {found.decode() for found in re.findall(rb"%\((\w+)\)s", statement)}
            try:
                with connection.transaction(force_rollback=True):
                    connection.execute(statement, {one: [] if one in arrays else None for one in names})
            except psycopg.errors.NotNullViolation:
                pass


def test_the_export_is_one_snapshot_and_takes_little_memory(cli, folder, url, query):
    write_artists(folder / "a.csv", 50)
    cli("--db", url, "run", "a.csv", "--no-text")
    query("UPDATE answers SET text = repeat('x', 1000000), body = '{}' WHERE id > 10")
    import tracemalloc

    tracemalloc.start()
    done = cli("--db", url, "export", "big.jsonl", "--no-text")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert done.exit_code == 0, done.stderr
    assert (folder / "big.jsonl").stat().st_size > 40e6
    assert peak < 60e6


def test_an_export_whose_session_ends_midway_is_an_error_in_one_sentence(cli, program, folder, url, query):
    write_artists(folder / "a.csv", 50)
    cli("--db", url, "run", "a.csv", "--no-text")
    query("UPDATE answers SET text = repeat('x', 1000000), body = '{}'")
    sending = "FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'ClientWrite'"

    export = program.start("--db", url, "export", "-")  # nobody reads, so the server waits
    wait_until(lambda: query(f"SELECT pg_terminate_backend(pid) {sending}"))
    output, errors = export.communicate(timeout=60)

    assert export.returncode == 74
    assert re.fullmatch(rb"artistjobs: [^\n]+; [^\n]+\n", errors), errors
    assert 0 < output.count(b"\n") < 50


# Refusals


def refused(cli, address: str, *command: str) -> tuple[int, str]:
    done = cli("--db", address, "--db-timeout", "0", *(command or ("status",)))
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert "Traceback" not in done.stderr
    return done.exit_code, done.stderr


def changed(url: str, *, user: str | None = None, name: str | None = None, port: int | None = None, more: str = ""):
    base, _, database = url.partition("?")[0].rpartition("/")
    scheme, _, rest = base.partition("://")
    own_user, _, server = rest.rpartition("@")
    host, _, own_port = server.rpartition(":")
    return f"{scheme}://{user or own_user}@{host}:{port or own_port}/{name or database}{more}"


def port_of(url: str) -> int:
    return int(url.partition("?")[0].rpartition("/")[0].rpartition(":")[2])


@pytest.fixture
def closed_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        yield free.getsockname()[1]


def test_a_server_that_cannot_be_reached_is_named_with_the_reason(cli, url, closed_port):
    code, message = refused(cli, changed(url, port=closed_port))

    assert code == 74
    assert "cannot be reached (Connection refused)" in message


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"name": "nothing_there"}, "create it with createdb"),
        ({"user": "nobody_there"}, "refuses this user"),
        ({"more": "?sslmode=require"}, "check sslmode"),
        ({"more": "?sslmode=verify-full&sslrootcert=/nothing"}, "check sslmode"),
        ({"more": "?colour=red"}, "the URL of the database is invalid"),
        ({"more": "?service=nothing"}, "check the service"),
        ({"port": 99_999_999}, "check the URL"),
    ],
    ids=["database", "user", "tls", "certificate", "option", "service", "port"],
)
def test_a_wrong_address_is_wrong_use_with_the_remedy(cli, url, change, part):
    code, message = refused(cli, changed(url, **change))

    assert code == 2
    assert part in message


def test_an_unknown_host_is_wrong_use(cli):
    code, message = refused(cli, "postgresql://someone@host.invalid/jobs")

    assert code == 2
    assert "name of the server is unknown" in message


def test_another_kind_of_server_is_wrong_use(cli):
    done = cli("--db", "mysql://host/jobs", "status")

    assert done.exit_code == 2
    assert "name a SQLite file, or a server with postgresql://" in done.stderr


def test_a_database_without_tables_is_wrong_use_and_stays_as_it_is(cli, postgres):
    url = postgres.create_database()

    code, message = refused(cli, url)

    assert code == 2
    assert "artistjobs ingest FILE" in message
    postgres.drop_database(url)


def test_a_role_without_rights_is_wrong_use(cli, folder, url, query):
    write_artists(folder / "a.csv", 3)
    cli("--db", url, "ingest", "a.csv")
    query("CREATE ROLE weak LOGIN")
    try:
        code, message = refused(cli, changed(url, user="weak"))
    finally:
        query("DROP ROLE weak")

    assert code == 2
    assert "lacks a right" in message


def test_a_role_that_owns_nothing_may_work_once_the_tables_exist(cli, folder, url, query):
    write_artists(folder / "a.csv", 3)
    cli("--db", url, "ingest", "a.csv")
    query("CREATE ROLE worker LOGIN")
    query("GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO worker")
    try:
        done = cli("--db", changed(url, user="worker"), "run", "a.csv", "--no-text")
    finally:
        query("DROP OWNED BY worker")
        query("DROP ROLE worker")

    assert done.exit_code == 0, done.stderr
    assert "3 done" in done.stderr


@pytest.mark.parametrize(
    ("setting", "part"),
    [
        ("synchronous_commit = off", "synchronous_commit = off"),
        ("default_transaction_read_only = on", "replica or read-only"),
    ],
)
def test_a_server_that_cannot_keep_answers_is_refused(cli, url, query, setting, part):
    name = url.partition("?")[0].rpartition("/")[2]
    query(f'ALTER DATABASE "{name}" SET {setting}')
    try:
        code, message = refused(cli, url)
    finally:
        reset(url, f'ALTER DATABASE "{name}" RESET ALL')

    assert code == 2
    assert part in message


def reset(url: str, statement: str) -> None:
    import psycopg

    with psycopg.connect(url, autocommit=True, options="-c default_transaction_read_only=off") as connection:
        connection.execute(statement)


def test_a_database_with_another_encoding_is_refused(cli, url, query, postgres):
    query("CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")

    code, message = refused(cli, changed(url, name="latin"))

    assert code == 2
    assert "createdb -E UTF8" in message
    postgres.drop_database(changed(url, name="latin"))


def test_a_database_of_a_later_version_is_refused(cli, folder, url, query):
    write_artists(folder / "a.csv", 3)
    cli("--db", url, "ingest", "a.csv")
    query("INSERT INTO artistjobs_migrations VALUES ('9999_later', now())")
    try:
        code, message = refused(cli, url)
    finally:
        query("DELETE FROM artistjobs_migrations WHERE name = '9999_later'")

    assert code == 74
    assert "later version of artistjobs" in message


def test_tables_of_another_program_are_refused(cli, postgres):
    import psycopg

    url = postgres.create_database()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE jobs (id int)")

    code, message = refused(cli, url)

    assert code == 2
    assert "another program" in message
    postgres.drop_database(url)


def test_a_full_server_is_waited_for_and_named(cli, folder, url, query):
    write_artists(folder / "a.csv", 3)
    cli("--db", url, "ingest", "a.csv")
    query("CREATE ROLE limited LOGIN SUPERUSER CONNECTION LIMIT 0")
    query("ALTER ROLE limited NOSUPERUSER")
    try:
        done = cli("--db", changed(url, user="limited"), "--db-timeout", "1", "status")
    finally:
        query("DROP ROLE limited")

    assert done.exit_code == 74
    assert "waiting up to 1 s" in done.stderr
    assert "no free connection" in done.stderr


def test_a_pooler_in_transaction_mode_is_refused(cli, url):
    with closing(TransactionPooler(port_of(url))) as pooler:
        code, message = refused(cli, changed(url, port=pooler.port))

    assert code == 2
    assert "in session mode" in message


PGBOUNCER = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/bin")


@pytest.fixture
def bouncer(url, tmp_path):
    """Port of a PgBouncer before the server, whose databases are named after their modes."""
    if PGBOUNCER is None:
        pytest.skip("there is no PgBouncer")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    name = url.partition("?")[0].rpartition("/")[2]
    target = f"host=127.0.0.1 port={port_of(url)} dbname={name}"
    run = Path("/tmp") / f"artistjobs-bouncer-{port}"
    run.mkdir()
    (run / "users").write_text('"postgres" ""\n')
    modes = "\n".join(f"{mode} = {target} pool_mode={mode}" for mode in ("transaction", "session", "statement"))
    (run / "ini").write_text(
        f"[databases]\n{modes}\n[pgbouncer]\nlisten_addr=127.0.0.1\nlisten_port={port}\nauth_type=trust\n"
        f"auth_file={run}/users\nunix_socket_dir=\nlogfile={run}/log\npidfile={run}/pid\n"
    )
    as_user = {"user": "nobody"} if not sys.platform.startswith("win") and _is_root() else {}
    if as_user:
        shutil.chown(run, "nobody")
    process = subprocess.Popen([PGBOUNCER, "-q", run / "ini"], cwd=run, stderr=subprocess.DEVNULL, **as_user)
    wait_until(lambda: _listens(port))
    yield port
    process.terminate()
    process.wait(30)
    shutil.rmtree(run)


def _is_root() -> bool:
    import os

    return os.geteuid() == 0


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("mode", ["transaction", "statement"])
def test_pgbouncer_is_refused_in_transaction_and_statement_mode(cli, url, bouncer, mode):
    code, message = refused(cli, changed(url, port=bouncer, name=mode))

    assert code == 2
    assert "in session mode" in message


def test_pgbouncer_in_session_mode_serves_a_run(cli, folder, url, bouncer):
    write_artists(folder / "a.csv", 5)

    done = cli("--db", changed(url, port=bouncer, name="session"), "run", "a.csv", "--no-text")

    assert done.exit_code == 0, done.stderr


def test_commands_for_files_alone_say_what_to_use_for_a_server(cli, folder, url):
    write_artists(folder / "a.csv", 3)
    cli("--db", url, "ingest", "a.csv")

    assert "pg_dump" in cli("--db", url, "backup", "b.db").stderr
    assert "pg_restore" in cli("--db", url, "restore", "b.db").stderr


# Passwords


@pytest.mark.parametrize(
    "password", [PASSWORD, quote(PASSWORD + "@:/?#%"), PASSWORD + "@x", PASSWORD + "/x@y", PASSWORD + "?x@y"]
)
def test_a_password_is_in_no_message(cli, folder, url, password):
    address = changed(url, user=f"nobody_there:{password}")

    done = cli("--db", address, "--db-timeout", "0", "-v", "--log-file", "log.jsonl", "work")

    assert done.exit_code in (2, 74)
    log = (folder / "log.jsonl").read_text() if (folder / "log.jsonl").exists() else ""
    assert PASSWORD not in done.stderr + done.stdout + log


def test_a_password_of_an_option_is_in_no_message(cli, url):
    done = cli("--db", changed(url, name="none", more=f"?password={PASSWORD}&application_name=x"), "status")

    assert PASSWORD not in done.stderr
    assert "application_name=x" in done.stderr


def test_the_command_that_goes_on_has_the_options_of_the_url_but_no_password(cli, folder, url):
    write_artists(folder / "a.csv", 3)
    address = changed(url, user=f"postgres:{PASSWORD}", more="?application_name=x")

    done = cli("--db", address, "run", "a.csv", "--limit", 1, "--no-text")

    assert done.exit_code == 4
    assert "application_name=x" in done.stderr
    assert PASSWORD not in done.stderr


def test_a_password_on_the_command_line_is_warned_of(cli, folder, url):
    write_artists(folder / "a.csv", 3)

    done = cli("--db", changed(url, user=f"postgres:{PASSWORD}"), "ingest", "a.csv")

    assert done.exit_code == 0
    assert "set ARTISTJOBS_DB or PGPASSWORD, or use ~/.pgpass" in done.stderr
