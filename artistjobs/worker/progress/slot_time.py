"""Where the time of slots goes: in calls, and in waits that are not those of the rate limiter or the store."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic

from artistjobs.core.bound import Bound


@dataclass(slots=True)
class Level:
    """A number that changes, and its integral over time."""

    value: float = 0.0
    total: float = 0.0
    at: float | None = None

    def set(self, now: float, value: float) -> None:
        """Change the number at a time."""
        self.total, self.at, self.value = self.integral(now), now, value

    def integral(self, now: float) -> float:
        """Return the integral until a time."""
        return self.total if self.at is None else self.total + self.value * (now - self.at)


@dataclass(slots=True)
class SlotTime:
    """Time of the slots of one process, in seconds; the event loop changes it, and other threads may read it."""

    clock: Callable[[], float] = monotonic
    slots: Level = field(default_factory=Level)
    in_calls: Level = field(default_factory=Level)
    paused: Level = field(default_factory=Level)
    short_of_files: Level = field(default_factory=Level)
    waits: Counter[Bound] = field(default_factory=Counter)

    def set_slots(self, count: int) -> None:
        """Record the number of slots from now on."""
        self.slots.set(self.clock(), count)

    def call_began(self) -> None:
        """Record the start of a call."""
        self.in_calls.set(self.clock(), self.in_calls.value + 1)

    def call_ended(self) -> None:
        """Record the end of a call."""
        self.in_calls.set(self.clock(), self.in_calls.value - 1)

    def set_paused(self, *, is_paused: bool) -> None:
        """Record that calls are paused, or no longer are."""
        self.paused.set(self.clock(), float(is_paused))

    def set_short_of_files(self, *, is_short: bool) -> None:
        """Record that the limit of open files allows fewer slots than are wanted, or no longer does."""
        self.short_of_files.set(self.clock(), float(is_short))

    def waited(self, bound: Bound, seconds: float) -> None:
        """Record the time that one slot has waited for something."""
        self.waits[bound] += seconds  # type: ignore[assignment]  # a Counter adds floats as well
