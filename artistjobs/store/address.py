"""Address of a database: the path of a SQLite file, or the URL of a PostgreSQL server."""

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

from artistjobs.errors import WrongUseError

SERVER_SCHEMES = ("postgresql://", "postgres://")


_SECRETS = frozenset({"password", "sslpassword", "passfile", "oauth_client_secret", "scram_client_key"})
"""Parameters of a URL that are not shown; see "Parameter Key Words" of libpq."""


WAIT_SECONDS = 300.0
"""Longest wait in seconds for a server that is away, by default."""


@dataclass(frozen=True, slots=True)
class DatabaseUrl:
    """URL of a PostgreSQL database. ``str`` and ``repr`` leave every password out.

    Args:
        url: The URL as the user gave it.
        wait_seconds: Longest wait in seconds for a server that is away.
        spool: Folder for the files of all databases on this machine; None for one in the home of the user.

    """

    url: str = field(repr=False)
    wait_seconds: float = WAIT_SECONDS
    spool: Path | None = None

    def __str__(self) -> str:
        shown = _PASSWORD.sub(r"\1@", self.url)
        if "@" in shown.partition("://")[2].partition("@")[2]:
            # Characters of a password that should have been escaped: everything up to the last @ may belong to it.
            shown = _MALFORMED.sub(r"\1@", self.url)
        base, _, options = shown.partition("?")
        safe = [option for option in options.split("&") if option and option.partition("=")[0].lower() not in _SECRETS]
        return f"{base}?{'&'.join(safe)}" if safe else base

    @property
    def name(self) -> str:
        """Name of the database, as the last part of a path."""
        return str(self).partition("?")[0].rpartition("/")[2]


_PASSWORD = re.compile(r"(?<=://)([^:@/?]*):[^@]*@")


_MALFORMED = re.compile(r"(?<=://)([^:@/?]*).*@", re.DOTALL)


Address: TypeAlias = Path | DatabaseUrl


def address_of(text: str, wait_seconds: float = WAIT_SECONDS, spool: str | Path | None = None) -> Address:
    """Return the address that a user gave as text; the other arguments are for the URL of a server.

    Raises:
        WrongUseError: if it is the URL of something else.

    """
    if not text.startswith(SERVER_SCHEMES):
        if scheme := re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", text):
            raise WrongUseError(
                f"{scheme[0]}… is no database of artistjobs; name a SQLite file, or a server with postgresql://…"
            )
        return Path(text)
    return DatabaseUrl(text, wait_seconds, None if spool is None else Path(spool))


def without_passwords(argument: str) -> str:
    """Return an argument of the command line without the passwords of a URL in it."""
    at = min((place for scheme in SERVER_SCHEMES if (place := argument.find(scheme)) >= 0), default=None)
    return argument if at is None else argument[:at] + str(DatabaseUrl(argument[at:]))


def with_options(address: Address, wait_seconds: float | None, spool: Path | None) -> Address:
    """Return an address with the options for a server as far as they are given; they mean nothing for a file."""
    if not isinstance(address, DatabaseUrl):
        return address
    return replace(
        address,
        wait_seconds=address.wait_seconds if wait_seconds is None else wait_seconds,
        spool=spool or address.spool,
    )


def file_at(address: Address) -> Path | None:
    """Return the path of a SQLite file, None for the URL of a server."""
    return address if isinstance(address, Path) else None


def sqlite_file(address: Address, remedy: str) -> Path:
    """Return the path of a SQLite file.

    Args:
        address: The address that the user gave.
        remedy: Sentence about what to do with a server.

    Raises:
        WrongUseError: with the remedy, if the address is the URL of a server.

    """
    if isinstance(address, DatabaseUrl):
        raise WrongUseError(remedy)
    return address
