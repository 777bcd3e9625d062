"""Commands ``backup`` and ``restore``: copy a database to a file and back."""

from typing import TYPE_CHECKING

import click

from artistjobs.cli.help import command
from artistjobs.cli.options import PATH, Settings

if TYPE_CHECKING:
    from pathlib import Path


@command()
@click.argument("target", type=PATH, metavar="FILE")
@click.option("--replace", is_flag=True, help="Replace an earlier backup.")
@click.pass_obj
def backup(settings: Settings, target: "Path", *, replace: bool) -> None:
    """Copy the database to FILE, also while workers run.

    The copy is one consistent state, checked and synced. It needs no other file beside it.

    Example: artistjobs backup friday.db
    """
    from artistjobs.cli.options import existing_database_option
    from artistjobs.commands.backup import backup_sentence
    from artistjobs.terminal.escape import escape_controls
    from artistjobs.terminal.streams import print_message

    database = existing_database_option(settings)
    copied = database.back_up(target, replaces=replace)
    print_message(escape_controls(backup_sentence(database.path, target, copied)))


@command()
@click.argument("source", type=PATH, metavar="FILE")
@click.pass_obj
def restore(settings: Settings, source: "Path") -> None:
    """Put a backup in the place of the database.

    It is refused while a worker or another program uses the database. What was there is kept beside it under
    another name. Answers that came after the backup are not in it: the next run asks for them again.

    Example: artistjobs restore friday.db
    """
    from artistjobs.commands.backup import restore_sentence
    from artistjobs.core.command_text import DEFAULT_DATABASE
    from artistjobs.store.database import Database
    from artistjobs.store.models import Kind
    from artistjobs.terminal.escape import escape_controls
    from artistjobs.terminal.streams import print_message

    database = Database(settings.address or DEFAULT_DATABASE, None if settings.db else Kind.REAL)
    print_message(escape_controls(restore_sentence(database.path, source, database.restore(source))))
