"""Address of a database: the path of a SQLite file, or the URL of a PostgreSQL server."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

SERVER_SCHEMES = ("postgresql://", "postgres://")


@dataclass(frozen=True, slots=True)
class DatabaseUrl:
    """URL of a PostgreSQL database. ``str`` and ``repr`` leave the password and all options out."""

    url: str = field(repr=False)

    def __str__(self) -> str:
        base = self.url.partition("?")[0]
        return re.sub(r"(?<=://)([^/@:]*)(:[^/]*)?@", r"\1@", base)

    @property
    def name(self) -> str:
        """Name of the database, as the last part of a path."""
        return str(self).rpartition("/")[2]


Address: TypeAlias = Path | DatabaseUrl


def address_text(address: Address) -> str:
    """Return the text of an address, with the password if it has one; for another process of this program only."""
    return address.url if isinstance(address, DatabaseUrl) else str(address)


def address_of(text: str) -> Address:
    """Return the address that a user gave as text."""
    return DatabaseUrl(text) if text.startswith(SERVER_SCHEMES) else Path(text)
