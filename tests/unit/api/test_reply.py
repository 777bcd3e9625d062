"""Replies are parsed without trusting them, including the wait that the server asks for."""

import json
import time
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artistjobs.api.reply import Reply, error_object, poll_after_seconds, retry_after_seconds
from artistjobs.core.json_values import INVALID_JSON, clean_text, parse_json, text_of, whole_number

NOON = 1_800_000_000.0


def make_reply(received_at=NOON, **headers):
    return Reply(
        status=429, headers={name.replace("_", "-"): text for name, text in headers.items()}, received_at=received_at
    )


def date(seconds):
    return formatdate(seconds, usegmt=True)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry_after_ms": "300"}, 0.3),
        ({"retry_after_ms": "1500.5"}, 1.5005),
        ({"retry_after": "7"}, 7.0),
        ({"retry_after": " 7 "}, 7.0),
        ({"retry_after": "0"}, 0.0),
        ({"retry_after": "0.25"}, 0.25),
        ({"retry_after": "300"}, 300.0),
        ({"retry_after_ms": "300", "retry_after": "1"}, 0.3),
        ({"retry_after_ms": "soon", "retry_after": "1"}, 1.0),
        ({"retry_after": "-5"}, None),
        ({"retry_after_ms": "-5"}, None),
        ({"retry_after": ""}, None),
        ({"retry_after": "soon"}, None),
        ({"retry_after": "nan"}, None),
        ({"retry_after": "inf"}, None),
        ({"retry_after": "1e99"}, None),
    ],
)
def test_retry_after_is_read_in_every_form(headers, seconds):
    assert retry_after_seconds(make_reply(**headers)) == seconds


def test_a_retry_after_date_counts_from_the_servers_own_clock():
    reply = make_reply(retry_after=date(NOON + 130), date=date(NOON + 100))

    assert retry_after_seconds(reply) == 30.0


def test_a_retry_after_date_counts_from_our_clock_where_the_server_shows_none():
    assert retry_after_seconds(make_reply(retry_after=date(NOON + 130))) == 130.0
    assert retry_after_seconds(make_reply(retry_after=date(NOON + 130), date="today")) == 130.0


def test_a_retry_after_date_that_has_passed_asks_for_no_wait():
    assert retry_after_seconds(make_reply(retry_after=date(NOON - 130))) == 0.0


@pytest.fixture
def _in_auckland(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Pacific/Auckland")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("_in_auckland")
def test_a_retry_after_date_without_a_zone_is_gmt():
    text = date(NOON + 130).removesuffix(" GMT")

    assert retry_after_seconds(make_reply(retry_after=text)) == 130.0


def test_a_retry_after_date_at_the_end_of_time_asks_for_no_wait():
    assert retry_after_seconds(make_reply(retry_after="Fri, 31 Dec 9999 23:59:59 GMT")) is None


@given(st.text(), st.text(), st.text())
def test_a_wait_is_a_plain_number_whatever_the_headers(after, milliseconds, now):
    reply = make_reply(retry_after=after, retry_after_ms=milliseconds, date=now)

    seconds = retry_after_seconds(reply)

    assert seconds is None or 0 <= seconds <= 86_400


@pytest.mark.parametrize("headers", [{"retry_after": "86401"}, {"retry_after_ms": "1e12"}, {"retry_after": "9" * 300}])
def test_a_wait_of_more_than_a_day_is_not_believed(headers):
    assert retry_after_seconds(make_reply(**headers)) is None


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"a":NaN}', b"Infinity", b"\xff", b"[" * 100_000, b"9" * 10_000, b"{}{}", b"<html>"]
)
def test_incomplete_json_is_invalid(body):
    assert parse_json(body) is INVALID_JSON


@pytest.mark.parametrize("body", [b"null", b"[]", b'"text"', b" 1.5 ", b'\xef\xbb\xbf{"a": 1}'])
def test_json_is_read_with_or_without_a_byte_order_mark(body):
    assert parse_json(body) == json.loads(body)


def test_utf_16_is_no_json():
    assert parse_json('{"a": 1}'.encode("utf-16")) is INVALID_JSON


@pytest.mark.parametrize("body", [b'"a\\ud800b"', b'"a\xed\xa0\x80b"'])
def test_a_lone_surrogate_is_replaced_escaped_or_raw(body):
    assert text_of(parse_json(body)) == "a\N{REPLACEMENT CHARACTER}b"


@given(st.text(st.characters() | st.sampled_from("\ud83c\udfb8\udcff")))
def test_a_clean_text_is_utf_8_and_a_good_one_stays(text):
    cleaned = clean_text(text)

    assert cleaned.encode() or not text
    assert cleaned == text or not text.isascii()


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_text_without_lone_surrogates_is_unchanged(text):
    assert clean_text(text) == text


def test_surrogate_pairs_become_their_character():
    assert clean_text("\ud83c\udfb8") == "🎸"


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (0, 0),
        (7, 7),
        (7.9, 7),
        (2**53 - 1, 2**53 - 1),
        (2**53, None),
        (-1, None),
        (-0.5, None),
        (True, None),
        (False, None),
        (None, None),
        ("7", None),
        ([], None),
        (float("inf"), None),
        (float("nan"), None),
    ],
)
def test_a_whole_number_is_a_count_or_nothing(value, number):
    assert whole_number(value) == number


@pytest.mark.parametrize("value", [None, "", 1, True, [], {}])
def test_what_is_no_text_or_empty_is_none(value):
    assert text_of(value) is None


@pytest.mark.parametrize("value", [None, INVALID_JSON, [], "x", {}, {"error": None}, {"error": "x"}, {"error": []}])
def test_a_missing_error_object_is_empty(value):
    assert error_object(value) == {}


@pytest.mark.parametrize(("text", "seconds"), [("1500", 1.5), ("", 0.0), ("soon", 0.0), ("1e300", 0.0)])
def test_the_wait_before_the_next_look_is_in_milliseconds(text, seconds):
    assert poll_after_seconds(Reply(headers={"openai-poll-after-ms": text})) == seconds


def test_the_beginning_of_a_body_is_one_short_line():
    reply = Reply(status=502, body=b"<html>\r\n\t<p>" + b"\xff" + "é".encode() * 1000)

    assert reply.beginning.startswith("<html> <p>\N{REPLACEMENT CHARACTER}éé")
    assert len(reply.beginning) == 200


def test_a_request_id_can_be_stored_whatever_its_bytes():
    assert Reply(headers={"x-request-id": "req_\udcff"}).request_id == "req_\N{REPLACEMENT CHARACTER}"
    assert Reply(headers={"x-request-id": ""}).request_id is None
