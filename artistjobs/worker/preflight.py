"""Preflight check: one free request per model before the first call finds a bad key, or a missing or retiring model."""

import logging
from collections.abc import Sequence

from artistjobs.api.interface import Api
from artistjobs.api.model_lookup import fatal_reason, shutdown_date, shutdown_sentence
from artistjobs.api.reply import Reply
from artistjobs.worker.stop import RunStoppingError, Stop, StopReason

log = logging.getLogger(__name__)


TRIES = 4
"""Requests to a server that cannot be reached before the run is given up; the waits between them are 1, 2 and 4 s."""


async def check_models(api: Api, models: Sequence[str], stop: Stop) -> bool:
    """Look up each model; return False, with a stop requested, if no call could succeed.

    A server that does not support the look-up is no error. The shutdown date of a model is logged as a warning.
    """
    for model in models:
        reply = await _look_up(api, model, stop)
        if stop.is_requested():
            return False
        if reply.shortage is not None:
            stop.request(StopReason.RESOURCES, reply.shortage)
            return False
        if sentence := fatal_reason(reply):
            stop.request(StopReason.ACCOUNT, sentence)
            return False
        if date := shutdown_date(reply):
            log.warning("%s", shutdown_sentence(model, date))
    return True


async def _look_up(api: Api, model: str, stop: Stop) -> Reply:
    reply = await api.look_up_model(model)
    for wait in (2.0**number for number in range(TRIES - 1)):
        if reply.fault is None or stop.is_requested():
            break
        log.info("cannot reach the API (%s); retry in %.0f s", reply.message, wait)
        await _pause(stop, wait)
        reply = await api.look_up_model(model)
    return reply


async def _pause(stop: Stop, seconds: float) -> None:
    try:
        await stop.sleep(seconds)
    except RunStoppingError:
        return
