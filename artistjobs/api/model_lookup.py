"""What the reply to a model look-up means for a run."""

from datetime import UTC, datetime

from artistjobs.api.classify import classify_error
from artistjobs.api.remedies import fatal_message
from artistjobs.api.reply import Reply
from artistjobs.core.attempt import Failure, FailureKind
from artistjobs.core.formatting import truncate
from artistjobs.core.json_values import parse_json

NOT_FOUND = 404


OK = 200


def fatal_reason(reply: Reply) -> str:
    """Return why no call could work, from the reply to a look-up; empty if one might."""
    if reply.fault is not None:
        return f"the API cannot be reached ({reply.message}); check the network and OPENAI_BASE_URL, then run again."
    if reply.status is None or reply.status < 400:  # noqa: PLR2004
        return ""
    failure = classify_error(reply)
    return fatal_message(failure) if _is_told(reply, failure) else ""


def _is_told(reply: Reply, failure: Failure) -> bool:
    """Say whether a refusal is about the key or the model, and not about the look-up itself."""
    if reply.status == NOT_FOUND:
        return failure.code == "model_not_found" or failure.param == "model"
    return failure.kind is FailureKind.FATAL


def shutdown_date(reply: Reply) -> str | None:
    """Return the day on which a model is to end, from the reply to a look-up; None if none is told."""
    found = parse_json(reply.body) if reply.status == OK else None
    date = found.get("shutdown_date") if isinstance(found, dict) else None
    if isinstance(date, int | float) and not isinstance(date, bool):
        return _day(date)
    return truncate(date) if isinstance(date, str) and date else None


def shutdown_sentence(model: str, date: str) -> str:
    """Return the warning of a model's end."""
    return f"{model} is to be shut down on {date}; name another model with --model before then"


def _day(seconds: float) -> str | None:
    try:
        return datetime.fromtimestamp(seconds, UTC).date().isoformat()
    except (ValueError, OverflowError, OSError):
        return None
