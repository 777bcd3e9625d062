"""Every command in the README and in docs/ works, and its output is as shown."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys

import pytest
from conftest import write_artists
from documents import PAGES, README, Shown
from paths import ROOT
from schemas import ARTIST

ELSEWHERE = {
    "python -m benchmarks.live": "asks before it spends; rehearsed by test_live_receipt.py",
    "python3 -m venv": "set-up, by .ci/run and test_packaging.py",
    "pip install": "set-up, by .ci/run",
    "eval ": "completion, by test_help.py",
    "_ARTISTJOBS_COMPLETE=fish": "completion, by test_help.py",
    "createdb": "here: an address stands for a new database",
    "artistjobs browse": "runs until it is ended, by test_browse.py",
    "artistjobs status --watch": "runs until it is ended, by test_status.py",
    "artistjobs set": "needs a running worker, by test_control.py",
    "artistjobs cancel 3": "needs a third batch, by test_batch.py",
}
"""Beginnings of commands that another test runs, with the place of that test."""

BEFORE = {
    "artistjobs failures --code": "run others.csv --prompt-file prompt.txt --schema artist.schema.json "
    "--model gpt-6-luna --param max_output_tokens=16",
    "artistjobs compare gpt-5 gpt-5-mini": "run artists.csv --prompt-file prompt.txt --model gpt-5-mini",
}
"""What has to happen before a command of the help has something to show."""


FROM_NOTHING = ("README.md", "docs/tutorial.md")
"""Pages that begin without a database; all others begin with one that has answers."""

SERVER = re.compile(r"postgresql://user@host/(\w+)")
"""Stands on the pages for the address of a PostgreSQL database."""


@pytest.fixture
def shell(folder, api):
    """Function that runs a command in a shell, as a reader would, with the simulated API."""
    bin_folder = folder / "bin"
    bin_folder.mkdir()
    for name, module in (("artistjobs", "artistjobs"), ("sqlite-utils", "sqlite_utils")):
        script = bin_folder / name
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m {module} "$@"\n')
        script.chmod(0o755)
    environment = {
        "PATH": f"{bin_folder}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "OPENAI_API_KEY": "sk-test-0123456789",
        "OPENAI_MODEL": "gpt-5",
        "OPENAI_BASE_URL": api.base_url,
        "HOME": str(folder),
        "LANG": "C.UTF-8",
    }

    def run(command: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            ["bash", "-c", command],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
        )

    return run


def prepare(page, folder) -> None:
    """Write the files that a page shows, and those that all pages use."""
    shutil.copy(ROOT / "example_artists.csv", folder / "example_artists.csv")
    shutil.copy(ROOT / "example_artists.csv", folder / "artists.csv")
    files = {
        "others.csv": "Björk\n",
        "prompt.txt": README.files()["prompt.txt"],
        "schema.json": '{"type": "json_schema", "name": "artist", "schema": {"type": "object"}}',
        "artist.schema.json": json.dumps(ARTIST),
    }
    for name, text in (files | page.files()).items():
        if name != "artists.csv":
            (folder / name).write_text(text, "utf-8")


def tried(page) -> list[Shown]:
    """Return the commands of a page that are tested here."""
    return [shown for shown in page.commands() if not shown.line.startswith(tuple(ELSEWHERE))]


@pytest.fixture
def addresses(page, request):
    """Addresses of new PostgreSQL databases by the names that stand for them on the page."""
    if not (names := set(SERVER.findall(page.text))):
        yield {}
        return
    server = request.getfixturevalue("postgres")
    created = {name: server.create_database() for name in names}
    yield created
    for address in created.values():
        server.drop_database(address)


@pytest.mark.parametrize("page", [page for page in PAGES if tried(page)], ids=lambda page: page.name)
def test_every_command_shown_works_and_prints_what_is_shown(page, cli, shell, folder, monkeypatch, addresses):
    monkeypatch.delenv("OPENAI_PROMPT_ID")
    prepare(page, folder)
    if page.name not in FROM_NOTHING:
        assert cli("run", "artists.csv", "--prompt-file", "prompt.txt", "--no-text").exit_code == 0

    for shown in tried(page):
        for earlier in (earlier for beginning, earlier in BEFORE.items() if shown.line.startswith(beginning)):
            cli(*shlex.split(earlier))
        line = SERVER.sub(lambda found: addresses[found[1]], shown.line.replace("chgrp museum", "chgrp $(id -g)"))
        if line.startswith("export "):
            monkeypatch.setenv(*line.removeprefix("export ").split("="))
            continue
        codes, code, output = execute(line, cli, shell)

        assert code in codes, f"{shown.line}\n{output}"
        # A command that finds its jobs rehearsed by an earlier one would show nothing.
        assert "--scenario" not in shown.line or re.search(r"[1-9]\d* calls|\"calls\": [1-9]", output), shown.line
        if shown.output is not None:
            assert shown.matches(output), f"{shown.line}\n{output}"


def execute(line: str, cli, shell) -> tuple[set[int], int, str]:
    """Return the exit codes that a command may have, the one that it had, and its output."""
    command, _, other = line.partition(" || test $? -eq ")
    if command.startswith("artistjobs ") and not re.search(r"[|<>&;$*]", command):
        # A command without shell syntax runs in this process, which is faster.
        words = shlex.split(command, comments=True)[1:]
        done = cli(*words)
        return {0, int(other or 0)}, done.exit_code, done.output
    result = shell(line.replace("sk-…", "sk-test-0123456789"))
    return {0}, result.returncode, result.stdout


def test_a_rehearsal_that_finds_its_jobs_done_says_how_to_rehearse_them_again(cli, folder):
    write_artists(folder / "artists.csv", 3)
    cli("run", "artists.csv", "--rehearse")

    again = cli("run", "artists.csv", "--scenario", "storm")

    assert again.exit_code == 0
    assert "all jobs were rehearsed before in rehearsal.db; to rehearse them again, name a new" in again.stderr
    assert "rehearsed before" not in cli("--db", "new.db", "run", "artists.csv", "--scenario", "busy").stderr
