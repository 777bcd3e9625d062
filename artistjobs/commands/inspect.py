"""Command ``inspect``: what is understood of an input file, as text and as JSON."""

import shlex
from collections.abc import Iterator

from artistjobs.core.formatting import count_text, truncate
from artistjobs.core.json_values import Json
from artistjobs.ingest.encoding import UTF8
from artistjobs.ingest.input_format import InputFormat, input_format
from artistjobs.ingest.inspection import ColumnSummary, Inspection, inspect_file
from artistjobs.ingest.sniff import header_options
from artistjobs.ingest.source import STDIN, InputFile, source_name
from artistjobs.store.database import counter
from artistjobs.terminal.escape import escape_controls
from artistjobs.terminal.table import TableColumn, table

_FORMATS = {
    InputFormat.CSV: "rows separated by commas",
    InputFormat.TSV: "rows separated by tabs",
    InputFormat.SEMICOLON: "rows separated by semicolons",
    InputFormat.JSONL: "JSON Lines",
    InputFormat.XLSX: "an Excel workbook",
    InputFormat.PARQUET: "a Parquet file",
}


_COLUMNS = (
    TableColumn("column", is_number=False),
    TableColumn("header", rank=1, is_number=False, may_be_cut=True),
    TableColumn("values"),
    TableColumn("longest"),
    TableColumn("in line", rank=2),
    TableColumn("examples", is_number=False, may_be_cut=True),
)


def inspect(file: InputFile) -> Inspection:
    """Return what is understood of a file; nothing is stored. Raises as ``inspect_file`` does."""
    with counter() as rows, counter() as names:
        return inspect_file(file, rows, names)


def inspection_lines(found: Inspection, width: int | None) -> list[str]:
    """Return an inspection as lines, with the next command as the last one."""
    encoding = f", {found.file.encoding}" if found.file.input_format.is_text else ""
    header = ", ".join(map(repr, found.headings)) if found.headings else "none"
    counts = (
        (found.good, "good row"), (found.bad, "bad line"), (found.duplicates, "duplicate"),
        (found.repeated_names, "repeated name"), (found.lines, "line"),
    )  # fmt: skip
    return [
        f"{source_name(found.file.source)}: {_FORMATS[found.file.input_format]}{encoding}",
        f"header: {escape_controls(truncate(header, 300))}",
        ", ".join(count_text(count, noun) for count, noun in counts),
        "",
        *table(_COLUMNS, [_cells(column) for column in found.columns], width),
        "",
        *(f"warning: {escape_controls(warning)}" for warning in found.warnings),
        f"in a prompt file: {' '.join(f'{{{{ {column.name} }}}}' for column in found.columns)}",
        f"next: {next_command(found)}",
    ]


def inspection_json(found: Inspection) -> dict[str, Json]:
    """Return an inspection as JSON with stable keys."""
    return {
        "file": source_name(found.file.source),
        "format": found.file.input_format.value,
        "encoding": found.file.encoding if found.file.input_format.is_text else None,
        "header": list(found.headings) or None,
        "columns": [_column_json(column) for column in found.columns],
        "lines": found.lines,
        "rows": found.good,
        "bad": found.bad,
        "duplicates": found.duplicates,
        "repeated_names": found.repeated_names,
        "bad_lines": [{"line": one.line, "reason": one.reason, "beginning": one.beginning} for one in found.bad_lines],
        "warnings": [*found.warnings],
        "next": next_command(found),
    }


def next_command(found: Inspection) -> str:
    """Return the command that shows the first requests for a file that is read in this way."""
    return " ".join(["artistjobs run", *_options(found), "--prompt-file prompt.txt --dry-run"])


def _options(found: Inspection) -> Iterator[str]:
    """Yield the file and the options with which it is read; those for what only looks like a header, too."""
    file = found.file
    yield "-" if file.source == STDIN else shlex.quote(str(file.source))
    if file.input_format is not input_format(file.source, None):
        yield f"--input-format {file.input_format}"
    if file.encoding != UTF8:
        yield f"--encoding {file.encoding}"
    for name, column in file.chosen.by_name.items():
        yield f"--column {shlex.quote(f'{name}={column}')}"
    if not found.headings:
        yield from header_options(found.first_row, file.input_format.separator or ",")


def _cells(column: ColumnSummary) -> list[str]:
    examples = ", ".join(repr(truncate(example, 40)) for example in column.examples)
    line = "" if column.longest_line is None else f"{column.longest_line:,}"
    heading = escape_controls(column.heading or "")
    return [column.name, heading, f"{column.filled:,}", f"{column.longest:,}", line, escape_controls(examples)]


def _column_json(column: ColumnSummary) -> Json:
    return {
        "name": column.name,
        "header": column.heading,
        "examples": [*column.examples],
        "values": column.filled,
        "longest": column.longest,
        "longest_line": column.longest_line,
    }
