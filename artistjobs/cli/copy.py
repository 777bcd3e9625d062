"""Command ``copy``: everything in a database to another one, from a file to a server or back."""

from typing import TYPE_CHECKING

import click

from artistjobs.cli.help import command
from artistjobs.cli.options import DATABASE, Settings

if TYPE_CHECKING:
    from artistjobs.store.address import Address


@command()
@click.option("--to", "target", type=DATABASE, required=True, help="New database file, or postgresql:// URL.")
@click.pass_obj
def copy(settings: Settings, target: "Address") -> None:
    """Copy everything in the database to another one.

    Jobs, answers, attempts and all other rows are copied in one transaction, and compared by counts and hashes. So a
    queue moves from SQLite to PostgreSQL and back. It is refused while workers run, and the target must be new.

    Example: artistjobs copy --to postgresql://user@host/jobs
    """
    from artistjobs.cli.options import existing_database_option
    from artistjobs.core.command_text import command as command_text
    from artistjobs.core.formatting import count_text
    from artistjobs.store.address import with_options
    from artistjobs.store.database import Database
    from artistjobs.store.transfer import transfer
    from artistjobs.terminal.escape import escape_controls
    from artistjobs.terminal.streams import print_message

    source = existing_database_option(settings)
    address = with_options(target, settings.db_timeout, settings.spool)
    rows = transfer(source, Database(address, None))
    what = f"{count_text(rows['jobs'], 'job')}, {count_text(rows['answers'], 'answer')}"
    what += f", {count_text(rows['attempts'], 'attempt')}"
    then = command_text(address, "status")
    print_message(escape_controls(f"copied {source.path} to {address}: {what}, each table compared; see: {then}"))
