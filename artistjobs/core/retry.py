"""Retries and backoff between the attempts at a job: the rules are here, tenacity applies them."""

import random
from collections.abc import Awaitable, Callable
from typing import Final

from tenacity import AsyncRetrying, RetryCallState, retry_if_result, stop_after_attempt, wait_exponential
from tenacity.wait import wait_base

from artistjobs.core.attempt import Attempt, Outcome

FIRST_WAIT_SECONDS: Final = 0.5


MAX_BACKOFF_SECONDS: Final = 4.0


JITTER: Final = 0.25
"""Largest random part of a wait. Waits are 0.5, 1, 2, 4 s plus up to 25 %, so that retries do not coincide."""


FIRST_FLEX_WAIT_SECONDS: Final = 5.0


MAX_FLEX_WAIT_SECONDS: Final = 40.0
"""While the flex tier is full, waits are 5, 10, 20, 40 s: capacity returns within minutes, and refusals are free."""


class Backoff(wait_base):
    """Wait after a failed call: exponential backoff with jitter, at least as long as the server asked for.

    A correction needs no wait, because the API has just answered.
    """

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._growing = wait_exponential(multiplier=FIRST_WAIT_SECONDS, max=MAX_BACKOFF_SECONDS)
        self._for_flex = wait_exponential(multiplier=FIRST_FLEX_WAIT_SECONDS, max=MAX_FLEX_WAIT_SECONDS)

    def __call__(self, retry_state: RetryCallState) -> float:
        """Return the seconds to wait."""
        if _is_mismatch(retry_state):
            return 0.0
        growing = self._for_flex if _is_flex_full(retry_state) else self._growing
        wait = growing(retry_state) * (1 + JITTER * self._chance.random())
        return max(wait, _asked_for(retry_state))


def retrying(
    calls_left: int,
    backoff: Backoff,
    sleep: Callable[[float], Awaitable[None]],
    before_sleep: Callable[[RetryCallState], Awaitable[None]],
) -> AsyncRetrying:
    """Return the loop that repeats an attempt while its outcome is ``retry``, with at most ``calls_left`` calls.

    After the last call its attempt is returned as it is; nothing is raised.
    """
    return AsyncRetrying(
        retry=retry_if_result(_wants_retry),
        stop=stop_after_attempt(max(1, calls_left)),
        wait=backoff,
        sleep=sleep,
        before_sleep=before_sleep,
        retry_error_callback=last_attempt,
    )


def last_attempt(retry_state: RetryCallState) -> Attempt:
    """Return the attempt of the last call."""
    attempt = retry_state.outcome.result() if retry_state.outcome else None
    assert isinstance(attempt, Attempt)
    return attempt


def _wants_retry(attempt: Attempt) -> bool:
    return attempt.outcome is Outcome.RETRY


def _is_flex_full(retry_state: RetryCallState) -> bool:
    failure = last_attempt(retry_state).failure
    return failure is not None and failure.is_flex_full


def _is_mismatch(retry_state: RetryCallState) -> bool:
    failure = last_attempt(retry_state).failure
    return failure is not None and failure.is_mismatch


def _asked_for(retry_state: RetryCallState) -> float:
    failure = last_attempt(retry_state).failure
    return (failure.retry_after_seconds or 0.0) if failure else 0.0
