"""The model that is called if none is named, for as long as it exists.

OpenAI's page of deprecations (read in November 2026) ends gpt-5, gpt-5-mini and gpt-5-nano on 2026-12-11 and names
gpt-6.1-sol, gpt-6.1-terra and gpt-6-luna as their replacements, in this order.
"""

from datetime import date, timedelta
from typing import Final

from artistjobs.errors import WrongUseError

DEFAULT_MODEL: Final = "gpt-5"


END_OF_DEFAULT_MODEL: Final = date(2026, 12, 11)
"""First day on which OpenAI does not serve the default model."""


WARNING_PERIOD: Final = timedelta(weeks=3)
"""Time before the end in which its use causes a warning."""


SUCCESSORS: Final = ("gpt-6.1-sol", "gpt-6.1-terra", "gpt-6-luna")
"""Replacements that OpenAI recommends: for gpt-5, for gpt-5-mini and for gpt-5-nano."""


_REMEDY = (
    "name another model with --model or OPENAI_MODEL: OpenAI recommends "
    f"{SUCCESSORS[0]} in its place, and {SUCCESSORS[1]} and {SUCCESSORS[2]} for lower cost"
)


def default_model(today: date) -> str:
    """Return the model to call if none is named.

    Args:
        today: The current day, in UTC.

    Raises:
        WrongUseError: from the day on which the default model is shut down, with its successors.

    """
    if today >= END_OF_DEFAULT_MODEL:
        raise WrongUseError(
            f"no model is named, and {DEFAULT_MODEL}, the former default, was shut down on {END_OF_DEFAULT_MODEL}; "
            f"{_REMEDY}."
        )
    return DEFAULT_MODEL


def default_model_warning(today: date) -> str | None:
    """Return the warning about the end of the default model, None if it is not near or has passed."""
    if not END_OF_DEFAULT_MODEL - WARNING_PERIOD <= today < END_OF_DEFAULT_MODEL:
        return None
    return (
        f"no model is named, so {DEFAULT_MODEL} is called, which OpenAI shuts down on {END_OF_DEFAULT_MODEL}; {_REMEDY}"
    )
