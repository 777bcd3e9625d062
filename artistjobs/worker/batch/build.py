"""Input file of a batch: the lines of its jobs, as many as fit, in a temporary file."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from time import time
from typing import IO, Final

from artistjobs.core.attempt import Attempt, Failure, FailureKind, Outcome
from artistjobs.core.batch import MAX_BYTES, custom_id, estimated_tokens, line_of
from artistjobs.core.formatting import truncate
from artistjobs.core.job import Claim
from artistjobs.core.prompt import Body
from artistjobs.errors import PromptError
from artistjobs.worker.active_job import Requests
from artistjobs.worker.answer_checks import AnswerChecks, Corrections
from artistjobs.worker.limits.budget import Budget
from artistjobs.worker.stop import RunStoppingError, Stop
from artistjobs.worker.store_client import StoreClient

log = logging.getLogger(__name__)


PAGE_JOBS: Final = 500
"""Jobs that are read and rendered between two looks at the event loop."""


@dataclass(slots=True, kw_only=True)
class Room:
    """Limits of one batch; None is no limit. The first line need not fit into the tokens."""

    tokens: int | None = None
    usd: float | None = None
    max_bytes: int = MAX_BYTES


@dataclass(slots=True)
class Content:
    """Lines in the file of a batch, and what they amount to; ``least_usd`` is what the first line too many needs."""

    file: IO[bytes]
    lines: int = 0
    size: int = 0
    tokens: int = 0
    usd: float = 0.0
    last_job: int = 0
    least_usd: float | None = None

    def add(self, job: int, line: bytes, usd: float) -> None:
        """Write a line."""
        self.file.write(line)
        self.lines += 1
        self.size += len(line)
        self.tokens += estimated_tokens(line)
        self.usd += usd
        self.last_job = job

    def fits(self, line: bytes, usd: float, room: Room) -> bool:
        """Return True if there is room for another line."""
        if room.usd is not None and self.usd + usd > room.usd:
            self.least_usd = usd
            return False
        if self.size + len(line) > room.max_bytes:
            return False
        return not self.lines or room.tokens is None or self.tokens + estimated_tokens(line) <= room.tokens


@dataclass(frozen=True, slots=True)
class BatchBuilder:
    """Renders the jobs of a batch. The same jobs always give the same lines, so that no file has to be kept."""

    requests: Requests
    checks: AnswerChecks
    corrections: int
    budget: Budget
    store_client: StoreClient
    stop: Stop
    has_cap: Callable[[], bool]

    async def build(self, batch: int, file: IO[bytes], room: Room | None) -> Content:
        """Write the lines of the jobs that a batch holds, as far as there is room; without ``room`` all of them.

        A job whose template cannot be rendered fails. Raises RunStoppingError and StoreError.
        """
        content, after = Content(file), 0
        while page := await self._page(batch, after):
            for claim in page:
                if (body := await self._body(batch, claim)) is None:
                    content.last_job = claim.job
                elif not self._add(content, claim, body, room):
                    return content
            after = page[-1].job
            if self.stop.is_requested():
                raise RunStoppingError
        return content

    def _add(self, content: Content, claim: Claim, body: Body, room: Room | None) -> bool:
        line = line_of(custom_id(claim.job, claim.attempt), body)
        hold = self.budget.worst_case(claim.prompt, body) if self.has_cap() and room is not None else None
        usd = 0.0 if hold is None else hold.usd + hold.margin_usd
        if room is not None and not content.fits(line, usd, room):
            return False
        content.add(claim.job, line, usd)
        return True

    async def _page(self, batch: int, after: int) -> list[Claim]:
        return list(await self.store_client.call(lambda store: store.batches.jobs(batch, after, PAGE_JOBS)))

    async def _body(self, batch: int, claim: Claim) -> Body | None:
        try:
            body = await self.requests(claim)
        except PromptError as error:
            await self._fail(batch, claim, str(error))
            return None
        return Corrections(self.checks, self.corrections).corrected(claim, body)

    async def _fail(self, batch: int, claim: Claim, message: str) -> None:
        log.info("%s: failed: template_error: %s", truncate(claim.artist_name), message)
        failure, now = Failure(kind=FailureKind.PERMANENT, code="template_error", message=message), time()
        attempt = Attempt(
            claim=claim, outcome=Outcome.FAILED, started_at=now, ended_at=now, calls=0, failure=failure
        )  # fmt: skip
        await self.store_client.call(lambda store: store.batches.settle(batch, [attempt]))
