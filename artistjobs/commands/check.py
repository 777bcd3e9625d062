"""Check before a run: whether it will work, what it will cost and how long it will take.

The check is free of charge, except for one real call if ``spend`` is set. It writes nothing.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from time import monotonic

from artistjobs.api.classify import judge
from artistjobs.api.config import DEFAULT_BASE_URL, ApiConfig
from artistjobs.api.interface import Api
from artistjobs.api.model_lookup import OK, shutdown_date, shutdown_sentence, why_hopeless
from artistjobs.api.rate_limit_headers import read_limit
from artistjobs.api.remedies import STORED_PROMPTS_END, account_trouble, describe
from artistjobs.api.reply import Reply
from artistjobs.commands.api_access import _api
from artistjobs.commands.config import Checking
from artistjobs.commands.dry_run import FileCount, count_file
from artistjobs.commands.estimate import Estimate, Pace, Workload, estimate, price_per_million, price_text, time_ahead
from artistjobs.commands.estimate_text import spread_cost_text, spread_duration_text, spread_tokens_text
from artistjobs.commands.findings import Finding, Level
from artistjobs.core.attempt import Answer, Failure, Reach
from artistjobs.core.formatting import cost_text, counted
from artistjobs.core.pricing import REHEARSAL_MODEL, Cost, answer_cost
from artistjobs.core.prompt import Prompt, request_builder
from artistjobs.core.statistics import Measured, Spread, Sums, sums_of
from artistjobs.errors import ArtistjobsError, PromptError, RunStoppedError, WrongUseError
from artistjobs.ingest.source import IngestConfig
from artistjobs.store.database import Database

SAMPLE = ("Frida Kahlo", "")
"""Artist name and data of the real call if no file is given."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits on requests and tokens per minute from the headers of replies; None if unknown."""

    requests: int | None = None
    tokens: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Result of the real call; ``answer`` is None if it failed, and ``cost_usd`` is None if the price is unknown."""

    seconds: float
    answer: Answer | None
    cost_usd: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Input of a check. ``failures`` are the findings made before the API is called."""

    base_url: str
    model: str
    prompt: Prompt | None
    max_workers: int
    cost: Cost
    spend: bool = False
    file: FileCount | None = None
    measured: Measured | None = None
    failures: tuple[Finding, ...] = ()


@dataclass(slots=True, kw_only=True)
class Checkup:
    """Result of a check, filled in step by step."""

    plan: Plan
    findings: list[Finding] = field(default_factory=list)
    shutdown_date: str | None = None
    limits: Limits = field(default_factory=Limits)
    call: Call | None = None
    estimate: Estimate | None = None
    seconds: Spread | None = None

    @property
    def exit_code(self) -> int:
        """0 if the run will work; 2 (wrong use) wins over other codes, because it has to be fixed first."""
        codes = [finding.exit_code for finding in self.findings if finding.level is Level.FAIL]
        return WrongUseError.exit_code if WrongUseError.exit_code in codes else max(codes, default=0)

    def add(self, level: Level, subject: str, text: str, exit_code: int = 0) -> None:
        """Add a finding."""
        self.findings.append(Finding(level, subject, text, exit_code))

    def stop(self, subject: str, text: str) -> None:
        """Add a failure for which the run would stop."""
        self.add(Level.FAIL, subject, text, RunStoppedError.exit_code)


async def check(plan: Plan, api: Api | None, clock: Callable[[], float]) -> Checkup:
    """Check everything that a run needs; ``api`` is None if there is no key. ``clock`` returns seconds."""
    checkup = Checkup(plan=plan, findings=list(plan.failures))
    checkup.add(Level.OK, "address", plan.base_url + _whose(plan))
    can_call = await _look_up(checkup, api) if api is not None else False
    _check_prompt(checkup)
    if plan.prompt is not None and plan.spend and api is not None and can_call:
        await _try_out(checkup, api, plan.prompt, clock)
    _check_limits(checkup)
    _check_price(checkup)
    _check_file(checkup)
    _estimate(checkup)
    return checkup


def _whose(plan: Plan) -> str:
    if plan.model == REHEARSAL_MODEL:
        return " (simulated)"
    return " (OPENAI_BASE_URL)" if plan.base_url != DEFAULT_BASE_URL else ""


async def _look_up(checkup: Checkup, api: Api) -> bool:
    """Check the key and the model with a free request; return False if no call can work."""
    model = checkup.plan.model
    reply = await api.look_up_model(model)
    checkup.limits = _limits(reply, checkup.limits)
    if sentence := why_hopeless(reply):
        checkup.stop("key and model", sentence)
        return False
    if reply.status != OK:
        remedy = "" if checkup.plan.spend else "; add --spend to check them with one real call"
        text = f"not checked: the server cannot look up {model} (HTTP {reply.status}){remedy}"
        checkup.add(Level.WARN, "key and model", text)
        return True
    checkup.add(Level.OK, "key", "accepted")
    checkup.shutdown_date = shutdown_date(reply)
    if checkup.shutdown_date:
        checkup.add(Level.WARN, "model", shutdown_sentence(model, checkup.shutdown_date))
    else:
        checkup.add(Level.OK, "model", f"{model} is available and has no shutdown date")
    return True


def _check_prompt(checkup: Checkup) -> None:
    prompt = checkup.plan.prompt
    if prompt is None:
        return
    if prompt.template is not None:
        checkup.add(Level.OK, "prompt", f"{prompt.template_file}: the template is valid")
    elif prompt.model == REHEARSAL_MODEL:
        checkup.add(Level.OK, "prompt", f"{prompt.prompt_id}, not checked in a rehearsal")
    else:
        seen = "" if checkup.plan.spend else "; only a real call can check that it exists (--spend)"
        checkup.add(Level.WARN, "prompt", f"{prompt.prompt_id}: {STORED_PROMPTS_END}{seen}")


async def _try_out(checkup: Checkup, api: Api, prompt: Prompt, clock: Callable[[], float]) -> None:
    file = checkup.plan.file
    first = file.rows.first if file else None
    name, data = (first.name, first.data) if first else SAMPLE
    try:
        body = request_builder(prompt)(name, data)
    except PromptError as error:
        checkup.add(Level.WARN, "call", f"not made for {name!r}: {error}")
        return
    began = clock()
    reply = await api.create(body)
    seconds = clock() - began
    judgement = judge(reply)
    answer = judgement.answer
    cost = answer_cost(answer, checkup.plan.cost) if answer else None
    checkup.call = Call(seconds=seconds, answer=answer, cost_usd=cost)
    checkup.limits = _limits(reply, checkup.limits)
    if answer is not None:
        _tell_answer(checkup, checkup.call, answer)
    if judgement.failure is not None:
        _tell_failure(checkup, reply, judgement.failure)


def _tell_answer(checkup: Checkup, call: Call, answer: Answer) -> None:
    into, out = answer.usage.input_tokens, answer.usage.output_tokens
    tokens = f"{into:,} tokens in, {out:,} out" if into is not None and out is not None else "tokens unknown"
    cost = cost_text(call.cost_usd) if call.cost_usd is not None else "cost unknown"
    checkup.add(Level.OK, "call", f"answered by {answer.model} in {call.seconds:,.1f} s: {tokens}, {cost}")


def _tell_failure(checkup: Checkup, reply: Reply, failure: Failure) -> None:
    if failure.reach is Reach.RUN:
        checkup.stop("call", account_trouble(failure))
    elif reply.fault is not None and failure.reach is Reach.CALL:
        checkup.stop("call", f"{describe(failure)}; check the network and OPENAI_BASE_URL, then run check again.")
    elif failure.reach is Reach.CALL:
        checkup.add(Level.WARN, "call", f"{describe(failure)}; a run would retry it; check again in a few minutes")
    else:
        checkup.add(
            Level.WARN, "call", f"{describe(failure)}; similar rows would fail: fix the prompt or the parameters"
        )


def _limits(reply: Reply, before: Limits) -> Limits:
    found = {}
    for kind in ("requests", "tokens"):
        limit = read_limit(reply.headers, kind)
        known = getattr(before, kind)
        found[kind] = int(limit.per_period) if limit is not None and not limit.is_daily else known
    return Limits(**found)


def _check_limits(checkup: Checkup) -> None:
    limits = checkup.limits
    told = [
        f"{number:,} {name} a minute"
        for name, number in (("requests", limits.requests), ("tokens", limits.tokens))
        if number is not None
    ]
    if told:
        checkup.add(Level.OK, "limits", " and ".join(told))
    elif checkup.call is not None:
        checkup.add(Level.OK, "limits", "none in the headers of the API")
    else:
        checkup.add(
            Level.OK, "limits", "unknown before the first call; a run reads them from replies, --spend shows them"
        )


def _check_price(checkup: Checkup) -> None:
    plan = checkup.plan
    prompt = plan.prompt or Prompt(model=plan.model, prompt_id="")
    text = price_text(prompt, plan.cost)
    if price_per_million(prompt, plan.cost) is None:
        checkup.add(Level.WARN, "price", f"{text}: no costs will be reported, and --max-cost cannot be used")
    else:
        checkup.add(Level.OK, "price", text)


def _check_file(checkup: Checkup) -> None:
    file = checkup.plan.file
    if file is None:
        return
    rows, asked, before = file.rows, file.asked, file.asked.known
    known = f"; {asked.new:,} of them new in {file.database}, {before.done:,} already done" if file.database else ""
    failed = f", {before.failed:,} already failed (--retry-failed)" if before.failed else ""
    text = f"{file.name}: {counted(rows.good, 'good row')}, {asked.distinct:,} distinct{known}{failed}"
    checkup.add(
        Level.OK if rows.good else Level.WARN, "file", text if rows.good else f"{text}; there is nothing to send"
    )
    if rows.first_bad is not None:
        bad = f"{counted(rows.bad, 'bad line')} to be skipped; the first is line {rows.first_bad.line}: "
        checkup.add(Level.WARN, "file", bad + f"{rows.first_bad.reason}; fix it, or remove it")
    if rows.unfit:
        unfit = f"{counted(rows.unfit, 'row')} cannot be filled into the template, the first in {rows.reason}"
        checkup.add(Level.WARN, "file", f"{unfit}; fix the template, or these rows fail")


def _estimate(checkup: Checkup) -> None:
    plan = checkup.plan
    if plan.prompt is None or plan.file is None:
        return
    calls = plan.file.asked.ahead
    measured = plan.measured or _measured_by(checkup.call)
    load = Workload(prompt=plan.prompt, calls=calls, request_bytes=plan.file.rows.mean_bytes * calls)
    made = checkup.estimate = estimate(load, measured, plan.cost)
    pace = Pace(max_workers=plan.max_workers, rpm=checkup.limits.requests, tpm=checkup.limits.tokens)
    checkup.seconds, how = time_ahead(made, measured.seconds if measured else Sums(), pace)
    if not calls:
        checkup.add(Level.OK, "calls", "no calls left to make, nothing to pay")
        return
    into, out, money = made.how
    checkup.add(Level.OK, "input", f"{spread_tokens_text(made.input_tokens)}: {into}")
    checkup.add(Level.OK, "output", f"{spread_tokens_text(made.output_tokens)}: {out}")
    cost = spread_cost_text(made.cost_usd) if made.cost_usd else "unknown"
    checkup.add(Level.OK if made.cost_usd else Level.WARN, "cost", f"{cost}: {money}")
    checkup.add(Level.OK, "time", f"{spread_duration_text(checkup.seconds)} for {counted(calls, 'call')}: {how}")


def _measured_by(call: Call | None) -> Measured | None:
    """Return statistics of the one call, None if it has no answer."""
    if call is None or call.answer is None:
        return None
    usage = call.answer.usage
    return Measured(
        answers=1,
        input_tokens=sums_of([usage.input_tokens]),
        output_tokens=sums_of([usage.output_tokens]),
        cost_usd=sums_of([call.cost_usd]),
        seconds=sums_of([call.seconds]),
    )


def check_up(database: Database, checking: Checking) -> Checkup:
    """Check whether a run will work and what it will cost; write nothing."""
    failures = list(checking.failures)
    file, measured = _counted(database, checking, failures)
    plan = Plan(
        base_url=checking.api.base_url if checking.api else DEFAULT_BASE_URL,
        model=checking.model, prompt=checking.prompt, max_workers=checking.max_workers, cost=checking.cost,
        spend=checking.spend, file=file, measured=measured, failures=tuple(failures),
    )  # fmt: skip
    if checking.api is None and checking.scenario is None:
        return asyncio.run(check(plan, None, monotonic))
    with _api(checking) as config:
        return asyncio.run(_check_with(config, replace(plan, base_url=config.base_url)))


async def _check_with(config: ApiConfig, plan: Plan) -> Checkup:
    # Imported late: importing the SDK takes longer than the rest of a check without calls.
    from artistjobs.api.responses import open_responses_api

    async with open_responses_api(config) as api:
        return await check(plan, api, monotonic)


def _counted(
    database: Database, checking: Checking, failures: list[Finding]
) -> tuple[FileCount | None, Measured | None]:
    """Count the rows of the file, if there is one, and read the statistics of earlier answers.

    Errors of the file or the database are added to ``failures``.
    """
    if checking.prompt is None:
        return None, None
    try:
        if checking.file is not None:
            return count_file(database, IngestConfig(source=checking.file, prompt=checking.prompt))
        with database.census() as census:
            return None, census.measured(checking.prompt)
    except ArtistjobsError as error:
        failures.append(Finding(Level.FAIL, "file", str(error), error.exit_code))
        return None, None
