"""Random sampling of the fault and the latency of a call, determined by seed, request and repetition.

The order of the calls has no influence. A rehearsal with the same seed behaves the same with any number of workers,
and a failed test can be repeated.
"""

import math
from dataclasses import dataclass
from random import Random

from artistjobs.rehearsal.scenarios import Fault, Scenario


@dataclass(frozen=True, slots=True)
class Draw:
    """The sampled fault and latency of one call; ``rng`` serves the remaining random choices."""

    fault: Fault | None
    latency_seconds: float
    rng: Random


def draw(scenario: Scenario, *, seed: int, key: str, nth: int) -> Draw:
    """Return the sample for the request ``key`` when it is received for the ``nth`` time, counted from 1."""
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
    # Every (longest + 1)-th repetition has no fault. This bounds consecutive faults without any state.
    longest = scenario.fault_calls_max
    return longest is not None and nth % (longest + 1) == 0
