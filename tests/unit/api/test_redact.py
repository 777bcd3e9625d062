"""The key is removed from a text in every spelling that servers use, and nothing else changes."""

import html
import json
import time
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artistjobs.api.redact import REMOVED, key_remover

KEYS = ["sk-proj-0123456789_abcDEF", "sk/0123+456=789/abc==", "azure'key<&>\"\\/0123", "%41&#65;\\u0041\\x41"]

SPELLINGS = {
    "as it is": lambda key: key,
    "in JSON": json.dumps,
    "in JSON with escaped slashes": lambda key: json.dumps(key).replace("/", "\\/"),
    "in JSON in JSON": lambda key: json.dumps(json.dumps(key).replace("/", "\\/")).replace("/", "\\/"),
    "in JSON in JSON in JSON": lambda key: json.dumps(json.dumps(json.dumps(key))),
    "with every character escaped": lambda key: "".join(f"\\u{ord(character):04x}" for character in key),
    "with capital digits": lambda key: "".join(f"\\u{ord(character):04X}" for character in key),
    "with some characters escaped": lambda key: "".join(c if c.isalnum() else f"\\u{ord(c):04x}" for c in key),
    "in an address": lambda key: quote(key, safe=""),
    "in an address in lower case": lambda key: "".join(c if c.isalnum() else f"%{ord(c):02x}" for c in key),
    "in HTML": html.escape,
    "in HTML by numbers": lambda key: "".join(c if c.isalnum() else f"&#{ord(c)};" for c in key),
    "in HTML by hexadecimal numbers": lambda key: "".join(c if c.isalnum() else f"&#x{ord(c):X};" for c in key),
}


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_the_key_is_removed_however_it_is_spelled(key, spelling):
    text = SPELLINGS[spelling](key)

    left = key_remover(key)(f"<{text}> and <{text}>".encode())

    assert left.replace(b'"', b"").replace(b"\\", b"") == b"<%b> and <%b>" % (REMOVED, REMOVED)


@pytest.mark.parametrize("key", KEYS)
def test_a_reply_is_still_json_without_the_key(key):
    for name, spell in SPELLINGS.items():
        if "JSON" in name or "every" in name:
            text = spell(key) if name == "in JSON" else json.dumps(spell(key))
            told = json.loads(key_remover(key)(b'{"a": ' + text.encode() + b"}"))["a"]
            assert key not in told
            assert REMOVED.decode() in told


@given(st.text().map(str.encode) | st.binary())
def test_a_text_without_the_key_stays_as_it_is(text):
    assert key_remover(KEYS[0])(text) == text


@pytest.mark.parametrize(
    "text", ["\\u0073k-proj", "it\\u0027s 50 %", "%73%6b%2d &amp; &#39; &lt;", "sk-proj-0123456789"]
)
def test_escapes_of_other_texts_stay(text):
    assert key_remover(KEYS[0])(text.encode()) == text.encode()


def test_a_placeholder_is_no_secret():
    assert key_remover("none")(b"none of them") == b"none of them"


@pytest.mark.parametrize(
    "text", [b"\\" * 300_000 + b"u0073", (b"\\" * 3000 + b"u0073") * 100, b"&#" + b"0" * 300_000, b"&#x73;" * 100_000]
)
def test_no_text_takes_long(text):
    before = time.process_time()

    key_remover(KEYS[0])(text)

    assert time.process_time() - before < 20  # seconds; without a limit on backslashes it takes minutes
