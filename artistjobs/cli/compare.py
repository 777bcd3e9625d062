"""Command ``compare``: writes the answers to two prompt configurations side by side."""

import sys
from typing import TYPE_CHECKING

import click

from artistjobs.cli.console import logging_output
from artistjobs.cli.help import command
from artistjobs.cli.options import PATH, Settings
from artistjobs.errors import WrongUseError

if TYPE_CHECKING:
    from pathlib import Path

    from artistjobs.export.formats import Format


@command()
@click.argument("first", required=False)
@click.argument("second", required=False)
@click.argument("output", type=PATH, required=False)
@click.option(
    "--format", "format_name", type=click.Choice(["jsonl", "csv"]),
    help="Format of the file.  [default: by file ending, else jsonl]",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the summary as one JSON object.")
@click.pass_obj
def compare(
    settings: Settings, first: str | None, second: str | None, output: "Path | None", format_name: str | None,
    *, as_json: bool,
) -> None:  # fmt: skip
    """Compare two prompts or models over the rows asked with both.

    FIRST and SECOND are each the number of a prompt, a model, a prompt file or the id of a stored prompt; if the
    database has two prompts, they can be left out. Both answers to each row, with tokens and cost, go to OUTPUT,
    compare.jsonl by default; - is stdout.

    Example: artistjobs compare gpt-5 gpt-5-mini models.csv
    """
    from pathlib import Path

    from artistjobs.cli.options import existing_database_option
    from artistjobs.commands.compare import choose_prompts, comparison_json, comparison_lines
    from artistjobs.export.comparison import write_comparison
    from artistjobs.export.protection import FilesInUse, ensure_not_ingested, ensure_writable, is_stdout
    from artistjobs.terminal.escape import escape_controls
    from artistjobs.terminal.streams import print_json, print_message, print_result

    output = output or Path(f"compare.{format_name or 'jsonl'}")
    form, to_stdout = _format(output, format_name), is_stdout(output)
    if to_stdout and as_json:
        raise WrongUseError("the rows and the summary cannot both go to stdout; name a file for the rows.")
    database = existing_database_option(settings)
    files = FilesInUse(database=database, output=output, log_file=settings.log_file)
    with logging_output(settings, files), database.reader() as reader:
        if not to_stdout:
            ensure_writable(files)
            ensure_not_ingested(output, reader.records.known_files())
        sides = choose_prompts(reader.job_queries.progress(), first, second)
        target = sys.stdout.buffer if to_stdout else output
        totals = write_comparison(reader, (sides[0].prompt, sides[1].prompt), target, form)
    if as_json:
        print_json(comparison_json(totals, sides, output))
        return
    say = print_message if to_stdout else print_result
    say("\n".join(map(escape_controls, comparison_lines(totals, sides))))


def _format(output: "Path", name: str | None) -> "Format":
    from artistjobs.export.formats import Format, format_of

    if name is None and output.suffix.lower() == ".parquet":
        raise WrongUseError("a comparison is written as JSON Lines or CSV; name a file that ends in .jsonl or .csv.")
    form = format_of(output, name)
    if form not in (Format.CSV, Format.JSONL):
        raise WrongUseError("a comparison is written as JSON Lines or CSV; name a file that ends in .jsonl or .csv.")
    return form
