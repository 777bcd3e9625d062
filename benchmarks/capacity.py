"""Capacity of the benchmark server: calls beyond it share it and take longer, or are refused."""

import heapq
import math
from asyncio import TimerHandle, get_running_loop
from collections.abc import Callable
from itertools import count
from time import monotonic

STEP_SECONDS = 0.1
"""Time over which the calls in flight are averaged."""


class Load:
    """Log of answers, refusals and calls in flight, in steps of ``STEP_SECONDS`` since the first call."""

    def __init__(self) -> None:
        self.begun_at: float | None = None
        self._last = 0.0
        self._in_flight = 0
        self._held: list[float] = []
        self._answers: list[int] = []
        self._refused: list[int] = []

    def note(self, now: float, *, in_flight: int, answers: int = 0, refused: int = 0) -> None:
        """Record an event, after which there are ``in_flight`` calls."""
        if self.begun_at is None:
            self.begun_at = self._last = now
        self._hold(now)
        self._in_flight = in_flight
        step = self._step(now)
        self._answers[step] += answers
        self._refused[step] += refused

    def summary(self) -> dict[str, object]:
        """Return the counts of each step; the calls in flight are means over a step."""
        return {
            "step_seconds": STEP_SECONDS,
            "in_flight": [round(held / STEP_SECONDS, 1) for held in self._held],
            "answers": self._answers,
            "refused": self._refused,
        }

    def _step(self, now: float) -> int:
        assert self.begun_at is not None
        step = int((now - self.begun_at) / STEP_SECONDS)
        while len(self._held) <= step:
            self._held.append(0.0)
            self._answers.append(0)
            self._refused.append(0)
        return step

    def _hold(self, now: float) -> None:
        assert self.begun_at is not None
        while (left := now - self._last) > 0:
            step = self._step(self._last)
            end = self.begun_at + (step + 1) * STEP_SECONDS
            held = min(left, max(end - self._last, 1e-6))
            self._held[step] += held * self._in_flight
            self._last += held


class SharedCapacity:
    """Answers calls like a processor that all of them share: each takes its own time up to ``capacity`` at once.

    The work of calls is measured on a virtual clock, which slows down in proportion to the load beyond the capacity.
    """

    def __init__(self, capacity: float = math.inf, *, refuses: bool = False) -> None:
        self.load = Load()
        self._capacity = capacity
        self._refuses = refuses
        self._calls: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = count()
        self._virtual = 0.0
        self._at = 0.0
        self._timer: TimerHandle | None = None

    def add(self, seconds: float, answer: Callable[[], None]) -> bool:
        """Call ``answer`` when the work of a call is done; return False if the call is refused."""
        now = self._advance()
        if self._refuses and len(self._calls) >= self._capacity:
            self.load.note(now, in_flight=len(self._calls), refused=1)
            return False
        heapq.heappush(self._calls, (self._virtual + seconds, next(self._numbers), answer))
        self.load.note(now, in_flight=len(self._calls))
        self._wait()
        return True

    def _slowdown(self) -> float:
        return max(1.0, len(self._calls) / self._capacity)

    def _advance(self) -> float:
        """Move the virtual clock to now, and answer what is done."""
        now = monotonic()
        left = now - self._at if self._at else 0.0
        self._at = now
        while self._calls:
            needed = max(0.0, self._calls[0][0] - self._virtual) * self._slowdown()
            if needed > left:
                break
            left -= needed
            self._virtual = max(self._virtual, self._calls[0][0])
            heapq.heappop(self._calls)[2]()
            self.load.note(now, in_flight=len(self._calls), answers=1)
        self._virtual += left / self._slowdown()
        return now

    def _wait(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._calls:
            seconds = max(0.0, self._calls[0][0] - self._virtual) * self._slowdown()
            self._timer = get_running_loop().call_later(seconds, self._wake)

    def _wake(self) -> None:
        self._advance()
        self._wait()
