"""Every command in the README works, and its output is as shown."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys

import pytest
from conftest import write_artists
from dotenv import load_dotenv
from paths import ROOT
from schemas import ARTIST

from artistjobs.cli import cli

README = (ROOT / "README.md").read_text()
ELSEWHERE = ("python3 -m venv", "eval ", "_ARTISTJOBS_COMPLETE=fish", "pip install '.[browse]'", "artistjobs browse")
"""Commands that are tested elsewhere: set-up by .ci/run and test_packaging.py, completion by test_cli.py, and browse,
which runs until it is ended and needs an extra, by test_browse.py."""


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    lines = [line for block in blocks("sh") for line in block.splitlines() if line.strip()]
    return [line for line in lines if not line.startswith(ELSEWHERE)]


@pytest.fixture
def shell(folder, api):
    """Function that runs a command in a shell, as a reader of the README would, with the simulated API."""
    shutil.copy(ROOT / "example_artists.csv", folder / "example_artists.csv")
    shutil.copy(ROOT / "example_artists.csv", folder / "artists.csv")
    (folder / "table.csv").write_text(blocks("csv")[1])
    (folder / "prompt.txt").write_text(blocks("text")[0])
    (folder / "schema.json").write_text('{"type": "json_schema", "name": "artist", "schema": {"type": "object"}}')
    (folder / "artist.schema.json").write_text(json.dumps(ARTIST))
    bin_folder = folder / "bin"
    bin_folder.mkdir()
    for name, module in (("artistjobs", "artistjobs"), ("sqlite-utils", "sqlite_utils")):
        script = bin_folder / name
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m {module} "$@"\n')
        script.chmod(0o755)
    environment = {
        "PATH": f"{bin_folder}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "OPENAI_BASE_URL": api.base_url,
        "HOME": str(folder),
        "LANG": "C.UTF-8",
    }

    def run(command: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            ["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, timeout=60
        )

    return run


def test_every_command_shown_works(shell, cli, monkeypatch):
    for name in ("OPENAI_API_KEY", "OPENAI_PROMPT_ID", "OPENAI_MODEL"):
        monkeypatch.delenv(name)
    for command in commands():
        if is_plain(command):
            # A command without shell syntax runs in this process, which is faster.
            load_dotenv(".env")
            done = cli(*shlex.split(command)[1:])
            code, errors = done.exit_code, done.stderr
        else:
            shown = shell(command.replace("sk-…", "sk-test-0123456789"))
            code, errors = shown.returncode, shown.stderr

        assert code == 0, (command, errors)


def test_every_rehearsal_shown_makes_calls_when_they_are_run_in_order(shell, folder):
    write_artists(folder / "artists.csv", 40)
    rehearsals = [
        line.removeprefix("$ ")
        for block in re.findall(r"^```(?:sh|console)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
        for line in block.splitlines()
        if line.startswith(("artistjobs", "$ artistjobs")) and re.search(r"--rehearse|--scenario", line)
    ]

    for command in rehearsals:
        result = shell(command)

        assert result.returncode == 0, command
        assert re.search(r"[1-9]\d* calls|\"calls\": [1-9]", result.stdout + result.stderr), command
    assert len(rehearsals) > 2


def test_a_rehearsal_that_finds_its_jobs_done_says_how_to_rehearse_them_again(cli, folder):
    write_artists(folder / "artists.csv", 3)
    cli("run", "artists.csv", "--rehearse")

    again = cli("run", "artists.csv", "--scenario", "storm")

    assert again.exit_code == 0
    assert "all jobs were rehearsed before in rehearsal.db; to rehearse them again, name a new" in again.stderr
    assert "rehearsed before" not in cli("--db", "new.db", "run", "artists.csv", "--scenario", "busy").stderr


def is_plain(command: str) -> bool:
    return command.startswith("artistjobs ") and not re.search(r"[|<>&;$'\"*]|ingest|work |export a", command)


def test_the_example_shows_the_real_output(shell):
    (block,) = blocks("console")
    parts = re.split(r"^\$ (.*)\n", block, flags=re.MULTILINE)[1:]
    for command, shown in zip(parts[::2], parts[1::2], strict=True):
        pattern = ".*".join(re.escape(part) for part in shown.rstrip("\n").split("…"))

        assert re.fullmatch(pattern, shell(command).stdout.rstrip("\n"), re.DOTALL), command


def test_the_record_shown_has_the_keys_of_a_real_one(shell):
    shell("OPENAI_API_KEY=x OPENAI_MODEL=m artistjobs run artists.csv --prompt-file prompt.txt")
    real = json.loads(shell("head -1 out.jsonl").stdout)
    shown = json.loads(blocks("json")[0])

    assert list(shown) == list(real)
    assert list(shown["request"]) == list(real["request"])


def test_every_option_is_in_the_table():
    options = {
        name
        for command in [cli, *cli.commands.values()]
        for parameter in command.params
        for name in parameter.opts
        if name.startswith("-")
    }
    table = README.split("## Options")[1].split("## Rehearsal")[0]

    missing = {name for name in options if f"{name}" not in table} - {"--prompt-version", "--verbose", "--quiet"}
    assert missing == set()


def test_every_exit_code_is_in_the_table():
    from artistjobs.commands.summary import _EXIT_CODES

    table = README.split("## Exit codes")[1].split("## Options")[0]

    for code in [*_EXIT_CODES.values(), 0, 1, 2, 74, 141]:
        assert re.search(rf"\b{code}\b", table)


def test_the_input_shown_is_read_as_the_text_says(tmp_path):
    from artistjobs.core.job import Artist
    from artistjobs.ingest.parser import ArtistReader

    path = tmp_path / "shown.csv"
    path.write_text(blocks("csv")[0])
    with path.open("rb") as stream:
        rows = list(ArtistReader(stream))

    assert [row.name for row in rows if isinstance(row, Artist)] == [
        "Frida Kahlo", "Prince", '"Weird Al" Yankovic', "Caravaggio",
    ]  # fmt: skip
