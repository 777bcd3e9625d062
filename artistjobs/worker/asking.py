"""Requests of claimed jobs and checks of their answers; what a prompt configuration determines is built once."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from artistjobs.core.correction import correction
from artistjobs.core.job import Claim
from artistjobs.core.prompt import Body, Prompt, request_builder
from artistjobs.core.schema import Check, RejectedAnswer, compile_check
from artistjobs.errors import PromptError
from artistjobs.store.interface import Records

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Asked:
    build: Callable[[str, str], Body]
    check: Check | None


class Asking:
    """Builds the requests of a run and checks the answers that must fit a schema."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._asked: dict[int, _Asked] = {}

    def request(self, claim: Claim, rejected: RejectedAnswer | None) -> Body:
        """Return the request body for a claim; with a rejected answer, the request for its correction.

        Raises PromptError if the template cannot be rendered for the row.
        """
        body = self._of(claim).build(claim.artist_name, claim.artist_data)
        return body if rejected is None else correction(body, rejected)

    def check(self, claim: Claim, text: str) -> str | None:
        """Return the reason why the text of an answer does not fit its schema, None if it fits or there is none."""
        check = self._of(claim).check
        return None if check is None else check(text)

    def rejected(self, claim: Claim) -> Sequence[RejectedAnswer]:
        """Return the answers that earlier attempts at a claimed job rejected, the oldest first."""
        if claim.attempt == 1 or self._of(claim).check is None:
            return ()
        return self._records.rejected_answers(claim.job, claim.attempt)

    def _of(self, claim: Claim) -> _Asked:
        asked = self._asked.get(claim.prompt)
        if asked is None:
            prompt = self._records.prompt(claim.prompt)
            asked = self._asked[claim.prompt] = _Asked(request_builder(prompt), _check_of(prompt))
        return asked


def _check_of(prompt: Prompt) -> Check | None:
    schema = prompt.schema
    if schema is None:
        return None
    try:
        return compile_check(schema)
    except PromptError as error:
        # Only a version that did not check answers can have stored such a schema.
        log.warning("the answers are not checked, because the schema of the request cannot be used: %s", error)
        return None
