"""Protection of files: no command overwrites a file that it reads, a file of a database, or a file that was ingested.

Files are compared by what a path leads to, so links and names in another case do not matter.
"""

import hashlib
import os
import re
import stat
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from artistjobs.core.prompt import text_sha256
from artistjobs.errors import StoreError, WrongUseError
from artistjobs.export.atomic_file import ensure_creatable
from artistjobs.store.database import OWN_SUFFIX, Database, is_same_file
from artistjobs.store.models import KnownFiles

ENV_FILE = Path(".env")
"""The file of settings, which every command reads."""


STDIN = STDOUT = Path("-")


_STDOUT_NAMES = frozenset({"-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"})


_DATABASE_MARKS = (b"SQLite format 3\0", b"\x37\x7f\x06\x82", b"\x37\x7f\x06\x83")
"""First bytes of a database and of its write-ahead log: https://sqlite.org/fileformat2.html (2026-11-26)."""


_OWN_MARKS = (b'{"at": "', b"artist_name,artist_data,response_text,", b"artist_name\tartist_data\tresponse_text\t")
"""First bytes of a log file and of exports, which are written again and again."""


_OWN_PAGE_MARKS = (b"PAR1", b"<!DOCTYPE html>")


_HEAD_BYTES = 1 << 16


_PROMPT_BYTES = 1 << 20
"""Size up to which a file is compared with the stored prompts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesInUse:
    """Files of one command: its database, the files that it reads, and those that it writes, ``-`` being stdout."""

    database: Database
    read: Sequence[Path] = (ENV_FILE,)
    output: Path | None = None
    log_file: Path | None = None

    def ensure_database_apart(self) -> None:
        """Raise WrongUseError if a file that is read is the database, or would become it."""
        for file in self.read:
            if file != STDIN and self.database.owns(file):
                raise WrongUseError(f"{file} is also the database; name another file, or another database with --db.")

    def ensure_output_free(self) -> None:
        """Raise WrongUseError if writing the output would harm one of the other files, or any other database."""
        if self.output is not None:
            self._ensure_free(self.output)
            if _is_open_as(self.output, 2):
                raise WrongUseError(f"{self.output} is the file that stderr is written to; name another file.")
            if self.log_file is not None and _is_same(self.output, self.log_file):
                raise WrongUseError(f"{self.output} is the log file; name another file.")

    def ensure_log_file_free(self) -> None:
        """Raise WrongUseError if writing the log file would harm one of the other files, or any other database."""
        if self.log_file is not None:
            self._ensure_free(self.log_file)
            if self.output is not None and not is_stdout(self.output) and _is_same(self.log_file, self.output):
                raise WrongUseError(f"{self.log_file} is the output of this command; use another log file.")

    def _ensure_free(self, target: Path) -> None:
        if self.database.owns(target):
            raise WrongUseError(f"{target} is the database or a file that belongs to it; name another file.")
        if any(_is_same(target, file) for file in self.read):
            raise WrongUseError(f"{target} is a file that this command reads; name another file.")
        if _belongs_to_database(Path(os.path.realpath(target))):
            raise WrongUseError(f"{target} is a SQLite database or belongs to one; name another file.")
        if _is_open_as(target, 1):
            raise WrongUseError(f"{target} is the file that stdout is written to; name another file.")


def is_stdout(output: Path) -> bool:
    """Return True if an output is stdout, by ``-`` or by the name of its device."""
    return str(output) in _STDOUT_NAMES


def ensure_writable(files: FilesInUse) -> None:
    """Check that the output can be written and that no other file would be overwritten, before money is spent.

    Raises:
        WrongUseError: if the output names no possible file, or a file in use.
        StoreError: if no file can be created there.

    """
    output = files.output
    assert output is not None
    if output == STDOUT:
        raise WrongUseError("this command cannot export to stdout; use: artistjobs export -")
    _ensure_possible(output)
    files.ensure_output_free()
    try:
        if output.is_file() or not output.exists():
            ensure_creatable(output)
    except OSError as error:
        reason = error.strerror or error
        raise StoreError(f"{output} cannot be written: {reason}; fix the cause, or name another file.") from error


def _ensure_possible(output: Path) -> None:
    try:
        if output.is_dir():
            raise WrongUseError(f"{output} is a folder; name a file.")
        if not output.parent.is_dir():
            raise WrongUseError(f"there is no folder {output.parent}; create it or name another file.")
        with suppress(FileNotFoundError):
            output.lstat()
    except (OSError, ValueError) as error:  # a name that is too long, or has a NUL
        reason = getattr(error, "strerror", None) or error
        raise WrongUseError(f"{output} cannot be the name of a file: {reason}; name another file.") from error


def may_be_ingested(target: Path) -> bool:
    """Return True if ``target`` is a file with content that is no output of this program."""
    try:
        return target.is_file() and target.stat().st_size > 0 and not is_own_output(target)
    except OSError:
        return False


def ensure_not_ingested(target: Path, known: KnownFiles) -> None:
    """Raise WrongUseError if ``target`` is a file whose rows or prompt are in the database."""
    try:
        if not target.is_file() or not target.stat().st_size:
            return
        is_source = any(is_same_file(target, Path(source.name)) for source in known.sources)
        is_needed = is_source or (not is_own_output(target) and _holds(target, known))
    except OSError:
        return  # what cannot be read cannot be compared; writing it may fail with its own error
    if is_needed:
        raise WrongUseError(f"{target} is a list of artists or a prompt that is in the database; name another file.")


def is_own_output(file: Path) -> bool:
    """Return True if a file begins like an export, a report or a log of this program."""
    with file.open("rb") as opened:
        head = opened.read(_HEAD_BYTES)
    is_record = head.startswith(b'{"artist_name": ') and b'"request": {' in head
    return is_record or head.startswith(_OWN_MARKS + _OWN_PAGE_MARKS)


def _holds(target: Path, known: KnownFiles) -> bool:
    """Return True if a file has the content of a file in the database, wherever it is now."""
    if target.name in known.prompt_files:
        return True
    with target.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if any(digest == source.sha256 for source in known.sources):
        return True
    if target.stat().st_size > _PROMPT_BYTES:
        return False
    with suppress(UnicodeDecodeError):
        return text_sha256(target.read_text(encoding="utf-8-sig")) in known.texts
    return False


def _is_same(target: Path, file: Path) -> bool:
    if file == STDIN:
        return _is_open_as(target, 0)
    return is_same_file(target, file) or os.path.realpath(target) == os.path.realpath(file)


def _is_open_as(target: Path, descriptor: int) -> bool:
    """Return True if a descriptor of this process is open on a regular file that is ``target``."""
    try:
        opened = os.fstat(descriptor)
        return stat.S_ISREG(opened.st_mode) and os.path.samestat(opened, target.stat())
    except OSError:
        return False


def _belongs_to_database(target: Path) -> bool:
    if _begins_as_database(target):
        return True
    own = re.fullmatch(f"(.+){OWN_SUFFIX.pattern}", target.name, re.IGNORECASE)
    return own is not None and _begins_as_database(target.with_name(own[1]))


def _begins_as_database(file: Path) -> bool:
    try:
        if not file.is_file():
            return False  # a pipe must not be opened only to look at it
        with file.open("rb") as opened:
            return opened.read(16).startswith(_DATABASE_MARKS)
    except OSError:
        return False
