"""Check before a run: whether it will work, what it will cost and how long it will take.

The check is free of charge, except for one real call if ``spend`` is set. It writes nothing.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from time import monotonic

from artistjobs.api.address import DEFAULT_BASE_URL, shown_url
from artistjobs.api.classify import Classification, classify
from artistjobs.api.client import open_api
from artistjobs.api.config import ApiConfig
from artistjobs.api.interface import Api
from artistjobs.api.model_lookup import OK, fatal_reason, shutdown_date, shutdown_sentence
from artistjobs.api.rate_limit_headers import read_limit
from artistjobs.api.remedies import STORED_PROMPTS_END, failure_text, fatal_message
from artistjobs.api.reply import Reply
from artistjobs.commands.api_access import _api
from artistjobs.commands.calling_way import LIVE, CallingWay, way_findings, way_time
from artistjobs.commands.config import CheckOptions
from artistjobs.commands.dry_run import FilePreviewResult, count_file
from artistjobs.commands.estimate import (
    Estimate,
    RateLimits,
    Workload,
    estimate,
    estimate_duration,
    price_per_million,
    price_text,
)
from artistjobs.commands.estimate_text import interval_cost_text, interval_duration_text, interval_tokens_text
from artistjobs.core.attempt import Answer, Failure, FailureKind
from artistjobs.core.columns import NO_COLUMNS
from artistjobs.core.findings import Finding, Level, exit_code_of, finding_of
from artistjobs.core.formatting import cost_text, count_text
from artistjobs.core.pricing import REHEARSAL_MODEL, Billing, Cost
from artistjobs.core.prompt import Prompt, live_body
from artistjobs.core.schema import compile_check
from artistjobs.core.statistics import AnswerStats, Interval, RunningStats, stats_of
from artistjobs.errors import ArtistjobsError, PromptError, RunStoppedError
from artistjobs.ingest.checked_rows import Warn
from artistjobs.rendering.renderer import build_request
from artistjobs.store.database import Database

SAMPLE = ("Frida Kahlo", "")
"""Artist name and data of the real call if no file is given."""


@dataclass(frozen=True, slots=True)
class KnownLimits:
    """Limits on requests and tokens per minute from the headers of replies; None if unknown."""

    requests: int | None = None
    tokens: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TestCall:
    """Result of the real call; ``answer`` is None if it failed, and ``cost_usd`` is None if the price is unknown."""

    seconds: float
    answer: Answer | None
    cost_usd: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckPlan:
    """Input of a check. ``failures`` are the findings made before the API is called.

    ``model`` is None if one has to be named, ``max_workers`` if the run is to find it. ``file_warnings`` are those that
    a run would print about the file.
    """

    base_url: str
    model: str | None
    prompt: Prompt | None
    max_workers: int | None
    cost: Cost
    spend: bool = False
    file: FilePreviewResult | None = None
    measured: AnswerStats | None = None
    failures: tuple[Finding, ...] = ()
    file_warnings: tuple[str, ...] = ()
    way: CallingWay = LIVE


@dataclass(slots=True, kw_only=True)
class CheckResult:
    """Result of a check, filled in step by step."""

    plan: CheckPlan
    findings: list[Finding] = field(default_factory=list)
    shutdown_date: str | None = None
    limits: KnownLimits = field(default_factory=KnownLimits)
    call: TestCall | None = None
    estimate: Estimate | None = None
    seconds: Interval | None = None

    @property
    def exit_code(self) -> int:
        """0 if the run will work; 2 (wrong use) wins over other codes, because it has to be fixed first."""
        return exit_code_of(self.findings)

    def add(self, level: Level, subject: str, text: str, exit_code: int = 0) -> None:
        """Add a finding."""
        self.findings.append(Finding(level, subject, text, exit_code))

    def stop(self, subject: str, text: str) -> None:
        """Add a failure for which the run would stop."""
        self.add(Level.FAIL, subject, text, RunStoppedError.exit_code)


async def check(plan: CheckPlan, api: Api | None, clock: Callable[[], float]) -> CheckResult:
    """Check everything that a run needs; ``api`` is None if there is no key. ``clock`` returns seconds."""
    check_result = CheckResult(plan=plan, findings=list(plan.failures))
    check_result.add(Level.OK, "address", shown_url(plan.base_url) + _base_url_origin(plan))
    can_call = await _look_up(check_result, api) if api is not None else False
    _check_prompt(check_result)
    if plan.prompt is not None and plan.spend and api is not None and can_call:
        await _try_out(check_result, api, plan.prompt, clock)
    _check_limits(check_result)
    _check_price(check_result)
    check_result.findings += way_findings(plan.way, plan.model, plan.prompt, plan.cost)
    _check_file(check_result)
    _estimate(check_result)
    return check_result


def _base_url_origin(plan: CheckPlan) -> str:
    if plan.model == REHEARSAL_MODEL:
        return " (simulated)"
    return " (OPENAI_BASE_URL)" if plan.base_url != DEFAULT_BASE_URL else ""


async def _look_up(check_result: CheckResult, api: Api) -> bool:
    """Check the key and the model with a free request; return False if no call can work."""
    model = check_result.plan.model
    if model is None:
        return False
    reply = await api.look_up_model(model)
    check_result.limits = _limits(reply, check_result.limits)
    if sentence := fatal_reason(reply):
        check_result.stop("key and model", sentence)
        return False
    if reply.status != OK:
        remedy = "" if check_result.plan.spend else "; add --spend to check them with one real call"
        text = f"not checked: the server cannot look up {model} (HTTP {reply.status}){remedy}"
        check_result.add(Level.WARN, "key and model", text)
        return True
    check_result.add(Level.OK, "key", "accepted")
    check_result.shutdown_date = shutdown_date(reply)
    if check_result.shutdown_date:
        check_result.add(Level.WARN, "model", shutdown_sentence(model, check_result.shutdown_date))
    else:
        check_result.add(Level.OK, "model", f"{model} is available and has no shutdown date")
    return True


def _check_prompt(check_result: CheckResult) -> None:
    prompt = check_result.plan.prompt
    if prompt is None:
        return
    if prompt.template is not None:
        valid = f"{prompt.template_file}: the template is valid"
        if prompt.columns and check_result.plan.file is None:
            columns = ", ".join(prompt.columns)
            check_result.add(Level.WARN, "prompt", f"{valid} for a file with the columns {columns}; check it with FILE")
        else:
            check_result.add(Level.OK, "prompt", valid)
    elif prompt.model == REHEARSAL_MODEL:
        check_result.add(Level.OK, "prompt", f"{prompt.prompt_id}, not checked in a rehearsal")
    else:
        seen = "" if check_result.plan.spend else "; only a real call can check that it exists (--spend)"
        check_result.add(Level.WARN, "prompt", f"{prompt.prompt_id}: {STORED_PROMPTS_END}{seen}")
    if prompt.schema is not None:
        check_result.add(Level.OK, "schema", "every answer is checked against the JSON Schema of the request")


async def _try_out(check_result: CheckResult, api: Api, prompt: Prompt, clock: Callable[[], float]) -> None:
    file = check_result.plan.file
    first = file.rows.first if file else None
    name, data = (first.name, first.data) if first else SAMPLE
    columns = file.rows.first_columns if file else NO_COLUMNS
    try:
        body = build_request(prompt, name, data, columns)
    except PromptError as error:
        check_result.add(Level.WARN, "call", f"not made for {name!r}: {error}")
        return
    began = clock()
    reply = await api.create(live_body(body))
    seconds = clock() - began
    classification = classify(reply, Billing(cost=check_result.plan.cost))
    answer = classification.answer
    check_result.call = TestCall(seconds=seconds, answer=answer, cost_usd=answer.cost_usd if answer else None)
    check_result.limits = _limits(reply, check_result.limits)
    if answer is not None:
        _report_answer(check_result, check_result.call, answer)
        _check_schema(check_result, prompt, classification)
    if classification.failure is not None:
        _tell_failure(check_result, reply, classification.failure)


def _report_answer(check_result: CheckResult, call: TestCall, answer: Answer) -> None:
    into, out = answer.usage.input_tokens, answer.usage.output_tokens
    tokens = f"{into:,} tokens in, {out:,} out" if into is not None and out is not None else "tokens unknown"
    cost = cost_text(call.cost_usd) if call.cost_usd is not None else "cost unknown"
    check_result.add(Level.OK, "call", f"answered by {answer.model} in {call.seconds:,.1f} s: {tokens}, {cost}")


def _check_schema(check_result: CheckResult, prompt: Prompt, classification: Classification) -> None:
    if classification.failure is not None or classification.answer is None or prompt.schema is None:
        return
    if reason := compile_check(prompt.schema)(classification.answer.text):
        text = f"{reason}; a run would ask for a correction: make the prompt or the descriptions in the schema clearer"
        check_result.add(Level.WARN, "schema", text)
    else:
        check_result.add(Level.OK, "schema", "the answer fits the schema")


def _tell_failure(check_result: CheckResult, reply: Reply, failure: Failure) -> None:
    if failure.kind is FailureKind.FATAL:
        check_result.stop("call", fatal_message(failure))
    elif reply.fault is not None and failure.kind is FailureKind.RETRYABLE:
        check_result.stop(
            "call", f"{failure_text(failure)}; check the network and OPENAI_BASE_URL, then run check again."
        )
    elif failure.kind is FailureKind.RETRYABLE:
        check_result.add(
            Level.WARN, "call", f"{failure_text(failure)}; a run would retry it; check again in a few minutes"
        )
    else:
        check_result.add(
            Level.WARN, "call", f"{failure_text(failure)}; similar rows would fail: fix the prompt or the parameters"
        )


def _limits(reply: Reply, before: KnownLimits) -> KnownLimits:
    found = {}
    for kind in ("requests", "tokens"):
        limit = read_limit(reply.headers, kind)
        known = getattr(before, kind)
        found[kind] = int(limit.per_period) if limit is not None and not limit.is_daily else known
    return KnownLimits(**found)


def _check_limits(check_result: CheckResult) -> None:
    limits = check_result.limits
    parts = [
        f"{number:,} {name} a minute"
        for name, number in (("requests", limits.requests), ("tokens", limits.tokens))
        if number is not None
    ]
    if parts:
        check_result.add(Level.OK, "limits", " and ".join(parts))
    elif check_result.call is not None:
        check_result.add(Level.OK, "limits", "none in the headers of the API")
    else:
        check_result.add(
            Level.OK, "limits", "unknown before the first call; a run reads them from replies, --spend shows them"
        )


def _check_price(check_result: CheckResult) -> None:
    plan = check_result.plan
    if plan.model is None:
        return
    prompt = plan.prompt or Prompt(model=plan.model, prompt_id="")
    text = price_text(prompt, plan.cost)
    if price_per_million(prompt, plan.cost) is None:
        check_result.add(Level.WARN, "price", f"{text}: no costs will be reported, and --max-cost cannot be used")
    else:
        check_result.add(Level.OK, "price", text)


def _check_file(check_result: CheckResult) -> None:
    file = check_result.plan.file
    if file is None:
        return
    rows, asked, before = file.rows, file.asked, file.asked.known
    known = f"; {asked.new:,} of them new in {file.database}, {before.done:,} already done" if file.database else ""
    failed = f", {before.failed:,} already failed (--retry-failed)" if before.failed else ""
    text = f"{file.name}: {count_text(rows.good, 'good row')}, {asked.distinct:,} distinct{known}{failed}"
    check_result.add(
        Level.OK if rows.good else Level.WARN, "file", text if rows.good else f"{text}; there is nothing to send"
    )
    if rows.first_bad is not None:
        bad = f"{count_text(rows.bad, 'bad line')} to be skipped; the first is line {rows.first_bad.line}: "
        check_result.add(Level.WARN, "file", bad + f"{rows.first_bad.reason}; fix it, or remove it")
    for warning in check_result.plan.file_warnings:
        check_result.add(Level.WARN, "file", warning)
    if rows.unrenderable:
        unrenderable = (
            f"{count_text(rows.unrenderable, 'row')} cannot be filled into the template, the first in {rows.reason}"
        )
        check_result.add(Level.WARN, "file", f"{unrenderable}; fix the template, or these rows fail")


def _estimate(check_result: CheckResult) -> None:
    plan = check_result.plan
    if plan.prompt is None or plan.file is None:
        return
    calls = plan.file.asked.to_call
    measured = _at_prices_of(plan, plan.measured or _measured_by(check_result.call))
    load = Workload(prompt=plan.prompt, calls=calls, request_bytes=plan.file.rows.mean_bytes * calls)
    estimated = check_result.estimate = estimate(load, measured, plan.cost)
    pace = RateLimits(max_workers=plan.max_workers, rpm=check_result.limits.requests, tpm=check_result.limits.tokens)
    check_result.seconds, basis = estimate_duration(estimated, measured.seconds if measured else RunningStats(), pace)
    if not calls:
        check_result.add(Level.OK, "calls", "no calls left to make, nothing to pay")
        return
    into, out, money = estimated.basis
    check_result.add(Level.OK, "input", f"{interval_tokens_text(estimated.input_tokens)}: {into}")
    check_result.add(Level.OK, "output", f"{interval_tokens_text(estimated.output_tokens)}: {out}")
    cost = interval_cost_text(estimated.cost_usd) if estimated.cost_usd else "unknown"
    check_result.add(Level.OK if estimated.cost_usd else Level.WARN, "cost", f"{cost}: {money}")
    if time := way_time(plan.way, calls, plan.file.rows.mean_bytes):
        check_result.seconds = None
        check_result.add(Level.OK, "time", time)
        return
    check_result.add(
        Level.OK, "time", f"{interval_duration_text(check_result.seconds)} for {count_text(calls, 'call')}: {basis}"
    )


def _at_prices_of(plan: CheckPlan, measured: AnswerStats | None) -> AnswerStats | None:
    """Return statistics of earlier answers without their cost if these were billed at other prices."""
    return measured if plan.way.is_live or measured is None else replace(measured, cost_usd=RunningStats())


def _measured_by(call: TestCall | None) -> AnswerStats | None:
    """Return statistics of the one call, None if it has no answer."""
    if call is None or call.answer is None:
        return None
    usage = call.answer.usage
    return AnswerStats(
        answers=1,
        input_tokens=stats_of([usage.input_tokens]),
        output_tokens=stats_of([usage.output_tokens]),
        cost_usd=stats_of([call.cost_usd]),
        seconds=stats_of([call.seconds]),
    )


def run_check(database: Database, checking: CheckOptions) -> CheckResult:
    """Check whether a run will work and what it will cost; write nothing."""
    failures = list(checking.failures)
    warnings = list[str]()
    file, measured = _counted(database, checking, failures, warnings.append)
    if file is None:
        failures[:0] = [Finding(Level.WARN, "file", warning) for warning in warnings]
    plan = CheckPlan(
        base_url=checking.api.base_url if checking.api else DEFAULT_BASE_URL,
        model=checking.model, prompt=checking.prompt, max_workers=checking.max_workers, cost=checking.cost,
        spend=checking.spend, file=file, measured=measured, failures=tuple(failures),
        file_warnings=tuple(warnings), way=checking.way,
    )  # fmt: skip
    plan = replace(plan, cost=checking.way.cost(plan.cost))
    if checking.api is None and checking.scenario is None:
        return asyncio.run(check(plan, None, monotonic))
    with _api(checking) as config:
        return asyncio.run(_check_with(config, replace(plan, base_url=config.base_url)))


async def _check_with(config: ApiConfig, plan: CheckPlan) -> CheckResult:
    async with open_api(config) as api:
        return await check(plan, api, monotonic)


def _counted(
    database: Database, checking: CheckOptions, failures: list[Finding], warn: Warn
) -> tuple[FilePreviewResult | None, AnswerStats | None]:
    """Count the rows of the file, if there is one, and read the statistics of earlier answers.

    Errors of the file or the database are added to ``failures``, and warnings about the file are passed to ``warn``.
    """
    if checking.prompt is None:
        return None, None
    try:
        if checking.file is not None:
            return count_file(database, checking.file.for_prompt(checking.prompt), warn)
        with database.preview() as preview:
            return None, preview.measured(checking.prompt)
    except ArtistjobsError as error:
        failures.append(finding_of("file", error))
        return None, None
