"""Exports of structured answers: the object in JSON Lines, a column for each property in tables, columns by choice."""

import csv
import io
import json
import sqlite3
from contextlib import closing

import factories as make
import pytest
from conftest import read_records, write_artists
from schemas import KAHLO

from artistjobs.export.columns import COLUMNS, COLUMNS_IN_FULL
from artistjobs.export.export import ExportConfig, Format, export_to_file
from artistjobs.store.sqlite.store import open_store

TYPES = {
    "type": "object",
    "properties": {
        "text": {"type": "string"},
        "whole": {"type": ["integer", "null"]},
        "number": {"type": "number"},
        "flag": {"type": "boolean"},
        "list": {"type": "array"},
        "object": {"type": "object"},
        "any": {},
    },
}
VALUES = {
    "text": '=1,"é"\n\u2028', "whole": 1907.0, "number": 3, "flag": True, "list": [1, "ü"], "object": {"a": None},
    "any": 1.5,
}  # fmt: skip


def structured(schema, **changes):
    asked = {"text": {"format": {"type": "json_schema", "name": "a", "schema": schema}}}
    return make.make_template(params=json.dumps(asked), **changes)


def answered(store, text: str, prompt, name: str = "Frida Kahlo") -> None:
    make.ingest(store, name, prompt=prompt)
    answer = make.make_answer(text)
    make.settle(store, make.make_attempt(make.claim_one(store), answer=answer))


@pytest.fixture
def store(folder):
    with open_store(folder / "artistjobs.db", create=True) as opened:
        opened.queue.register()
        yield opened


def exported(store, folder, form: Format, **options) -> bytes:
    output = folder / "export"
    export_to_file(store, ExportConfig(format=form, **options), output, None)
    return output.read_bytes()


def table(content: bytes) -> list[dict]:
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


def test_json_lines_hold_the_object_after_the_fixed_keys(store, folder):
    answered(store, json.dumps(VALUES), structured(TYPES))

    (record,) = map(json.loads, exported(store, folder, Format.JSONL).splitlines())

    assert record["data"] == VALUES
    assert list(record)[-2:] == ["error", "data"]
    assert json.loads(record["response_text"]) == VALUES


@pytest.mark.parametrize("value", [VALUES, "text", [1], None, {"a": "\ud800/\x7f\u2028", "b": 10**400}, {"": {}}])
def test_both_ways_to_a_line_make_the_same_line(store, folder, value):
    answered(store, json.dumps(value), structured({}))
    quick = exported(store, folder, Format.JSONL)
    with closing(sqlite3.connect(folder / "artistjobs.db")) as db:
        db.execute("UPDATE answers SET text_apart = text")
        db.commit()

    assert exported(store, folder, Format.JSONL) == quick
    full = exported(store, folder, Format.JSONL, full=True)
    assert full.startswith(quick.rstrip(b"}\n"))


def test_a_table_has_a_column_for_each_property_after_the_fixed_ones(store, folder):
    answered(store, json.dumps(VALUES), structured(TYPES))

    for full in (False, True):
        (row,) = table(exported(store, folder, Format.CSV, full=full))

        rest = [column.name for column in COLUMNS_IN_FULL] if full else []
        assert list(row) == [*(column.name for column in COLUMNS), *TYPES["properties"], *rest]
        assert {name: row[name] for name in VALUES} == {
            "text": VALUES["text"], "whole": "1907", "number": "3", "flag": "true", "list": '[1, "ü"]',
            "object": '{"a": null}', "any": "1.5",
        }  # fmt: skip


def test_parquet_has_typed_columns(store, folder):
    reader = pytest.importorskip("pyarrow.parquet")
    answered(store, json.dumps(VALUES), structured(TYPES))
    answered(store, json.dumps({"whole": 2**63, "number": 10**400, "text": None}), structured(TYPES), "Prince")

    found = reader.read_table(io.BytesIO(exported(store, folder, Format.PARQUET)))

    kinds = {name: str(found.schema.field(name).type) for name in VALUES}
    assert kinds == {
        "text": "string", "whole": "int64", "number": "double", "flag": "bool", "list": "string", "object": "string",
        "any": "string",
    }  # fmt: skip
    first, second = found.select(list(VALUES)).to_pylist()
    assert first == {
        "text": VALUES["text"], "whole": 1907, "number": 3.0, "flag": True, "list": '[1, "ü"]',
        "object": '{"a": null}', "any": "1.5",
    }  # fmt: skip
    assert set(second.values()) == {None}, "what a column cannot hold is in response_text"


def test_the_columns_of_several_schemas_are_joined(store, folder):
    answered(store, '{"born": 1907}', structured({"properties": {"born": {"type": "integer"}}}))
    other = structured({"properties": {"place": {"type": "string"}, "born": {"type": "string"}}})
    answered(store, '{"place": "Minneapolis", "born": "1958"}', other, "Prince")
    answered(store, "plain", make.make_template("Hello {{ artist_name }}"), "Björk")

    rows = table(exported(store, folder, Format.CSV))

    assert [(row["born"], row["place"]) for row in rows] == [("1907", ""), ("1958", "Minneapolis"), ("", "")]
    lines = [json.loads(line) for line in exported(store, folder, Format.JSONL).splitlines()]
    assert ["data" in line for line in lines] == [True, True, False]


def test_an_ingest_has_the_columns_of_its_own_schema(store, folder):
    answered(store, '{"born": 1907}', structured({"properties": {"born": {}}}))
    answered(store, "plain", make.make_template("Hello {{ artist_name }}"), "Björk")

    own, plain = (
        exported(store, folder, Format.CSV, scope=store.records.scope(number)).splitlines()[0] for number in (1, 2)
    )

    assert own.endswith(b",born")
    assert plain == ",".join(column.name for column in COLUMNS).encode()


@pytest.mark.parametrize(
    ("name", "column"), [("model", "data_model"), ("job_id", "data_job_id"), ("data", "data_data"), ("", "data_")]
)
def test_a_property_named_like_a_fixed_column_gets_another_name(store, folder, name, column):
    answered(store, json.dumps({name: "x"}), structured({"properties": {name: {"type": "string"}}}))

    (row,) = table(exported(store, folder, Format.CSV))

    assert row[column] == "x"
    assert row["artist_name"] == "Frida Kahlo"


def test_two_properties_never_share_a_column(store, folder):
    schema = {"properties": {"model": {}, "data_model": {}, "data_data_model": {}}}
    answered(store, '{"model": 1, "data_model": 2, "data_data_model": 3}', structured(schema))

    (row,) = table(exported(store, folder, Format.CSV))

    assert list(row.values())[len(COLUMNS) :] == ["1", "2", "3"]


def test_a_failed_job_has_no_data_and_an_export_without_jobs_has_all_columns(store, folder):
    prompt = structured(TYPES)
    make.ingest(store, "Frida Kahlo", prompt=prompt)

    assert exported(store, folder, Format.CSV).decode().strip().split(",")[-7:] == list(TYPES["properties"])
    make.fail(store)
    (line,) = exported(store, folder, Format.JSONL, states=("failed",)).splitlines()
    assert json.loads(line)["data"] is None
    (row,) = table(exported(store, folder, Format.CSV, states=("failed",)))
    assert row["flag"] == ""


def test_an_answer_from_before_the_check_that_is_no_json_breaks_nothing(store, folder):
    answered(store, "no json", structured(TYPES))

    assert json.loads(exported(store, folder, Format.JSONL))["data"] is None
    assert table(exported(store, folder, Format.CSV))[0]["response_text"] == "no json"


@pytest.mark.parametrize("form", list(Format))
def test_chosen_columns_are_written_in_their_order(store, folder, form):
    answered(store, json.dumps(KAHLO), structured({"properties": {"born": {"type": "integer"}, "works": {}}}))
    names = ["works", "born", "artist_name", "cost_usd", "error", "artist_data"]

    if form is Format.PARQUET:
        reader = pytest.importorskip("pyarrow.parquet")
        found = reader.read_table(io.BytesIO(exported(store, folder, form, columns=names)))
        assert found.column_names == names
        return
    content = exported(store, folder, form, columns=names)
    if form in (Format.CSV, Format.TSV):
        assert content.splitlines()[0].decode().replace("\t", ",") == ",".join(names)
        assert b"1907" in content
    else:
        assert list(json.loads(content).items()) == [
            ("works", KAHLO["works"]), ("born", 1907), ("artist_name", "Frida Kahlo"), ("cost_usd", 0.5),
            ("error", None), ("artist_data", None),
        ]  # fmt: skip


@pytest.mark.parametrize("name", ["out.jsonl", "out.csv"])
@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ("artist_name,nobody", "no column 'nobody'; choose from: artist_name, "),
        ("a,a", "twice"),
        (",", "needs names"),
        ("", "needs"),
    ],
)
def test_columns_that_cannot_be_chosen_are_refused_and_the_old_file_stays(cli, folder, name, columns, said):
    write_artists(folder / "a.csv", 1)
    cli("run", "a.csv")
    (folder / name).write_text("old")

    for state in ("done", "failed"):
        result = cli("export", name, "--columns", columns, "--state", state)

        assert result.exit_code == 2, state
        assert said in result.stderr
    assert (folder / name).read_text() == "old"


def test_a_column_with_a_comma_in_its_name_can_be_chosen(cli, folder, store):
    answered(store, '{"a,b": 1}', structured({"properties": {"a,b": {}}}))

    result = cli("export", "-", "--columns", '"a,b", artist_name')

    assert json.loads(result.stdout) == {"a,b": 1, "artist_name": "Frida Kahlo"}


def test_a_run_writes_the_columns_too(cli, folder):
    (folder / "s.json").write_text(json.dumps(TYPES | {"required": ["flag"]}))
    (folder / "p.txt").write_text("Who is {{ artist_name }}?")
    write_artists(folder / "a.csv", 2)

    result = cli("run", "a.csv", "--prompt-file", "p.txt", "--schema", "s.json", "--output", "out.csv")

    assert result.exit_code == 0, result.stderr
    assert {row["flag"] for row in table((folder / "out.csv").read_bytes())} <= {"true", "false"}
    cli("export", "out.jsonl", "--no-text")
    assert all(record["data"]["flag"] in (True, False) for record in read_records(folder / "out.jsonl"))
