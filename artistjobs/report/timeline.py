"""The time that was worked, cut into cells of one length, with the pauses taken out.

A night between two runs, or a laptop that slept in the middle of one, would leave a chart of hours
in which nothing happened. Cells hold only time in which somebody worked; where one does not follow
the other, there was a pause.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from artistjobs.store.overview import SLOT_WIDTHS, LatencyBucket, Overview

SILENCE_SECONDS = 1800.0
"""After which nobody worked, whatever the workers say: no call takes that long unless it is told to."""


CELLS = 160
"""How many there are about: more would not be seen."""


_SHORT_SECONDS = 30.0


_MAX_CELLS = 400
"""Beyond which neighbours are joined, across pauses too: thousands of short runs make one page all the same."""


Span = tuple[float, float]


@dataclass(slots=True, kw_only=True)
class Cell:
    """What ended between two moments, of which ``worked`` seconds were worked."""

    start: float
    end: float
    worked: float
    done: int = 0
    failed: int = 0
    cost_usd: float = 0.0
    latencies: Counter[tuple[float, float]] = field(default_factory=Counter)

    def done_a_minute(self) -> float:
        """Return the jobs done in a minute of work."""
        return self.done * 60 / self.worked

    def failed_a_minute(self) -> float:
        """Return the jobs failed in a minute of work."""
        return self.failed * 60 / self.worked

    def seconds(self, share: float) -> float | None:
        """Return what that share of the answers took at most, None without any."""
        return percentile(self.latencies, share)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """The cells in order, each as long as ``width`` seconds of the clock at most."""

    cells: Sequence[Cell]
    width: int
    worked: float

    def pauses(self, most: int) -> list[int]:
        """Return the numbers of the cells before which there was a pause, of the longest ``most`` pauses."""
        gaps = [(later.start - earlier.end, number) for number, (earlier, later) in enumerate(pairwise(self.cells), 1)]
        longest = sorted((gap for gap in gaps if gap[0] > self.width), reverse=True)[:most]
        return sorted(number for _, number in longest)

    def seconds(self, share: float) -> float | None:
        """Return what that share of all answers took at most, None without any."""
        whole: Counter[tuple[float, float]] = Counter()
        for cell in self.cells:
            whole.update(cell.latencies)
        return percentile(whole, share)


def make_timeline(overview: Overview) -> Timeline:
    """Return the time that was worked; no cells if nobody worked."""
    worked = list(_worked(overview))
    total = sum(end - start for start, end in worked)
    width = _width(total, overview.slot_seconds)
    cells = _joined(_cells(worked, width), width)
    while len(cells) > _MAX_CELLS:
        cells = _halved(cells)
    _fill(cells, overview)
    return Timeline(cells=cells, width=width, worked=total)


def percentile(latencies: Counter[tuple[float, float]], share: float) -> float | None:
    """Return what that share of the answers took at most, found within its step by proportion."""
    wanted, before = share * latencies.total(), 0
    for (low, width), count in sorted(latencies.items()):
        if before + count >= wanted:
            return low + width * (wanted - before) / count
        before += count
    return None


def union(spans: Iterable[Span]) -> Iterator[Span]:
    """Yield the time that any of the spans covers; they are in the order of their starts."""
    start = end = None
    for first, last in spans:
        if start is None or end is None or first > end:
            if start is not None and end is not None:
                yield start, end
            start, end = first, last
        end = max(end, last)
    if start is not None and end is not None:
        yield start, end


def _worked(overview: Overview) -> Iterator[Span]:
    """Yield when somebody worked and something came of it."""
    width = overview.slot_seconds
    silence = max(SILENCE_SECONDS, 2.0 * width)
    # A worker that began and ended within a millisecond worked all the same.
    spans = sorted((worker.start, max(worker.end, worker.start + 0.001)) for worker in overview.workers)
    busy = [(float(slot.start), float(slot.start + width)) for slot in overview.slots]
    for start, end in union(spans):
        inside = busy[bisect_right(busy, (start - width, start)) : bisect_right(busy, (end, end))]
        edges = [start, *(edge for span in inside for edge in span), end]
        silences = [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a > silence]
        at = start
        for quiet_from, quiet_until in silences:
            if quiet_from > at:
                yield at, quiet_from
            at = quiet_until
        if end > at:
            yield at, end


def _width(worked: float, slot_seconds: int) -> int:
    """Return the length of a cell: one that people count in, made of whole slots."""
    # In a second or two answers come by chance, which is no pace.
    least = max(worked / CELLS, 5.0 if worked > _SHORT_SECONDS else 1.0)
    fitting = (width for width in SLOT_WIDTHS if width % slot_seconds == 0 and width >= least)
    return next(fitting, 4 * slot_seconds)


def _cells(worked: Iterable[Span], width: int) -> list[Cell]:
    cells: dict[int, Cell] = {}
    for start, end in worked:
        for number in range(int(start // width), int(-(-end // width))):
            first, last = max(start, number * width), min(end, (number + 1) * width)
            if number in cells:
                cells[number].end = last
                cells[number].worked += last - first
            else:
                cells[number] = Cell(start=first, end=last, worked=last - first)
    return list(cells.values())


def _joined(cells: list[Cell], width: int) -> list[Cell]:
    """Join a cell that was hardly worked with the one before: a minute's rate is not told by a second."""
    joined: list[Cell] = []
    for cell in cells:
        if joined and cell.start - joined[-1].end < width and min(cell.worked, joined[-1].worked) < width / 4:
            joined[-1].end = cell.end
            joined[-1].worked += cell.worked
        else:
            joined.append(cell)
    return joined


def _halved(cells: Sequence[Cell]) -> list[Cell]:
    """Join each cell with its neighbour."""
    pairs = zip(cells[::2], cells[1::2], strict=False)
    halved = [Cell(start=one.start, end=two.end, worked=one.worked + two.worked) for one, two in pairs]
    return [*halved, cells[-1]] if len(cells) % 2 else halved


def _fill(cells: Sequence[Cell], overview: Overview) -> None:
    """Put each slot into the cell that it lies in, or else into the last one before."""
    if not cells:
        return
    starts = [cell.start for cell in cells]
    for slot in overview.slots:
        # By its end: a cell begins where somebody began to work, which may be in the middle of a slot.
        cell = cells[max(0, bisect_right(starts, slot.start + overview.slot_seconds - 0.001) - 1)]
        cell.done += slot.done
        cell.failed += slot.failed
        cell.cost_usd += slot.cost_usd
        cell.latencies.update(_counted(slot.latencies))


def _counted(latencies: Iterable[LatencyBucket]) -> dict[tuple[float, float], int]:
    return {(latency.low, latency.width): latency.answers for latency in latencies}
