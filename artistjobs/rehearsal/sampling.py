"""Which fault strikes a call and how long it takes: a function of seed, request and repetition.

The order in which calls arrive has no say, so that a rehearsal with the same seed goes the same way
with any number of workers, and a test that fails can be run again.
"""

import math
from dataclasses import dataclass
from random import Random

from artistjobs.rehearsal.scenarios import Fault, Scenario


@dataclass(frozen=True, slots=True)
class Draw:
    """What chance has in store for one call; ``rng`` is for what remains to be chosen."""

    fault: Fault | None
    latency_seconds: float
    rng: Random


def draw(scenario: Scenario, *, seed: int, key: str, nth: int) -> Draw:
    """Return what happens when the request ``key`` is seen for the ``nth`` time, counted from 1."""
    rng = Random(f"{seed} {key} {nth}")
    fault = _pick_fault(scenario, rng.random())
    latency_seconds = _pick_latency(scenario, rng.gauss())
    return Draw(None if _is_exempt(scenario, nth) else fault, latency_seconds, rng)


def _pick_fault(scenario: Scenario, point: float) -> Fault | None:
    for fault, probability in scenario.faults.items():
        point -= probability
        if point < 0:
            return fault
    return None


def _pick_latency(scenario: Scenario, deviation: float) -> float:
    return scenario.latency_seconds * math.exp(scenario.latency_sigma * deviation)


def _is_exempt(scenario: Scenario, nth: int) -> bool:
    # Every so many calls one is spared, whatever came before: it bounds a run of faults and needs no memory.
    longest = scenario.fault_calls_max
    return longest is not None and nth % (longest + 1) == 0
