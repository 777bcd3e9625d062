"""Command ``init``: writes example files to begin with."""

from typing import TYPE_CHECKING

import click

from artistjobs.cli.help import command
from artistjobs.cli.options import PATH, Settings

if TYPE_CHECKING:
    from pathlib import Path


@command()
@click.argument("folder", required=False, type=PATH)
@click.option("--json", "as_json", is_flag=True, help="Print the names of the files as one JSON object.")
@click.pass_obj
def init(settings: Settings, /, folder: "Path | None", *, as_json: bool) -> None:
    """Write a prompt file, .env.example and example rows.

    They are written into FOLDER, or here. A file that exists is kept as it is.

    Example: artistjobs init
    """
    from pathlib import Path

    from artistjobs.commands.init import example_sentences, write_examples
    from artistjobs.terminal.escape import escape_controls
    from artistjobs.terminal.streams import print_json, print_message

    folder = folder or Path()
    files = write_examples(folder)
    if as_json:
        print_json({"folder": str(folder), "written": list(files.written), "kept": list(files.kept)})
    if not settings.quiet:
        print_message("\n".join(map(escape_controls, example_sentences(folder, files))))
