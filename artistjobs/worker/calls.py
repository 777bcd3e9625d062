"""Ways to make a call: live, and in the background, where the id of the answer is stored before anyone looks at it."""

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from time import monotonic, time
from typing import Final, Protocol

from artistjobs.api.classify import classify_error
from artistjobs.api.interface import Api
from artistjobs.api.remedies import failure_text, fatal_message
from artistjobs.api.reply import Reply, poll_after_seconds, retry_after_seconds
from artistjobs.core.attempt import FailureKind, Way
from artistjobs.core.formatting import duration_text
from artistjobs.core.job import Claim
from artistjobs.core.json_values import parse_json, text_of
from artistjobs.core.pricing import STANDARD_TIERS
from artistjobs.core.prompt import Body, Prompt, background_body, live_body
from artistjobs.errors import WrongUseError
from artistjobs.store.models import Submission
from artistjobs.worker.config import BackgroundOptions
from artistjobs.worker.limits.rate_limiter import Limiter
from artistjobs.worker.stop import RunStoppingError, Stop, StopReason
from artistjobs.worker.store_client import StoreClient

log = logging.getLogger(__name__)


RUNNING: Final = frozenset({"queued", "in_progress"})
"""Statuses of a response that the service has not made yet."""


POLL_SECONDS, MAX_POLL_SECONDS = 2.0, 30.0


WINDOW_POLL_SECONDS, MAX_WINDOW_POLL_SECONDS = 60.0, 600.0


POLL_GROWTH: Final = 1.5


JOBS_A_POLL: Final = 20.0
"""Jobs in flight for each look a second: looks count against the limits of the account, too."""


LAG_SECONDS: Final = 60.0
"""Time after the creation of a response in which a 404 may pass."""


NOT_FOUND, TOO_MANY = 404, 429


LOST: Final = "response_lost"
"""Code of a response that the service no longer knows; it may have been billed."""


@dataclass(frozen=True, slots=True)
class Called:
    """Reply to a call, the way in which it came, and the completion window at whose price it is billed."""

    reply: Reply
    way: Way = Way.LIVE
    window: str | None = None


class MakeCall(Protocol):
    """Makes the call for a claimed job, with the money that is held back for it in dollars."""

    async def __call__(self, claim: Claim, body: Body, reserved_usd: float) -> Called:
        """Return the reply. Raises RunStoppingError if the run stops while the service makes the answer."""


class LiveCalls:
    """Makes each call while a connection is held."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def __call__(self, claim: Claim, body: Body, reserved_usd: float) -> Called:
        """Return the reply."""
        del claim, reserved_usd
        return Called(await self._api.create(live_body(body)))


class PollGate:
    """Keeps the looks of all jobs apart: at most one a second for every ``JOBS_A_POLL`` jobs in flight.

    Looks also count as requests under the limits of the account.
    """

    def __init__(
        self,
        in_flight: Callable[[], int],
        limiter: Limiter,
        speed: float = 1.0,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._in_flight = in_flight
        self._limiter = limiter
        self._speed = speed
        self._clock = clock
        self._next_at = 0.0

    def wait(self) -> float:
        """Return the seconds until the next look may be made, and take that moment."""
        now = self._clock()
        at = max(now, self._next_at)
        self._next_at = at + JOBS_A_POLL / max(1, self._in_flight()) / self._speed
        return max(at - now, self._limiter.look())

    def refused(self, seconds: float) -> None:
        """Make no look and no call for a time, which the service asked for when it refused a look for its rate."""
        self._limiter.pause(seconds, "the limit on looks at answers")


class BackgroundCalls:
    """Creates responses in the background, stores their ids, and fetches the answers.

    A response that an earlier worker created is fetched, and not bought again. Without ``options`` no response is
    created: calls are live, but for those responses.
    """

    def __init__(
        self,
        api: Api,
        store_client: StoreClient,
        stop: Stop,
        options: BackgroundOptions | None,
        patience_seconds: float,
        gate: PollGate,
    ) -> None:
        self._api = api
        self._live = LiveCalls(api)
        self._store_client = store_client
        self._stop = stop
        self._options = options
        self._speed = 1.0 if options is None else options.speed
        self._patience_seconds = patience_seconds
        self._gate = gate

    async def __call__(self, claim: Claim, body: Body, reserved_usd: float) -> Called:
        """Return the reply. Raises RunStoppingError if the run stops while the service makes the answer."""
        submission = await self._store_client.call(lambda store: store.queue.submission(claim.job))
        if submission is None:
            if self._options is None:
                return await self._live(claim, body, reserved_usd)
            reply = await self._api.create(background_body(live_body(body), self._options.window))
            response_id = running_id(reply)
            if response_id is None:
                # An error, or a server that ignores the field and answers at once.
                return Called(reply)
            submission = Submission(
                job=claim.job, response_id=response_id, window=self._options.window, submitted_at=time(),
                reserved_usd=reserved_usd,
            )  # fmt: skip
            await self._store(submission)
        return Called(await self._fetch(submission), Way.BACKGROUND, submission.window)

    async def _store(self, submission: Submission) -> None:
        # Also if the run is cancelled now: the answer is paid for.
        await asyncio.shield(self._store_client.call(lambda store: store.queue.submit(submission)))

    async def _fetch(self, submission: Submission) -> Reply:
        """Look at a response until it is final, lost, or the run stops."""
        away_since: float | None = None
        asked_for = 0.0
        for wait in self._waits(submission.window):
            await self._sleep(max(wait, asked_for))
            await self._sleep(self._gate.wait())
            reply = await self._api.retrieve(submission.response_id)
            if reply.status == NOT_FOUND:
                if (time() - submission.submitted_at) * self._speed > LAG_SECONDS:
                    message = f"the service no longer knows {submission.response_id}, which may have been billed"
                    return Reply(fault=LOST, message=message, received_at=time())
            elif _is_told(reply):
                away_since = None
                if running_id(reply) is None:
                    return reply
                asked_for = poll_after_seconds(reply)
            else:
                away_since = away_since or monotonic()
                self._give_up(reply, monotonic() - away_since)
                asked_for = retry_after_seconds(reply) or 0.0
                if reply.status == TOO_MANY:
                    self._gate.refused(asked_for)
        raise AssertionError("the waits never end")

    def _give_up(self, reply: Reply, away_seconds: float) -> None:
        """Stop the run if looks are refused, or failed for too long. Raises RunStoppingError."""
        failure = classify_error(reply) if reply.status is not None else None
        if failure is not None and failure.kind is FailureKind.FATAL:
            self._stop.request(StopReason.ACCOUNT, fatal_message(failure))
            raise RunStoppingError
        if away_seconds >= self._patience_seconds:
            why = reply.message if failure is None else failure_text(failure)
            waited = f" for {duration_text(self._patience_seconds)}" if self._patience_seconds else ""
            self._stop.request(
                StopReason.OUTAGE,
                f"the service did not answer{waited}: {why}; answers in the background are fetched by the same "
                "command later.",
            )
            raise RunStoppingError

    def _waits(self, window: str | None) -> Iterator[float]:
        is_usual = window is None
        wait = POLL_SECONDS if is_usual else WINDOW_POLL_SECONDS
        most = MAX_POLL_SECONDS if is_usual else MAX_WINDOW_POLL_SECONDS
        while True:
            yield wait / self._speed
            wait = min(most, wait * POLL_GROWTH)

    async def _sleep(self, seconds: float) -> None:
        # A pause makes no new calls, but answers that are paid for are still fetched.
        if seconds > 0:
            await self._stop.sleep_unless_stopped(seconds)
        elif self._stop.is_requested():
            raise RunStoppingError


def running_id(reply: Reply) -> str | None:
    """Return the id of a response that the service has not made yet, None for any other reply."""
    if not _is_told(reply):
        return None
    value = parse_json(reply.body)
    if not isinstance(value, dict) or value.get("status") not in RUNNING:
        return None
    return text_of(value.get("id"))


def _is_told(reply: Reply) -> bool:
    return reply.fault is None and reply.status is not None and 200 <= reply.status < 300  # noqa: PLR2004


def ensure_in_background(prompts: Sequence[Prompt], options: BackgroundOptions) -> None:
    """Raise WrongUseError if a request of the prompts cannot be made in the background."""
    if any(prompt.param("store") is False for prompt in prompts):
        raise WrongUseError(
            "an answer in the background has to be stored by OpenAI until it is fetched; leave out --background, or "
            "ingest again without --no-store."
        )
    tiers = {prompt.service_tier for prompt in prompts} - set(STANDARD_TIERS)
    if options.window is not None and tiers:
        raise WrongUseError(
            f"--window {options.window} is for the standard tier, and prompts ask for "
            f"{', '.join(sorted(map(str, tiers)))}; leave out --window, or ingest again without --service-tier."
        )
