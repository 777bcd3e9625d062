"""A run handles signals only while it works."""

import signal

from artistjobs.worker.signals import Signals
from artistjobs.worker.stop import Stop, StopReason


async def test_the_first_signal_ends_the_run_and_the_handlers_are_restored():
    def terminate(_number, _frame):
        raise AssertionError("not while the run listens")

    stop, before = Stop(), signal.signal(signal.SIGTERM, terminate)
    try:
        async with Signals().listening(stop, lambda: 0):
            signal.raise_signal(signal.SIGTERM)
            await stop.wait()

        assert stop.reason is StopReason.TERMINATED
        assert signal.getsignal(signal.SIGTERM) is terminate
    finally:
        signal.signal(signal.SIGTERM, before)
