"""Decision on a job after a call, the attempt and the log line that result from it, and the sentences for a stop."""

import logging
from dataclasses import dataclass, replace
from enum import Enum, auto

from artistjobs.api.remedies import failure_text
from artistjobs.core.attempt import Attempt, Failure, Outcome
from artistjobs.core.formatting import duration_text, truncate
from artistjobs.core.job import Claim
from artistjobs.terminal.log import repeats

log = logging.getLogger(__name__)


class Sentence(Enum):
    """Decision on a job after a call."""

    CALL_AGAIN = auto()
    FAIL = auto()
    GIVE_BACK = auto()


@dataclass(frozen=True, slots=True)
class Decision:
    """Decision on a job, and the delay in seconds of a job that is given back."""

    sentence: Sentence
    delay_seconds: float = 0.0


CALL_AGAIN, FAIL = Decision(Sentence.CALL_AGAIN), Decision(Sentence.FAIL)


def outage_sentence(failure: Failure, patience_seconds: float) -> str:
    """Return the message of a run that stops because the service is away."""
    if failure.is_flex_full:
        return (
            "the flex tier had no capacity; run the same command again later, "
            "or with --flex-fallback 2 to continue at the standard tier."
        )
    waited = f" for {duration_text(patience_seconds)}" if patience_seconds else ""
    return f"the service did not answer{waited}: {failure_text(failure)}; run the same command again later."


def refused_sentence(rows: int, failure: Failure) -> str:
    """Return the message of a run that stops because many rows in a row were refused alike."""
    were = "row was" if rows == 1 else "rows in a row were"
    return (
        f"{rows:,} {were} refused with {failure_text(failure)}; "
        "fix the prompt or the parameters and ingest again, then run the same command again."
    )


def log_given_back(claim: Claim, failure: Failure) -> None:
    """Log that a job is pending again."""
    why = failure_text(failure)
    log.info(
        "%s: pending again, no attempt counted: %s", truncate(claim.artist_name), why,
        extra=repeats("jobs given back", failure.code),
    )  # fmt: skip


def released_to_retry(attempt: Attempt, *, uncounted: int, available_at: float) -> Attempt:
    """Return an attempt as the one that makes its job pending again."""
    return replace(attempt, outcome=Outcome.RELEASED, uncounted=uncounted, available_at=available_at)
