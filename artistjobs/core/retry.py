"""When to call again, and how long to wait before: decided here, carried out by tenacity."""

import random
from collections.abc import Awaitable, Callable
from typing import Final

from tenacity import AsyncRetrying, RetryCallState, retry_if_result, stop_after_attempt, wait_exponential
from tenacity.wait import wait_base

from artistjobs.core.attempt import Attempt, Outcome

FIRST_WAIT_SECONDS: Final = 0.5


MAX_BACKOFF_SECONDS: Final = 4.0


JITTER: Final = 0.25
"""Waits are 0.5, 1, 2, 4 s, each with up to a quarter more, so that jobs do not come back in step."""


FIRST_FLEX_WAIT_SECONDS: Final = 5.0


MAX_FLEX_WAIT_SECONDS: Final = 40.0
"""Where the flex tier is full the waits are 5, 10, 20, 40 s: room comes back in minutes, and a refusal is free."""


class Backoff(wait_base):
    """The wait after a failed call: growing, jittered, and never less than the server asked for."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._growing = wait_exponential(multiplier=FIRST_WAIT_SECONDS, max=MAX_BACKOFF_SECONDS)
        self._for_flex = wait_exponential(multiplier=FIRST_FLEX_WAIT_SECONDS, max=MAX_FLEX_WAIT_SECONDS)

    def __call__(self, retry_state: RetryCallState) -> float:
        """Return the seconds to wait."""
        growing = self._for_flex if _is_flex_full(retry_state) else self._growing
        wait = growing(retry_state) * (1 + JITTER * self._chance.random())
        return max(wait, _asked_for(retry_state))


def retrying(
    calls_left: int,
    backoff: Backoff,
    sleep: Callable[[float], Awaitable[None]],
    before_sleep: Callable[[RetryCallState], Awaitable[None]],
) -> AsyncRetrying:
    """Return the loop that repeats an attempt while its outcome is ``retry``, ``calls_left`` calls at most.

    When they are used up the last attempt is returned as it is, never raised.
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
    """Return what the last call came to."""
    attempt = retry_state.outcome.result() if retry_state.outcome else None
    assert isinstance(attempt, Attempt)
    return attempt


def _wants_retry(attempt: Attempt) -> bool:
    return attempt.outcome is Outcome.RETRY


def _is_flex_full(retry_state: RetryCallState) -> bool:
    failure = last_attempt(retry_state).failure
    return failure is not None and failure.is_flex_full


def _asked_for(retry_state: RetryCallState) -> float:
    failure = last_attempt(retry_state).failure
    return (failure.retry_after_seconds or 0.0) if failure else 0.0
