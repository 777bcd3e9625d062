"""Attempts as JSON, for the spool."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from artistjobs.core.attempt import Answer, Attempt, Failure, FailureKind, Outcome, Usage, Way
from artistjobs.core.job import Claim
from artistjobs.core.json_values import Json

# ``asdict`` copies every value and would take as long as all other steps of a commit on this machine.
_ATTEMPT, _CLAIM, _ANSWER, _USAGE = (
    tuple(field.name for field in fields(kind)) for kind in (Attempt, Claim, Answer, Usage)
)


def attempt_json(attempt: Attempt) -> dict[str, Json]:
    """Return an attempt as a JSON object."""
    value = _shallow(_ATTEMPT, attempt)
    value["claim"] = _shallow(_CLAIM, attempt.claim)
    if attempt.answer is not None:
        value["answer"] = _shallow(_ANSWER, attempt.answer)
        value["answer"]["usage"] = _shallow(_USAGE, attempt.answer.usage)
    if attempt.failure is not None:
        value["failure"] = asdict(attempt.failure)
    return value


def _shallow(names: tuple[str, ...], value: object) -> dict[str, Any]:
    return {name: getattr(value, name) for name in names}


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
