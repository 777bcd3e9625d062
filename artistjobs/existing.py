"""Which database the commands look into that need one."""

from pathlib import Path

from artistjobs.errors import WrongUseError
from artistjobs.options import Settings

DEFAULT_DATABASE, REHEARSAL_DATABASE = Path("artistjobs.db"), Path("rehearsal.db")


def existing_path(settings: Settings) -> Path:
    """Return the database to look into, of either kind. Raises WrongUseError if only a rehearsed one is there."""
    path = settings.db or DEFAULT_DATABASE
    if settings.db is None and not path.exists() and REHEARSAL_DATABASE.exists():
        raise WrongUseError("there is no artistjobs.db yet, but a rehearsed database: add --db rehearsal.db")
    return path
