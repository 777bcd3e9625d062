"""What running workers are told from another terminal, and how they work by it.

Pausing is a state of the database: it holds for every worker until it is taken back. The rest is
said to the workers that live at that moment; one that starts later goes by its own options.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self


class Control(StrEnum):
    """What can be told."""

    PAUSED = "paused"  # a value of 1; None once it is over
    MAX_WORKERS = "max_workers"  # calls in flight of one command
    RPM = "rpm"
    TPM = "tpm"
    MAX_COST = "max_cost_usd"


@dataclass(frozen=True, slots=True)
class ControlChange:
    """One thing told: ``value`` is None where it was taken back, ``revision`` grows with each thing told."""

    control: Control
    value: float | None
    revision: int
    changed_at: str


@dataclass(frozen=True, slots=True)
class ProcessShare:
    """Which of the processes of one command this is, counted from 0, and of how many."""

    number: int = 0
    count: int = 1

    def share(self, total: int) -> int:
        """Return this process's share; those of all processes of the command make up the total."""
        return total // self.count + (self.number < total % self.count)


SINGLE_PROCESS = ProcessShare()
"""Of a command that works with one process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    """How a worker works, as far as that can be changed while it does. None where there is no limit."""

    max_workers: int
    rpm: int | None = None
    tpm: int | None = None
    max_cost_usd: float | None = None
    is_paused: bool = False
    total_max_workers: int | None = None  # of which max_workers is the share of this process; None as long as not said

    @property
    def makes_no_calls(self) -> bool:
        """Whether no new call is to be made: where few calls are shared by many processes, some have none."""
        return self.is_paused or not self.max_workers

    def with_changes(self, said: Sequence[ControlChange], since: int, part: ProcessShare) -> Self:
        """Return how to work after what was said; what is not later than ``since`` was said to others."""
        values = {one.control: one.value for one in said if one.revision > since}
        return replace(
            self,
            max_workers=self._max_workers(values, part),
            rpm=_whole(values.get(Control.RPM, self.rpm)),
            tpm=_whole(values.get(Control.TPM, self.tpm)),
            max_cost_usd=values.get(Control.MAX_COST, self.max_cost_usd),
            total_max_workers=_whole(values.get(Control.MAX_WORKERS, self.total_max_workers)),
            is_paused=is_paused(said),
        )

    def _max_workers(self, values: Mapping[Control, float | None], part: ProcessShare) -> int:
        value = values.get(Control.MAX_WORKERS)
        return self.max_workers if value is None else part.share(int(value))


OPTIONS = {
    Control.MAX_WORKERS: "--max-workers",
    Control.RPM: "--rpm",
    Control.TPM: "--tpm",
    Control.MAX_COST: "--max-cost",
}
"""How people say them."""


def settings_text(values: Mapping[Control, float | None]) -> str:
    """Return what is set in words, such as ``--max-workers 8, --rpm none``."""
    return ", ".join(f"{OPTIONS[control]} {_value_text(value)}" for control, value in values.items())


def changed_settings(before: WorkerSettings, now: WorkerSettings) -> dict[Control, float | None]:
    """Return what is set otherwise than before, pausing apart; calls in flight as they were said, not as a share."""
    names = {control: control.value for control in OPTIONS} | {Control.MAX_WORKERS: "total_max_workers"}
    values = {control: (getattr(before, name), getattr(now, name)) for control, name in names.items()}
    return {control: value for control, (old, value) in values.items() if value != old}


def is_paused(changes: Sequence[ControlChange]) -> bool:
    """Say whether a database is paused, whenever that was said."""
    return paused_at(changes) is not None


def paused_at(changes: Sequence[ControlChange]) -> str | None:
    """Return since when a database is paused, None if it is not."""
    return next((one.changed_at for one in changes if one.control is Control.PAUSED and one.value is not None), None)


def last_revision(changes: Sequence[ControlChange]) -> int:
    """Return the revision of what was said last, 0 if nothing ever was."""
    return max((one.revision for one in changes), default=0)


def _value_text(value: float | None) -> str:
    return "none" if value is None else f"{value:.10g}"


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)
