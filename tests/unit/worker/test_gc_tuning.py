"""The garbage collector is tuned while a worker runs, and restored afterwards."""

import gc
import sys

from artistjobs.worker.gc_tuning import SWITCH_SECONDS, THRESHOLDS, tuned


def test_python_is_restored_after_the_work():
    before = gc.get_threshold(), sys.getswitchinterval()

    with tuned() as keep:
        keep()
        assert gc.get_threshold() == THRESHOLDS
        assert abs(sys.getswitchinterval() - SWITCH_SECONDS) < 1e-5
        assert gc.get_freeze_count() > 1000

    assert (gc.get_threshold(), sys.getswitchinterval()) == before
    assert gc.get_freeze_count() == 0


def test_reference_cycles_are_still_collected():
    collected = []

    def note(phase: str, info: dict[str, int]) -> None:
        if phase == "stop":
            collected.append(info["collected"])

    gc.callbacks.append(note)
    try:
        with tuned():
            for _ in range(THRESHOLDS[0]):
                ring: list[object] = []
                ring.append(ring)
    finally:
        gc.callbacks.remove(note)

    assert sum(collected) > THRESHOLDS[0] / 2
