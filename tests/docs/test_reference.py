"""Every command that the reference shows works, on the files that it shows."""

import csv
import io
import json
import re
import shlex

import jsonschema
import pytest
from conftest import read_records
from paths import ROOT

REFERENCE = (ROOT / "docs" / "reference.md").read_text()


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", REFERENCE, re.MULTILINE | re.DOTALL)


def commands() -> list[tuple[list[str], int]]:
    """Return the arguments of each command, and the exit code that it may have instead of 0."""
    lines = [line for block in blocks("sh") for line in block.splitlines() if line.strip()]
    parts = [line.partition(" || test $? -eq ") for line in lines]
    return [(shlex.split(command)[1:], int(code or 0)) for command, _, code in parts]


@pytest.fixture
def example(cli, folder):
    """Folder in which all commands were run, with their exit codes."""
    (folder / "tate.csv").write_text(blocks("csv")[0])
    (folder / "split.txt").write_text(blocks("text")[0])
    (folder / "facts.json").write_text(blocks("json")[0])
    for arguments, other in commands():
        result = cli(*arguments)

        assert result.exit_code in (0, other), (arguments, result.stderr)
    return folder


def test_the_worked_example_works_as_the_text_says(example):
    schema = json.loads((example / "facts.json").read_text())
    rows = list(csv.DictReader(io.StringIO((example / "facts.csv").read_text(), newline="")))
    records = read_records(example / "facts.jsonl")

    assert list(rows[0]) == ["artist_name", "gender", "born", "died", "place"]
    assert len(rows) == len(records) == 2
    for row, record in zip(rows, records, strict=True):
        jsonschema.validate(record["data"], schema)
        assert json.loads(row["place"] or "null") == record["data"]["place"]
        assert row["born"] == ("" if record["data"]["born"] is None else str(record["data"]["born"]))


def test_the_schema_of_the_example_is_strict():
    from artistjobs.core.text_format import strict_obstacle

    assert strict_obstacle(json.loads(blocks("json")[0])) is None


def test_the_keys_of_a_comparison_are_those_of_the_table():
    from artistjobs.core.comparison import Verdict
    from artistjobs.export.comparison import _COMMON

    table = REFERENCE.split("## The file of `compare`")[1]

    assert all(f"`{name}`" in table for name in (*_COMMON, *Verdict))
