"""Axes: where ticks stand and what they say, so that people can read values off."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_STEPS_SECONDS = (
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800,
    1_209_600, 2_419_200, 4_838_400, 9_676_800, 19_353_600,
)  # fmt: skip


_DAY = 86_400


_MINUTE = 60


LABEL_WIDTH, LONG_LABEL_WIDTH = 46.0, 62.0
"""Room for a time such as 08:10, or a date such as 22 Nov, and for one with its seconds, in the units of a chart."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on an axis; a time has the day below it where that is another one."""

    at: float
    label: str
    below: str = ""
    anchor: str = "middle"


@dataclass(frozen=True, slots=True)
class Scale:
    """Values from 0 to ``top``, which is a tick itself."""

    top: float
    step: float

    def ticks(self) -> list[float]:
        """Return the values that are marked."""
        return [number * self.step for number in range(round(self.top / self.step) + 1)]

    def text(self, value: float) -> str:
        """Return a value with as many decimals as its step needs."""
        decimals = max(0, -math.floor(math.log10(self.step) + 1e-9))
        if decimals and round(self.step * 10**decimals) / 10**decimals != self.step:
            decimals += 1
        return f"{value:,.{decimals}f}"


def make_scale(highest: float, count: int = 4) -> Scale:
    """Return a scale with about so many steps of 1, 2 or 5 that holds the highest value."""
    if highest <= 0 or not math.isfinite(highest):
        return Scale(1.0, 0.5)
    power = 10.0 ** math.floor(math.log10(highest / count))
    step = next(step for factor in (1, 2, 5, 10, 20) if highest / (step := factor * power) <= count)
    return Scale(step * max(1, math.ceil(highest / step - 1e-9)), step)


def time_step(seconds_a_unit: float, room: float = 64.0) -> int:
    """Return how far ticks stand from each other, for labels that need so much room."""
    return next((step for step in _STEPS_SECONDS if step >= seconds_a_unit * room), _STEPS_SECONDS[-1])


def time_ticks(
    spans: Sequence[tuple[float, float]], step: int, place: Callable[[float], float], edge: float
) -> list[Tick]:
    """Return ticks for the spans of time that an axis shows: where each begins, and between at round times."""
    starts = [start for start, _ in spans]
    rounds = [moment for start, end in spans for moment in _round_times(start, end, step)]
    room = LONG_LABEL_WIDTH if step < _MINUTE else LABEL_WIDTH
    kept: list[tuple[float, float]] = []
    for moment in [*starts[:1], *_longest_first(spans)[1:], *rounds]:
        at = place(moment)
        if all(abs(at - other) >= room for other, _ in kept):
            kept.append((at, moment))
    return list(_labelled(sorted(kept), step, edge))


def _longest_first(spans: Sequence[tuple[float, float]]) -> list[float]:
    first = spans[:1]
    rest = sorted(spans[1:], key=lambda span: span[0] - span[1])
    return [start for start, _ in [*first, *rest]]


def _round_times(start: float, end: float, step: int) -> Iterator[float]:
    moment = math.ceil(start / step) * step
    while moment <= end:
        yield float(moment)
        moment += step


def _labelled(kept: Sequence[tuple[float, float]], step: int, edge: float) -> Iterator[Tick]:
    shown = ""
    for at, seconds in kept:
        day = moment_at(seconds).strftime("%-d %b")
        anchor = "end" if at > edge - LABEL_WIDTH / 2 else "middle"
        if step >= _DAY:
            yield Tick(at, day, anchor=anchor)
            continue
        time = moment_at(seconds).strftime("%H:%M:%S" if step < _MINUTE else "%H:%M")
        yield Tick(at, time, day if day != shown else "", anchor)
        shown = day


def moment_at(seconds: float) -> datetime:
    """Return a moment in UTC, to the second."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=round(seconds))
