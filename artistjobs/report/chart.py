"""Chart geometry: the coordinates of lines, areas, ticks and labels; the template draws them as SVG."""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from artistjobs.core.formatting import duration_text
from artistjobs.report.axis import Scale, Tick, make_scale, time_step, time_ticks
from artistjobs.report.timeline import Cell, Timeline

_PAUSES = 12
"""Number of pauses that a wide chart marks at most, the longest first; more would hide the data."""


@dataclass(frozen=True, slots=True)
class Size:
    """The size and margins of a chart in units; one unit is one CSS pixel if the page has this width."""

    name: str
    width: float
    height: float
    pause: float
    left: float = 46.0
    right: float = 10.0
    top: float = 12.0
    bottom: float = 38.0

    @property
    def floor(self) -> float:
        """The vertical position of the value zero."""
        return self.height - self.bottom

    @property
    def edge(self) -> float:
        """The horizontal position at which the time axis ends."""
        return self.width - self.right


SIZES = (Size("wide", 720, 210, 30), Size("narrow", 320, 190, 16))
"""Sizes for desktop and print, and for phones; one drawing scaled down would have text too small to read."""


@dataclass(frozen=True, slots=True)
class Pause:
    """A strip of the chart for a period in which no worker ran."""

    x: float
    width: float
    text: str

    @property
    def middle(self) -> float:
        """The horizontal position of its label."""
        return self.x + self.width / 2


@dataclass(frozen=True, slots=True)
class Shape:
    """An SVG path, styled by its CSS class."""

    css_class: str
    path: str


@dataclass(frozen=True, slots=True)
class HoverTarget:
    """The strip of a cell that shows a tooltip under the mouse pointer."""

    x: float
    width: float
    cell: Cell


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """One chart at one size, with all that the template draws."""

    size: Size
    values: Sequence[Tick]
    times: Sequence[Tick]
    pauses: Sequence[Pause]
    marks: Sequence[Shape]
    spots: Sequence[HoverTarget]


Value = Callable[[Cell], float | None]


@dataclass(slots=True)
class ChartLayout:
    """The horizontal layout of a timeline at one size, and the shapes drawn on it.

    ``xs`` holds the left and right edge of each cell, ``breaks`` the numbers of the cells that follow a pause.
    """

    timeline: Timeline
    size: Size
    xs: list[tuple[float, float]] = field(init=False)
    breaks: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self.breaks = self.timeline.pauses(_PAUSES if self.size.name == "wide" else _PAUSES // 3)
        room = self.size.edge - self.size.left - len(self.breaks) * self.size.pause
        total = sum(cell.worked for cell in self.timeline.cells)
        x, self.xs = self.size.left, []
        for number, cell in enumerate(self.timeline.cells):
            x += self.size.pause if number in self.breaks else 0.0
            self.xs.append((x, x + room * cell.worked / total))
            x = self.xs[-1][1]

    def drawing(self, scale: Scale, unit: str, marks: Sequence[Shape]) -> Drawing:
        """Return the chart with its axes; the unit is shown below the highest tick of the values."""
        ticks = [Tick(self.y(value, scale), scale.text(value)) for value in scale.ticks()]
        ticks[-1] = Tick(ticks[-1].at, ticks[-1].label, unit)
        return Drawing(
            size=self.size,
            values=ticks,
            times=self._times(),
            pauses=list(self._pauses()),
            marks=[mark for mark in marks if mark.path],
            spots=[HoverTarget(x, end - x, cell) for (x, end), cell in zip(self.xs, self.timeline.cells, strict=True)],
        )

    def steps(self, css_class: str, scale: Scale, value: Value, base: Value = lambda _: 0.0) -> Shape:
        """Return a stepped area between the values ``base`` and ``value`` of each cell."""
        parts = []
        for numbers in self._blocks():
            over = [self._step(number, scale, value) for number in numbers]
            under = [self._step(number, scale, base, back=True) for number in reversed(numbers)]
            parts.append("M" + "L".join([*over, *under]) + "Z")
        return Shape(css_class, "".join(parts))

    def line(self, css_class: str, scale: Scale, value: Value) -> Shape:
        """Return a line through the middles of the cells, interrupted at pauses and at cells without a value."""
        parts = []
        for numbers in self._blocks():
            for run in _runs([(number, value(self.timeline.cells[number])) for number in numbers]):
                points = [f"{sum(self.xs[number]) / 2:.1f} {self.y(found, scale):.1f}" for number, found in run]
                # A line of zero length is drawn as a dot.
                parts.append("M" + "L".join(points) + ("" if len(points) > 1 else "h0"))
        return Shape(css_class, "".join(parts))

    def climb(self, line: str, area: str, scale: Scale, value: Callable[[Cell], float]) -> list[Shape]:
        """Return the cumulative sum of a value over all cells: its line, and the area below it."""
        lines, areas, total = [], [], 0.0
        for numbers in self._blocks():
            points = [f"{self.xs[numbers[0]][0]:.1f} {self.y(total, scale):.1f}"]
            for number in numbers:
                total += value(self.timeline.cells[number])
                points.append(f"{self.xs[number][1]:.1f} {self.y(total, scale):.1f}")
            lines.append("M" + "L".join(points))
            first, last = self.xs[numbers[0]][0], self.xs[numbers[-1]][1]
            areas.append("M" + "L".join(points) + f"L{last:.1f} {self.size.floor}L{first:.1f} {self.size.floor}Z")
        return [Shape(area, "".join(areas)), Shape(line, "".join(lines))]

    def y(self, value: float, scale: Scale) -> float:
        """Return the vertical position of a value, in chart units."""
        return self.size.floor - (self.size.floor - self.size.top) * value / scale.top

    def x(self, moment: float) -> float:
        """Return the horizontal position of a moment; a moment within a pause is placed before the pause."""
        cells = self.timeline.cells
        number = max(0, bisect_right([cell.start for cell in cells], moment) - 1)
        cell, (start, end) = cells[number], self.xs[number]
        return start + (end - start) * min(1.0, (moment - cell.start) / max(cell.end - cell.start, 1e-9))

    def _step(self, number: int, scale: Scale, value: Value, *, back: bool = False) -> str:
        y = self.y(value(self.timeline.cells[number]) or 0.0, scale)
        start, end = self.xs[number]
        first, last = (end, start) if back else (start, end)
        return f"{first:.1f} {y:.1f}L{last:.1f} {y:.1f}"

    def _blocks(self) -> Iterator[list[int]]:
        """Yield the numbers of the cells between two pauses."""
        starts = [0, *self.breaks, len(self.timeline.cells)]
        for first, last in pairwise(starts):
            yield list(range(first, last))

    def _times(self) -> list[Tick]:
        cells = self.timeline.cells
        spans = [(cells[numbers[0]].start, cells[numbers[-1]].end) for numbers in self._blocks()]
        step = time_step(self.timeline.worked / (self.size.edge - self.size.left))
        return time_ticks(spans, step, self.x, self.size.edge)

    def _pauses(self) -> Iterator[Pause]:
        for number in self.breaks:
            gap = self.timeline.cells[number].start - self.timeline.cells[number - 1].end
            yield Pause(self.xs[number][0] - self.size.pause, self.size.pause, duration_text(gap))


def pace_drawings(timeline: Timeline) -> list[Drawing]:
    """Return the drawings of throughput: jobs done per minute, with failed jobs stacked on top."""
    scale = make_scale(max(cell.done_a_minute() + cell.failed_a_minute() for cell in timeline.cells))
    return [_pace(ChartLayout(timeline, size), scale) for size in SIZES]


def latency_drawings(timeline: Timeline) -> list[Drawing]:
    """Return the drawings of latency: the median and the 95th percentile, in seconds."""
    scale = make_scale(max(cell.seconds(0.95) or 0.0 for cell in timeline.cells))
    return [_latency(ChartLayout(timeline, size), scale) for size in SIZES]


def cost_drawings(timeline: Timeline) -> list[Drawing]:
    """Return the drawings of the cumulative cost, in USD."""
    scale = make_scale(sum(cell.cost_usd for cell in timeline.cells))
    return [_cost(ChartLayout(timeline, size), scale) for size in SIZES]


def _pace(paper: ChartLayout, scale: Scale) -> Drawing:
    def both(cell: Cell) -> float:
        return cell.done_a_minute() + cell.failed_a_minute()

    done = paper.steps("done", scale, Cell.done_a_minute)
    has_failed = any(cell.failed for cell in paper.timeline.cells)
    failed = [paper.steps("failed", scale, both, Cell.done_a_minute)] if has_failed else []
    return paper.drawing(scale, "per minute", [done, *failed])


def _latency(paper: ChartLayout, scale: Scale) -> Drawing:
    slow = paper.line("slow", scale, lambda cell: cell.seconds(0.95))
    return paper.drawing(scale, "s", [slow, paper.line("median", scale, lambda cell: cell.seconds(0.5))])


def _cost(paper: ChartLayout, scale: Scale) -> Drawing:
    return paper.drawing(scale, "USD", paper.climb("cost", "spent", scale, lambda cell: cell.cost_usd))


def _runs(values: Sequence[tuple[int, float | None]]) -> Iterator[list[tuple[int, float]]]:
    run: list[tuple[int, float]] = []
    for number, value in values:
        if value is not None:
            run.append((number, value))
        elif run:
            yield run
            run = []
    if run:
        yield run
