"""Correction of an answer that does not fit its schema: the request that asks again, with what was wrong."""

from artistjobs.core.json_values import Json
from artistjobs.core.prompt import Body
from artistjobs.core.schema import RejectedAnswer

MAX_REPEATED_CHARACTERS = 50_000
"""Characters of a rejected answer that a correction repeats; a longer one is cut, because it is paid for as input."""


def correction(body: Body, rejected: RejectedAnswer) -> Body:
    """Return the request that asks for a correction: the conversation so far, and the reason for the rejection.

    The conversation is sent again as a whole, so that a correction also works where the API stores no answers.
    """
    asked = body.get("input")
    before: list[Json] = asked if isinstance(asked, list) else []
    if isinstance(asked, str):
        before = [_message("user", asked)]
    reason = f"Your answer is rejected: {rejected.reason}. Send the whole corrected answer as JSON, and nothing else."
    answer = rejected.text[:MAX_REPEATED_CHARACTERS]
    return {**body, "input": [*before, _message("assistant", answer), _message("user", reason)]}


def _message(role: str, content: str) -> Json:
    return {"role": role, "content": content}
