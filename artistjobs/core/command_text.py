"""Commands of this program as text, fit to be pasted into a shell."""

import shlex
from pathlib import Path

DEFAULT_DATABASE, REHEARSAL_DATABASE = Path("artistjobs.db"), Path("rehearsal.db")


def command(database: Path, rest: str) -> str:
    """Return a command about a database, fit to be pasted into a shell."""
    if database == DEFAULT_DATABASE:
        return f"artistjobs {rest}"
    return f"artistjobs --db {shlex.quote(str(database))} {rest}"
