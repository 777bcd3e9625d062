"""Command lines of this program as text that can be pasted into a shell."""

import shlex
from pathlib import Path

DEFAULT_DATABASE, REHEARSAL_DATABASE = Path("artistjobs.db"), Path("rehearsal.db")


def command(database: object, rest: str) -> str:
    """Return the command line for ``rest`` on a database; ``--db`` is left out for the default database."""
    if database == DEFAULT_DATABASE:
        return f"artistjobs {rest}"
    return f"artistjobs --db {shlex.quote(str(database))} {rest}"
