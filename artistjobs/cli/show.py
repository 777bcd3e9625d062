"""Command ``show``: shows one job with its request, attempts and answers."""

from typing import TYPE_CHECKING, NoReturn

import click
from click.exceptions import Exit

from artistjobs.cli.help import command
from artistjobs.cli.options import POSITIVE, Settings
from artistjobs.errors import WrongUseError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from artistjobs.store.interface import Reader
    from artistjobs.store.models import ArtistMatch
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
    from artistjobs.cli.options import existing_database_option
    from artistjobs.commands.show import job_details_json, job_details_lines, load_job
    from artistjobs.terminal.screen import Screen, styled
    from artistjobs.terminal.streams import print_json, print_result

    if (artist is None) == (job is None):
        raise WrongUseError("give one artist or one job id, for example: artistjobs show 'Frida Kahlo'")
    screen = Screen()
    with existing_database_option(settings).reader() as reader:
        number = job if artist is None else _find(reader, artist, screen)
        details = load_job(reader, number or 0)
        if details is None:
            raise WrongUseError(f"there is no job {number}; the table jobs and the view failures list the ids.")
        if as_json:
            print_json(job_details_json(details))
            return
        lines = job_details_lines(details, reader, screen.width)
    print_result("\n".join(styled(text, style, screen.is_coloured) for style, text in lines))


def _find(reader: "Reader", artist: str, screen: "Screen") -> int:
    from artistjobs.commands.show import find_job
    from artistjobs.core.formatting import truncate

    found = find_job(reader, artist)
    if isinstance(found, int):
        return found
    if found:
        _name_one(reader.path, found, artist, screen)
    raise WrongUseError(
        f"there is no artist {truncate(artist)!r} in {reader.path}; give the name as it is in the file."
    )


def _name_one(path: object, found: "Sequence[ArtistMatch]", artist: str, screen: "Screen") -> NoReturn:
    from artistjobs.commands.show import MAX_ARTIST_MATCHES, artist_match_lines
    from artistjobs.core.command_text import command as command_text
    from artistjobs.core.formatting import truncate
    from artistjobs.terminal.escape import escape_controls
    from artistjobs.terminal.streams import print_message

    many = f"more than {MAX_ARTIST_MATCHES}" if len(found) > MAX_ARTIST_MATCHES else str(len(found))
    print_message("\n".join(artist_match_lines(found, screen.width)))
    by_id = f"give the id of one, for example: {command_text(path, f'show --job {found[0].job}')}"
    print_message(f"{many} jobs match {escape_controls(truncate(artist))!r}; {by_id}")
    raise Exit(WrongUseError.exit_code)
