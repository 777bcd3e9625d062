"""The fast path for a line of JSON produces the same bytes as the general path, for any row."""

import io
import json
import sqlite3

import factories as make
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from artistjobs.core.job import EVERYTHING, Scope
from artistjobs.export.jsonl import JsonLinesWriter
from artistjobs.export.records import RecordBuilder, make_record, record_line, shared_request, write_records
from artistjobs.store.models import ExportRow
from artistjobs.store.sqlite.store import open_store

ODD = '"\\/\b\f\n\r\t\x00\x1b\x7f\x80\x9f\xa0\xa8é\u2027\u2028\u2029\u202e\ufeff\ufffe\U0001f3a8u0041'
characters = st.characters(exclude_categories=["Cs"]) | st.sampled_from(ODD)
texts = st.text(characters, max_size=40)
names = st.text(characters.filter(lambda c: c != "\0"), min_size=1, max_size=20)
KEYS = ["artist_name", "artist_data", "request", "response_text", "response_id", "created", "error"]

memory = sqlite3.connect(":memory:", check_same_thread=False)


class OneJob:
    """Records with one job and its prompt configuration."""

    def __init__(self, row, prompt):
        self.prompt = lambda number: prompt
        self.exported = lambda job: row


def quick(row: ExportRow, prompt, body: str) -> bytes:
    """Return the line that the fast path makes from a row as the store returns it."""
    statement = """
        SELECT 1, 1, CAST(json_quote(?) AS BLOB), CAST(json_quote(?) AS BLOB), CAST(? -> ? AS BLOB),
               CAST(json_quote(?) AS BLOB), ?, NULL, NULL"""
    values = (row.artist_name, row.artist_data, body, make.TEXT_PATH, row.response_id, row.created)
    file = io.BytesIO()
    lines = JsonLinesWriter(RecordBuilder(OneJob(row, prompt), full=False), file)
    (text,) = lines.add(memory.execute(statement, values).fetchall())
    assert json.loads(text) == row.text
    lines.close()
    return file.getvalue()


prompts = [
    make.make_prompt(version="2"),
    make.make_template("é\u2028", template_file='a\x85"\ufffd.txt'),
]
answers = st.sampled_from([("resp_1", 1_795_000_000), ('resp \x7f\u2028"', 0), (None, 1), ("resp_1", None)])
ORDINARY = ("resp_1", 1_795_000_000)


@given(names, texts.filter(lambda text: "\0" not in text), texts, st.booleans(), answers, st.sampled_from(prompts))
@example("a", "", 'C:\\users \\/ \\" end\\', False, ORDINARY, prompts[0])
@example("a", "", "\u2028", False, ORDINARY, prompts[0])
@example("a", "", "a/b", True, ORDINARY, prompts[0])
@example("a", "", "\x7f", False, ORDINARY, prompts[0])
@example("a", "", "\x9f", False, ORDINARY, prompts[0])
@example("\x85", "é", "plain", False, ORDINARY, prompts[0])
@settings(max_examples=400, deadline=None)
def test_both_paths_make_the_same_line(name, data, text, is_ascii, answer, prompt):
    body = make.make_body(text)
    if is_ascii:
        body = json.dumps(json.loads(body)).replace("/", "\\/")
    row = make.make_exported(text=text, artist_name=name, artist_data=data, response_id=answer[0], created=answer[1])

    line = quick(row, prompt, body)

    assert line == record_line(make_record(row, shared_request(prompt), {}))
    assert len(line.decode().splitlines()) == 1
    record = json.loads(line)
    assert list(record) == [key for key in KEYS if data or key != "artist_data"]
    assert (record["artist_name"], record.get("artist_data", ""), record["response_text"]) == (name, data, text)


def test_an_ordinary_text_is_copied_without_parsing(monkeypatch):
    monkeypatch.setattr("artistjobs.export.jsonl.json", None)
    passed = '"as it \\"stands\\" — café\\n"'
    row = (1, 1, b'"Prince"', b'""', passed.encode(), b'"resp_1"', 1, None, None)
    file = io.BytesIO()
    lines = JsonLinesWriter(RecordBuilder(OneJob(None, make.make_prompt()), full=False), file)

    lines.add([row])
    lines.close()

    assert file.getvalue().count(passed.encode()) == 1


@pytest.mark.parametrize("of_one_ingest", [False, True])
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("at_once", [0, 1_200, 1 << 18])
def test_a_store_exports_the_same_lines_and_texts_on_both_paths(tmp_path, monkeypatch, of_one_ingest, full, at_once):
    monkeypatch.setattr("artistjobs.export.jsonl._WRITTEN_AT_ONCE", at_once)
    texts = ["plain", 'a "b" \\ \n / é \u2028 \x9f', "nul \0 in it", "\ufffd", "", "u\\u0041"]
    with open_store(tmp_path / "a.db", create=True) as store:
        store.queue.register()
        names = make.names(len(texts) + 2)
        make.ingest(store, *names, (names[2], "data of its line"), prompt=make.make_template())
        for text in texts:
            answer = make.make_answer(text, body=make.make_body(text))
            make.settle(store, make.make_attempt(make.claim_one(store), answer=answer))
        make.settle(store, make.make_attempt(make.claim_one(store), answer=make.make_answer(body="{}")))
        make.fail(store)
        scope = Scope(1, is_span=False) if of_one_ingest else EVERYTHING
        file, quick, said, careful = io.BytesIO(), [], [], []
        recorder = RecordBuilder(store.records, full=full)

        lines = JsonLinesWriter(recorder, file)
        count = lines.write(scope, ("done", "failed"), quick.extend)
        lines.close()
        write_records(recorder, scope, ("done", "failed"), careful.append, said.extend)

        assert file.getvalue() == b"".join(map(record_line, careful))
        assert said == [*texts, "a text"] + texts[2:3] * of_one_ingest
        assert quick == said
        assert count == len(careful) == len(names) + of_one_ingest
