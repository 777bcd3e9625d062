"""The quick way to a line makes the very bytes that the careful way makes, whatever the row holds."""

import io
import json
import sqlite3

import factories as make
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from artistjobs.job import EVERYTHING
from artistjobs.lines import Lines
from artistjobs.record import Recorder, make_record, record_line, shared_request
from artistjobs.store import Exported
from artistjobs.store.sqlite import open_store

ODD = '"\\/\b\f\n\r\t\x00\x1b\x7f\x80\x9f\xa0\xa8é\u2027\u2028\u2029\u202e\ufeff\ufffe\U0001f3a8u0041'
characters = st.characters(exclude_categories=["Cs"]) | st.sampled_from(ODD)
texts = st.text(characters, max_size=40)
names = st.text(characters.filter(lambda c: c != "\0"), min_size=1, max_size=20)
KEYS = ["artist_name", "artist_data", "request", "response_text", "response_id", "created", "error"]

memory = sqlite3.connect(":memory:", check_same_thread=False)


class OnePrompt:
    """Records that know one way of asking."""

    def __init__(self, prompt):
        self.prompt = lambda number: prompt


def quick(row: Exported, prompt) -> bytes:
    file = io.BytesIO()
    lines = Lines(Recorder(OnePrompt(prompt), full=False), file)
    lines.add(row)
    lines.end()
    return file.getvalue()


def quoted(body: str) -> bytes:
    return memory.execute("SELECT CAST(? -> ? AS BLOB)", (body, make.TEXT_PATH)).fetchone()[0]


prompts = [
    make.make_prompt(version="2"),
    make.make_template("é\u2028", template_file='a\x85"\ufffd.txt'),
]
answers = st.sampled_from([("resp_1", 1_795_000_000), ('resp \x7f\u2028"', 0), (None, 1), ("resp_1", None)])
ORDINARY = ("resp_1", 1_795_000_000)


@given(names, texts.filter(lambda text: "\0" not in text), texts, st.booleans(), answers, st.sampled_from(prompts))
@example("a", "", 'C:\\users \\/ \\" end\\', False, ORDINARY, prompts[0])
@example("a", "", "\u2028", False, ORDINARY, prompts[0])
@example("a", "", "\x7f", False, ORDINARY, prompts[0])
@example("a", "", "\x9f", False, ORDINARY, prompts[0])
@example("\x85", "é", "plain", False, ORDINARY, prompts[0])
@settings(max_examples=400, deadline=None)
def test_both_ways_make_the_same_line(name, data, text, is_ascii, answer, prompt):
    body = make.make_body(text)
    if is_ascii:
        body = json.dumps(json.loads(body)).replace("/", "\\/")
    row = make.make_exported(artist_name=name, artist_data=data, response_id=answer[0], created=answer[1])

    line = quick(row._replace(quoted=quoted(body)), prompt)

    assert line == record_line(make_record(row._replace(text=text), shared_request(prompt), {}))
    assert len(line.decode().splitlines()) == 1
    record = json.loads(line)
    assert list(record) == [key for key in KEYS if data or key != "artist_data"]
    assert (record["artist_name"], record.get("artist_data", ""), record["response_text"]) == (name, data, text)


def test_an_ordinary_text_is_passed_on_unread():
    passed = b'"as it \\"stands\\" \xe2\x80\x94 caf\xc3\xa9\\n"'
    row = make.make_exported(quoted=passed)

    assert quick(row, make.make_prompt()).count(passed) == 1
    assert Lines(Recorder(OnePrompt(make.make_prompt()), full=False), io.BytesIO())._ordinary(row) is not None


@pytest.mark.parametrize("states", [("done",), ("done", "failed")])
def test_a_store_gives_the_same_text_quoted_and_plain(tmp_path, states):
    texts = ["plain", 'a "b" \\ \n / é \u2028 \x9f', "nul \0 in it", "\ufffd", "", 'u\\u0041"']
    with open_store(tmp_path / "a.db", create=True) as store:
        store.queue.register()
        make.ingest(store, *make.names(len(texts) + 2))
        for text in texts:
            answer = make.make_answer(text, body=make.make_body(text))
            make.settle(store, make.make_attempt(make.claim_one(store), answer=answer))
        make.settle(store, make.make_attempt(make.claim_one(store), answer=make.make_answer(body="{}")))
        make.fail(store)

        plain = list(store.records.export(EVERYTHING, states))
        unread = list(store.records.export(EVERYTHING, states, quoted=True))

        assert [row.text for row in plain if row.state == "done"] == [*texts, "a text"]
        assert [row.text for row in unread if row.state == "done" and row.quoted is None] == ["nul \0 in it", "a text"]
        assert [row.plain() for row in unread] == plain
