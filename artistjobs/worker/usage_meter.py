"""Usage meter: collects where the time of a run goes from its parts, and says what bounds it."""

from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import process_time
from typing import Final

from artistjobs.core.bound import Bound, Usage, bounded_by
from artistjobs.worker.limits.concurrency import Growth
from artistjobs.worker.limits.rate_limiter import Limiter
from artistjobs.worker.progress.slot_time import SlotTime

RECENT_SECONDS: Final = 60.0
"""Period over which a running worker says what bounds it."""


SAMPLE_SECONDS: Final = 5.0
"""Time between two samples of the period."""


THREADS: Final = Path("/proc/self/task")
"""Folder of Linux with a file ``schedstat`` for each thread: its second number is the time that the thread has waited
for a processor, in nanoseconds."""


def processor_seconds() -> float:
    """Return the processor time that this process has used or, where the system tells it, waited for."""
    waited = 0
    for thread in THREADS.glob("*/schedstat"):
        with suppress(OSError, ValueError, IndexError):
            waited += int(thread.read_text().split()[1])
    return process_time() + waited / 1e9


@dataclass(slots=True)
class UsageMeter:
    """Measures one process; ``commit_seconds`` returns the time that slots have waited for commits."""

    slot_time: SlotTime
    limiter: Limiter
    commit_seconds: Callable[[], float]
    cpu_seconds: Callable[[], float] = processor_seconds
    _began_at: float = 0.0
    _cpu_before: float = 0.0
    _growth_at: float | None = None
    _growths: Counter[Growth] = field(default_factory=Counter)
    _samples: deque[Usage] = field(default_factory=deque)

    def begin(self) -> None:
        """Measure from now on."""
        self._began_at, self._cpu_before = self.slot_time.clock(), self.cpu_seconds()
        self._samples.append(Usage())

    def usage(self) -> Usage:
        """Return the usage since the beginning; to be called about once a second while calls in flight are found."""
        slot_time, limiter = self.slot_time, self.limiter
        now = slot_time.clock()
        self._watch_growth(now)
        waits, held = slot_time.waits + limiter.waited, limiter.held
        return Usage(
            seconds=now - self._began_at,
            slots=slot_time.slots.integral(now),
            in_calls=slot_time.in_calls.integral(now),
            in_commits=self.commit_seconds(),
            requests=waits[Bound.REQUESTS],
            tokens=waits[Bound.TOKENS],
            budget=waits[Bound.BUDGET],
            service=waits[Bound.SERVICE],
            files=waits[Bound.FILES],
            calls=limiter.calls,
            held_requests=held[Bound.REQUESTS],
            held_tokens=held[Bound.TOKENS],
            paused=slot_time.paused.integral(now),
            at_files=slot_time.short_of_files.integral(now),
            cpu=self.cpu_seconds() - self._cpu_before,
            found=sum(self._growths.values()),
            at_latency=self._growths[Growth.LATENCY],
            at_refusal=self._growths[Growth.REFUSAL],
            at_most=self._growths[Growth.LARGEST],
        )

    def recent_bound(self) -> Bound | None:
        """Return what has bounded this process in the last minute, None if nothing has or it has not begun."""
        if not self._samples:
            return None
        usage = self.usage()
        if usage.seconds - self._samples[-1].seconds >= SAMPLE_SECONDS:
            self._samples.append(usage)
        while len(self._samples) > 1 and usage.seconds - self._samples[1].seconds >= RECENT_SECONDS:
            self._samples.popleft()
        bounded = bounded_by(usage.plus(self._samples[0], -1))
        return bounded.bound if bounded is not None else None

    def _watch_growth(self, now: float) -> None:
        """Add the time since the last look to what keeps the number of calls in flight from growing."""
        growth = self.limiter.growth
        if growth is not None and self._growth_at is not None:
            self._growths[growth] += now - self._growth_at  # type: ignore[assignment]  # a Counter adds floats as well
        self._growth_at = now
