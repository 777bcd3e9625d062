"""A job fails only if its row is at fault; all else is given back, waited for, or stops the run."""

from types import SimpleNamespace

import pytest
from factories import make_answer, make_attempt, make_claim, make_failure

from artistjobs.core.attempt import FailureKind, Outcome
from artistjobs.worker import verdicts as module
from artistjobs.worker.config import WorkConfig
from artistjobs.worker.decision import Sentence
from artistjobs.worker.limits.circuit_breaker import Breaker
from artistjobs.worker.peers import NoPeers
from artistjobs.worker.stop import Stop, StopReason
from artistjobs.worker.verdicts import Verdicts

FAIL, GIVE_BACK, CALL_AGAIN = Sentence.FAIL, Sentence.GIVE_BACK, Sentence.CALL_AGAIN

OVERLOADED = {"kind": FailureKind.RETRYABLE, "code": "http_503", "status": 503}
LIMITED = {"kind": FailureKind.RETRYABLE, "code": "rate_limit_exceeded", "status": 429, "slow_down": True}
FLEX_FULL = {"kind": FailureKind.RETRYABLE, "code": "resource_unavailable", "status": 429}
NO_MONEY = {"kind": FailureKind.FATAL, "code": "insufficient_quota", "status": 429}
BAD_KEY = {"kind": FailureKind.FATAL, "code": "http_401", "status": 401, "is_doubtful": True}
GONE = {"kind": FailureKind.FATAL, "code": "http_410", "status": 410, "is_doubtful": True}
FORBIDDEN = {"kind": FailureKind.FATAL, "code": "http_403", "status": 403, "is_doubtful": True}
UNPROCESSABLE = {"code": "http_422", "status": 422}
FLAGGED = {"code": "content_filter", "status": 400}
REDIRECT = {"kind": FailureKind.RETRYABLE, "code": "http_302", "status": 302}


class World:
    """The parts of a run around its verdicts, without time, sockets or disk."""

    def __init__(self, *, unfinished=1000, workers=4, patience=60.0, ever_answered=False):
        self.now, self.unfinished = 1000.0, unfinished
        self.stop = Stop()
        self.stop.sleep = self._sleep
        self.restarts = 0
        self.breaker = Breaker(workers, patience, lambda: self.now)
        self.limiter = SimpleNamespace(is_refused_throughout=False, restart=self._restart)
        config = WorkConfig(max_workers=workers, patience_seconds=patience)
        self.verdicts = Verdicts(
            config, self.breaker, self.limiter, self.stop, lambda: self.unfinished, NoPeers(),
            ever_answered=ever_answered, clock=lambda: self.now,
        )  # fmt: skip

    def _restart(self):
        self.restarts += 1

    async def _sleep(self, seconds):
        self.now += seconds

    def begin(self, job):
        """Claim a job and begin its call, as soon as one may start."""
        self.now = max(self.now, self.breaker.opens_at)
        case = self.verdicts.case_of(make_claim(job=job))
        return job, case, self.breaker.begin()

    def end(self, begun, failure=None, answer=None):
        """Return the sentence after a call."""
        job, case, call = begun
        if failure is None:
            attempt = make_attempt(make_claim(job=job))
        else:
            attempt = make_attempt(make_claim(job=job), Outcome.FAILED, failure=make_failure(**failure), answer=answer)
        decision = self.verdicts.after_call(case, attempt, call)
        return decision and decision.sentence

    def call(self, job, failure=None):
        return self.end(self.begin(job), failure)

    async def use_up(self, job, failure=OVERLOADED, calls=5, case=None):
        """Make all calls for a job, each of which fails; return the sentence on the job."""
        case = case or self.verdicts.case_of(make_claim(job=job))
        attempt = make_attempt(make_claim(job=job), Outcome.RETRY, failure=make_failure(**failure))
        for _ in range(calls):
            decision = self.verdicts.after_call(case, attempt, self.breaker.begin())
            if decision.sentence is not CALL_AGAIN:
                return decision.sentence
        return (await self.verdicts.calls_used_up(case, attempt)).sentence


# --- outages


async def test_an_outage_gives_every_job_back_and_rests_the_calls():
    world = World()

    assert {await world.use_up(job) for job in range(10)} == {GIVE_BACK}
    assert not world.breaker.is_closed
    assert not world.stop.is_requested()


@pytest.mark.parametrize("unfinished", [1, 3, 9])
async def test_the_last_jobs_are_given_back_too(unfinished):
    world = World(unfinished=unfinished)

    assert {await world.use_up(job) for job in range(unfinished)} == {GIVE_BACK}
    assert not world.breaker.is_closed


async def test_a_failed_probe_gives_its_job_back_so_that_another_row_is_the_next_probe():
    world = World()
    for job in range(10):
        await world.use_up(job)

    assert [world.call(job, OVERLOADED) for job in (20, 21, 22)] == [GIVE_BACK] * 3
    assert world.call(23) is None
    assert world.breaker.is_closed
    assert world.restarts == 1


@pytest.mark.parametrize("failure", [OVERLOADED, LIMITED, FLEX_FULL])
async def test_the_run_stops_when_the_patience_is_used_up_and_says_to_come_back_later(failure):
    world = World(patience=5.0)
    for job in range(10):
        await world.use_up(job, failure)
    while not world.stop.is_requested():
        world.call(30, failure)

    assert world.stop.reason is StopReason.OUTAGE
    assert "later" in world.stop.sentence


async def test_without_patience_the_run_stops_at_once():
    world = World(patience=0.0)
    for job in range(10):
        await world.use_up(job)

    assert world.stop.reason is StopReason.OUTAGE


async def test_a_redirect_of_every_call_is_a_wrong_address_and_not_waited_for():
    world = World()
    for job in range(10):
        await world.use_up(job, REDIRECT)

    assert world.stop.reason is StopReason.ACCOUNT


async def test_a_row_that_alone_fails_is_failed():
    world = World()
    begun = world.begin(1)
    world.end(begun, OVERLOADED)
    for job in range(2, 12):
        world.call(job)

    assert await world.use_up(1, calls=4, case=begun[1]) is FAIL


async def test_a_row_that_was_given_back_is_failed_by_its_next_failure_once_others_are_answered():
    world = World(workers=1)
    assert await world.use_up(1) is GIVE_BACK
    for job in range(2, 12):
        world.call(job)

    assert world.call(1, OVERLOADED) is FAIL


async def test_a_row_that_fails_beside_the_last_calls_waits_for_their_results():
    world = World(unfinished=2)
    other = world.begin(2)

    async def sleep(_seconds):
        world.end(other)
        world.unfinished = 1

    world.stop.sleep = sleep

    assert await world.use_up(1) is FAIL


async def test_a_row_does_not_wait_for_other_rows_for_ever():
    world = World(unfinished=2)
    world.begin(2)

    assert await world.use_up(1) is GIVE_BACK
    assert world.now < 1000.0 + module.MAX_WAIT_FOR_OTHERS_SECONDS + 2


@pytest.mark.parametrize("failure", [LIMITED, FLEX_FULL])
async def test_a_rate_limit_and_a_full_tier_burn_no_row_however_often(failure):
    world = World()
    for _ in range(20):
        assert await world.use_up(1, failure) is GIVE_BACK
        for job in range(2, 12):
            world.call(job)


async def test_calls_that_were_never_sent_burn_no_row():
    world = World()
    case = world.verdicts.case_of(make_claim(job=1))
    failure = make_failure(kind=FailureKind.RETRYABLE, code="connection_error", status=None)
    attempt = make_attempt(make_claim(job=1), Outcome.RETRY, failure=failure, calls=0)
    for _ in range(50):
        world.verdicts.after_call(case, attempt, world.breaker.begin())
        world.call(2)

    assert (await world.verdicts.calls_used_up(case, attempt)).sentence is GIVE_BACK


async def test_a_rate_limit_that_lets_nothing_through_is_an_outage():
    world = World()
    world.limiter.is_refused_throughout = True
    world.call(1, LIMITED)

    assert not world.breaker.is_closed


async def test_jobs_that_fail_while_the_run_stops_for_another_reason_are_given_back():
    world = World()
    world.stop.request(StopReason.ACCOUNT, "")
    for job in range(2, 12):
        world.call(job)

    assert await world.use_up(1) is GIVE_BACK


# --- refusals that concern every call


def test_an_account_without_money_stops_the_run_at_first_sight_even_among_answers():
    world = World()
    world.call(1)

    assert world.call(2, NO_MONEY) is GIVE_BACK
    assert world.stop.reason is StopReason.ACCOUNT


@pytest.mark.parametrize("failure", [BAD_KEY, GONE])
def test_a_refused_key_stops_the_run_at_first_sight_if_nothing_was_ever_answered(failure):
    world = World()

    assert world.call(1, failure) is GIVE_BACK
    assert world.stop.reason is StopReason.ACCOUNT


@pytest.mark.parametrize("failure", [BAD_KEY, GONE])
def test_one_refusal_among_answers_is_asked_once_more_and_then_forgotten(failure):
    world = World()
    world.call(1)

    assert world.call(2, failure) is GIVE_BACK
    assert not world.breaker.is_closed
    assert world.call(3) is None
    assert world.call(2) is None
    assert not world.stop.is_requested()


@pytest.mark.parametrize("failure", [BAD_KEY, GONE])
@pytest.mark.parametrize("ever_answered", ["before", "in this run"])
def test_a_refusal_that_is_repeated_stops_the_run(failure, ever_answered):
    world = World(ever_answered=ever_answered == "before")
    if ever_answered != "before":
        world.call(1)

    assert world.call(2, failure) is GIVE_BACK
    assert world.call(3, failure) is GIVE_BACK
    assert world.stop.reason is StopReason.ACCOUNT


def test_calls_in_flight_that_are_refused_together_are_one_refusal():
    world = World(workers=8)
    world.call(1)
    begun = [world.begin(job) for job in range(2, 10)]

    assert {world.end(each, BAD_KEY) for each in begun} == {GIVE_BACK}
    assert not world.stop.is_requested()
    assert world.call(10) is None
    assert world.breaker.is_closed


def test_a_row_that_is_refused_twice_while_others_are_answered_is_at_fault():
    world = World()
    world.call(1)

    assert world.call(2, BAD_KEY) is GIVE_BACK
    assert world.call(3) is None
    assert world.call(2, BAD_KEY) is FAIL
    assert world.breaker.is_closed
    assert not world.stop.is_requested()


def test_answers_to_calls_that_began_before_a_refusal_do_not_blame_the_row():
    world = World()
    world.call(1)
    early = world.begin(3)
    world.call(2, FORBIDDEN)
    world.end(early)

    assert world.call(2, FORBIDDEN) is GIVE_BACK


# --- status 403


@pytest.mark.parametrize("first", [True, False])
def test_a_row_that_a_gateway_refuses_fails_alone(first):
    world = World()
    if not first:
        world.call(1)

    assert world.call(2, FORBIDDEN) is GIVE_BACK
    assert [world.call(job) for job in range(3, 6)] == [None] * 3
    assert world.call(2, FORBIDDEN) is FAIL
    assert not world.stop.is_requested()


def test_several_such_rows_in_a_row_fail_alone_too():
    world = World()
    world.call(1)
    assert {world.call(job, FORBIDDEN) for job in range(2, 9)} == {GIVE_BACK}
    world.call(9)

    assert {world.call(job, FORBIDDEN) for job in range(2, 9)} == {FAIL}
    assert not world.stop.is_requested()


def test_such_a_row_at_the_end_of_a_file_is_failed_after_it_was_asked_twice():
    world = World(unfinished=1)
    world.call(1)

    assert world.call(2, FORBIDDEN) is GIVE_BACK
    assert world.call(2, FORBIDDEN) is FAIL


@pytest.mark.parametrize(("ever_answered", "rows"), [(False, 3), (True, 10)])
def test_a_gateway_that_refuses_every_row_stops_the_run(ever_answered, rows):
    world = World(ever_answered=ever_answered)
    for job in range(rows):
        assert not world.stop.is_requested()
        assert world.call(job, FORBIDDEN) is GIVE_BACK

    assert world.stop.reason is StopReason.ACCOUNT


# --- refusals that are final for a row


def test_a_row_with_a_final_refusal_fails_and_many_alike_stop_the_run_and_are_given_back():
    world = World()

    assert {world.call(job, UNPROCESSABLE) for job in range(10)} == {FAIL}
    assert world.stop.reason is StopReason.REFUSED
    given_back = world.verdicts.attempts_to_give_back(is_end=False)
    assert [attempt.claim.job for attempt in given_back] == list(range(10))


def test_rows_that_are_final_by_their_own_code_stop_nothing_and_are_never_given_back():
    world = World()

    assert {world.call(job, FLAGGED) for job in range(50)} == {FAIL}
    assert not world.stop.is_requested()
    assert world.verdicts.attempts_to_give_back(is_end=True) == []


def test_answers_without_a_status_are_a_series_of_refusals_although_they_are_answers():
    world = World()
    for job in range(10):
        failure = {"code": "not_completed", "status": 200}
        world.end(world.begin(job), failure, answer=make_answer())

    assert world.stop.reason is StopReason.REFUSED


@pytest.mark.parametrize(("ever_answered", "rows"), [(False, 1), (False, 2), (True, 3)])
def test_a_run_that_ends_within_such_a_series_gives_it_back_and_says_so(ever_answered, rows):
    world = World(ever_answered=ever_answered)
    for job in range(rows):
        world.call(job, UNPROCESSABLE)

    assert len(world.verdicts.attempts_to_give_back(is_end=True)) == rows
    assert world.stop.reason is StopReason.REFUSED


def test_an_interrupted_run_gives_such_a_series_back_and_keeps_its_own_reason():
    world = World()
    for job in range(4):
        world.call(job, UNPROCESSABLE)
    world.stop.request(StopReason.INTERRUPTED, "")

    assert len(world.verdicts.attempts_to_give_back(is_end=False)) == 4
    assert world.stop.reason is StopReason.INTERRUPTED


def test_evidence_is_kept_for_a_bounded_number_of_jobs(monkeypatch):
    monkeypatch.setattr(module, "MAX_CASES", 5)
    world = World(ever_answered=True, workers=100)
    for job in range(50):
        world.call(job, FORBIDDEN)

    assert len(world.verdicts._cases) == 5
