"""Journal of all calls to the simulated API, with which tests prove that no request is paid for twice.

A call is recorded before its reply is sent, so every answer that a client has received is in the journal. With a
path, each call is also appended to that file as a line of JSON, which survives the kill of client or server.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path
from threading import Lock
from typing import BinaryIO, Self

from artistjobs.rehearsal.replies import encode

_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


class Detail(StrEnum):
    """The amount of data that a journal keeps in memory."""

    CALLS = "calls"
    """Every call with its body."""
    KEYS = "keys"
    """Counts per request."""
    TOTALS = "totals"
    """Totals, and the requests that are not answered yet; needs bounded memory in long runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call with its reply, even if the client or the connection failed before it was sent."""

    key: str
    """The identity of the request: ``request_key`` of its body."""
    nth: int
    """The repetition of this request, counted from 1."""
    received_at: float
    answered_at: float
    name: str
    """``completed``, or the name of the fault, or the code of the error."""
    status: int
    """The HTTP status of the reply, even if the connection was reset before it was sent."""
    paid: bool
    """True if the real API would charge for it, even if its answer was cut, delayed or not received."""
    response_id: str | None
    in_flight: int
    """Calls in flight when it arrived, including itself."""
    body: Mapping[str, object] | None


@dataclass(frozen=True, slots=True)
class Arrival:
    """A call that has arrived and has no reply yet."""

    key: str
    nth: int
    received_at: float
    in_flight: int


def request_key(body: object) -> str:
    """Return the SHA-256 of a request body in hexadecimal; the order of its fields does not matter.

    Fields that say how the answer is delivered do not count, so that a live call, a line of a batch and a call in the
    background for the same request have the same key.
    """
    if isinstance(body, dict):
        body = {name: value for name, value in body.items() if name not in _DELIVERY_FIELDS}
    return hashlib.sha256(_canonical(body).encode("ascii")).hexdigest()


_DELIVERY_FIELDS = frozenset({"background", "background_options", "service_tier", "store", "stream"})


class Journal:
    """The calls and counts so far; all methods are thread-safe."""

    def __init__(self, path: str | Path | None = None, *, detail: Detail = Detail.CALLS) -> None:
        self._detail = detail
        self._lock = Lock()
        self._calls: list[Call] = []
        self._seen: Counter[str] = Counter()
        self._paid: Counter[str] = Counter()
        self._names: Counter[str] = Counter()
        self._received = self._in_flight = self._max_in_flight = self._paid_calls = 0
        self._file: BinaryIO | None = None
        if path is not None:
            # Unbuffered: the operating system has each line before its reply is sent.
            self._file = Path(path).open("ab", buffering=0)  # noqa: SIM115 - close() closes it

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Return a journal read from a file; a last line that a kill has cut is ignored."""
        journal = cls()
        for line in Path(path).read_bytes().splitlines(keepends=True):
            if line.endswith(b"\n"):
                journal._remember(Call(**json.loads(line)))
        return journal

    def arrive(self, key: str, received_at: float) -> Arrival:
        """Record the arrival of a call; ``answer`` and ``leave`` must follow."""
        with self._lock:
            self._received += 1
            self._in_flight += 1
            self._max_in_flight = max(self._max_in_flight, self._in_flight)
            self._seen[key] += 1
            return Arrival(key, self._seen[key], received_at, self._in_flight)

    def answer(self, call: Call) -> None:
        """Record the reply to a call; called before the reply is sent."""
        with self._lock:
            self._count(call)
            if self._file:
                self._file.write(_line(call, with_body=self._detail is Detail.CALLS))

    def leave(self) -> None:
        """Record that a call is no longer in flight."""
        with self._lock:
            self._in_flight -= 1

    def close(self) -> None:
        """Close the file; the calls and counts stay available."""
        with self._lock:
            if self._file:
                self._file.close()
                self._file = None

    @property
    def calls(self) -> tuple[Call, ...]:
        """The calls in the order of their answers; empty unless the detail is CALLS."""
        with self._lock:
            return tuple(self._calls)

    @property
    def received(self) -> int:
        """The number of calls received, including those in flight."""
        with self._lock:
            return self._received

    @property
    def in_flight(self) -> int:
        """The number of calls that wait for their reply, including those whose client is gone."""
        with self._lock:
            return self._in_flight

    @property
    def max_in_flight(self) -> int:
        """The maximum number of calls in flight at the same time."""
        with self._lock:
            return self._max_in_flight

    @property
    def paid_calls(self) -> int:
        """The number of calls that were paid for."""
        with self._lock:
            return self._paid_calls

    def names(self) -> dict[str, int]:
        """Return the number of replies by name: ``completed``, a fault, or the code of an error."""
        with self._lock:
            return dict(self._names)

    def paid_by_key(self) -> dict[str, int]:
        """Return the number of paid calls by request key; empty if the detail is TOTALS."""
        with self._lock:
            return dict(self._paid)

    def repeated(self) -> dict[str, int]:
        """Return the number of paid calls of the requests that were paid for more than once."""
        return {key: times for key, times in self.paid_by_key().items() if times > 1}

    def _remember(self, call: Call) -> None:
        """Count a call that was read from a file."""
        self._received += 1
        self._max_in_flight = max(self._max_in_flight, call.in_flight)
        self._seen[call.key] += 1
        self._count(call)

    def _count(self, call: Call) -> None:
        self._names[call.name] += 1
        self._paid_calls += call.paid
        if self._detail is Detail.CALLS:
            self._calls.append(call)
        if self._detail is Detail.TOTALS:
            self._forget_if_over(call)
        elif call.paid:
            self._paid[call.key] += 1

    def _forget_if_over(self, call: Call) -> None:
        # An answered request is rarely repeated; a repetition then counts as a new request.
        if call.name == "completed":
            self._seen.pop(call.key, None)


_CALL_FIELDS = tuple(field.name for field in fields(Call))


def _line(call: Call, *, with_body: bool) -> bytes:
    values = {name: getattr(call, name) for name in _CALL_FIELDS}
    if not with_body:
        values["body"] = None
    return encode(values) + b"\n"
