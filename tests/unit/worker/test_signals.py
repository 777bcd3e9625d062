"""A run handles signals only while it works, and takes signals that belong together for one request."""

import signal

from artistjobs.worker.signals import ECHO_SECONDS, Signals, StopRequests
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


async def test_a_signal_that_arrives_twice_at_once_abandons_no_call():
    now = 100.0
    stop = Stop()
    requests = StopRequests(stop, lambda: 4, lambda: now)

    for _ in range(3):
        requests.receive(StopReason.TERMINATED)
        now += ECHO_SECONDS / 4

    assert stop.reason is StopReason.TERMINATED
    assert stop.sentence == "4 calls in flight were finished and stored"
    assert not requests.abandon_requested.is_set()


async def test_a_signal_that_is_repeated_abandons_the_calls_in_flight():
    now = 100.0
    requests = StopRequests(Stop(), lambda: 4, lambda: now)

    requests.receive(StopReason.INTERRUPTED)
    now += ECHO_SECONDS
    requests.receive(StopReason.INTERRUPTED)

    assert requests.abandon_requested.is_set()


async def test_the_first_signal_to_a_run_that_stops_already_lets_its_calls_finish():
    now, stop = 100.0, Stop()
    stop.request(StopReason.LIMIT, "--limit is reached")
    requests = StopRequests(stop, lambda: 4, lambda: now)

    requests.receive(StopReason.INTERRUPTED)
    assert not requests.abandon_requested.is_set()

    now += ECHO_SECONDS
    requests.receive(StopReason.INTERRUPTED)
    assert requests.abandon_requested.is_set()
    assert stop.sentence == "--limit is reached"
