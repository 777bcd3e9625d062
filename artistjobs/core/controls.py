"""Settings sent to running workers from another terminal, and the worker settings that result from them.

A pause is a state of the database: it applies to every worker until it is ended. Every other change applies
to the workers that run at that moment; a worker that starts later uses its own options.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self

MOST_AUTO_CALLS = 512
"""Largest number of calls in flight of a command that finds it itself: connections that a service can be expected
to bear, and jobs in doubt after a power cut."""


class Control(StrEnum):
    """Settings that can be changed while workers run."""

    PAUSED = "paused"  # 1 while paused; None afterwards
    MAX_WORKERS = "max_workers"  # calls in flight of one command, over all its processes
    RPM = "rpm"
    TPM = "tpm"
    MAX_COST = "max_cost_usd"


@dataclass(frozen=True, slots=True)
class ControlChange:
    """One change of a setting: ``value`` is None if the limit was removed; ``revision`` grows with each change.

    For the calls in flight None means that their number is found while they run.
    """

    control: Control
    value: float | None
    revision: int
    changed_at: str


@dataclass(frozen=True, slots=True)
class ProcessShare:
    """Share of one process in the work of a command: its number, counted from 0, and the number of processes."""

    number: int = 0
    count: int = 1

    def share(self, total: int) -> int:
        """Return this process's share of ``total``; the shares of all processes add up to the total."""
        return total // self.count + (self.number < total % self.count)


SINGLE_PROCESS = ProcessShare()
"""Share of a command that works with one process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    """Settings of a worker that can change while it runs. None means no limit.

    With ``is_auto`` the number of calls in flight is found while they run, and ``max_workers`` is its maximum.
    """

    max_workers: int
    is_auto: bool = False
    rpm: int | None = None
    tpm: int | None = None
    max_cost_usd: float | None = None
    is_paused: bool = False
    total_max_workers: int | None = None  # over all processes, of which max_workers is a share; None until changed

    @property
    def makes_no_calls(self) -> bool:
        """True if no new call may start: while paused, or if this process's share of the calls is 0."""
        return self.is_paused or not self.max_workers

    def with_changes(self, changes: Sequence[ControlChange], since: int, part: ProcessShare) -> Self:
        """Return the settings after some changes; changes up to revision ``since`` are older than this worker."""
        values = {one.control: one.value for one in changes if one.revision > since}
        return replace(
            self,
            max_workers=self._max_workers(values, part),
            is_auto=self.is_auto if Control.MAX_WORKERS not in values else values[Control.MAX_WORKERS] is None,
            rpm=_whole(values.get(Control.RPM, self.rpm)),
            tpm=_whole(values.get(Control.TPM, self.tpm)),
            max_cost_usd=values.get(Control.MAX_COST, self.max_cost_usd),
            total_max_workers=_whole(values.get(Control.MAX_WORKERS, self.total_max_workers)),
            is_paused=is_paused(changes),
        )

    def _max_workers(self, values: Mapping[Control, float | None], part: ProcessShare) -> int:
        if Control.MAX_WORKERS not in values:
            return self.max_workers
        value = values[Control.MAX_WORKERS]
        return max(1, part.share(MOST_AUTO_CALLS)) if value is None else part.share(int(value))


OPTIONS = {
    Control.MAX_WORKERS: "--max-workers",
    Control.RPM: "--rpm",
    Control.TPM: "--tpm",
    Control.MAX_COST: "--max-cost",
}
"""Command-line option of each setting."""


def settings_text(values: Mapping[Control, float | None]) -> str:
    """Return settings as text, such as ``--max-workers 8, --rpm none``."""
    return ", ".join(f"{OPTIONS[control]} {_value_text(control, value)}" for control, value in values.items())


def changed_settings(before: WorkerSettings, now: WorkerSettings) -> dict[Control, float | None]:
    """Return the settings that differ, except the pause; calls in flight are the command's total, not a share."""
    names = {control: control.value for control in OPTIONS} | {Control.MAX_WORKERS: "total_max_workers"}
    values = {control: (getattr(before, name), getattr(now, name)) for control, name in names.items()}
    changed = {control: value for control, (old, value) in values.items() if value != old}
    return {Control.MAX_WORKERS: None} | changed if now.is_auto and not before.is_auto else changed


def is_paused(changes: Sequence[ControlChange]) -> bool:
    """Return True if a database is paused."""
    return paused_at(changes) is not None


def paused_at(changes: Sequence[ControlChange]) -> str | None:
    """Return the time at which a database was paused, None if it is not paused."""
    return next((one.changed_at for one in changes if one.control is Control.PAUSED and one.value is not None), None)


def last_revision(changes: Sequence[ControlChange]) -> int:
    """Return the revision of the latest change, 0 if there is none."""
    return max((one.revision for one in changes), default=0)


def _value_text(control: Control, value: float | None) -> str:
    if value is None:
        return "auto" if control is Control.MAX_WORKERS else "none"
    return f"{value:.10g}"


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)
