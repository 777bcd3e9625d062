"""The key appears in no file or message, files belong to their owner, and templates cannot leave the sandbox."""

import base64
import gzip
import html
import json
import os
import re
import resource
import signal
import stat
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote, unquote

import pytest
from conftest import KEY, wait_until, write_artists
from hostile import Hostile, answer, hostile_server, raw_answer, refusal, reply

from artistjobs.api.config import ApiConfig
from artistjobs.commands.config import WorkOptions
from artistjobs.core.template import check_template, compile_template
from artistjobs.errors import PromptError
from artistjobs.export.atomic_file import _part_file
from artistjobs.rehearsal import rehearsal

PASSWORD = "hunter2-of-the-proxy"


@pytest.fixture
def hostile():
    with hostile_server() as running:
        yield running


@pytest.fixture
def program_with_hostile(program, hostile):
    program.environment |= {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": hostile.base_url, "OPENAI_PROMPT_ID": "p"}
    return program


def assert_no_secret(folder: Path, *said: str, secret: str = KEY) -> None:
    """Check the output, and every byte of every file in the folder."""
    hidden = [secret.encode(), base64.b64encode(secret.encode())]
    contents = [file.read_bytes() for file in folder.iterdir() if file.is_file()]
    for content in [*(text.encode() for text in said), *contents]:
        assert not any(form in content for form in hidden)


ECHO = f"Bearer {KEY}"

ECHOES = {
    "an answer": reply(answer(f"your key is {KEY}, {KEY}{KEY}")),
    "an id": reply(answer(id=KEY, model=KEY, service_tier=KEY)),
    "a member of an answer": reply(answer(metadata={"headers": {"authorization": ECHO}, KEY: KEY})),
    "an error": refusal(f"Incorrect API key provided: {KEY}.", code=KEY, type=KEY, param=KEY),
    "a page": reply(f"<p>{ECHO}".encode(), b"content-type: text/html", status=b"502 Bad"),
    "a request id": reply(answer(), b"x-request-id: " + KEY.encode()),
    "a content type": reply(b"<p>", b"content-type: " + ECHO.encode()),
    "a redirect": reply(b"", b"location: http://127.0.0.1:9/?" + KEY.encode(), status=b"302 Found"),
    "a retry-after": reply(b"", b"retry-after: " + KEY.encode(), status=b"503 Bad"),
    "a status line": b"HTTP/1.1 500 " + ECHO.encode() + b"\r\n\r\n",
    "a line that is no status": ECHO.encode() + b"\r\n\r\n",
    "a header that is none": b"HTTP/1.1 200 OK\r\n" + ECHO.encode() + b"\r\n\r\n",
    "gzip": reply(gzip.compress(answer(KEY)), b"content-encoding: gzip"),
}


def test_a_key_that_a_server_sends_back_is_stored_nowhere(program_with_hostile, hostile: Hostile, folder):
    """The most verbose output: each call, the SDK's own log, a log file, a full export."""
    hostile.replies |= ECHOES
    (folder / "a.csv").write_text("".join(f"{name}\ngood after {name}\n" for name in ECHOES))
    program_with_hostile.environment["OPENAI_LOG"] = "debug"

    run = program_with_hostile.run(
        "-v", "--log-file", "log", "run", "a.csv", "--max-attempts", "2", "--max-workers", "16", "--patience", "0"
    )
    others = [
        program_with_hostile.run(*command.split())
        for command in ("export all.jsonl --state all --full", "export -", "status", "status --json")
    ]

    # The last rows have no good one beside them any more, so they may look like an outage and be given back.
    assert run.returncode in (1, 75), run.stderr
    assert [other.returncode for other in others] == [0] * 4
    assert sum(KEY.encode() in request for request in hostile.posts) >= 2 * len(ECHOES)
    assert "DEBUG" in run.stderr
    assert_no_secret(folder, run.stdout, run.stderr, *(other.stdout + other.stderr for other in others))
    assert "[key removed]" in (folder / "all.jsonl").read_text()


ODD_KEY = "sk-test/0123+456=789&abcdef"

SPELLED = {
    "escaped slashes": json.dumps(ODD_KEY).replace("/", "\\/"),
    "escapes": '"' + "".join(f"\\u{ord(character):04X}" for character in ODD_KEY) + '"',
    "some escapes": json.dumps(ODD_KEY).replace("+", "\\u002b").replace("=", "\\u003D"),
    "JSON in JSON": json.dumps(json.dumps({"key": ODD_KEY}).replace("/", "\\/")),
    "an address": json.dumps("http://a/?key=" + quote(ODD_KEY, safe="")),
    "HTML": json.dumps(html.escape(ODD_KEY)),
}
"""The odd key as JSON text, in the ways in which servers write it."""


def spelled_replies() -> dict[str, bytes]:
    replies = {}
    for name, text in SPELLED.items():
        replies[f"{name} in an answer"] = reply(raw_answer(text.encode(), b'"metadata": {"key": %b}, ' % text.encode()))
        error = b'{"error": {"message": %b, "code": %b}}' % (text.encode(), text.encode())
        replies[f"{name} in an error"] = reply(error, b"location: /" + text.encode(), status=b"400 Bad")
    return replies


def test_a_key_that_a_server_spells_in_another_way_is_kept_nowhere(program_with_hostile, hostile: Hostile, folder):
    hostile.replies |= spelled_replies()
    (folder / "a.csv").write_text("".join(f"{name}\ngood after {name}\n" for name in hostile.replies))
    program_with_hostile.environment |= {"OPENAI_LOG": "debug", "OPENAI_API_KEY": ODD_KEY}

    run = program_with_hostile.run("-v", "--log-file", "log", "run", "a.csv", "--max-attempts", "1")
    export = program_with_hostile.run("export", "all.jsonl", "--state", "all", "--full")

    assert (run.returncode, export.returncode) == (1, 0), run.stderr
    assert_no_secret(folder, run.stdout, run.stderr, export.stdout, secret=ODD_KEY)
    contents = [run.stderr.encode(), *(file.read_bytes() for file in folder.iterdir() if file.name != "a.csv")]
    for content in contents:
        readable = unquote(html.unescape(content.decode("utf-8", "replace").replace("\\", "")))
        readable = re.sub("u00([0-9a-fA-F]{2})", lambda found: chr(int(found[1], 16)), readable)
        assert ODD_KEY not in readable
    assert (folder / "out.jsonl").read_text().count("[key removed]") >= len(SPELLED)


def with_core_dumps() -> None:
    """Let the process that is about to start dump core, if the machine allows that."""
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))


def limits_of(process: subprocess.Popen) -> str:
    return Path(f"/proc/{process.pid}/limits").read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="the limits of another process are told by Linux alone")
def test_a_worker_that_crashes_leaves_no_core_dump(program_with_api, api, folder):
    api.latency_seconds = 60.0
    write_artists(folder / "a.csv", 4)
    worker = program_with_api.start("run", "a.csv", "--processes", 2, prepare=with_core_dumps, start_new_session=True)
    wait_until(lambda: api.journal.in_flight >= 2)

    assert re.search(r"Max core file size +0 ", limits_of(worker))
    os.killpg(worker.pid, signal.SIGABRT)
    _, status = os.waitpid(worker.pid, 0)
    worker.returncode = status

    assert os.WIFSIGNALED(status)
    assert not os.WCOREDUMP(status)
    assert not list(folder.glob("core*"))


@pytest.mark.skipif(sys.platform != "linux", reason="the limits of another process are told by Linux alone")
def test_no_command_leaves_a_core_dump(program_with_api, folder):
    command = program_with_api.start("ingest", "-", stdin=subprocess.PIPE, prepare=with_core_dumps)

    wait_until(lambda: re.search(r"Max core file size +0 ", limits_of(command)))


@pytest.mark.parametrize("status", [b"401 Unauthorized", b"404 Not Found"])
def test_a_look_up_that_sends_the_key_back_does_not_show_it(program_with_hostile, hostile, folder, status):
    hostile.model = refusal(f"Incorrect API key provided: {KEY}", status=status, code="model_not_found")
    write_artists(folder / "a.csv", 1)

    run = program_with_hostile.run("-v", "--log-file", "log", "run", "a.csv", "--json")

    assert run.returncode == 3
    assert "[key removed]" in run.stderr
    assert_no_secret(folder, run.stdout, run.stderr)


@pytest.mark.parametrize(
    "where",
    ["worker.active_job.classify", "api.responses._read", "worker.preflight.check_models", "commands.work.run_calling"],
)
def test_an_internal_error_does_not_show_the_key(program_with_hostile, folder, where):
    """The traceback of an internal error, with the most verbose output."""
    module, _, name = f"artistjobs.{where}".rpartition(".")
    (folder / "sitecustomize.py").write_text(
        f"import {module} as module\n"
        "def fail(*_, **__):\n"
        "    raise ZeroDivisionError('on purpose')\n"
        f"module.{name} = fail\n"
    )
    program_with_hostile.environment["PYTHONPATH"] += os.pathsep + str(folder)
    program_with_hostile.environment |= {"OPENAI_LOG": "debug", "PYTHONASYNCIODEBUG": "1"}
    write_artists(folder / "a.csv", 2)

    run = program_with_hostile.run("-v", "--log-file", "log", "run", "a.csv")

    assert run.returncode not in (0, 2)
    assert "on purpose" in run.stderr
    assert_no_secret(folder, run.stdout, run.stderr)


def test_the_process_does_not_show_the_key_to_others(program_with_api, folder, api):
    write_artists(folder / "a.csv", 8)
    api.latency_seconds = 0.5
    process = program_with_api.start("run", "a.csv")
    wait_until(lambda: api.journal.received)

    shown = [Path(f"/proc/{process.pid}/{file}").read_bytes() for file in ("cmdline", "comm", "status")]

    assert not any(KEY.encode() in text for text in shown)


def test_the_text_of_settings_does_not_contain_the_key():
    api = ApiConfig(api_key=KEY)
    working = WorkOptions(work=None, timeout_seconds=1, api=api, scenario=None, retry_failed=False, quiet=False)

    assert KEY not in f"{api!r}{api}{working!r}{[working]}"


@pytest.mark.parametrize("odd", ["\n", " ", "\t", "é", "\x1b[2J", "\u202e", "\x7f", "\udcff", "“"])
@pytest.mark.parametrize("variable", ["OPENAI_API_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"])
def test_a_key_that_is_invalid_in_a_header_is_refused_and_not_shown(cli, folder, monkeypatch, variable, odd):
    write_artists(folder / "a.csv", 1)
    monkeypatch.setenv(variable, f"sk-half{odd}other-half")

    result = cli("run", "a.csv")

    assert result.exit_code == 2
    assert variable in result.stderr
    assert "half" not in result.output


@pytest.mark.parametrize(
    "address",
    ["http://user:{}@127.0.0.1:1/v1", "http://{}@127.0.0.1:1/v1", "ftp://user:{}@x", "http://u:{}@[::/v1", "//u:{}@h"],
)
def test_a_password_in_the_address_is_refused_and_not_shown(program, folder, address):
    program.environment |= {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": address.format(PASSWORD)}
    write_artists(folder / "a.csv", 1)

    run = program.run("-v", "--log-file", "log", "run", "a.csv", "--prompt-id", "p")

    assert run.returncode == 2
    assert "OPENAI_BASE_URL" in run.stderr
    assert "Traceback" not in run.stderr
    assert_no_secret(folder, run.stdout, run.stderr, secret=PASSWORD)


@pytest.mark.parametrize("address", ["http://h:port/v1", "http://127.0.0.1/\n", "http://\x1b[2J/", "http://[::1"])
def test_an_invalid_address_is_refused_in_one_sentence(cli, folder, monkeypatch, address):
    monkeypatch.setenv("OPENAI_BASE_URL", address)
    monkeypatch.setattr("artistjobs.worker.preflight.TRIES", 1)
    write_artists(folder / "a.csv", 1)

    result = cli("-q", "run", "a.csv")

    assert result.exit_code in (2, 3)
    assert "OPENAI_BASE_URL" in result.stderr
    assert "\x1b" not in result.stderr


def modes(folder: Path) -> dict[str, int]:
    return {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir() if file.name != "a.csv"}


@pytest.mark.parametrize(("umask", "mode"), [(0o077, 0o600), (0o022, 0o644), (0o000, 0o644)])
def test_files_follow_the_umask_and_are_never_world_writable(program_with_api, folder, api, umask, mode):
    api.latency_seconds = 0.3
    write_artists(folder / "a.csv", 4)
    process = program_with_api.start("--log-file", "log", "run", "a.csv", umask=umask)
    wait_until(lambda: api.journal.received)

    made = modes(folder)
    process.communicate(timeout=60)
    made |= modes(folder)

    files = {"artistjobs.db", "artistjobs.db-wal", "artistjobs.db-shm", "log", "out.jsonl"}
    # Whoever may read these may lock them, and stop the work.
    locks = {"artistjobs.db-lock", "artistjobs.db-worker-1"}
    assert made == dict.fromkeys(files, mode) | dict.fromkeys(locks, 0o600)


def test_the_temporary_file_of_an_export_is_not_world_writable(tmp_path):
    before = os.umask(0)
    try:
        with _part_file(tmp_path / "out.jsonl") as (part, _):
            assert stat.S_IMODE(part.stat().st_mode) == 0o644
    finally:
        os.umask(before)


def test_an_export_keeps_the_mode_of_its_file(cli, folder):
    write_artists(folder / "a.csv", 1)
    (folder / "out.jsonl").touch()
    (folder / "out.jsonl").chmod(0o640)

    cli("run", "a.csv")

    assert stat.S_IMODE((folder / "out.jsonl").stat().st_mode) == 0o640


def listening(pid: int) -> set[str]:
    """Return the addresses that a process listens on, in the kernel's hexadecimal notation."""
    sockets = set()
    for file in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            sockets.add(str(file.readlink()))
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            _, local, _, state, *rest = line.split()
            if state == "0A" and f"socket:[{rest[5]}]" in sockets:
                found.add(local.partition(":")[0])
    return found


def test_a_rehearsal_listens_on_the_loopback_interface_alone(program, folder):
    write_artists(folder / "a.csv", 400)
    process = program.start("run", "a.csv", "--rehearse", "--scenario", "busy", "--max-workers", "2")
    addresses: set[str] = set()

    def look():
        addresses.update(listening(process.pid))
        return addresses

    wait_until(look)
    assert addresses == {"0100007F"}


def test_the_rehearsal_of_the_tests_listens_on_the_loopback_interface_alone():
    with rehearsal("calm"):
        assert listening(os.getpid()) == {"0100007F"}


HUNGRY = [
    "{{ 'x' * 10 ** 10 }}",
    "{{ 10 ** 10 ** 10 }}",
    "{{ artist_name * 10 ** 9 }}",
    "{{ ([1] * 10 ** 9) | length }}",
    "{{ '%10000000000d' % 1 }}",
    "{{ '{:>20000000}'.format(1) }}",
    "{{ artist_name | center(10 ** 18) }}",
    "{{ artist_name.ljust(20000000) }}",
    "{% set x = 'x' * 1000 %}" + "{% for a in x %}" * 5 + "{{ x }}" + "{% endfor %}" * 5,
]


@pytest.mark.parametrize("text", HUNGRY)
def test_a_template_that_needs_too_much_memory_is_refused_at_once(text):
    began = time.monotonic()

    with pytest.raises(PromptError, match=r"prompt.txt: .*fix the template"):
        check_template(text, "prompt.txt")

    assert time.monotonic() - began < 5


def test_ordinary_arithmetic_and_formatting_still_work():
    text = "{{ '-' * 20 }}{{ 3 * 4 }}{{ 2 ** 10 }}{{ '%05d' % 7 }}{{ artist_name.ljust(9) }}|"
    check_template(text, "prompt.txt")

    assert compile_template(text)("Nina", "") == "-" * 20 + "12" + "1024" + "00007" + "Nina     |"
