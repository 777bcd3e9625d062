"""Objects of the Files and Batch APIs: what services send is read without a doubt, or left out."""

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artistjobs.api.batch_objects import batch_in, batches_in, file_id_in, files_in, has_more, read_lines
from artistjobs.api.redact import REMOVED, key_remover
from artistjobs.api.reply import Reply

KEY = "sk-secret-0123456789"


def lines(*texts):
    content = io.BytesIO("".join(f"{text}\n" for text in texts).encode("utf-8", "surrogatepass"))
    return list(read_lines(content, key_remover(KEY), 7.0))


def result(**changes):
    row = {
        "id": "batch_req_1", "custom_id": "3-1",
        "response": {"status_code": 200, "request_id": "req_1", "body": {"id": "resp_1", "status": "completed"}},
        "error": None,
    }  # fmt: skip
    return row | changes


def reply(value, status=200):
    return Reply(status=status, body=json.dumps(value).encode())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
)


@given(body=st.dictionaries(st.sampled_from(["body", "error", "id", "text"]), JSON), separators=st.sampled_from(
    [(",", ":"), (", ", ": ")]))  # fmt: skip
def test_a_line_keeps_its_body_whatever_it_contains(body, separators):
    response = {"status_code": 200, "request_id": "req_1", "body": body}
    text = json.dumps(result(response=response), separators=separators)

    (line,) = lines(text)

    assert line.custom_id == "3-1"
    assert json.loads(line.reply.body) == body
    assert (line.reply.status, line.reply.request_id) == (200, "req_1")


def test_the_body_of_a_usual_line_is_kept_as_the_service_wrote_it():
    body = '{"id":  "resp_1",\t"text": "Bj\\u00f6rk"}'
    text = json.dumps(result()).replace(json.dumps(result()["response"]["body"]), body)

    (line,) = lines(text)

    assert line.reply.body == body.encode()


@pytest.mark.parametrize(
    "changes",
    [
        {"response": None, "error": {"code": "batch_expired", "message": "too late"}},
        {"response": None},
        {"response": {"status_code": 0, "request_id": "", "body": None}},
        {"response": {}},
        {"response": []},
    ],
)
def test_a_line_that_was_not_made_has_no_reply(changes):
    (line,) = lines(json.dumps(result(**changes)))

    assert (line.custom_id, line.reply) == ("3-1", None)


@pytest.mark.parametrize("text", ["", "null", "[]", "{", '{"custom_id": 3}', '{"custom_id": ""}', "\x00", "<html>"])
def test_a_line_that_is_none_of_a_result_is_left_out(text):
    assert lines(text, json.dumps(result())) == lines(json.dumps(result()))


def test_an_error_line_keeps_its_status_and_body():
    body = {"error": {"message": "no", "code": "invalid_prompt"}}
    (line,) = lines(json.dumps(result(response={"status_code": 400, "request_id": "req_2", "body": body})))

    assert (line.reply.status, json.loads(line.reply.body)) == (400, body)


def test_the_key_is_removed_from_lines():
    (line,) = lines(json.dumps(result(response={"status_code": 200, "request_id": "r", "body": {"text": KEY}})))

    assert KEY.encode() not in line.reply.body
    assert REMOVED in line.reply.body


def test_a_batch_is_read_with_what_the_service_leaves_out():
    assert batch_in(reply({"id": "batch_1", "status": "brand-new"})).is_final is False
    failed = batch_in(reply({
        "id": "batch_1", "status": "failed", "request_counts": None, "metadata": None,
        "errors": {"data": [{"code": "x", "message": "bad", "line": 3, "param": "body.model"}, None]},
    }))  # fmt: skip
    assert (failed.is_final, failed.total, failed.errors[0].line) == (True, None, 3)


@pytest.mark.parametrize(
    "found", [Reply(fault="timeout"), reply({"error": {}}), reply([]), reply({"id": 3, "status": "x"}), reply({}, 500)]
)
def test_a_reply_without_a_batch_or_file_has_none(found):
    assert batch_in(found) is None
    assert batches_in(found) is None
    assert files_in(found) is None
    assert not has_more(found)


def test_a_page_has_its_objects_and_says_whether_there_are_more():
    page = reply({"data": [{"id": "file-1", "filename": "a.jsonl", "bytes": 9, "created_at": 5}, {}], "has_more": True})

    (file,) = files_in(page)
    assert (file.id, file.filename, file.size, file.created_at, has_more(page)) == ("file-1", "a.jsonl", 9, 5, True)
    assert file_id_in(reply({"id": "file-1", "object": "file"})) == "file-1"
