"""docs/agents.md: its commands work, its codes and keys are those of the program."""

import json
import re
import shlex
import shutil

from conftest import read_records
from paths import ROOT

from artistjobs.cli.exit_codes import EXIT_INTERRUPTED, EXIT_NO_READER, EXIT_TERMINATED
from artistjobs.commands.summary import _EXIT_CODES
from artistjobs.errors import WrongUseError

TEXT = (ROOT / "docs" / "agents.md").read_text()


def test_the_commands_shown_work_in_their_order_and_print_the_keys_shown(cli, folder, monkeypatch):
    monkeypatch.delenv("OPENAI_PROMPT_ID")
    shutil.copy(ROOT / "example_artists.csv", folder / "artists.csv")
    (folder / "prompt.txt").write_text("Who is {{ artist_name }}? {{ artist_data }}")
    printed: dict[str, list[str]] = {}
    for block in re.findall(r"^```sh\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            done = cli(*shlex.split(line)[1:])
            assert done.exit_code == 0, (line, done.stderr)
            if line.endswith("--json") and done.stdout:
                name = "status" if " status " in line else "run" if " run " in line else "check"
                printed[name] = list(json.loads(done.stdout))
    printed["ingest"] = list(json.loads(cli("ingest", "artists.csv", "--prompt-file", "prompt.txt", "--json").stdout))

    table = {
        command: re.findall(r"`(\w+)`", keys)
        for command, keys in re.findall(r"^\| (`.*?json.*?) \| (.*) \|$", TEXT, re.MULTILINE)
    }
    assert table["`run --json`, `work --json`"] == printed["run"]
    assert table["`ingest --json`"] == printed["ingest"]
    assert table["`status --json`"] == printed["status"]
    (record,) = [
        keys for command, keys in re.findall(r"^\| (a line of .*?) \| (.*) \|$", TEXT, re.MULTILINE) for keys in [keys]
    ]
    assert set(read_records(folder / "out.jsonl")[0]) == set(re.findall(r"`(\w+)`", record))
    assert (folder / "rehearsed.jsonl").exists()


def test_every_exit_code_is_in_the_table():
    listed = {int(code) for codes in re.findall(r"^\| ([\d, ]+) \|", TEXT, re.MULTILINE) for code in codes.split(",")}

    signals = {EXIT_INTERRUPTED, EXIT_NO_READER, EXIT_TERMINATED}
    assert listed == {0, 1, WrongUseError.exit_code, *_EXIT_CODES.values(), *signals}
