"""Commands ``backup`` and ``restore``: the sentences about a copy of a database."""

import shlex
from pathlib import Path

from artistjobs.core.command_text import command
from artistjobs.core.formatting import count_text
from artistjobs.store.address import Address
from artistjobs.store.models import DatabaseCopy


def backup_sentence(database: Address, target: Path, copied: DatabaseCopy) -> str:
    """Return the message for the user about a backup."""
    return f"backed up {database} to {target}: {_contents(copied)}; restore it with: " + command(
        database, f"restore {shlex.quote(str(target))}"
    )


def restore_sentence(database: Address, source: Path, copied: DatabaseCopy) -> str:
    """Return the message for the user about a restored database."""
    kept = f"; what was there is kept as {copied.kept}" if copied.kept else ""
    return f"restored {database} from {source}: {_contents(copied)}{kept}"


def _contents(copied: DatabaseCopy) -> str:
    return f"{count_text(copied.jobs, 'job')}, {copied.done:,} done"
