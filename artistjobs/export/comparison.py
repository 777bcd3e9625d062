"""Comparison of two prompt configurations as a file: a line of JSON or a row of CSV for each row asked with both."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from artistjobs.core.columns import Columns
from artistjobs.core.comparison import ComparedAnswer, ComparisonTotals, Verdict, differing_properties, verdict
from artistjobs.core.job import EVERYTHING
from artistjobs.core.json_values import Json
from artistjobs.core.prompt import Prompt
from artistjobs.core.schema_properties import schema_properties
from artistjobs.errors import WrongUseError
from artistjobs.export.atomic_file import atomic_write
from artistjobs.export.csv import table_row
from artistjobs.export.export import shown
from artistjobs.export.formats import Format
from artistjobs.export.records import ByteSink, Record, answer_data, record_line
from artistjobs.store.address import file_at
from artistjobs.store.interface import OpenDatabase, Records
from artistjobs.store.models import ComparedJob

SIDES = ("first", "second")


_COMMON = ("response_text", "model", "input_tokens", "output_tokens", "cost_usd", "seconds", "error_code", "job_id")
"""Columns of each side of a table, beside those of the properties of an answer."""


def write_comparison(
    store: OpenDatabase, prompts: tuple[int, int], output: Path | IO[bytes], form: Format
) -> ComparisonTotals:
    """Write the rows that were asked with both prompt configurations and of which at least one is done.

    Args:
        store: The database; its jobs are read in one snapshot. Nobody may read the file who may not read it.
        prompts: Numbers of the two prompt configurations.
        output: A file, which appears complete or not at all, or a stream.
        form: JSON Lines or CSV.

    Returns:
        Totals over all rows that were asked with both.

    Raises:
        WrongUseError: if no row was asked with both; an older file is unchanged.
        StoreError: if the file cannot be written; an older file is unchanged.

    """
    if not isinstance(output, Path):
        return _write(store.records, prompts, shown(output, form), form)
    with atomic_write(output, source=file_at(store.path), then="artistjobs compare") as file:
        return _write(store.records, prompts, shown(file, form), form)


def _write(records: Records, prompts: tuple[int, int], file: ByteSink, form: Format) -> ComparisonTotals:
    totals = ComparisonTotals()
    properties = _properties(records.prompt(number) for number in prompts)
    names = records.column_names(EVERYTHING)
    write = _csv_writer(file, properties, names) if form is Format.CSV else _line_writer(file)
    for row in _rows(records, prompts, totals):
        write(row)
    if not totals.rows:
        first, second = prompts
        raise WrongUseError(
            f"no row was asked with both prompt {first} and prompt {second}; ingest one file with both."
        )
    return totals


def _rows(records: Records, prompts: tuple[int, int], totals: ComparisonTotals) -> Iterator[Record]:
    structured: dict[int, bool] = {}

    def answer(job: ComparedJob) -> ComparedAnswer:
        if job.prompt not in structured:
            structured[job.prompt] = records.prompt(job.prompt).schema is not None
        return _answer(job, is_structured=structured[job.prompt])

    for name, data, columns, *jobs in records.compared(*prompts):
        first, second = map(answer, jobs)
        found = verdict(first, second)
        differing = differing_properties(first.data, second.data) if found is Verdict.DIFFERENT else []
        totals.add(found, first, second, differing)
        if found is not Verdict.NEITHER:
            yield _row(name, data, columns) | _record(found, differing, (first, second))


def _answer(job: ComparedJob, *, is_structured: bool) -> ComparedAnswer:
    is_done = job.state == "done"
    return ComparedAnswer(
        job=job.job, is_done=is_done, text=job.text if is_done else None,
        data=answer_data(job.text or "") if is_done and is_structured else None, is_structured=is_structured,
        model=job.model, input_tokens=job.input_tokens or 0, output_tokens=job.output_tokens or 0,
        cost_usd=job.cost_usd, unpriced=job.unpriced or 0, seconds=job.seconds, error_code=job.error_code,
    )  # fmt: skip


def _row(name: str, data: str, columns: Columns) -> Record:
    row: Record = {"artist_name": name}
    if data:
        row["artist_data"] = data
    return {**row, "columns": {**columns}} if columns else row


def _record(found: Verdict, differing: Sequence[str], sides: Sequence[ComparedAnswer]) -> Record:
    record: Record = {"result": found.value}
    if all(side.is_structured for side in sides):
        record["differing"] = list(differing)
    return record | {side: _side(answer) for side, answer in zip(SIDES, sides, strict=True)}


def _side(answer: ComparedAnswer) -> Json:
    structured: Record = {"data": answer.data} if answer.is_structured else {}
    return {
        "response_text": answer.text,
        **structured,
        "model": answer.model,
        "input_tokens": answer.input_tokens,
        "output_tokens": answer.output_tokens,
        "cost_usd": answer.cost_usd,
        "seconds": answer.seconds,
        "error_code": answer.error_code,
        "job_id": answer.job,
    }


def _properties(prompts: Iterator[Prompt]) -> list[str]:
    schemas = [prompt.schema for prompt in prompts]
    names = (one.name for schema in schemas if schema is not None for one in schema_properties(schema))
    return list(dict.fromkeys(names))


def _line_writer(file: ByteSink) -> Callable[[Record], object]:
    return lambda record: file.write(record_line(record))


def _csv_writer(file: ByteSink, properties: Sequence[str], of_input: Sequence[str]) -> Callable[[Record], object]:
    """Return the writer of a table in which the columns of both sides alternate; it has written the header.

    The other columns of the input follow at the end.
    """
    names = [*properties, *_COMMON]
    # A property may have the name of another column.
    heads = [f"data_{name}" if name in _COMMON else name for name in properties] + list(_COMMON)
    header = ["artist_name", "artist_data", "result", "differing"]
    shown = [*header, *(f"{side}_{head}" for head in heads for side in SIDES)]
    file.write(table_row([*shown, *(f"input_{name}" if name in shown else name for name in of_input)]))

    def write(record: Record) -> None:
        differing = record.get("differing")
        cells: list[Json] = [record["artist_name"], record.get("artist_data"), record["result"]]
        cells.append(",".join(map(str, differing)) if isinstance(differing, list) else None)
        sides = [_cells(record[side], properties) for side in SIDES]
        cells += [side[place] for place in range(len(names)) for side in sides]
        columns = record.get("columns")
        cells += [columns.get(name) if isinstance(columns, dict) else None for name in of_input]
        file.write(table_row(cells))

    return write


def _cells(side: Json, properties: Sequence[str]) -> list[Json]:
    values: Mapping[str, Json] = side if isinstance(side, dict) else {}
    data = values.get("data")
    found: Mapping[str, Json] = data if isinstance(data, dict) else {}
    return [*(found.get(name) for name in properties), *(values[name] for name in _COMMON)]
