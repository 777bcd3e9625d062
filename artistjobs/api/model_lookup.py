"""Reply to a model look-up: the reason why a run cannot work, and the model's shutdown date."""

import re
from datetime import UTC, datetime

from artistjobs.api.classify import classify_error
from artistjobs.api.remedies import failure_text, fatal_message
from artistjobs.api.reply import Reply
from artistjobs.core.attempt import Failure, FailureKind
from artistjobs.core.formatting import truncate
from artistjobs.core.json_values import parse_json

NOT_FOUND = 404


FORBIDDEN = 403


_NO_RIGHT_TO_LOOK = re.compile(r"missing scope|insufficient permission", re.IGNORECASE)
"""Words with which OpenAI refuses the look-up, but not necessarily calls, to a restricted key (November 2026)."""


OK = 200


def fatal_reason(reply: Reply) -> str:
    """Return the reason why no call can succeed, from the reply to a look-up; empty if calls may succeed."""
    if reply.fault is not None:
        return f"the API cannot be reached ({reply.message}); check the network and OPENAI_BASE_URL, then run again."
    if reply.status is None or reply.status < 400:  # noqa: PLR2004
        return ""
    failure = classify_error(reply)
    return fatal_message(failure) if _is_told(reply, failure) else ""


def _is_told(reply: Reply, failure: Failure) -> bool:
    """Return True if a refusal concerns the key or the model, and not the look-up itself."""
    if reply.status == NOT_FOUND:
        return failure.code == "model_not_found" or failure.param == "model"
    return failure.kind is FailureKind.FATAL and not _is_forbidden_look_up(reply, failure)


def look_up_warning(reply: Reply) -> str:
    """Return the warning that a key may not look up models, although it may make calls; empty if it may."""
    if reply.fault is not None or reply.status is None or reply.status < 400:  # noqa: PLR2004
        return ""
    failure = classify_error(reply)
    if not _is_forbidden_look_up(reply, failure):
        return ""
    return f"the key may not look up the model ({failure_text(failure)}); the first call will show whether it works"


def _is_forbidden_look_up(reply: Reply, failure: Failure) -> bool:
    """Return True if a server refuses the look-up for lack of rights, or a gateway refuses it with a page."""
    is_page = reply.status == FORBIDDEN and failure.code == f"http_{FORBIDDEN}" and failure.type is None
    return is_page or _NO_RIGHT_TO_LOOK.search(failure.message) is not None


def shutdown_date(reply: Reply) -> str | None:
    """Return the shutdown date of a model, from the reply to a look-up; None if the reply has none."""
    found = parse_json(reply.body) if reply.status == OK else None
    date = found.get("shutdown_date") if isinstance(found, dict) else None
    if isinstance(date, int | float) and not isinstance(date, bool):
        return _day(date)
    return truncate(date) if isinstance(date, str) and date else None


def shutdown_sentence(model: str, date: str) -> str:
    """Return the warning that a model will be shut down."""
    return f"{model} will be shut down on {date}; name another model with --model before then"


def _day(seconds: float) -> str | None:
    try:
        return datetime.fromtimestamp(seconds, UTC).date().isoformat()
    except (ValueError, OverflowError, OSError):
        return None
