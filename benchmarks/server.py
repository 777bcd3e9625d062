"""API on loopback that is fast enough not to limit the results: `python -m benchmarks.server`.

It has its own HTTP, prepared bodies and one process. It answers the Responses API and Chat Completions after a
latency, and reports its counters: `GET /seen` returns the number of calls and their times in seconds of the
monotonic clock, which all processes share; `GET /busy?skip=S` returns the share of slots that callers used. With
`--capacity` calls beyond it take longer or are refused, and `GET /load` returns what happened each tenth of a second.
"""

import argparse
import asyncio
import json
import math
import random
from array import array
from collections.abc import Callable
from itertools import count
from time import monotonic

from benchmarks.capacity import SharedCapacity

TEXT = "She painted what she saw, and what she saw was seldom what the others did. " * 19
"""About 1.4 KB of text, for responses of about 2 KB."""

RESPONSE = {
    "id": "resp_%016x",
    "object": "response",
    "created_at": 1795382805,
    "status": "completed",
    "background": False,
    "error": None,
    "incomplete_details": None,
    "instructions": None,
    "max_output_tokens": None,
    "model": "gpt-5-2025-08-07",
    "output": [
        {"id": "rs_%016x", "type": "reasoning", "summary": []},
        {
            "id": "msg_%016x",
            "type": "message",
            "status": "completed",
            "role": "assistant",
            "content": [{"type": "output_text", "annotations": [], "logprobs": [], "text": TEXT}],
        },
    ],
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "reasoning": {"effort": "medium", "summary": None},
    "service_tier": "default",
    "store": True,
    "temperature": 1.0,
    "text": {"format": {"type": "text"}, "verbosity": "medium"},
    "tool_choice": "auto",
    "tools": [],
    "top_p": 1.0,
    "truncation": "disabled",
    "usage": {
        "input_tokens": 24,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": 340,
        "output_tokens_details": {"reasoning_tokens": 64},
        "total_tokens": 364,
    },
    "user": None,
    "metadata": {},
}

COMPLETION = {
    "id": "chatcmpl-%016x",
    "object": "chat.completion",
    "created": 1795382805,
    "model": "gpt-5-2025-08-07",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": TEXT, "refusal": None, "annotations": []},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 24, "completion_tokens": 340, "total_tokens": 364},
    "service_tier": "default",
    "system_fingerprint": None,
}

MODEL = {"id": "gpt-5", "object": "model", "created": 1754425777, "owned_by": "system"}

Latency = Callable[[], float]


def http(body: bytes, status: bytes = b"200 OK", headers: bytes = b"") -> bytes:
    head = b"HTTP/1.1 %b\r\ncontent-type: application/json\r\n%bcontent-length: %d\r\n\r\n"
    return head % (status, headers, len(body)) + body


def numbered(body: object) -> Callable[[int], bytes]:
    """Return the function that makes the reply with a number; replies differ only in ids of the same length."""
    text = json.dumps(body, separators=(",", ":"))
    size = len(text.replace("%016x", "0" * 16))
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-request-id: req_%016x\r\ncontent-length: %d\r\n\r\n"
    pieces = (head.replace(b"%d", b"%d" % size) + text.encode()).split(b"%016x")

    def make(number: int) -> bytes:
        return (b"%016x" % number).join(pieces)

    return make


def latency_of(seconds: float, sigma: float, seed: int = 0) -> Latency:
    """Return the function that draws a latency: a constant, or lognormal with that median."""
    if not sigma:
        return lambda: seconds
    lots, middle = random.Random(seed), math.log(seconds)
    return lambda: lots.lognormvariate(middle, sigma)


class LatestFailure:
    """Log of calls: the time of each call, and the latency of its answer."""

    def __init__(self) -> None:
        self.begun = array("d")
        self.latency = array("d")

    def add(self, begun: float, latency: float) -> None:
        self.begun.append(begun)
        self.latency.append(latency)

    def summary(self) -> dict[str, float | None]:
        first, last = (self.begun[0], self.begun[-1]) if self.begun else (None, None)
        return {"calls": len(self.begun), "first": first, "last": last}

    def busy(self, skip: float) -> dict[str, float]:
        """Return the use of slots from ``skip`` seconds after the first call to the last one.

        ``in_flight`` is the mean number of calls in flight, where each call counts for its intended latency and
        not for delays that callers and server add. The time after the last call does not count.
        """
        if len(self.begun) < 2 or self.begun[-1] - self.begun[0] <= skip:
            return {"seconds": 0.0, "in_flight": 0.0, "answers_a_second": 0.0}
        start, end = self.begun[0] + skip, self.begun[-1]
        held = ends = 0.0
        for begun, latency in zip(self.begun, self.latency, strict=True):
            held += max(0.0, min(begun + latency, end) - max(begun, start))
            ends += start <= begun + latency < end
        return {"seconds": end - start, "in_flight": held / (end - start), "answers_a_second": ends / (end - start)}


class Connection(asyncio.Protocol):
    """Connection of one caller, which sends a request after the answer to the previous one."""

    def __init__(self, seen: LatestFailure, latency: Latency, capacity: SharedCapacity | None = None) -> None:
        self._seen = seen
        self._capacity = capacity
        self._latency = latency
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer + data if self._buffer else data
        while (end := buffer.find(b"\r\n\r\n")) >= 0:
            whole = end + 4 + content_length(buffer[:end])
            if len(buffer) < whole:
                break
            self._answer(buffer)
            buffer = buffer[whole:]
        self._buffer = buffer

    def _answer(self, request: bytes) -> None:
        if not request.startswith(b"POST"):
            self._write(self._look_up(request.split(b" ", 2)[1].decode()))
            return
        seconds = self._latency()
        self._seen.add(monotonic(), seconds)
        make = CHAT if b"/chat/completions" in request[: request.find(b"\r\n")] else RESPOND
        reply = make(next(NUMBERS))
        if self._capacity is not None:
            if not self._capacity.add(seconds, lambda: self._write(reply)):
                self._write(REFUSAL)
        elif seconds:
            asyncio.get_running_loop().call_later(seconds, self._write, reply)
        else:
            self._write(reply)

    def _look_up(self, path: str) -> bytes:
        if path.startswith("/seen"):
            return http(json.dumps(self._seen.summary()).encode())
        if path.startswith("/load") and self._capacity is not None:
            return http(json.dumps(self._capacity.load.summary()).encode())
        if path.startswith("/busy"):
            return http(json.dumps(self._seen.busy(float(path.partition("skip=")[2] or 0))).encode())
        return http(json.dumps(MODEL).encode())

    def _write(self, reply: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(reply)


NUMBERS = count(1)
REFUSAL = http(
    json.dumps(
        {"error": {"message": "Too many requests at once.", "type": "requests", "code": "rate_limit_exceeded"}}
    ).encode(),
    b"429 Too Many Requests",
)
RESPOND, CHAT = numbered(RESPONSE), numbered(COMPLETION)


def content_length(head: bytes) -> int:
    lowered = head.lower()
    found = lowered.find(b"\r\ncontent-length:")
    return int(lowered[found + 17 :].split(b"\r\n", 1)[0]) if found >= 0 else 0


async def serve(latency: Latency, capacity: SharedCapacity | None = None) -> None:
    """Print the base URL and serve until the process is ended."""
    seen = LatestFailure()
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(seen, latency, capacity), "127.0.0.1", 0, backlog=2048
    )
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", flush=True)
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description="A cheap API on loopback.")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds, the median if --sigma is given")
    parser.add_argument("--sigma", type=float, default=0.0, help="of a lognormal latency")
    parser.add_argument("--capacity", type=float, help="calls at once up to which the latency stays as it is")
    parser.add_argument("--refuse", action="store_true", help="refuse calls beyond the capacity")
    given = parser.parse_args()
    capacity = None if given.capacity is None else SharedCapacity(given.capacity, refuses=given.refuse)
    asyncio.run(serve(latency_of(given.latency, given.sigma), capacity))


if __name__ == "__main__":
    main()
