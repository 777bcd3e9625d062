"""Plots as SVG without a library: axes with units, a light background, one colour per series."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from benchmarks.measure import Curve, number

WIDTH, HEIGHT = 640, 360
LEFT, RIGHT, TOP, BOTTOM = 70, 40, 44, 52
COLOURS = ("#0b62c4", "#c2410c", "#15803d", "#7c3aed")
GRID, INK = "#e2e5ea", "#30343b"


@dataclass(frozen=True)
class Axis:
    """Axis: its ticks, and the position of a value from 0 to 1."""

    ticks: Sequence[float]
    place: Callable[[float], float]


def log_axis(values: Sequence[float]) -> Axis:
    """Return an axis in powers of ten around positive values."""
    low = math.floor(math.log10(min(values)) + 1e-9)
    high = max(low + 1, math.ceil(math.log10(max(values)) - 1e-9))
    ticks = [10.0**power for power in range(low, high + 1)]
    return Axis(ticks, lambda value: (math.log10(max(value, ticks[0])) - low) / (high - low))


def linear_axis(values: Sequence[float]) -> Axis:
    """Return an axis from 0 to above the largest value, in steps of 1, 2 or 5 times a power of ten."""
    top = max(*values, 1e-9)
    power = 10.0 ** math.floor(math.log10(top / 5))
    step = next(power * factor for factor in (1, 2, 5, 10) if top / (power * factor) <= 6)
    count = math.ceil(top / step - 1e-9)
    return Axis([step * tick for tick in range(count + 1)], lambda value: value / (step * count))


def svg(curve: Curve) -> str:
    """Return a curve as a complete SVG file."""
    points = [point for series in curve.series.values() for point in series]
    x = (log_axis if curve.log_x else linear_axis)([point[0] for point in points])
    y = (log_axis if curve.log_y else linear_axis)([point[1] for point in points])
    middle = (TOP + HEIGHT - BOTTOM) / 2
    body = [
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        _text(LEFT, 22, curve.title, size=15, weight="bold"),
        *_grid(x, y),
        _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, curve.x, anchor="middle"),
        f'<g transform="rotate(-90 16 {middle})">{_text(16, middle, curve.y, anchor="middle")}</g>',
    ]
    for place, (name, series) in enumerate(curve.series.items()):
        body += _series(place, name, [(_across(x, point[0]), _down(y, point[1])) for point in series])
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
    return f'{head} font-family="sans-serif">\n' + "\n".join(body) + "\n</svg>\n"


def _grid(x: Axis, y: Axis) -> list[str]:
    lines = []
    for tick in x.ticks:
        across = _across(x, tick)
        lines.append(_line(across, TOP, across, HEIGHT - BOTTOM))
        lines.append(_text(across, HEIGHT - BOTTOM + 17, number(tick), anchor="middle"))
    for tick in y.ticks:
        down = _down(y, tick)
        lines.append(_line(LEFT, down, WIDTH - RIGHT, down))
        lines.append(_text(LEFT - 7, down + 4, number(tick), anchor="end"))
    return lines


def _series(place: int, name: str, points: Sequence[tuple[float, float]]) -> list[str]:
    colour = COLOURS[place % len(COLOURS)]
    path = " ".join(f"{across:.1f},{down:.1f}" for across, down in points)
    lines = [f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{path}"/>']
    if len(points) <= 20:
        lines += [f'<circle cx="{across:.1f}" cy="{down:.1f}" r="3" fill="{colour}"/>' for across, down in points]
    top = TOP + 14 + 17 * place
    lines.append(
        f'<line x1="{LEFT + 12}" y1="{top - 4}" x2="{LEFT + 32}" y2="{top - 4}" stroke="{colour}" stroke-width="2"/>'
    )
    return [*lines, _text(LEFT + 38, top, name)]


def _across(axis: Axis, value: float) -> float:
    return LEFT + axis.place(value) * (WIDTH - LEFT - RIGHT)


def _down(axis: Axis, value: float) -> float:
    return HEIGHT - BOTTOM - axis.place(value) * (HEIGHT - TOP - BOTTOM)


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{GRID}"/>'


def _text(x: float, y: float, text: str, *, size: int = 12, anchor: str = "start", weight: str = "normal") -> str:
    style = f'font-size="{size}" font-weight="{weight}" text-anchor="{anchor}" fill="{INK}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {style}>{escape(text)}</text>'
