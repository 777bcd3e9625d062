"""Chart axes: the positions and labels of the ticks of values and of times."""

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
"""Width of a label such as 08:10 or 22 Nov, and of a time with seconds, in chart units."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A tick of an axis, at a position in chart units; ``below`` is a second line, such as the day of a time."""

    at: float
    label: str
    below: str = ""
    anchor: str = "middle"


@dataclass(frozen=True, slots=True)
class Scale:
    """A linear scale from 0 to ``top``, with a tick at every ``step`` and at the top."""

    top: float
    step: float

    def ticks(self) -> list[float]:
        """Return the values of the ticks."""
        return [number * self.step for number in range(round(self.top / self.step) + 1)]

    def text(self, value: float) -> str:
        """Return a value as text, with as many decimals as the step needs."""
        decimals = max(0, -math.floor(math.log10(self.step) + 1e-9))
        if decimals and round(self.step * 10**decimals) / 10**decimals != self.step:
            decimals += 1
        return f"{value:,.{decimals}f}"


def make_scale(highest: float, count: int = 4) -> Scale:
    """Return a scale up to at least ``highest``, in at most ``count`` steps of 1, 2 or 5 times a power of ten."""
    if highest <= 0 or not math.isfinite(highest):
        return Scale(1.0, 0.5)
    power = 10.0 ** math.floor(math.log10(highest / count))
    step = next(step for factor in (1, 2, 5, 10, 20) if highest / (step := factor * power) <= count)
    return Scale(step * max(1, math.ceil(highest / step - 1e-9)), step)


def time_step(seconds_a_unit: float, room: float = 64.0) -> int:
    """Return the seconds between two ticks, so that each label has ``room`` chart units."""
    return next((step for step in _STEPS_SECONDS if step >= seconds_a_unit * room), _STEPS_SECONDS[-1])


def time_ticks(
    spans: Sequence[tuple[float, float]], step: int, place: Callable[[float], float], edge: float
) -> list[Tick]:
    """Return the ticks of a time axis: at the start of each span, and at round times within it.

    ``place`` converts a moment to its position, and ``edge`` is the right end of the axis, both in chart units. Ticks
    whose labels would overlap are left out.
    """
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
    """Return seconds since 1970 as a UTC datetime, rounded to the second."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=round(seconds))
