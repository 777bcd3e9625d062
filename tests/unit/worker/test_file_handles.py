"""The limit of open files is raised as far as the calls need it; where it cannot be raised, fewer are made."""

import resource
from pathlib import Path

import pytest

from artistjobs.worker import file_handles
from artistjobs.worker.file_handles import RESERVED, calls_allowed, raise_limit

UNLIMITED = resource.RLIM_INFINITY


class System:
    """The limits of a process, with a maximum that the system accepts."""

    def __init__(self, soft, hard, accepts=10**9):
        self.soft, self.hard, self.accepts = soft, hard, accepts

    def getrlimit(self, _which):
        return self.soft, self.hard

    def setrlimit(self, _which, limits):
        soft, hard = limits
        if hard != self.hard or soft > self.accepts or (self.hard != UNLIMITED and soft > self.hard):
            raise ValueError("not allowed to raise maximum limit")
        self.soft = soft


@pytest.fixture
def system(monkeypatch):
    def be(*limits, in_use=20):
        made = System(*limits)
        monkeypatch.setattr(file_handles.resource, "getrlimit", made.getrlimit)
        monkeypatch.setattr(file_handles.resource, "setrlimit", made.setrlimit)
        monkeypatch.setattr(file_handles, "_handles_in_use", lambda: in_use)
        return made

    return be


@pytest.mark.parametrize(
    ("limits", "wanted", "raised"),
    [
        ((256, 4096), 500, 500),
        ((256, UNLIMITED), 500, 500),
        ((1024, 4096), 500, 1024),
        ((256, 300), 500, 300),
        ((256, 256), 500, 256),
        ((256, UNLIMITED, 10_240), 20_000, 10_240),
        ((256, UNLIMITED, 300), 500, 256),
        ((UNLIMITED, UNLIMITED), 10**12, 2**63 - 1),
    ],
)
def test_the_limit_is_raised_as_far_as_possible_and_never_lowered(system, limits, wanted, raised):
    made = system(*limits)

    assert raise_limit(wanted) == raised
    assert made.soft in (raised, UNLIMITED)


def test_all_calls_are_allowed_where_the_limit_can_be_raised(system):
    made = system(256, 4096)

    assert calls_allowed(2000) == 2000
    assert made.soft == 20 + RESERVED + 2000


@pytest.mark.parametrize(
    ("hard", "per_call", "allowed"),
    [
        (256, 1, 256 - 20 - RESERVED),
        (256, 2, (256 - 20 - RESERVED) // 2),
        (40, 1, 12),
        (24, 1, 2),
        (20, 1, 1),
        (9, 1, 1),
    ],
)
def test_where_it_cannot_be_raised_fewer_calls_are_made_and_some_handles_kept(system, hard, per_call, allowed):
    system(hard, hard)

    assert calls_allowed(300, per_call) == allowed


def test_a_few_calls_need_no_other_limit(system):
    made = system(256, 4096)

    assert calls_allowed(4) == 4
    assert made.soft == 256


def test_the_handles_in_use_are_counted():
    before = file_handles._handles_in_use()
    with Path(__file__).open(), Path(__file__).open():
        assert file_handles._handles_in_use() == before + 2
