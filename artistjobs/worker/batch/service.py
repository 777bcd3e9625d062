"""The service of batches: requests that change nothing are repeated until it says something certain."""

import logging
from collections.abc import Awaitable, Callable
from math import inf
from typing import Final, TypeVar

from artistjobs.api.batch_objects import RemoteBatch, RemoteFile, batches_in, files_in, has_more
from artistjobs.api.classify import classify_error
from artistjobs.api.interface import BatchApi
from artistjobs.api.remedies import failure_text, fatal_message
from artistjobs.api.reply import Reply, retry_after_seconds
from artistjobs.core.attempt import Failure, FailureKind
from artistjobs.core.formatting import duration_text
from artistjobs.worker.batch.pace import Pace
from artistjobs.worker.stop import RunStoppingError, Stop, StopReason

log = logging.getLogger(__name__)


Request = Callable[[], Awaitable[Reply]]


Listed = TypeVar("Listed", RemoteBatch, RemoteFile)


NOT_FOUND, CONFLICT, BAD_REQUEST, TOO_MANY = 404, 409, 400, 429


PAGES_MAX: Final = 1000
"""Pages of a list that are read at most."""


UNCERTAIN_STATUSES: Final = frozenset({408, 409})
"""Statuses of refusals after which a request may have had its effect all the same."""


class BatchService:
    """Requests to the API of batches for one process, with one patience for all of them."""

    def __init__(
        self, api: BatchApi, stop: Stop, pace: Pace, patience_seconds: float, clock: Callable[[], float]
    ) -> None:
        self.api = api
        self.pace = pace
        self._stop = stop
        self._patience_seconds = patience_seconds
        self._clock = clock
        self._away_since: float | None = None
        self._refusals = 0

    async def sleep(self, seconds: float) -> None:
        """Sleep; a pause of the run does not end it. Raises RunStoppingError as soon as the run stops."""
        await self._stop.sleep_unless_stopped(seconds)

    async def until_certain(self, request: Request) -> Reply:
        """Repeat a request that may be repeated until the reply is a success, or a 404 or 409.

        Raises:
            RunStoppingError: if the run stops, also because the service is away for too long or refuses the account.

        """
        waits = self.pace.retries()
        while not self.is_told(reply := await request()):
            await self.wait_after(reply, next(waits))
        return reply

    def is_told(self, reply: Reply) -> bool:
        """Return True if a reply says something certain about an object of the service."""
        if reply.fault is not None or reply.status is None or not _is_certain(reply.status):
            return False
        self._away_since, self._refusals = None, 0
        return True

    async def wait_after(self, reply: Reply, seconds: float) -> None:
        """Wait after a failed request, as long as the service asks for. Raises RunStoppingError."""
        if reply.shortage is not None:
            self._stop.request(StopReason.RESOURCES, reply.shortage)
            raise RunStoppingError
        failure = failure_of(reply)
        self._refuse(failure)
        now = self._clock()
        self._away_since = self._away_since or now
        if now - self._away_since >= self._patience_seconds:
            self._stop.request(StopReason.OUTAGE, _away_sentence(failure, self._patience_seconds))
            raise RunStoppingError
        log.debug("the service of batches: %s; again in %.1f s", failure_text(failure), seconds)
        await self.sleep(max(seconds, retry_after_seconds(reply) or 0.0))

    def _refuse(self, failure: Failure) -> None:
        """Stop the run for a refusal that concerns the account. Raises RunStoppingError."""
        if failure.kind is not FailureKind.FATAL:
            return
        self._refusals += 1
        if not failure.is_doubtful or self._refusals > 1:
            self._stop.request(StopReason.ACCOUNT, fatal_message(failure))
            raise RunStoppingError

    async def find_files(self, name: str, since: float) -> list[RemoteFile]:
        """Return the files with a name that were created since a time, the newest first."""
        files = await self._listed(self.api.list_files, files_in, since)
        return [file for file in files if file.filename == name]

    async def find_batches(self, uuid: str, file_id: str | None, since: float) -> list[RemoteBatch]:
        """Return the batches of a file or with a uuid that were created since a time, the oldest first."""
        batches = await self._listed(self.api.list_batches, batches_in, since)
        found = [batch for batch in batches if batch.uuid == uuid or (file_id and batch.input_file_id == file_id)]
        return sorted(found, key=lambda batch: (batch.created_at or 0, batch.id))

    async def _listed(
        self,
        page_after: Callable[[str | None], Awaitable[Reply]],
        read: Callable[[Reply], list[Listed] | None],
        since: float,
    ) -> list[Listed]:
        """Return all objects of a list since a time; it is read to its end unless the newest evidently come first."""
        found: dict[str, Listed] = {}
        after: str | None = None
        newest, is_in_order = inf, True
        for _ in range(PAGES_MAX):
            reply = await self.until_certain(lambda after=after: page_after(after))  # type: ignore[misc]
            page = read(reply) or []
            found |= {one.id: one for one in page}
            for one in page:
                created_at = inf if one.created_at is None else one.created_at
                is_in_order, newest = is_in_order and created_at <= newest, created_at
            if (is_in_order and newest < since) or not page or not has_more(reply):
                break
            after = page[-1].id
        return list(found.values())


def failure_of(reply: Reply) -> Failure:
    """Return the failure of a reply that is no success."""
    if reply.fault is not None:
        return Failure(kind=FailureKind.RETRYABLE, code=reply.fault, message=reply.message)
    if reply.status is not None and 200 <= reply.status < BAD_REQUEST:  # noqa: PLR2004
        message = f"the reply is not what the API documents: {reply.beginning}"
        return Failure(kind=FailureKind.RETRYABLE, code="unexpected_reply", message=message, status=reply.status)
    return classify_error(reply)


def is_refused(reply: Reply) -> bool:
    """Return True if a request has certainly had no effect: it was refused, or not sent."""
    if reply.fault is not None:
        return not reply.was_sent
    status = reply.status or 0
    return BAD_REQUEST <= status < 500 and status not in UNCERTAIN_STATUSES  # noqa: PLR2004


def _is_certain(status: int) -> bool:
    return 200 <= status < 300 or status in (NOT_FOUND, CONFLICT)  # noqa: PLR2004


def _away_sentence(failure: Failure, patience_seconds: float) -> str:
    waited = f" for {duration_text(patience_seconds)}" if patience_seconds else ""
    return (
        f"the Batch API did not answer{waited}: {failure_text(failure)}; batches that were submitted go on at the "
        "service; run the same command again later."
    )
