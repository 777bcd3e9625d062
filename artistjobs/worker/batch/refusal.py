"""Refusal of a whole batch: the reason that the service gives, and what follows from it."""

import re
from dataclasses import dataclass
from enum import Enum, auto

from artistjobs.api.batch_objects import BatchError, RemoteBatch
from artistjobs.api.error_kind import verdict_on
from artistjobs.api.error_reply import ErrorReply
from artistjobs.core.attempt import FailureKind

QUEUE_IS_FULL = "token_limit_exceeded"


BAD_REQUEST = 400


class Consequence(Enum):
    """Consequence of a refusal; the jobs of the batch are pending again in any case."""

    WAIT_FOR_ROOM = auto()  # the token queue is full
    TRY_AGAIN = auto()  # the service is at fault
    STOP = auto()  # every batch would be refused


@dataclass(frozen=True, slots=True)
class Refusal:
    """Refusal of a batch; ``limit`` is the limit of the token queue that it named."""

    code: str
    message: str
    consequence: Consequence
    limit: int | None = None


def refusal_of(remote: RemoteBatch) -> Refusal:
    """Return the refusal of a batch that the service failed."""
    error = remote.errors[0] if remote.errors else BatchError(None, "the service gave no reason", None, None)
    if error.code == QUEUE_IS_FULL:
        return Refusal(QUEUE_IS_FULL, error.message, Consequence.WAIT_FOR_ROOM, _limit_in(error.message))
    if error.code is None or _MISSING_FILE.search(error.message):
        # Reported for files that exist; the same file is found some minutes later.
        return Refusal(error.code or "failed", error.message, Consequence.TRY_AGAIN)
    verdict = verdict_on(BAD_REQUEST, ErrorReply(code=error.code, message=error.message), error.message)
    is_passing = verdict.kind is FailureKind.RETRYABLE
    return Refusal(error.code, _located(error), Consequence.TRY_AGAIN if is_passing else Consequence.STOP)


_MISSING_FILE = re.compile(r"cannot find file|does not have access to (it|file)", re.IGNORECASE)


_LIMIT = re.compile(r"Limit: ([\d,]+)")


def _limit_in(message: str) -> int | None:
    found = _LIMIT.search(message)
    return int(found[1].replace(",", "")) if found else None


def _located(error: BatchError) -> str:
    where = f" (line {error.line})" if error.line is not None else ""
    what = f", at {error.param}" if error.param else ""
    return f"{error.message}{where}{what}"
