"""Processes of one command pause together, and one of them makes the probes of an outage."""

from dataclasses import dataclass, field

import pytest

from artistjobs.worker.processes.messages import ANSWERED, LEAD, PAUSED, READY, RESTING
from artistjobs.worker.processes.shared_rest import SharedRest


@dataclass
class Member:
    is_over: bool = False
    received: list = field(default_factory=list)

    def send(self, kind, value=None):
        self.received.append((kind, value))


@pytest.fixture
def members():
    return [Member() for _ in range(3)]


@pytest.fixture
def shared(members):
    return SharedRest(members)


def test_a_pause_is_passed_on_to_the_others(shared, members):
    members[2].is_over = True

    assert shared.handle(members[0], PAUSED, [7.5, "rate_limit_exceeded"])
    assert [member.received for member in members] == [[], [(PAUSED, [7.5, "rate_limit_exceeded"])], []]


def test_the_first_that_rests_makes_the_probes_and_the_others_follow(shared, members):
    shared.handle(members[1], RESTING, "http_503")
    shared.handle(members[0], RESTING, "http_503")

    assert members[1].received == []
    assert [shared.is_led_by(member) for member in members[:2]] == [False, True]
    assert members[0].received == [(RESTING, "http_503")] * 2
    assert members[2].received == [(RESTING, "http_503")]


def test_an_answer_ends_the_rest_of_all_and_another_may_lead_the_next_one(shared, members):
    shared.handle(members[1], RESTING, "x")
    shared.handle(members[2], ANSWERED, None)
    shared.handle(members[0], RESTING, "y")

    assert members[0].received == [(RESTING, "x"), (ANSWERED, None)]
    assert members[1].received == [(ANSWERED, None), (RESTING, "y")]


def test_if_the_one_that_makes_the_probes_ends_another_makes_them(shared, members):
    shared.handle(members[0], RESTING, "x")
    members[0].is_over = True
    shared.ended(members[0])
    members[1].is_over = True
    shared.ended(members[1])
    members[2].is_over = True
    shared.ended(members[2])

    assert members[1].received == [(RESTING, "x"), (LEAD, None)]
    assert members[2].received == [(RESTING, "x"), (LEAD, None)]


def test_the_end_of_another_one_changes_nothing(shared, members):
    shared.handle(members[0], RESTING, "x")
    members[1].is_over = True
    shared.ended(members[1])

    assert members[0].received == []


def test_other_messages_are_left_to_others(shared, members):
    assert not shared.handle(members[0], READY, None)
