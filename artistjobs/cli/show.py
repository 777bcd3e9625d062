"""Command ``show``: shows one job with its request, attempts and answers."""

from typing import TYPE_CHECKING, NoReturn

import click
from click.exceptions import Exit

from artistjobs.cli.help import command
from artistjobs.cli.options import POSITIVE, Settings
from artistjobs.errors import WrongUseError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from artistjobs.store.interface import Reader
    from artistjobs.store.models import Namesake
    from artistjobs.terminal.screen import Screen


@command("show")
@click.argument("artist", required=False)
@click.option("--job", type=POSITIVE, metavar="ID", help="Show the job with this id.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def show_job(settings: Settings, artist: str | None, job: int | None, *, as_json: bool) -> None:
    """Show one job with its request, attempts and answers.

    ARTIST is a name, a part of a name that matches only one job, or a job id.

    Example: artistjobs show 'Frida Kahlo'
    """
    from artistjobs.cli.options import existing_path
    from artistjobs.commands.show import dossier_json, dossier_lines, open_dossier
    from artistjobs.store.sqlite.reader import open_reader
    from artistjobs.terminal.screen import Screen, paint
    from artistjobs.terminal.streams import tell, tell_json

    if (artist is None) == (job is None):
        raise WrongUseError("give one artist or one job id, for example: artistjobs show 'Frida Kahlo'")
    screen = Screen()
    with open_reader(existing_path(settings)) as reader:
        number = job if artist is None else _find(reader, artist, screen)
        dossier = open_dossier(reader, number or 0)
        if dossier is None:
            raise WrongUseError(f"there is no job {number}; the table jobs and the view failures list the ids.")
        if as_json:
            tell_json(dossier_json(dossier))
            return
        lines = dossier_lines(dossier, reader, screen.width)
    tell("\n".join(paint(text, style, screen.is_coloured) for style, text in lines))


def _find(reader: "Reader", artist: str, screen: "Screen") -> int:
    from artistjobs.commands.show import find_job
    from artistjobs.core.formatting import brief

    found = find_job(reader, artist)
    if isinstance(found, int):
        return found
    if found:
        _name_one(reader.path, found, artist, screen)
    raise WrongUseError(f"there is no artist {brief(artist)!r} in {reader.path}; give the name as it is in the file.")


def _name_one(path: "Path", found: "Sequence[Namesake]", artist: str, screen: "Screen") -> NoReturn:
    from artistjobs.commands.show import MOST_NAMESAKES, namesake_lines
    from artistjobs.core.command_text import command as command_text
    from artistjobs.core.formatting import brief
    from artistjobs.terminal.escape import visible
    from artistjobs.terminal.streams import say

    many = f"more than {MOST_NAMESAKES}" if len(found) > MOST_NAMESAKES else str(len(found))
    say("\n".join(namesake_lines(found, screen.width)))
    by_id = f"give the id of one, for example: {command_text(path, f'show --job {found[0].job}')}"
    say(f"{many} jobs match {visible(brief(artist))!r}; {by_id}")
    raise Exit(WrongUseError.exit_code)
