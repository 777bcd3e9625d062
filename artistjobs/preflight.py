"""One free request per model before the first call: is the key good, is the model there, and for how long."""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime

from artistjobs.api import Api
from artistjobs.judge import judge_refusal
from artistjobs.outcome import Failure, Reach
from artistjobs.reply import Reply, parse_json
from artistjobs.stop import Reason, Stop, StoppingError
from artistjobs.terminal import brief
from artistjobs.trouble import account_trouble

log = logging.getLogger("artistjobs")

TRIES = 4
"""How often a server that cannot be reached is tried before the run is given up, 1, 2 and 4 s apart."""

NOT_FOUND = 404
OK = 200


async def check_models(api: Api, models: Sequence[str], stop: Stop) -> bool:
    """Look every model up; False, with the stop requested, if no call could work.

    A server that does not have the look-up is no error.
    """
    for model in models:
        reply = await _look_up(api, model, stop)
        if stop.is_requested():
            return False
        if sentence := why_hopeless(reply):
            stop.request(Reason.ACCOUNT, sentence)
            return False
        if date := shutdown_date(reply):
            log.warning("%s", shutdown_sentence(model, date))
    return True


async def _look_up(api: Api, model: str, stop: Stop) -> Reply:
    reply = await api.look_up_model(model)
    for wait in (2.0**number for number in range(TRIES - 1)):
        if reply.fault is None or stop.is_requested():
            break
        log.info("cannot reach the API (%s); again in %.0f s", reply.message, wait)
        await _pause(stop, wait)
        reply = await api.look_up_model(model)
    return reply


async def _pause(stop: Stop, seconds: float) -> None:
    try:
        await stop.sleep(seconds)
    except StoppingError:
        return


def why_hopeless(reply: Reply) -> str:
    """Return why no call could work, from the reply to a look-up; empty if one might."""
    if reply.fault is not None:
        return f"the API cannot be reached ({reply.message}); check the network and OPENAI_BASE_URL, then run again."
    if reply.status is None or reply.status < 400:  # noqa: PLR2004
        return ""
    failure = judge_refusal(reply)
    return account_trouble(failure) if _is_told(reply, failure) else ""


def _is_told(reply: Reply, failure: Failure) -> bool:
    """Say whether a refusal is about the key or the model, and not about the look-up itself."""
    if reply.status == NOT_FOUND:
        return failure.code == "model_not_found" or failure.param == "model"
    return failure.reach is Reach.RUN


def shutdown_date(reply: Reply) -> str | None:
    """Return the day on which a model is to end, from the reply to a look-up; None if none is told."""
    found = parse_json(reply.body) if reply.status == OK else None
    date = found.get("shutdown_date") if isinstance(found, dict) else None
    if isinstance(date, int | float) and not isinstance(date, bool):
        return _day(date)
    return brief(date) if isinstance(date, str) and date else None


def shutdown_sentence(model: str, date: str) -> str:
    """Return the warning of a model's end."""
    return f"{model} is to be shut down on {date}; name another model with --model before then"


def _day(seconds: float) -> str | None:
    try:
        return datetime.fromtimestamp(seconds, UTC).date().isoformat()
    except (ValueError, OverflowError, OSError):
        return None
