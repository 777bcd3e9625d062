"""The default model is called until OpenAI shuts it down; before and after, messages contain the remedy."""

from datetime import date

import pytest

from artistjobs.api.prices import cost_by
from artistjobs.core.attempt import Usage
from artistjobs.core.default_model import DEFAULT_MODEL, SUCCESSORS, default_model, default_model_warning
from artistjobs.errors import WrongUseError


@pytest.mark.parametrize("today", [date(2026, 11, 19), date(2026, 12, 10)])
def test_the_default_is_gpt_5_until_its_last_day(today):
    assert default_model(today) == "gpt-5" == DEFAULT_MODEL


@pytest.mark.parametrize("today", [date(2026, 12, 11), date(2030, 1, 1)])
def test_from_the_day_of_its_shutdown_a_model_must_be_named(today):
    with pytest.raises(WrongUseError) as refusal:
        default_model(today)

    assert all(part in str(refusal.value) for part in ("gpt-5", "2026-12-11", "--model", *SUCCESSORS))
    assert default_model_warning(today) is None


@pytest.mark.parametrize(
    ("today", "warns"), [(date(2026, 11, 19), False), (date(2026, 11, 20), True), (date(2026, 12, 10), True)]
)
def test_a_warning_begins_three_weeks_before_the_shutdown(today, warns):
    warning = default_model_warning(today)

    assert (warning is not None) is warns
    assert not warns or all(part in warning for part in ("gpt-5", "2026-12-11", "--model", *SUCCESSORS))


@pytest.mark.parametrize("model", SUCCESSORS)
def test_the_price_of_each_successor_is_known(model):
    assert cost_by(None)(model, None, Usage(input_tokens=1000, output_tokens=1000))
