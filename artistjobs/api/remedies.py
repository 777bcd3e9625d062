"""Messages to users about failures, with the remedy for those that stop the run."""

from artistjobs.core.attempt import Failure

_MONEY = "add credit to the account, or raise the limit of its budget"


_REMEDIES = {
    "budget_exceeded": _MONEY,
    "insufficient_credits": _MONEY,
    "payment_required": _MONEY,
    "invalid_api_key": "set OPENAI_API_KEY to a valid key",
    "insufficient_quota": "add credit to the account",
    "credit_balance_exhausted": "add credit to the account",
    "organization_spend_limit_exceeded": "raise the organization's spending limit",
    "project_spend_limit_exceeded": "raise the project's spending limit",
    "organization_usage_limit_exceeded": "raise the organization's usage limit",
    "model_not_found": "name a model that this key may use with --model and ingest again",
}


_STATUS_REMEDIES = {
    400: "fix the prompt or the parameters and ingest again",
    401: "set OPENAI_API_KEY to a valid key",
    402: "add credit to the account",
    403: "give the key the rights it needs, or use another one",
    404: "check the prompt, the model and OPENAI_BASE_URL",
    410: "name another model with --model, or put the text of a stored prompt in a file for --prompt-file",
    422: "fix the prompt or the parameters and ingest again",
}


STORED_PROMPT_REMEDY = (
    "check the id; OpenAI's stored prompts end on 2026-11-30: from then on put the prompt's text in a file "
    "and run with --prompt-file"
)


def fatal_message(failure: Failure) -> str:
    """Return the message for a fatal failure, with its remedy."""
    remedy = _REMEDIES.get(failure.code) or _STATUS_REMEDIES.get(_status(failure))
    if failure.message.startswith("Prompt with id"):
        remedy = STORED_PROMPT_REMEDY
    return f"{failure_text(failure)}; {remedy or 'fix that'}, then run the same command again."


def _status(failure: Failure) -> int:
    """Return the status of a failure; a proxy may send an error with status 200, and its own status in the error."""
    number = failure.code.removeprefix("http_")
    return int(number) if number.isdecimal() else failure.status or 0


def failure_text(failure: Failure) -> str:
    """Return the code and the message of a failure on one line."""
    message = " ".join(failure.message.split()).rstrip(".")
    return f"{failure.code}: {message}"


STORED_PROMPTS_END = "OpenAI's stored prompts end on 2026-11-30; put the prompt's text in a file and use --prompt-file"
