"""Timeline of a report: the time in which workers ran, divided into cells of equal length, without the pauses.

A night between two runs, or a laptop that slept during a run, would fill a chart with hours in which nothing
happened. Cells cover only time in which a worker ran; a gap between two cells is a pause.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from artistjobs.store.overview import SLOT_WIDTHS, LatencyBucket, Overview

SILENCE_SECONDS = 1800.0
"""A gap without any result that is longer than this counts as a pause; calls rarely take that long."""


CELLS = 160
"""Target number of cells; more would be too narrow to see."""


_SHORT_SECONDS = 30.0


_MAX_CELLS = 400
"""Maximum number of cells. Neighbours are merged beyond it, even across pauses, so that thousands of short runs fit."""


Span = tuple[float, float]


@dataclass(slots=True, kw_only=True)
class Cell:
    """The jobs that ended from ``start`` to ``end``, in ``worked`` seconds of work.

    ``start`` and ``end`` are seconds since 1970. ``latencies`` counts answers by the lower bound and the width of
    their latency bucket, in seconds.
    """

    start: float
    end: float
    worked: float
    done: int = 0
    failed: int = 0
    cost_usd: float = 0.0
    latencies: Counter[tuple[float, float]] = field(default_factory=Counter)

    def done_a_minute(self) -> float:
        """Return the jobs done per minute of work."""
        return self.done * 60 / self.worked

    def failed_a_minute(self) -> float:
        """Return the jobs failed per minute of work."""
        return self.failed * 60 / self.worked

    def seconds(self, share: float) -> float | None:
        """Return the quantile ``share`` of the latencies, in seconds; None without any."""
        return percentile(self.latencies, share)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """The cells in order of time, each at most about ``width`` seconds long; ``worked`` is the total in seconds."""

    cells: Sequence[Cell]
    width: int
    worked: float

    def pauses(self, most: int) -> list[int]:
        """Return the numbers of the cells that follow one of the longest ``most`` pauses."""
        gaps = [(later.start - earlier.end, number) for number, (earlier, later) in enumerate(pairwise(self.cells), 1)]
        longest = sorted((gap for gap in gaps if gap[0] > self.width), reverse=True)[:most]
        return sorted(number for _, number in longest)

    def seconds(self, share: float) -> float | None:
        """Return the quantile ``share`` of the latencies of all cells, in seconds; None without any."""
        whole: Counter[tuple[float, float]] = Counter()
        for cell in self.cells:
            whole.update(cell.latencies)
        return percentile(whole, share)


def make_timeline(overview: Overview) -> Timeline:
    """Return the timeline of an overview; it has no cells if no worker ran."""
    worked = list(_worked(overview))
    total = sum(end - start for start, end in worked)
    width = _width(total, overview.slot_seconds)
    cells = _joined(_cells(worked, width), width)
    while len(cells) > _MAX_CELLS:
        cells = _halved(cells)
    _fill(cells, overview)
    return Timeline(cells=cells, width=width, worked=total)


def percentile(latencies: Counter[tuple[float, float]], share: float) -> float | None:
    """Return the quantile ``share`` of the latencies in seconds, interpolated within its bucket; None without any."""
    wanted, before = share * latencies.total(), 0
    for (low, width), count in sorted(latencies.items()):
        if before + count >= wanted:
            return low + width * (wanted - before) / count
        before += count
    return None


def union(spans: Iterable[Span]) -> Iterator[Span]:
    """Yield the union of the spans as disjoint spans; the input must be sorted by start."""
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
    """Yield the spans in which a worker ran, without the long gaps in which no job ended."""
    width = overview.slot_seconds
    silence = max(SILENCE_SECONDS, 2.0 * width)
    # A worker that started and ended within a millisecond still gets a span.
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
    """Return the length of a cell in seconds: a round number that is a multiple of the slot length."""
    # Cells of a second or two would show random variation rather than throughput.
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
    """Merge a cell with little work into the one before, because its rate per minute would be noise."""
    joined: list[Cell] = []
    for cell in cells:
        if joined and cell.start - joined[-1].end < width and min(cell.worked, joined[-1].worked) < width / 4:
            joined[-1].end = cell.end
            joined[-1].worked += cell.worked
        else:
            joined.append(cell)
    return joined


def _halved(cells: Sequence[Cell]) -> list[Cell]:
    """Merge pairs of neighbouring cells."""
    pairs = zip(cells[::2], cells[1::2], strict=False)
    halved = [Cell(start=one.start, end=two.end, worked=one.worked + two.worked) for one, two in pairs]
    return [*halved, cells[-1]] if len(cells) % 2 else halved


def _fill(cells: Sequence[Cell], overview: Overview) -> None:
    """Add each slot to the cell that contains its end, or else to the last cell before."""
    if not cells:
        return
    starts = [cell.start for cell in cells]
    for slot in overview.slots:
        # By its end, because a cell starts when a worker started, which may be in the middle of a slot.
        cell = cells[max(0, bisect_right(starts, slot.start + overview.slot_seconds - 0.001) - 1)]
        cell.done += slot.done
        cell.failed += slot.failed
        cell.cost_usd += slot.cost_usd
        cell.latencies.update(_counted(slot.latencies))


def _counted(latencies: Iterable[LatencyBucket]) -> dict[tuple[float, float], int]:
    return {(latency.low, latency.width): latency.answers for latency in latencies}
