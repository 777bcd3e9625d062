"""Batches: their states, the limits of the service, the size of a request in a batch, and the token queue."""

import json
from collections.abc import Mapping
from enum import StrEnum

import orjson

from artistjobs.core.prompt import Body

MAX_LINES = 50_000
"""Most lines of a batch (OpenAI's guide to the Batch API, November 2026)."""


MAX_BYTES = 200_000_000
"""Most bytes of a batch: the guide says 200 MB, which is less than 200 MiB."""


ENDPOINT = "/v1/responses"


BYTES_PER_TOKEN = 4
"""Bytes of a line for a token of the estimate; JSON around a text makes the estimate higher than the count."""


class BatchState(StrEnum):
    """State of a batch. Each is on disk before the step that follows it."""

    PREPARED = "prepared"  # jobs are bound to it; nothing was uploaded
    SEALED = "sealed"  # its lines are final; the file may be at the service
    UPLOADED = "uploaded"  # the file is at the service
    CREATING = "creating"  # the batch may be at the service
    SUBMITTED = "submitted"  # the batch is at the service
    ENDED = "ended"  # the service is done with it; results can be read
    COLLECTED = "collected"  # every job is settled or pending again; files may be at the service
    CLOSED = "closed"  # nothing is left to do


BATCH_MOVES: Mapping[BatchState, frozenset[BatchState]] = {
    BatchState.PREPARED: frozenset({BatchState.SEALED, BatchState.COLLECTED}),
    BatchState.SEALED: frozenset({BatchState.UPLOADED, BatchState.COLLECTED}),
    BatchState.UPLOADED: frozenset({BatchState.CREATING, BatchState.COLLECTED}),
    # back to uploaded: the service has certainly not created it
    BatchState.CREATING: frozenset({BatchState.UPLOADED, BatchState.SUBMITTED, BatchState.COLLECTED}),
    # to collected without results: the service no longer knows it, or has refused it as a whole
    BatchState.SUBMITTED: frozenset({BatchState.ENDED, BatchState.COLLECTED}),
    BatchState.ENDED: frozenset({BatchState.COLLECTED}),
    BatchState.COLLECTED: frozenset({BatchState.CLOSED}),
    BatchState.CLOSED: frozenset(),
}


AT_SERVICE = frozenset({BatchState.CREATING, BatchState.SUBMITTED, BatchState.ENDED})
"""States in which the service may have the batch, and may bill it."""


_LEFT_OUT = frozenset({"service_tier", "stream", "stream_options", "background", "background_options"})
"""Fields that the Batch API refuses or does not document: a batch has a tier of its own and waits for no stream."""


def line_of(custom_id: str, body: Body) -> bytes:
    """Return a request as a line of the input file of a batch; lone surrogates are escaped."""
    is_whole = _LEFT_OUT.isdisjoint(body)
    sent: Body = body if is_whole else {name: value for name, value in body.items() if name not in _LEFT_OUT}
    line: Body = {"custom_id": custom_id, "method": "POST", "url": ENDPOINT, "body": sent}
    try:
        # The fields stay in their order: what all requests share comes first, for the prompt cache.
        return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:  # a lone surrogate, or an integer of more than 64 bits
        return _encode_as_ascii(line).encode() + b"\n"


_encode_as_ascii = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def estimated_tokens(line: bytes) -> int:
    """Return the estimated input tokens of a line."""
    return len(line) // BYTES_PER_TOKEN + 1


def custom_id(job: int, attempt: int) -> str:
    """Return the id of a line: unique in its batch, and different for each attempt at a job."""
    return f"{job}-{attempt}"


def job_of(custom_id: str) -> tuple[int, int] | None:
    """Return the job and the attempt of a line's id, None if it is not one of ours."""
    job, _, attempt = custom_id.partition("-")
    if not (job.isascii() and job.isdecimal() and attempt.isascii() and attempt.isdecimal()):
        return None
    return int(job), int(attempt)


def file_name(uuid: str) -> str:
    """Return the name of the input file of a batch, by which it is found again."""
    return f"artistjobs-{uuid}.jsonl"


METADATA_KEY = "artistjobs"
"""Key of the metadata of a batch that holds its uuid, by which it is found again."""


def learned_limit(*, refused: int, queued: int, told: int | None) -> int:
    """Return the tokens that the queue of the service holds at most, after it refused a batch.

    Args:
        refused: Estimated tokens of the refused batch.
        queued: Estimated tokens of the batches that were in the queue.
        told: The limit that the refusal named, in tokens as the service counts them.

    """
    # Beside other batches there was no room; without any, the batch itself was too large, or the estimate too low.
    learned = queued or max(1, refused // 2)
    return learned if told is None else min(told, learned)
