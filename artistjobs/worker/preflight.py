"""Preflight check: one free request per model before the first call finds a bad key, or a missing or retiring model."""

import logging
from collections.abc import Callable, Iterator, Sequence
from time import monotonic

from artistjobs.api.interface import Api
from artistjobs.api.model_lookup import fatal_reason, look_up_warning, shutdown_date, shutdown_sentence
from artistjobs.api.reply import Reply
from artistjobs.core.formatting import duration_text
from artistjobs.worker.limits.circuit_breaker import FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS
from artistjobs.worker.stop import RunStoppingError, Stop, StopReason

log = logging.getLogger(__name__)


TRIES = 4
"""Requests to a server that was never reached before the run is given up; the waits between them are 1, 2 and 4 s."""


async def check_models(
    api: Api, models: Sequence[str], stop: Stop, patience_seconds: float | None, clock: Callable[[], float] = monotonic
) -> bool:
    """Look up each model; return False, with a stop requested, if no call could succeed.

    A server that cannot be reached is tried again for ``patience_seconds``, and then counts as away. With None it is
    tried a few times, and then a person has to check the address. A server that does not support the look-up is no
    error. The shutdown date of a model is logged as a warning.
    """
    for model in models:
        reply = await _look_up(api, model, stop, _waits(patience_seconds, clock))
        if stop.is_requested():
            return False
        if reply.shortage is not None:
            stop.request(StopReason.RESOURCES, reply.shortage)
            return False
        if reply.fault is not None and patience_seconds is not None:
            stop.request(StopReason.OUTAGE, _away(reply, patience_seconds))
            return False
        if sentence := fatal_reason(reply):
            stop.request(StopReason.ACCOUNT, sentence)
            return False
        _warn(model, reply)
    return True


def _warn(model: str, reply: Reply) -> None:
    if warning := look_up_warning(reply):
        log.warning("%s", warning)
    if date := shutdown_date(reply):
        log.warning("%s", shutdown_sentence(model, date))


def _waits(patience_seconds: float | None, clock: Callable[[], float]) -> Iterator[float]:
    """Yield the growing waits between the tries; with a patience, the last try is made when it is used up."""
    if patience_seconds is None:
        yield from (2.0**number for number in range(TRIES - 1))
        return
    wait, deadline = FIRST_PAUSE_SECONDS, clock() + patience_seconds
    while (left := deadline - clock()) > 0:
        yield min(wait, left)
        wait = min(2 * wait, MAX_PAUSE_SECONDS)


async def _look_up(api: Api, model: str, stop: Stop, waits: Iterator[float]) -> Reply:
    reply = await api.look_up_model(model)
    for wait in waits:
        if reply.fault is None or stop.is_requested():
            break
        log.info("cannot reach the API (%s); retry in %s", reply.message, duration_text(max(1.0, wait)))
        await _pause(stop, wait)
        reply = await api.look_up_model(model)
    return reply


def _away(reply: Reply, patience_seconds: float) -> str:
    waited = f" for {duration_text(patience_seconds)}" if patience_seconds else ""
    return (
        f"the API could not be reached{waited} ({reply.message}); "
        "check the network and OPENAI_BASE_URL, or run the same command again later."
    )


async def _pause(stop: Stop, seconds: float) -> None:
    try:
        await stop.sleep(seconds)
    except RunStoppingError:
        return
