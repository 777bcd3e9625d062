"""Throughput and latency of a run: jobs done per minute, and seconds per answer."""

import math
from collections import Counter, deque
from collections.abc import Mapping
from typing import Final

LATENCY_STEP: Final = 1.05
"""Ratio of the end to the start of a latency bucket, which makes a median accurate to 3 %."""


LATEST_ANSWERS: Final = 1000
"""Number of the latest answers whose latency is shown, so that the figure is current in a run of hours."""


class ThroughputMeter:
    """Counts the jobs done in the last minute, by the second."""

    SECONDS = 60

    def __init__(self) -> None:
        self._seconds: deque[list[int]] = deque()
        self.last_at: float | None = None

    def add(self, now: float) -> None:
        """Count a job that is done at ``now``, in seconds."""
        self.last_at = now
        second = math.floor(now)
        if self._seconds and self._seconds[-1][0] == second:
            self._seconds[-1][1] += 1
            return
        self._seconds.append([second, 1])
        self._forget(second)

    def per_minute(self, now: float, started_at: float) -> float:
        """Return the jobs done per minute over the last minute, or since ``started_at`` if that is later."""
        first = self._forget(math.floor(now))
        return sum(count for _, count in self._seconds) * 60 / max(now - max(first, started_at), 0.001)

    def _forget(self, second: int) -> int:
        first = second - self.SECONDS
        while self._seconds and self._seconds[0][0] < first:
            self._seconds.popleft()
        return first


class LatencyHistogram:
    """Histogram of the latency of the latest answers; its buckets can be added to those of other processes."""

    def __init__(self) -> None:
        self._latest: deque[int] = deque()
        self._buckets: Counter[int] = Counter()

    def add(self, seconds: float) -> None:
        """Count the latency of an answer in seconds, and drop the oldest answer."""
        bucket = math.floor(math.log(max(seconds, 0.001), LATENCY_STEP))
        self._latest.append(bucket)
        self._buckets[bucket] += 1
        if len(self._latest) > LATEST_ANSWERS:
            oldest = self._latest.popleft()
            self._buckets[oldest] -= 1
            if not self._buckets[oldest]:
                del self._buckets[oldest]

    def buckets(self) -> dict[int, int]:
        """Return the number of answers in each bucket."""
        return dict(self._buckets)


def quantile(buckets: Mapping[int, int], share: float) -> float | None:
    """Return the latency in seconds that ``share`` of the answers did not exceed, None if there are none."""
    needed = share * sum(buckets.values())
    for bucket in sorted(buckets):
        needed -= buckets[bucket]
        if needed <= 0:
            return float(LATENCY_STEP ** (bucket + 0.5))
    return None
