"""What there is to be seen of a run while it works, and who looks at it."""

from dataclasses import dataclass
from typing import Protocol

from artistjobs.limiter import Limiter
from artistjobs.stop import Stop
from artistjobs.tally import Tally
from artistjobs.terminal import counted, duration_text
from artistjobs.writer import Writer


@dataclass(frozen=True, slots=True)
class View:
    """The parts of a run that a display reads."""

    tally: Tally
    limiter: Limiter
    stop: Stop
    writer: Writer

    @property
    def max_workers(self) -> int:
        """How many calls may be in flight, as it was told last."""
        return self.writer.tuning.max_workers


class Watch(Protocol):
    """Looks on while a run works, and shows it to people."""

    async def watch(self, view: View) -> None:
        """Show the run until cancelled."""


def seconds_left(view: View, now: float) -> float | None:
    """Return the time that the rest will take at the pace of the last minute, None as long as there is none."""
    pace = view.tally.recent_jobs_per_minute(now)
    return view.tally.pending * 60 / pace if pace else None


def waiting_for(view: View, now: float) -> str:
    """Return what is being waited for and how long, empty if nothing is."""
    if view.stop.is_requested():
        return f"{counted(view.tally.in_flight, 'call')} in flight, to stop"
    if view.writer.tuning.is_paused:
        return f"the command resume (paused, {counted(view.tally.in_flight, 'call')} in flight)"
    wait = view.limiter.waiting
    if wait is not None and wait.until - now >= 1:
        return f"{wait.reason}, {duration_text(wait.until - now)}"
    if not view.tally.in_flight and view.writer.held_elsewhere:
        return f"{counted(view.writer.held_elsewhere, 'job')} that another worker holds"
    return ""
