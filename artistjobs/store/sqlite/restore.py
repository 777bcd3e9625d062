"""Restore: puts a backup in the place of a database, and keeps what was there under another name."""

import os
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from io import FileIO
from itertools import count
from pathlib import Path
from time import strftime
from typing import NamedTuple

from artistjobs.errors import NoDatabaseError, StoreError, WrongUseError
from artistjobs.store.models import DatabaseCopy, Kind
from artistjobs.store.sqlite.copy import kind_of, new_copy, opened_as_it_is, sync
from artistjobs.store.sqlite.filesystem import ensure_safe_place
from artistjobs.store.sqlite.holders import flock_holder, process, users
from artistjobs.store.sqlite.leftover_log import lock_out_sqlite
from artistjobs.store.sqlite.liveness import WorkerProcess, worker_files
from artistjobs.store.sqlite.lock_files import open_existing, try_lock
from artistjobs.store.sqlite.lock_wait import LockWait
from artistjobs.store.sqlite.locks import WriteLock
from artistjobs.store.sqlite.read_connection import BUSY_SECONDS, translated
from artistjobs.store.sqlite.upgrade import living_worker


class _Existing(NamedTuple):
    """Facts about the database that is to be replaced; none if it is missing or cannot be read."""

    kind: Kind | None = None
    living: WorkerProcess | None = None


def restore(database: Path, source: Path, kind: Kind | None) -> DatabaseCopy:
    """Put a copy of ``source`` in the place of a database, whole or not at all.

    What is there now is kept beside it, with its log, as ``DATABASE.replaced-TIME``. ``kind`` is the kind of jobs that
    the database is to hold, None for either.

    Raises:
        NoDatabaseError: if there is no ``source``.
        WrongUseError: if a worker is alive, another program has the database open, or the kinds differ.
        StoreError: if the disk fails, or ``source`` is damaged.

    """
    real = Path(os.path.realpath(database))
    _ensure_place(real, database, source)
    existing = _existing(real, database)
    if existing.living is not None:
        raise _in_use(database, f"a worker (process {existing.living.pid} on {existing.living.host})")
    with opened_as_it_is(source) as db:
        _ensure_kind(kind_of(db), kind or existing.kind, source)
        with new_copy(db, source, real) as (new, copied), translated(database), _alone(real, database):
            _take_rights(new, real if real.exists() else source)
            sync(new)
            with _put_aside(real) as kept:
                new.replace(real)
            sync(real.parent)
    return replace(copied, kept=kept)


def _ensure_place(real: Path, name: Path, source: Path) -> None:
    ensure_safe_place(real, name)
    if real.is_dir():
        raise WrongUseError(f"{name} is a folder; name a file with --db.")
    if not real.parent.is_dir():
        raise WrongUseError(f"there is no folder {name.parent} for the database; create it or name another with --db.")
    if not source.exists():
        raise NoDatabaseError(f"there is no backup {source}; name another file.")
    if real.exists() and real.samefile(source):
        raise WrongUseError(f"{source} is the database itself; name a backup of it.")


def _existing(real: Path, name: Path) -> _Existing:
    """Read the database that is to be replaced. Raises WrongUseError if it belongs to another program."""
    try:
        with opened_as_it_is(name) as db, translated(name):
            return _Existing(kind_of(db), living_worker(db, real))
    except (NoDatabaseError, StoreError):
        return _Existing()  # damage may be the reason for the restore


def _ensure_kind(found: Kind, wanted: Kind | None, source: Path) -> None:
    if wanted is None or found is wanted:
        return
    if found is Kind.REHEARSAL:
        raise WrongUseError(f"{source} holds rehearsed jobs, which never mix with real ones; add --db rehearsal.db")
    raise WrongUseError(f"{source} holds real jobs, which never mix with rehearsed ones; name another file with --db.")


@contextmanager
def _alone(real: Path, name: Path) -> Iterator[None]:
    """Keep all processes from a database within the context; raises WrongUseError if one of them uses it."""
    with closing(WriteLock(real)) as write_lock, write_lock(LockWait(real, name, BUSY_SECONDS)):
        _ensure_no_worker(real, name)
        if not real.exists():
            yield
            return
        # No connection of this process is open: closing this file would drop its locks.
        with FileIO(real, "r+") as file:
            if not lock_out_sqlite(file):
                raise _in_use(name, _users_text(real))
            yield


def _ensure_no_worker(real: Path, name: Path) -> None:
    """Raise WrongUseError if a lock file belongs to a living worker; remove those of dead ones."""
    for path in worker_files(real):
        with suppress(FileNotFoundError), open_existing(path) as file:
            if not try_lock(file):
                raise _in_use(name, f"a worker ({flock_holder(path) or path.name})")
            with suppress(OSError):
                path.unlink()


def _users_text(real: Path) -> str:
    found = [process(pid) for pid in sorted(users(real) or ())]
    return ", ".join(str(one) for one in found if one is not None) or "another program"


def _in_use(name: Path, by: str) -> WrongUseError:
    return WrongUseError(f"{name} is in use by {by}; stop that first, then run the same command again.")


def _take_rights(new: Path, model: Path) -> None:
    shutil.copymode(model, new)
    if os.geteuid() == 0:
        found = model.stat()
        os.chown(new, found.st_uid, found.st_gid)


@contextmanager
def _put_aside(real: Path) -> Iterator[Path | None]:
    """Give a database and its log another name, and take that back after an error; yield the name, None if none.

    The database keeps its own name too, until another file takes it, so that it is never missing.
    """
    with suppress(FileNotFoundError):
        Path(f"{real}-shm").unlink()
    logs = [end for end in ("-wal", "-journal") if Path(f"{real}{end}").exists()]
    if not real.exists():
        for end in logs:
            Path(f"{real}{end}").unlink()
        yield None
        return
    kept = _free_name(real)
    os.link(real, kept)
    try:
        for end in logs:
            Path(f"{real}{end}").rename(f"{kept}{end}")
        yield kept
    except BaseException:
        for end in logs:
            with suppress(FileNotFoundError):
                Path(f"{kept}{end}").rename(f"{real}{end}")
        kept.unlink()
        raise


def _free_name(real: Path) -> Path:
    first = real.with_name(f"{real.name}.replaced-{strftime('%Y%m%d-%H%M%S')}")
    names = (first.with_name(f"{first.name}-{number}") if number else first for number in count())
    return next(name for name in names if not os.path.lexists(name))
