"""docs/agents.md has the codes and the keys of the program; test_commands_shown.py runs its commands."""

import json
import re
import shutil

from conftest import read_records
from paths import ROOT

from artistjobs.cli.exit_codes import EXIT_INTERRUPTED, EXIT_NO_READER, EXIT_TERMINATED
from artistjobs.commands.summary import _EXIT_CODES
from artistjobs.errors import WrongUseError

TEXT = (ROOT / "docs" / "agents.md").read_text()


def test_the_keys_are_those_of_the_program(cli, folder):
    shutil.copy(ROOT / "example_artists.csv", folder / "artists.csv")
    rows = dict(re.findall(r"^\| (.*?) \| (.*`\w+`.*) \|$", TEXT, re.MULTILINE))
    listed = {name: re.findall(r"`(\w+)`", keys) for name, keys in rows.items()}

    assert listed["`run --json`, `work --json`"] == list(json.loads(cli("run", "artists.csv", "--json").stdout))
    assert listed["`ingest --json`"] == list(json.loads(cli("ingest", "artists.csv", "--json").stdout))
    assert listed["`status --json`"] == list(json.loads(cli("status", "--json").stdout))
    assert listed["a line of `out.jsonl`"] == list(read_records(folder / "out.jsonl")[0])


def test_every_exit_code_is_in_the_table():
    listed = {int(code) for codes in re.findall(r"^\| ([\d, ]+) \|", TEXT, re.MULTILINE) for code in codes.split(",")}

    signals = {EXIT_INTERRUPTED, EXIT_NO_READER, EXIT_TERMINATED}
    assert listed == {0, 1, WrongUseError.exit_code, *_EXIT_CODES.values(), *signals}
