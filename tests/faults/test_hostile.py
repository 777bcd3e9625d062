"""Hostile replies, rows and names: the run ends normally, no answer is lost, and no control character is printed."""

import asyncio
import gzip
import json
import os
import sqlite3
import subprocess
import sys
import time
import unicodedata
import zlib
from contextlib import closing
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from conftest import KEY, Program, read_records
from hostile import Hostile, answer, hostile_server, raw_answer, refusal, reply
from paths import ROOT

from artistjobs.cli.console import same_command

COMMANDS = {"Cc", "Cf", "Zl", "Zp"}
SHOWN = set("\n\u200d\u200c\ufe0f")


@pytest.fixture(scope="module")
def server():
    with hostile_server() as running:
        yield running


@pytest.fixture
def hostile(server, monkeypatch, cli) -> Hostile:
    """The hostile server, which the commands of ``cli`` call."""
    server.replies.clear()
    server.requests.clear()
    server.model = reply(b"{}")
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    return server


@pytest.fixture
def ask(hostile, cli, folder):
    """Run two rows, the first with the given reply and the second with a good one; return the result of the command."""

    def ask(speech, *options):
        hostile.replies["Evil"] = speech
        (folder / "a.csv").write_text("Evil\nGood\n")
        return cli("-v", "--log-file", "log", "run", "a.csv", "--max-attempts", "1", "--timeout", "20", *options)

    return ask


def no_commands(text: str) -> bool:
    """Return True if a text contains nothing that controls a terminal."""
    return all(character in SHOWN or unicodedata.category(character) not in COMMANDS for character in text)


def assert_in_order(cli, folder, *, jobs: int = 2) -> list[dict]:
    """Check database, exports, status and log after a run; return all records of a full export."""
    with closing(sqlite3.connect(folder / "artistjobs.db")) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert db.execute("SELECT count(*) FROM jobs WHERE state IN ('done', 'failed')").fetchall() == [(jobs,)]
        db.execute("SELECT length(text), length(body) FROM answers").fetchall()
    exported = cli("export", "all.jsonl", "--state", "all", "--full")
    assert exported.exit_code == 0, exported.stderr
    for file in ("out.jsonl", "all.jsonl"):
        text = (folder / file).read_text("utf-8")
        assert len(text.splitlines()) == text.count("\n")
        assert KEY not in text
    records = [strict_json(line) for line in (folder / "all.jsonl").read_text("utf-8").splitlines()]
    assert len(records) == jobs
    status = cli("status")
    assert status.exit_code == 0
    assert no_commands(status.stdout)
    assert json.loads(cli("status", "--json").stdout)["jobs"]["total"] == jobs
    return records


def strict_json(text: str) -> dict:
    def refuse(constant):
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(text, parse_constant=refuse)


def deep(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


def member(name: str, value: object) -> bytes:
    return b"%b: %b, " % (json.dumps(name).encode(), value if isinstance(value, bytes) else json.dumps(value).encode())


CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
TEN_MEGABYTES = "five and é " * 900_000

GOOD = {
    "ten megabytes": (reply(raw_answer(b'"' + TEN_MEGABYTES.encode() + b'"')), TEN_MEGABYTES),
    "an escaped surrogate": (reply(raw_answer(b'"a\\ud800b"')), "a\ufffdb"),
    "a raw surrogate": (reply(raw_answer(b'"a\xed\xa0\x80b"')), "a\ufffdb"),
    "a surrogate elsewhere": (reply(answer(metadata={"\ud800": "\udfff"})), "a text"),
    "NUL and controls": (reply(answer("a\0b\x01\x07\x1b[2J\x7f\x9b31m")), "a\0b\x01\x07\x1b[2J\x7f\x9b31m"),
    "line ends of every kind": (reply(answer("a\r\nb\u2028c\u2029d\x85e\x0bf\x0cg\x1ch\x1di\x1ej")),
                                "a\r\nb\u2028c\u2029d\x85e\x0bf\x0cg\x1ch\x1di\x1ej"),
    "raw line ends": (reply(raw_answer('"a\u2028b\u2029c\x85d"'.encode())), "a\u2028b\u2029c\x85d"),
    "bidi and zero widths": (reply(answer("\u202eabc\u2066\u200d\ufeff")), "\u202eabc\u2066\u200d\ufeff"),
    "a byte-order mark": (reply(b"\xef\xbb\xbf" + answer()), "a text"),
    "text by a key given twice": (reply(raw_answer(b'"first", "text": "second"')), "second"),
    "output given twice": (reply(raw_answer(b'"a text"', member("output", []))), "a text"),
    "nested as deep as allowed": (reply(raw_answer(b'"a text"', member("metadata", deep(198)))), "a text"),
    "nested deeper than allowed": (reply(raw_answer(b'"a text"', member("metadata", deep(900)))), "a text"),
    "nested beyond all": (reply(raw_answer(b'"a text"', member("metadata", deep(100_000)))), "a text"),
    "NaN": (reply(raw_answer(b'"a text"', member("top_p", b"NaN"))), "a text"),
    "raw controls": (reply(raw_answer(b'"a\0\x1bb"')), "a\0\x1bb"),
    "not UTF-8": (reply(raw_answer(b'"\xff"')), "\ufffd"),
    "bytes after the end": (reply(answer() + b"\0\0<!-- cached -->"), "a text"),
    "numbers beyond all": (reply(raw_answer(b'"a text"', member("temperature", b"1e999") + member("top_p", b"-1e999"))),
                           "a text"),
    "a number of 4000 digits": (reply(raw_answer(b'"a text"', member("seed", b"9" * 4000))), "a text"),
    "created never": (reply(answer(created_at=None)), "a text"),
    "created before time": (reply(answer(created_at=-5)), "a text"),
    "created by word": (reply(answer(created_at="yesterday")), "a text"),
    "created at the end of time": (reply(answer(created_at=10**300)), "a text"),
    "an id of a megabyte": (reply(answer(id="x" * 2**20)), "a text"),
    "a model of a megabyte": (reply(answer(model="m" * 2**20)), "a text"),
    "a model that is none": (reply(answer(model={"a": 1}, service_tier=[])), "a text"),
    "negative usage": (reply(answer(usage={"input_tokens": -1, "output_tokens": -(10**30)})), "a text"),
    "huge usage": (reply(answer(usage={"input_tokens": 2**53 - 1, "output_tokens": 2**62})), "a text"),
    "usage in words": (reply(answer(usage={"input_tokens": "many", "output_tokens": [], "x": "1"})), "a text"),
    "usage that is none": (reply(answer(usage="none")), "a text"),
    "cached beyond the input": (reply(answer(usage={"input_tokens": 1, "output_tokens": 1,
                                                    "input_tokens_details": {"cached_tokens": 99}})), "a text"),
    "gzip": (reply(gzip.compress(answer()), b"content-encoding: gzip"), "a text"),
    "gzip in two members": (
        reply(gzip.compress(answer()[:99]) + gzip.compress(answer()[99:]), b"content-encoding: gzip"), "a text"),
    "gzip in a thousand members": (
        reply(b"".join(gzip.compress(b" ") for _ in range(1000)) + gzip.compress(answer()), b"content-encoding: gzip"),
        "a text"),
    "gzip without a label": (reply(gzip.compress(answer())), "a text"),
    "gzip called something else": (reply(gzip.compress(answer()), b"content-encoding: br"), "a text"),
    "gzip by another name": (reply(gzip.compress(answer()), b"content-encoding: X-GZip"), "a text"),
    "gzip twice": (reply(gzip.compress(gzip.compress(answer())), b"content-encoding: gzip"), "a text"),
    "gzip in deflate": (reply(zlib.compress(gzip.compress(answer())), b"content-encoding: gzip, deflate"), "a text"),
    "gzip without its end": (reply(gzip.compress(answer())[:-8], b"content-encoding: gzip"), "a text"),
    "gzip with bytes after it": (reply(gzip.compress(answer()) + b"\0" * 99, b"content-encoding: gzip"), "a text"),
    "called gzip": (reply(answer(), b"content-encoding: gzip"), "a text"),
    "called deflate": (reply(answer(), b"content-encoding: deflate"), "a text"),
    "called br": (reply(answer(), b"content-encoding: br"), "a text"),
    "called everything": (reply(answer(), b"content-encoding: gzip, deflate, br, zstd, identity"), "a text"),
    "deflate without a header": (reply(zlib.compress(answer())[2:-4], b"content-encoding: deflate"), "a text"),
    "a header of 100 KB": (reply(answer(), b"content-security-policy: " + b"x" * 100_000), "a text"),
    "a reason of 100 KB": (reply(answer(), status=b"200 " + b"x" * 100_000), "a text"),
    "a thousand headers": (reply(answer(), *[b"x-%d: y" % n for n in range(1000)]), "a text"),
    "a length beyond the body": (reply(answer(), length=10**6), "a text"),
    "chunks without an end": (CHUNKED + b"%x\r\n%b\r\n" % (len(answer()), answer()), "a text"),
    "deflate": (reply(zlib.compress(answer()), b"content-encoding: deflate"), "a text"),
    "an encoding nobody knows": (reply(answer(), b"content-encoding: x-rot13"), "a text"),
    "HTTP/1.0": (reply(answer()).replace(b"HTTP/1.1", b"HTTP/1.0"), "a text"),
    "no length": (b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n" + answer(), "a text"),
    "100 Continue first": (b"HTTP/1.1 100 Continue\r\n\r\n" + reply(answer()), "a text"),
    "early hints first": (b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n" + reply(answer()), "a text"),
    "status 299": (reply(answer(), status=b"299 Odd"), "a text"),
    "headers again and again": (reply(answer(), *[b"x-request-id: req_%d" % n for n in range(50)]), "a text"),
    "headers of no alphabet": (reply(answer(), b"x-request-id: \xe9\xff\x9b31m", b"x-ratelimit-limit-requests: \xb2"),
                               "a text"),
    "a content type of no alphabet": (reply(answer(), b"content-type: \xff\xfe/\x80"), "a text"),
    "a charset nobody knows": (reply(answer("é"), b"content-type: application/json; charset=utf-7"), "é"),
    "cookies": (reply(answer(), *[b"set-cookie: c%d=%b" % (n, b"x" * 2000) for n in range(10)]), "a text"),
    "limits out of this world": (
        reply(answer(), b"x-ratelimit-limit-requests: 1e308", b"x-ratelimit-remaining-requests: nan",
              b"x-ratelimit-reset-requests: 999999999d", b"x-ratelimit-limit-tokens: -1"), "a text"),
}  # fmt: skip


ESCAPES = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202e`rm -rf ~`"

BAD = {
    "no text": (reply(answer("")), "empty_answer"),
    "text that is none": (reply(answer(["a"])), "empty_answer"),
    "deep JSON": (reply(deep(100_000)), "broken_json"),
    "deep objects": (reply(b'{"a":' * 3000 + b"1" + b"}" * 3000), "broken_json"),
    "a number of 100000 digits": (reply(b"9" * 100_000), "broken_json"),
    "an id that is none": (reply(answer(id=7)), "no_response_id"),
    "a status of escapes": (reply(answer(status=ESCAPES)), "not_completed"),
    "a status of a megabyte": (reply(answer(status="s" * 2**20)), "not_completed"),
    "a refusal of escapes": (
        reply(answer(output=[{"type": "message", "content": [{"type": "refusal", "refusal": ESCAPES}]}])), "refusal"),
    "an error code of escapes": (refusal("no", code=ESCAPES), "_0_owned_2J_31m_rm_-rf_"),
    "an error code of a megabyte": (refusal("no", code="c" * 2**20), "c" * 100),
    "an error type of a megabyte": (refusal("no", type="c" * 2**20), "http_400"),
    "an error of escapes": (refusal(ESCAPES), "http_400"),
    "an error of 5 MB": (refusal("e" * 5_000_000), "http_400"),
    "a page": (reply(b"<html>" + ESCAPES.encode() * 1000, b"content-type: text/html", status=b"502 Bad"), "http_502"),
    "an error that is deep": (reply(deep(100_000), status=b"400 Bad"), "http_400"),
    "an error that is no text": (refusal(["a"], code={"a": 1}, type=7, param=[]), "http_400"),
    "204": (reply(b"", status=b"204 No Content"), "empty_body"),
    "304": (reply(b"", status=b"304 Not Modified"), "http_304"),
    "600": (reply(answer(), status=b"600 Odd"), "http_600"),
    "999": (reply(answer(), status=b"999 Odd"), "http_999"),
    "no such status": (reply(answer(), status=b"1000 Odd"), "connection_error"),
    "a header of a megabyte": (reply(answer(), b"x: " + b"y" * 2**20), "connection_error"),
    "ten thousand headers": (reply(answer(), *[b"x-%d: y" % n for n in range(10_000)]), None),
    "a length that is none": (reply(answer()).replace(b"content-length: ", b"content-length: x"), "connection_error"),
    "two lengths": (reply(answer(), b"content-length: 5"), "connection_error"),
    "a length short of the body": (reply(answer(), length=20), None),  # the rest may count as another reply
    "gzip cut short": (reply(gzip.compress(answer())[:-30], b"content-encoding: gzip"), "broken_json"),
    "a chunk that is none": (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", "connection_error"),
    "a bomb": (reply(gzip.compress(bytes(80 * 2**20), 9), b"content-encoding: gzip"), "reply_too_large"),
    "a bomb in an error": (
        reply(gzip.compress(bytes(80 * 2**20), 1), b"content-encoding: gzip", status=b"500 Bad"), "reply_too_large"),
}  # fmt: skip


class Evening:
    """Records by artist of one run of the program, in which every second reply is bad."""

    def __init__(self, folder: Path, hostile: Hostile) -> None:
        self.folder = folder
        environment = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}
        environment |= {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": hostile.base_url, "OPENAI_PROMPT_ID": "pmpt_test"}
        environment["OPENAI_MODEL"] = "gpt-5"
        self._program = Program(folder, environment | {"PYTHONPATH": str(ROOT)})
        cases = GOOD | BAD
        hostile.replies |= {case: speech for case, (speech, _) in cases.items()}
        # A good answer follows each bad one, because a run stops if all replies are bad.
        (folder / "a.csv").write_text("".join(f"{case}\ngood after {number}\n" for number, case in enumerate(cases)))
        self.run = self("-v", "--log-file", "log", "run", "a.csv", "--max-attempts", "1", "--timeout", "20")
        in_order = partial(assert_in_order, self, folder, jobs=2 * len(cases))
        self.records = {record["artist_name"]: record for record in in_order()}

    def __call__(self, *arguments):
        result = self._program.run(*arguments)
        return SimpleNamespace(exit_code=result.returncode, stdout=result.stdout, stderr=result.stderr)


@pytest.fixture(scope="module")
def evening(server, tmp_path_factory) -> Evening:
    return Evening(tmp_path_factory.mktemp("evening"), server)


def test_bad_replies_end_no_run_and_do_not_control_the_terminal(evening):
    assert evening.run.exit_code == 1
    assert no_commands(evening.run.stderr)
    assert max(map(len, evening.run.stderr.splitlines())) < 3000
    assert all(record["error"] is None for name, record in evening.records.items() if name.startswith("good after"))


@pytest.mark.parametrize("case", GOOD)
def test_an_unusual_answer_is_stored_unchanged(evening, case):
    record = evening.records[case]

    assert record["error"] is None
    assert record["response_text"] == GOOD[case][1]
    assert isinstance(record["created"], int)
    texts = {record["artist_name"]: record["response_text"] for record in read_records(evening.folder / "out.jsonl")}
    assert texts[case] == GOOD[case][1]


@pytest.mark.parametrize("case", BAD)
def test_a_reply_without_an_answer_fails_its_job_alone(evening, case):
    code, error = BAD[case][1], evening.records[case]["error"]

    assert code is None or error["code"] == code


def drip(start: bytes):
    async def speak(writer):
        writer.write(start)
        while not writer.is_closing():
            writer.write(b"1\r\n \r\n")
            await writer.drain()
            await asyncio.sleep(0.02)

    return speak


async def flood(writer):
    writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    while not writer.is_closing():
        writer.write(b"10000\r\n" + b" " * 65536 + b"\r\n")
        await writer.drain()


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\n", CHUNKED, b"HTTP/1.1 500 Bad\r\n" + CHUNKED[17:]])
def test_a_reply_that_never_ends_is_a_timeout(ask, cli, folder, start):
    began = time.monotonic()

    result = ask(drip(start), "--timeout", "0.4")

    assert result.exit_code == 1
    assert time.monotonic() - began < 10
    assert assert_in_order(cli, folder)[0]["error"]["code"] in ("timeout", "connection_error")


def test_a_whole_answer_is_kept_although_its_reply_never_ends(ask, cli, folder):
    chunk = b"%x\r\n%b\r\n" % (len(answer()), answer())

    result = ask(drip(CHUNKED + chunk), "--timeout", "0.4")

    assert result.exit_code == 0, result.stderr
    assert assert_in_order(cli, folder)[0]["response_text"] == "a text"


def test_an_endless_reply_is_too_large(ask, cli, folder):
    assert ask(flood).exit_code == 1
    assert assert_in_order(cli, folder)[0]["error"]["code"] == "reply_too_large"


BOUNDED = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)
"""


def test_a_decompression_bomb_needs_little_memory(hostile, program, folder):
    """Some kilobytes decompress to 300 MB; the memory of the process stays far below."""
    bomb = gzip.compress(gzip.compress(bytes(300 * 2**20), 9), 9)
    hostile.replies["Evil"] = reply(gzip.decompress(bomb), b"content-encoding: gzip")
    (folder / "a.csv").write_text("Evil\nGood\n")
    environment = program.environment | {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": hostile.base_url}
    command = [sys.executable, "-m", "artistjobs", "run", "a.csv", "--prompt-id", "p", "--max-attempts", "1"]

    measured = subprocess.run(
        [sys.executable, "-c", BOUNDED, *command], env=environment, capture_output=True, text=True, timeout=60
    )

    code, mebibytes = map(int, measured.stdout.split())
    assert code == 1
    assert mebibytes < 300


@pytest.mark.parametrize("status", [b"301 Moved", b"302 Found", b"303 See", b"307 Temporary", b"308 Permanent"])
def test_a_redirect_is_not_followed(ask, cli, hostile, folder, status):
    """Neither the key nor the row is sent to another host, and no call is repeated."""
    with hostile_server() as other:
        result = ask(reply(b"", b"location: %b/responses" % other.base_url.encode(), status=status))

        assert result.exit_code == 1
        assert other.requests == []
    error = assert_in_order(cli, folder)[0]["error"]
    assert error["code"] == f"http_{status[:3].decode()}"
    assert f"redirects to {other.base_url}/responses" in error["message"]
    assert len(hostile.posts) == 2


def test_a_redirect_of_the_look_up_is_not_followed_either(ask, hostile):
    with hostile_server() as other:
        hostile.model = reply(b"", b"location: " + other.base_url.encode(), status=b"301 Moved")

        assert ask(reply(answer())).exit_code == 0
        assert other.requests == []


@pytest.mark.parametrize(
    "model",
    [
        reply(b'{"shutdown_date": 1e300}'),
        reply(b'{"shutdown_date": -1e300}'),
        reply(b'{"shutdown_date": 1e999}'),
        reply(json.dumps({"shutdown_date": "\x1b]0;owned\x07" * 10_000}).encode()),
        reply(deep(100_000)),
        reply(b"\xff\0"),
        reply(b"", status=b"204 No Content"),
        refusal("\x1b[2J", status=b"418 Teapot"),
        b"",
    ],
    ids=range(9),
)
def test_an_unusual_reply_to_the_look_up_stops_nothing_or_is_explained(ask, hostile, model, monkeypatch):
    monkeypatch.setattr("artistjobs.worker.preflight.TRIES", 1)
    hostile.model = model

    result = ask(reply(answer()))

    assert result.exit_code == (3 if not model else 0), result.output
    assert no_commands(result.stderr)
    assert len(result.stderr) < 3000


def test_the_message_that_stops_a_run_has_no_control_characters(ask, cli):
    result = ask(refusal(ESCAPES, code="invalid_api_key", status=b"401 " + b"No"))

    assert result.exit_code == 3
    assert "stopped: invalid_api_key" in result.stderr
    assert no_commands(result.stderr)
    assert no_commands(cli("run", "a.csv", "--json").stdout)


def test_the_message_of_an_outage_has_no_control_characters(hostile, cli, folder):
    (folder / "a.csv").write_text("".join(f"Evil {number}\n" for number in range(12)))
    hostile.replies |= {f"Evil {number}": refusal(ESCAPES, code=ESCAPES, status=b"503 Bad") for number in range(12)}

    result = cli("run", "a.csv", "--max-attempts", "1", "--patience", "0")

    assert result.exit_code == 75
    assert no_commands(result.stderr)


def test_huge_usage_does_not_overflow_the_database(hostile, cli, folder):
    """The sum of the tokens that two thousand answers report would exceed 64 bits."""
    names = [f"Evil {number}" for number in range(40)]
    (folder / "a.csv").write_text("\n".join(names))
    usage = {"input_tokens": 2**53 - 1, "output_tokens": 2**40, "total_tokens": 2**53 - 1}
    hostile.replies |= {name: reply(answer(usage=usage)) for name in names}

    assert cli("run", "a.csv").exit_code == 0
    assert cli("status").exit_code == 0
    with closing(sqlite3.connect(folder / "artistjobs.db")) as db:
        ((most,),) = db.execute("SELECT max(max(input_tokens, output_tokens)) FROM workers").fetchall()
        assert db.execute("SELECT count(*) FROM answers WHERE input_tokens IS NULL").fetchall() == [(40,)]
        assert db.execute("SELECT count(*) FROM spending").fetchall() == [(1,)]
    assert most == 40 * 2**40


ROWS = {
    "escapes": ("Evil\x1b]0;owned\x07\x1b[2J\x9b31m", "\x1b[31mred\x7f"),
    "bidi": ("\u202egnp.exe", "\u2066\u200f\ufeffx"),
    "paths": ("../../x", "/etc/passwd"),
    "formulas": ('=cmd|"/c calc"!A1', "+1+1"),
    "templates": ("{{ artist_name }}", "{% raw %}{% for %}{{ ''.__class__ }}"),
    "formats": ("%s %n {0} $HOME `id`", "\\u0041 \\n %(x)s"),
    "rich": ("[bold red]x[/]", ":boom: [link=http://x]y[/link]"),
    "quotes": ('"Weird Al" Yankovic', "'; DROP TABLE jobs; --"),
    "emoji": ("👩‍🎨🏳️‍🌈👍🏽", "e\u0301 \u00e9 ﷽"),
    "decomposed": ("Bjo\u0308rk", "NFD"),
    "composed": ("Bj\u00f6rk", "NFC"),
    "only combining marks": ("\u0301\u0302\u0303", "\u20dd"),
    "line ends inside": ("a\u2028b\u2029c\x85d\x0be", "f\r\ng\nh"),
    "half of everything": ("\U0001d518\U000e0001\U0010ffff\ufffe", "\ue000"),
    "long": ("n" * 100_000, "d" * 100_000),
    "a mebibyte": ("M", "é" * 2**19),
    "quotes alone": ('"' * 1001, '""' * 500),
}


def csv_row(name: str, data: str) -> str:
    return ",".join('"' + field.replace('"', '""') + '"' for field in (name, data)) + "\n"


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")  # aiohttp's, for a row of a mebibyte
@pytest.mark.parametrize("case", ROWS)
def test_a_row_is_exported_unchanged_and_does_not_control_the_terminal(hostile, cli, folder, monkeypatch, case):
    monkeypatch.setattr("artistjobs.core.retry.FIRST_WAIT_SECONDS", 0.01)
    name, data = ROWS[case]
    (folder / "a.csv").write_text(csv_row(name, data) + f"Good\n,{name}\n", "utf-8", newline="")
    hostile.replies[name] = refusal(f"{name} is not wanted", status=b"500 Bad")

    result = cli("-v", "--log-file", "log", "run", "a.csv", "--max-attempts", "2")
    dry = cli("ingest", "a.csv", "--dry-run")

    assert result.exit_code == 1
    assert len(hostile.posts) == 3
    record, _ = assert_in_order(cli, folder)
    assert (record["artist_name"], record["artist_data"]) == (name.strip(), data.strip())
    assert record["request"]["variables"] == {"artist_name": name.strip(), "artist_data": data.strip()}
    for said in (result.stderr, dry.stderr, dry.stdout):
        assert no_commands(said)
    assert max(map(len, result.stderr.splitlines())) < 3000
    first, _ = json.JSONDecoder().raw_decode(dry.stdout)
    assert first["prompt"]["variables"]["artist_name"] == name.strip()
    assert len((folder / "log").read_text().splitlines()) == (folder / "log").read_text().count("\n")


def test_nfc_and_nfd_are_two_artists(hostile, cli, folder):
    (folder / "a.csv").write_text("Bjo\u0308rk\nBj\u00f6rk\n", "utf-8")

    cli("run", "a.csv")

    assert len(hostile.posts) == 2


@pytest.mark.parametrize(
    "name", ["a b", "100%25 ?x=1#y&z", "new\nline", "Ünï🎨", "-x", "a;b'c\"d", "file:x?mode=ro", "\x1b[2J", "\udcff"]
)
def test_files_may_be_called_anything(hostile, cli, folder, name):
    names = [f"./{name}{suffix}" for suffix in (".db", ".csv", ".txt", ".jsonl", ".log")]
    database, artists, prompt, output, log = names
    Path(artists).write_text("Evil\n,bad\n")
    Path(prompt).write_text("Who is {{ artist_name }}?")

    asked = cli("--db", database, "--log-file", log, "ingest", artists, "--prompt-file", prompt)
    stored = cli("--db", database, "run", artists, "--output", output)
    status = cli("--db", database, "status")
    export = cli("--db", database, "export", output)

    assert [result.exit_code for result in (asked, stored, status, export)] == [0] * 4, asked.output + stored.output
    assert all(Path(file).exists() for file in names)
    for said in (asked.stderr, stored.stderr, status.output, export.stderr):
        assert no_commands(said)


@pytest.mark.parametrize("name", ["a b.csv", "a'b\\c\n\x1b[2J.csv", "é\u202e.csv", "\udcff"])
def test_the_resume_command_has_no_control_characters_and_can_be_pasted(monkeypatch, name):
    monkeypatch.setattr(sys, "argv", ["artistjobs", "run", name])

    command = same_command()

    assert no_commands(command)
    told = subprocess.run(["bash", "-c", command.replace("artistjobs run", "printf %s")], capture_output=True)
    assert told.stdout == os.fsencode(name)
