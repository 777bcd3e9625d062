"""Text about batches for people: their state, their age, and how far the service is."""

from artistjobs.core.batch import BatchState
from artistjobs.core.formatting import count_text, duration_text
from artistjobs.core.timestamps import from_timestamp
from artistjobs.store.models import BackgroundAnswers, BatchRecord


def state_text(record: BatchRecord) -> str:
    """Return the state of a batch: that at the service once it is there, and how it ended."""
    if record.state in (BatchState.COLLECTED, BatchState.CLOSED):
        return record.ending or record.state.value
    if record.cancel_asked_at:
        return "cancelling"
    if record.state is BatchState.SUBMITTED:
        return (record.service_status or record.state.value).replace("_", " ")
    return record.state.value


def age_seconds(record: BatchRecord, now: float) -> float:
    """Return the time from the creation of a batch to its end, or to now."""
    ended_at = record.ended_at or record.closed_at
    return max(0.0, (from_timestamp(ended_at) if ended_at else now) - from_timestamp(record.created_at))


def answered(record: BatchRecord) -> int:
    """Return the number of requests that the service is done with, as far as it said."""
    return (record.service_completed or 0) + (record.service_failed or 0)


def background_line(background: BackgroundAnswers, now: float) -> str:
    """Return in one line how many answers are made in the background, and since when."""
    since = 0.0 if background.oldest_at is None else max(0.0, now - from_timestamp(background.oldest_at))
    return f"in the background: {count_text(background.answers, 'answer')}, the oldest for {duration_text(since)}"


def batch_line(record: BatchRecord, now: float) -> str:
    """Return the state of a batch in one line."""
    return (
        f"batch {record.id}: {state_text(record)}, {answered(record):,} of {record.lines:,} answered, "
        f"{duration_text(age_seconds(record, now))}"
    )
