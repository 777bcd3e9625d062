"""Text tables with aligned columns; to fit a width, less important columns are omitted, then texts are truncated."""

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap

GAP = "  "


_MIN_WIDTH = 20
"""Minimum width of a column that may be truncated, in cells, as long as another column can be omitted instead."""


@dataclass(frozen=True, slots=True)
class TableColumn:
    """Heading and layout of a column. If width is short, columns of the highest ``rank`` are omitted first."""

    name: str
    rank: int = 0
    is_number: bool = True
    may_be_cut: bool = False


def cell_width(text: str) -> int:
    """Return the width of a text in terminal cells."""
    if text.isascii():
        return len(text)
    # Imported only when needed: most texts are ASCII.
    from rich.cells import cell_len

    return cell_len(text)


def truncate_cells(text: str, width: int | None) -> str:
    """Return the text, truncated with an ellipsis if it is wider than ``width`` cells; never half a character."""
    if width is None or cell_width(text) <= width:
        return text
    return _beginning(text, max(0, width - 1)).rstrip() + "…"


def _beginning(text: str, width: int) -> str:
    if text.isascii():
        return text[:width]
    from rich.cells import set_cell_size

    return set_cell_size(text, width)


def wrapped(text: str, width: int | None, indent: str = "") -> list[str]:
    """Return the text wrapped to ``width`` cells, each line indented."""
    if width is None or cell_width(indent + text) <= width:
        return [indent + text]
    return wrap(text, max(width, 20), initial_indent=indent, subsequent_indent=indent * 2)


def table(columns: Sequence[TableColumn], rows: Sequence[Sequence[str]], width: int | None = None) -> list[str]:
    """Return the heading and the rows as lines, at most ``width`` cells wide if possible."""
    kept = _fitting(columns, rows, width)
    widths = {number: _widest(columns, rows, number) for number in kept}
    if width is not None:
        _squeeze(widths, [number for number in kept if columns[number].may_be_cut], width)
    return [
        GAP.join(_cell(columns[number], row[number], widths[number]) for number in kept).rstrip()
        for row in [[column.name for column in columns], *rows]
    ]


def _squeeze(widths: dict[int, int], flexible: Sequence[int], width: int) -> None:
    """Narrow the columns that may be truncated, the last one first; below their minimum width only if necessary."""
    for least in (_MIN_WIDTH, 1):
        for number in reversed(flexible):
            over = max(0, _total(widths) - width)
            widths[number] -= min(over, max(0, widths[number] - least))


def _fitting(columns: Sequence[TableColumn], rows: Sequence[Sequence[str]], width: int | None) -> list[int]:
    """Return the indices of the columns that fit."""
    kept = list(range(len(columns)))
    while width is not None and len(kept) > 1 and _narrowest(columns, rows, kept) > width:
        # Omit the last column of the highest rank; columns of rank 0 are never omitted.
        worst = max(kept, key=lambda number: (columns[number].rank, number))
        if not columns[worst].rank:
            break
        kept.remove(worst)
    return kept


def _narrowest(columns: Sequence[TableColumn], rows: Sequence[Sequence[str]], kept: Sequence[int]) -> int:
    widths = {number: _widest(columns, rows, number) for number in kept}
    return _total({n: min(w, _MIN_WIDTH) if columns[n].may_be_cut else w for n, w in widths.items()})


def _widest(columns: Sequence[TableColumn], rows: Sequence[Sequence[str]], number: int) -> int:
    return max(cell_width(text) for text in [columns[number].name, *(row[number] for row in rows)])


def _total(widths: dict[int, int]) -> int:
    return sum(widths.values()) + len(GAP) * (len(widths) - 1)


def _cell(column: TableColumn, text: str, width: int) -> str:
    text = truncate_cells(text, width)
    space = " " * (width - cell_width(text))
    return space + text if column.is_number else text + space
