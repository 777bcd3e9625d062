"""Exports as CSV and Parquet contain the values of the records."""

import csv
import io
import json

import factories as make
import pytest
from conftest import read_records, write_artists
from hypothesis import given, settings
from hypothesis import strategies as st
from test_jsonl import texts

from artistjobs.core.json_values import clean_text
from artistjobs.errors import WrongUseError
from artistjobs.export import parquet
from artistjobs.export.columns import COLUMNS, columns
from artistjobs.export.csv import CsvWriter, TsvWriter
from artistjobs.export.export import ExportConfig, export_to_stream
from artistjobs.export.formats import Format, format_of
from artistjobs.export.parquet import ParquetWriter
from artistjobs.export.records import RecordBuilder
from artistjobs.rehearsal.faults import Fault
from artistjobs.store.sqlite.store import open_store

INPUT = "Prince,singer\nBjörk\nFrida Kahlo\n"
hostile = (
    texts | st.text(max_size=20).map(clean_text) | st.sampled_from(['=cmd|"/C calc"!A0', '"', '","', "\r", "\r\n"])
)
numbers = st.none() | st.integers(0, 2**53 - 1)


class OneFailure:
    """Records with one kind of failure and one answer."""

    def __init__(self, message, body):
        self.prompt = lambda number: make.make_prompt(version="2")
        self.last_error = lambda job: {"error_type": "server_error", "error_message": message, "http_status": 500}
        self.details = lambda job: {"model": "gpt-5", "input_tokens": 3, "cost_usd": 0.5, "seconds": 2.0, "body": body}


rows = st.tuples(
    hostile.filter(lambda text: text and "\0" not in text), hostile, hostile, numbers,
    st.sampled_from(["done", "failed"]),
).map(
    lambda drawn: make.make_exported(
        artist_name=drawn[0], artist_data=drawn[1], text=drawn[2], created=drawn[3], state=drawn[4],
        error_code="server_error" if drawn[4] == "failed" else None,
    )
)  # fmt: skip


def expected_cells(row, message, body):
    """Return the expected cells of a row, computed independently of the export."""
    is_done = row.state == "done"
    return {
        "artist_name": row.artist_name, "artist_data": row.artist_data or None, "model": "gpt-5",
        "prompt_id": "pmpt_test", "prompt_version": "2", "prompt_file": None, "prompt_sha256": None,
        "response_text": row.text if is_done else None, "response_id": "resp_1" if is_done else None,
        # An answer without a time has that of its arrival: 2026-11-22T20:51:07Z.
        "created": (1795380667 if row.created is None else row.created) if is_done else None,
        "error_type": None if is_done else "server_error", "error_code": None if is_done else "server_error",
        "error_message": None if is_done else message, "error_status": None if is_done else 500,
        "error_attempts": None if is_done else 1,
        "job_id": 1, "response_model": "gpt-5", "input_tokens": 3, "cached_tokens": None, "cache_write_tokens": None,
        "output_tokens": None, "reasoning_tokens": None, "total_tokens": None, "cost_usd": 0.5, "seconds": 2.0,
        "response": body,
    }  # fmt: skip


def written(make_writer, found, message, body) -> bytes:
    file = io.BytesIO()
    recorder = RecordBuilder(OneFailure(message, body), full=True)
    writer = make_writer(recorder, file)
    for row in found:
        writer.add(recorder.record(row))
    writer.close()
    return file.getvalue()


def text_of(cell) -> str:
    return "" if cell is None else str(cell).replace("\0", "\ufffd")


@pytest.mark.parametrize(("make_writer", "separator", "line_end"), [(CsvWriter, ",", "\r\n"), (TsvWriter, "\t", "\n")])
@given(st.lists(rows, max_size=4), hostile)
@settings(max_examples=100, deadline=None)
def test_a_table_read_back_is_what_was_written(make_writer, separator, line_end, found, message):
    content = written(make_writer, found, message, '{"id": "resp_1"}').decode()

    header, *read = csv.reader(io.StringIO(content, newline=""), delimiter=separator, strict=True)
    assert header == [column.name for column in columns(full=True)]
    assert read == [
        [text_of(expected_cells(row, message, '{"id": "resp_1"}')[name]) for name in header] for row in found
    ]
    assert "\0" not in content
    assert content.endswith(line_end)


@given(st.lists(rows, max_size=4), hostile)
@settings(max_examples=60, deadline=None)
def test_parquet_can_be_read_back_unchanged_with_its_types(found, message):
    reader = pytest.importorskip("pyarrow.parquet")
    content = written(ParquetWriter, found, message, '{"id": "resp_1"}')

    table = reader.read_table(io.BytesIO(content))

    names = [column.name for column in columns(full=True)]
    assert table.column_names == names
    assert [str(table.schema.field(name).type) for name in ("response_text", "created", "cost_usd")] == [
        "string", "int64", "double",
    ]  # fmt: skip
    assert table.to_pylist() == [expected_cells(row, message, '{"id": "resp_1"}') for row in found]


def test_parquet_is_written_in_groups_of_bounded_size(monkeypatch):
    reader = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr(parquet, "_GROUP_ROWS", 3)
    monkeypatch.setattr(parquet, "_GROUP_BYTES", 4_000)
    found = [make.make_exported(text="x" * (5_000 if number == 4 else 10)) for number in range(9)]

    file = reader.ParquetFile(io.BytesIO(written(ParquetWriter, found, "", None)))

    assert [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)] == [3, 2, 3, 1]


@pytest.mark.parametrize("make_writer", [CsvWriter, ParquetWriter])
def test_a_lone_surrogate_in_a_response_breaks_no_reader(make_writer):
    if make_writer is ParquetWriter:
        pytest.importorskip("pyarrow.parquet")

    assert "a\ufffdb".encode() in written(make_writer, [make.make_exported(text="t")], "", '{"id": "a\\ud800b"}')


@pytest.mark.parametrize(
    ("output", "name", "expected"),
    [
        ("out.jsonl", None, Format.JSONL),
        ("out.CSV", None, Format.CSV),
        ("out.csv", "jsonl", Format.JSONL),
        ("out", None, Format.JSONL),
        ("out.txt", "csv", Format.CSV),
        ("-", "csv", Format.CSV),
        (".csv", None, Format.JSONL),
        ("out.tsv", None, Format.TSV),
        ("out.Parquet", "tsv", Format.TSV),
        ("out.ndjson", None, Format.JSONL),
        ("out.json", None, Format.JSONL),
        ("out.2026-11-26", None, Format.JSONL),
        ("answers.xlsx", "csv", Format.CSV),
    ],
)
def test_the_file_ending_selects_the_format_unless_an_option_does(tmp_path, output, name, expected):
    assert format_of(tmp_path / output, name) is expected


@pytest.mark.parametrize(
    "output",
    [
        "answers.xlsx", "answers.XLSX", "answers.xls", "answers.ods", "a.b.xlsm", "answers.html", "answers.xml",
        "answers.sqlite", "answers.feather", "answers.jsonl.gz", "answers.csv.zip", "answers.zst",
    ],
)  # fmt: skip
@pytest.mark.parametrize("command", [["run", "a.csv", "--output"], ["export"]], ids=lambda command: command[0])
def test_the_ending_of_another_format_is_refused_in_one_sentence(cli, folder, api, output, command):
    write_artists(folder / "a.csv", 2)
    cli("ingest", "a.csv")

    result = cli("-q", *command, output)

    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1].startswith(f"artistjobs: {output}")
    assert not (folder / output).exists()
    assert api.journal.received == 0


def test_json_lines_in_a_file_called_json_are_told(cli, folder):
    write_artists(folder / "a.csv", 2)

    result = cli("run", "a.csv", "--output", "out.json")

    assert result.exit_code == 0
    assert "out.json holds JSON Lines" in result.stderr


@pytest.mark.parametrize("command", ["run a.csv", "export"])
def test_without_texts_stdout_is_empty_and_the_file_is_whole(cli, folder, command):
    write_artists(folder / "a.csv", 2)
    if command == "export":
        cli("run", "a.csv", "--output", "first.jsonl")

    result = cli(*command.split(), "--no-text")

    assert result.exit_code == 0
    assert result.stdout == ""
    assert len(read_records(folder / "out.jsonl")) == 2


def test_run_and_export_write_the_same_csv_in_file_order(cli, folder):
    (folder / "a.csv").write_text(INPUT, "utf-8")

    result = cli("run", "a.csv", "--output", "out.csv")
    assert result.exit_code == 0, result.output
    assert cli("export", "other.csv", "--no-text").exit_code == 0
    stdout = cli("export", "-", "--format", "csv").stdout_bytes

    content = (folder / "out.csv").read_bytes()
    assert content == (folder / "other.csv").read_bytes() == stdout
    read = list(csv.DictReader(io.StringIO(content.decode(), newline="")))
    assert [(row["artist_name"], row["artist_data"]) for row in read] == [
        ("Prince", "singer"), ("Björk", ""), ("Frida Kahlo", ""),
    ]  # fmt: skip
    assert list(read[0]) == [column.name for column in COLUMNS]
    assert all(row["response_text"] in result.stdout for row in read)


def test_a_named_format_sets_the_default_file_name(cli, folder):
    cli("ingest", str(write_artists(folder / "a.csv", 2)))
    cli("work")

    assert cli("export", "--format", "csv").exit_code == 0
    assert (folder / "out.csv").read_bytes().startswith(b"artist_name,")
    assert not (folder / "out.jsonl").exists()


def test_failed_jobs_are_exported_as_csv_with_their_errors(cli, folder, api):
    (folder / "a.csv").write_text(INPUT, "utf-8")
    cli("ingest", "a.csv")
    api.script = lambda body, _: Fault.ROW_400 if body["prompt"]["variables"]["artist_name"] == "Prince" else None
    cli("work")

    assert cli("export", "all.csv", "--state", "all", "--full").exit_code == 0
    with (folder / "all.csv").open(encoding="utf-8", newline="") as file:
        failed, *others = csv.DictReader(file)
    assert (failed["response_text"], failed["error_status"], failed["error_attempts"]) == ("", "400", "1")
    assert [row["error_code"] for row in others] == ["", ""]
    assert all(json.loads(row["response"])["id"] == row["response_id"] for row in others)


def test_parquet_without_its_library_is_refused_before_any_call(cli, folder, api, monkeypatch):
    write_artists(folder / "a.csv", 2)
    monkeypatch.setattr(parquet, "find_spec", lambda name: None)

    result = cli("run", "a.csv", "--output", "out.parquet")

    assert result.exit_code == 2
    assert "-m pip install pyarrow" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 2  # the other line is the warning about stored prompts
    assert not (folder / "artistjobs.db").exists()
    assert api.journal.received == 0


@pytest.mark.parametrize("name", ["out.csv", "out.parquet"])
def test_an_export_that_fails_halfway_leaves_the_old_file(cli, folder, monkeypatch, name):
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow.parquet")
    cli("run", str(write_artists(folder / "a.csv", 3)), "--output", name)
    old = (folder / name).read_bytes()

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(RecordBuilder, "record", fail)
    result = cli("export", name, "--no-text")

    assert result.exit_code == 74
    assert "No space left" in result.stderr
    assert (folder / name).read_bytes() == old
    assert {file.name for file in folder.iterdir() if file.name.startswith("out")} == {name}


class Terminal(io.BytesIO):
    def isatty(self):
        return True


def test_csv_cannot_control_a_terminal_and_parquet_is_refused_there(tmp_path):
    with open_store(tmp_path / "a.db", create=True) as store:
        store.queue.register()
        make.ingest(store, "Prince")
        answer = make.make_answer("\x1b[2J gone\r", body=make.make_body("\x1b[2J gone\r"))
        make.settle(store, make.make_attempt(make.claim_one(store), answer=answer))
        terminal = Terminal()

        export_to_stream(store.records, ExportConfig(format=Format.CSV), terminal)

        _, row = terminal.getvalue().decode().splitlines()
        assert "\\x1b[2J gone\\r" in row
        with pytest.raises(WrongUseError, match="cannot be shown in a terminal"):
            export_to_stream(store.records, ExportConfig(format=Format.PARQUET), Terminal())
