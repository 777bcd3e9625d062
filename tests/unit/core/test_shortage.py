"""What the system refuses is told from every other trouble, by the error or by its causes."""

import errno

import pytest

from artistjobs.core.shortage import Shortage, expected_error, shortage_of
from artistjobs.errors import ResourceError, StoreError


def caused_by(cause):
    error = ConnectionError("cannot connect")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "shortage"),
    [
        (MemoryError(), Shortage.MEMORY),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), Shortage.MEMORY),
        (OSError(errno.ENOBUFS, "No buffer space available"), Shortage.MEMORY),
        (ImportError("/x.so: failed to map segment from shared object"), Shortage.MEMORY),
        (RuntimeError("can't start new thread"), Shortage.THREADS),
        (OSError(errno.EMFILE, "Too many open files"), Shortage.FILES),
        (OSError(errno.ENFILE, "Too many open files in system"), Shortage.FILES),
        (OSError(errno.ENOSPC, "No space left on device"), None),
        (OSError(errno.EACCES, "Permission denied"), None),
        (OSError("timed out"), None),
        (ImportError("No module named x"), None),
        (RuntimeError("anything else"), None),
        (ValueError("a mistake"), None),
    ],
    ids=repr,
)
def test_a_shortage_is_told_by_its_error_or_a_cause(error, shortage):
    assert shortage_of(error) is shortage
    assert shortage_of(caused_by(error)) is shortage


def test_a_shortage_is_an_expected_error_and_a_mistake_is_not():
    assert isinstance(expected_error(MemoryError()), ResourceError)
    assert expected_error(error := StoreError("told")) is error
    with pytest.raises(ValueError, match="a mistake"):
        expected_error(ValueError("a mistake"))


@pytest.mark.parametrize("shortage", Shortage)
def test_each_shortage_has_a_remedy(shortage):
    assert "ulimit" in shortage
    assert shortage.endswith("run the same command again.")
