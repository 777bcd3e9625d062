"""Every key of the JSON that commands print is listed in docs/json.md, and every key listed there is printed."""

import json
import re
from dataclasses import fields

import pytest
from conftest import write_artists
from documents import page

from artistjobs.rehearsal.scenarios import Fault
from artistjobs.store.models import BatchRecord

COMMANDS = {
    "run --json": "run a.csv --prompt-file prompt.txt --json -q --no-text",
    "ingest --json": "ingest a.csv --prompt-file prompt.txt --json",
    "run --dry-run --json": "run a.csv --prompt-file prompt.txt --dry-run --json",
    "check --json": "check a.csv --prompt-file prompt.txt --json --spend",
    "inspect --json": "inspect a.csv --json",
    "doctor --json": "doctor --json",
    "failures --json": "failures --json",
    "show --json": "show --job 1 --json",
    "init --json": "init new --json",
    "status --json": "status --json",
    "ingests --json": "ingests --json",
    "lost --json": "lost --json",
    "compare --json": "compare gpt-5 gpt-5-mini --json",
}
"""A command for each section, by its title."""

OPEN = {"projection", "request", "requests", "changed", "columns", "how", "header"}
"""Keys whose value is null here, or has names of its own."""

ABSENT = {"show --json": {"columns"}}
"""Keys that are printed for other jobs."""


@pytest.fixture
def printed(cli, folder, api):
    """The first JSON object of each command, after a run with an answer and a failure."""
    write_artists(folder / "a.csv", 3)
    (folder / "prompt.txt").write_text("Who is {{ artist_name }}?", "utf-8")
    api.script = lambda body, _: Fault.INCOMPLETE if "Artist 2" in body["input"] else None
    cli("run", "a.csv", "--prompt-file", "prompt.txt", "--model", "gpt-5-mini")
    return {title: json.loads(cli(*command.split()).stdout.splitlines()[0]) for title, command in COMMANDS.items()}


def keys_of(value, name=""):
    """Return all keys of a JSON value, except those of values with names of their own."""
    if isinstance(value, dict) and name not in OPEN:
        return set(value) | {key for inner, part in value.items() for key in keys_of(part, inner)}
    return keys_of(value[0], name) if isinstance(value, list) and value else set()


def test_every_key_is_listed_and_every_key_listed_is_printed(printed):
    for title, value in printed.items():
        section = next(text for head, text in sections() if f"`{title}`" in head)
        others = [
            text for head, text in sections() for other in re.findall(r"as in `([^`]+)`", section) if other in head
        ]
        listed = set(re.findall(r"`(\w+)`", "".join([section, *others])))
        first_cells = re.findall(r"^\| (`[^|]*) \|", section.partition("| subject |")[0], re.MULTILINE)

        assert keys_of(value) - listed == set(), title
        tops = {key for cell in first_cells for key in re.findall(r"`(\w+)`", cell)}
        assert tops - ABSENT.get(title, set()) == set(value), title


def test_the_keys_of_a_batch_are_those_of_its_record():
    section = next(text for head, text in sections() if "`batches --json`" in head)
    listed = re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`[^|]*) \|", section, re.MULTILINE)))

    assert set(listed) == {field.name for field in fields(BatchRecord)}


def sections():
    return re.findall(r"^## (.*)\n((?:(?!## ).*\n)*)", page("json").text, re.MULTILINE)
