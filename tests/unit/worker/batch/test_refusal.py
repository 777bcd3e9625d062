"""Refusals of whole batches: which are waited for, which are tried again, and which stop the run."""

import pytest

from artistjobs.api.batch_objects import BatchError, RemoteBatch
from artistjobs.worker.batch.refusal import Consequence, refusal_of

QUEUE = (
    "Enqueued token limit reached for gpt-5 in organization org-1. Limit: 1,350,000 enqueued tokens. Please try again "
    "once some in_progress batches have been completed."
)
MISSING = "Cannot find file file-1, or organization org-1 does not have access to it."


def refused(code, message="it is wrong", line=None, param=None):
    return refusal_of(RemoteBatch(id="b", status="failed", errors=(BatchError(code, message, line, param),)))


@pytest.mark.parametrize(
    ("code", "message", "consequence"),
    [
        ("token_limit_exceeded", QUEUE, Consequence.WAIT_FOR_ROOM),
        ("invalid_request", MISSING, Consequence.TRY_AGAIN),
        (None, "nothing", Consequence.TRY_AGAIN),
        ("invalid_json_line", "This line is not parseable.", Consequence.STOP),
        ("model_mismatch", "One model only.", Consequence.STOP),
        ("billing_hard_limit_reached", "Billing hard limit has been reached.", Consequence.STOP),
        ("invalid_request", "Model parameter is required.", Consequence.STOP),
    ],
)
def test_a_refusal_has_its_consequence(code, message, consequence):
    assert refused(code, message).consequence is consequence


def test_a_full_queue_names_its_limit():
    assert refused("token_limit_exceeded", QUEUE).limit == 1_350_000
    assert refused("token_limit_exceeded", "full").limit is None


def test_a_refusal_names_the_line_and_the_field():
    assert refused("invalid_request", "Required.", 3, "body.model").message == "Required. (line 3), at body.model"


def test_a_batch_that_failed_without_a_reason_is_tried_again():
    assert refusal_of(RemoteBatch(id="b", status="failed")).consequence is Consequence.TRY_AGAIN
