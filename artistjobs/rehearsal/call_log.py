"""What the simulated API was asked and what it answered: the witness of every test about paying twice.

A call is written down before its reply goes out, so whoever has an answer finds it here. With a path,
each call is also a line of JSON in that file, and outlives the kill of either side.
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
    """How much a journal remembers in memory."""

    CALLS = "calls"
    """Every call with its body."""
    KEYS = "keys"
    """Counts for each request."""
    TOTALS = "totals"
    """Counts, and the requests not answered yet: what stays small in a run of any length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call that was answered, or would have been had its client and its line held."""

    key: str
    """What makes it the same request: ``request_key`` of its body."""
    nth: int
    """How many times this request had been seen by then, counted from 1."""
    received_at: float
    answered_at: float
    name: str
    """``completed``, or the fault's name, or the code of the error."""
    status: int
    """The reply's; for a line that was reset, what it would have been."""
    paid: bool
    """Whether the real API would charge for it, also when its answer was cut, held or not waited for."""
    response_id: str | None
    in_flight: int
    """Calls in flight when it came, itself included."""
    body: Mapping[str, object] | None


@dataclass(frozen=True, slots=True)
class Arrival:
    """A call that has come and waits for its reply."""

    key: str
    nth: int
    received_at: float
    in_flight: int


def request_key(body: object) -> str:
    """Return the SHA-256 of a request body, whatever the order of its fields."""
    return hashlib.sha256(_canonical(body).encode("ascii")).hexdigest()


class Journal:
    """Counts and calls so far; every method may be called from any thread."""

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
            # Unbuffered: each line is with the operating system before its reply is on the wire.
            self._file = Path(path).open("ab", buffering=0)  # noqa: SIM115 - close() closes it

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Return a journal as its file tells it; a last line torn by a kill is left out."""
        journal = cls()
        for line in Path(path).read_bytes().splitlines(keepends=True):
            if line.endswith(b"\n"):
                journal._remember(Call(**json.loads(line)))
        return journal

    def arrive(self, key: str, received_at: float) -> Arrival:
        """Note that a call has come; ``answer`` and ``leave`` follow."""
        with self._lock:
            self._received += 1
            self._in_flight += 1
            self._max_in_flight = max(self._max_in_flight, self._in_flight)
            self._seen[key] += 1
            return Arrival(key, self._seen[key], received_at, self._in_flight)

    def answer(self, call: Call) -> None:
        """Write down what a call is answered with."""
        with self._lock:
            self._count(call)
            if self._file:
                self._file.write(_line(call, with_body=self._detail is Detail.CALLS))

    def leave(self) -> None:
        """Note that a call is no longer in flight."""
        with self._lock:
            self._in_flight -= 1

    def close(self) -> None:
        """Close the file; what was counted stays readable."""
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
        """How many calls have come, those still in flight included."""
        with self._lock:
            return self._received

    @property
    def in_flight(self) -> int:
        """How many calls wait for their reply now, those whose client has gone included."""
        with self._lock:
            return self._in_flight

    @property
    def max_in_flight(self) -> int:
        """The most calls that were ever in flight together."""
        with self._lock:
            return self._max_in_flight

    @property
    def paid_calls(self) -> int:
        """How many calls were paid for."""
        with self._lock:
            return self._paid_calls

    def names(self) -> dict[str, int]:
        """Return how often each reply was given: ``completed``, a fault, the code of an error."""
        with self._lock:
            return dict(self._names)

    def paid_by_key(self) -> dict[str, int]:
        """Return how often each request was paid for; empty if the detail is TOTALS."""
        with self._lock:
            return dict(self._paid)

    def repeated(self) -> dict[str, int]:
        """Return the requests that were paid for more than once, and how often."""
        return {key: times for key, times in self.paid_by_key().items() if times > 1}

    def _remember(self, call: Call) -> None:
        """Count a call of the past, which has come and gone."""
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
        # An answered request seldom comes again; one that does is then taken for new.
        if call.name == "completed":
            self._seen.pop(call.key, None)


_CALL_FIELDS = tuple(field.name for field in fields(Call))


def _line(call: Call, *, with_body: bool) -> bytes:
    values = {name: getattr(call, name) for name in _CALL_FIELDS}
    if not with_body:
        values["body"] = None
    return encode(values) + b"\n"
