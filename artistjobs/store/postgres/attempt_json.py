"""Attempts as JSON, for the spool."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from artistjobs.core.attempt import Answer, Attempt, Failure, FailureKind, Outcome, Usage, Way
from artistjobs.core.job import Claim
from artistjobs.core.json_values import Json


def attempt_json(attempt: Attempt) -> dict[str, Json]:
    """Return an attempt as a JSON object."""
    return asdict(attempt)


def attempt_from_json(value: Mapping[str, Any]) -> Attempt:
    """Return the attempt of a JSON object."""
    answer, failure = value["answer"], value["failure"]
    return Attempt(**{
        **value,
        "claim": Claim(**value["claim"]),
        "outcome": Outcome(value["outcome"]),
        "answer": answer and Answer(**{**answer, "usage": Usage(**answer["usage"]), "way": Way(answer["way"])}),
        "failure": failure and Failure(**{**failure, "kind": FailureKind(failure["kind"])}),
    })  # fmt: skip
