"""Scenarios of a rehearsal, and the faults that they combine.

This module holds only data. ``faults`` defines the reply of each fault, ``sampling`` decides when it occurs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from artistjobs.errors import WrongUseError


class Fault(StrEnum):
    """A simulated fault; its value is its name in the journal."""

    # Retryable.
    SERVER_ERROR = "server_error"  # 500
    BAD_GATEWAY = "bad_gateway"  # 502, JSON
    UNAVAILABLE = "unavailable"  # 503
    OVERLOADED = "overloaded"  # 503, server_is_overloaded
    REQUEST_TIMEOUT = "request_timeout"  # 408
    CONFLICT = "conflict"  # 409
    RATE_LIMITED = "rate_limited"  # 429, rate_limit_exceeded
    SLOW_DOWN = "slow_down"  # 429
    RESOURCE_UNAVAILABLE = "resource_unavailable"  # 429, from the flex tier without capacity

    # Fatal for the run: the account, the prompt or the model does not work.
    NO_CREDIT = "no_credit"  # 429, insufficient_quota
    SPEND_LIMIT = "spend_limit"  # 429, organization_spend_limit_exceeded
    BAD_KEY = "bad_key"  # 401
    FORBIDDEN = "forbidden"  # 403
    MODEL_NOT_FOUND = "model_not_found"  # 404
    PROMPT_NOT_FOUND = "prompt_not_found"  # 404, code null
    SAME_400 = "same_400"  # 400 unknown_parameter, the same for every request

    # Permanent for this request.
    ROW_400 = "row_400"  # 400 invalid_prompt
    TOO_LARGE = "too_large"  # 413
    UNPROCESSABLE = "unprocessable"  # 422

    # Status 200 without a complete answer.
    INCOMPLETE = "incomplete"  # truncated at max_output_tokens
    FILTERED = "filtered"  # incomplete for content_filter
    REFUSAL = "refusal"
    FAILED_SERVER_ERROR = "failed_server_error"
    FAILED_INVALID_PROMPT = "failed_invalid_prompt"
    IN_PROGRESS = "in_progress"
    SCHEMA_MISMATCH = "schema_mismatch"  # a structured answer that does not fit its schema
    MISSING_ID = "missing_id"
    MISSING_STATUS = "missing_status"
    NOT_AN_OBJECT = "not_an_object"  # []
    NULL_BODY = "null_body"
    ERROR_OBJECT = "error_object"  # an error body, with 200
    BROKEN_JSON = "broken_json"
    EMPTY_BODY = "empty_body"
    HTML_OK = "html_ok"

    # The connection or a proxy fails.
    HTML_BAD_GATEWAY = "html_bad_gateway"  # 502 from a proxy
    CUT_BODY = "cut_body"
    RESET = "reset"
    HANG = "hang"  # the answer is computed and delayed, then the connection is reset


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRules:
    """The behaviour of the simulated Files and Batch APIs, with time sped up; probabilities are from 0 to 1."""

    validating_seconds: float = 0.05
    seconds: float = 0.4
    """The time in which all lines of a batch are answered, whatever their number."""
    finalizing_seconds: float = 0.05
    cancelling_seconds: float = 0.1
    window_seconds: float = 86_400.0
    """The time after which a batch expires; the real API allows no other window than a day."""
    list_lag_seconds: float = 0.0
    """The time after which a new file or batch is listed."""
    retrieve_lag_seconds: float = 0.0
    """The time after which a new batch is found by its id."""
    queue_tokens: int | None = None
    """Maximum of the input tokens of all batches that are not final; None is no maximum."""
    cut_upload: float = 0.0
    """Probability that an upload loses its connection; the file is stored in every second case."""
    lost_create: float = 0.0
    """Probability that the reply to the creation of a batch is lost; it is created in every second case."""
    cut_download: float = 0.0
    """Probability that a download ends early."""
    server_error: float = 0.0
    """Probability that any other request is answered with 500 or 429."""
    file_not_found: float = 0.0
    """Probability that a batch fails because the service does not find its file."""
    unknown_status: float = 0.0
    """Probability that a batch in progress is described with a status that is not documented."""
    missing_line: float = 0.0
    """Probability that a line is in neither file of results."""
    zero_status: float = 0.0
    """Probability that a line comes back with the status code 0."""
    cancel_comes_late: float = 0.0
    """Probability that a batch is completed although it was cancelled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackgroundRules:
    """The behaviour of responses in the background, with time sped up; probabilities are from 0 to 1."""

    seconds: float = 0.3
    """The time until a response is final."""
    lag_seconds: float = 0.0
    """The time after which a new response is found by its id."""
    forgotten: float = 0.0
    """Probability that a response is never found."""
    server_error: float = 0.0
    """Probability that a look is answered with 500 or 429."""
    answers_at_once: bool = False
    """True for a server that ignores the field ``background``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """The behaviour of the simulated API; ``dataclasses.replace`` makes variants."""

    name: str
    latency_seconds: float = 0.0
    """The median latency; 0 answers at once."""
    latency_sigma: float = 0.0
    """The sigma of the lognormal latency; 0 makes it constant."""
    faults: Mapping[Fault, float] = field(default_factory=dict)
    """The probability of each fault for each call, from 0 to 1."""
    fault_calls_max: int | None = None
    """Maximum number of consecutive faults of one request; None is no maximum."""
    hang_seconds: float = 5.0
    credit_calls: int | None = None
    """Number of answers that the credit pays for; None is unlimited."""
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    limit_window_seconds: float = 60.0
    """Capacity of the rate limits: the amount that they refill in this many seconds."""
    output_tokens: int = 160
    """Tokens of an answer of median length, including reasoning."""
    has_models_endpoint: bool = True
    background: BackgroundRules = field(default_factory=BackgroundRules)
    batch: BatchRules = field(default_factory=BatchRules)
    shutdown_date: str | None = None
    """Shutdown date that the models endpoint returns for every model."""


_BUSY_FAULTS: Mapping[Fault, float] = {
    Fault.SERVER_ERROR: 0.015,
    Fault.BAD_GATEWAY: 0.005,
    Fault.UNAVAILABLE: 0.01,
    # Rare, because one 429 makes a careful client pause all of its calls.
    Fault.RATE_LIMITED: 0.002,
}


_STORM_FAULTS: Mapping[Fault, float] = {
    **_BUSY_FAULTS,
    Fault.REQUEST_TIMEOUT: 0.005,
    Fault.CONFLICT: 0.005,
    Fault.FAILED_SERVER_ERROR: 0.01,
    # Rare, because it is final for its job.
    Fault.INCOMPLETE: 0.004,
    Fault.EMPTY_BODY: 0.01,
    Fault.HTML_OK: 0.01,
    Fault.HTML_BAD_GATEWAY: 0.01,
    Fault.CUT_BODY: 0.01,
    Fault.RESET: 0.015,
    Fault.HANG: 0.005,
    # Only for requests with a schema; for all others it is no fault.
    Fault.SCHEMA_MISMATCH: 0.05,
}


_BATCH_STORM = BatchRules(
    seconds=1.0, list_lag_seconds=0.2, retrieve_lag_seconds=0.1, cut_upload=0.3, lost_create=0.4, cut_download=0.3,
    server_error=0.1, file_not_found=0.15, unknown_status=0.2, missing_line=0.05, zero_status=0.02,
    cancel_comes_late=0.5,
)  # fmt: skip


SCENARIOS: Mapping[str, Scenario] = {
    scenario.name: scenario
    for scenario in (
        Scenario(name="calm", latency_seconds=0.05),
        Scenario(name="busy", latency_seconds=0.2, latency_sigma=0.5, faults=_BUSY_FAULTS, fault_calls_max=3),
        Scenario(name="storm", latency_seconds=0.2, latency_sigma=0.5, faults=_STORM_FAULTS, fault_calls_max=3),
        Scenario(name="outage", faults={Fault.UNAVAILABLE: 1.0}),
        Scenario(name="no-credit", latency_seconds=0.05, credit_calls=20),
        Scenario(
            name="background-storm", latency_seconds=0.05, faults=_STORM_FAULTS, fault_calls_max=3,
            background=BackgroundRules(lag_seconds=0.1, forgotten=0.03, server_error=0.2),
        ),
        Scenario(name="batch-calm", latency_seconds=0.05, batch=BatchRules(seconds=2.0)),
        Scenario(name="batch-storm", latency_seconds=0.05, faults=_STORM_FAULTS, fault_calls_max=3, batch=_BATCH_STORM),
        Scenario(name="batch-expires", latency_seconds=0.05, batch=BatchRules(seconds=4.0, window_seconds=1.5)),
        Scenario(name="batch-queue-full", latency_seconds=0.05, batch=BatchRules(seconds=1.0, queue_tokens=1_000)),
    )
}  # fmt: skip


def find_scenario(name: str) -> Scenario:
    """Return the scenario with a name; raises WrongUseError, with all names in its message, if there is none."""
    try:
        return SCENARIOS[name]
    except KeyError:
        names = ", ".join(SCENARIOS)
        raise WrongUseError(f'there is no scenario "{name}": choose one of {names}.') from None
