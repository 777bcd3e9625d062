"""Shortages of this machine: memory, threads or file handles that the system refuses. No row causes them."""

import errno
from collections.abc import Iterator
from enum import StrEnum

from artistjobs.errors import ArtistjobsError, ResourceError

EAI_MEMORY = -10
"""Error number of a resolver without memory in glibc."""


_FILES = frozenset({errno.EMFILE, errno.ENFILE})


_MEMORY = frozenset({errno.ENOMEM, errno.ENOBUFS, EAI_MEMORY})


class Shortage(StrEnum):
    """Resource that the system refused; each value is the sentence for the user, with the remedy."""

    MEMORY = (
        "memory ran out; lower --max-workers, or allow more memory (ulimit -v, or the limit of the container), "
        "then run the same command again."
    )
    THREADS = (
        "no thread can be started; allow more processes (ulimit -u, or the limit of the container) or more memory, "
        "then run the same command again."
    )
    FILES = (
        "too many files are open; raise the limit (ulimit -n) or lower --max-workers, then run the same command again."
    )


def shortage_of(error: BaseException) -> Shortage | None:
    """Return the shortage that an exception, or one of its causes, reports; None if it reports another trouble."""
    return next((found for cause in _causes(error) if (found := _shortage(cause)) is not None), None)


def expected_error(error: Exception) -> ArtistjobsError:
    """Return the error that tells the user of an exception. Raises the exception again if it is not expected."""
    if isinstance(error, ArtistjobsError):
        return error
    if (shortage := shortage_of(error)) is None:
        raise error
    return ResourceError(shortage)


def _shortage(error: BaseException) -> Shortage | None:
    if isinstance(error, MemoryError) or (isinstance(error, ImportError) and "failed to map segment" in str(error)):
        return Shortage.MEMORY
    if isinstance(error, RuntimeError) and "can't start new thread" in str(error):
        return Shortage.THREADS
    if isinstance(error, OSError) and error.errno in _FILES | _MEMORY:
        return Shortage.FILES if error.errno in _FILES else Shortage.MEMORY
    return None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
