"""Data of the report page: the sentences, figures, charts and table rows that the template shows, as plain text."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from artistjobs.core.attempt import Way
from artistjobs.core.batch import BatchState
from artistjobs.core.formatting import cost_text, count_text, duration_text
from artistjobs.core.version import __version__
from artistjobs.report.axis import moment_at
from artistjobs.report.chart import Drawing, cost_drawings, latency_drawings, pace_drawings
from artistjobs.report.citations import CitationLink, citation_links
from artistjobs.report.render import latency, moment, money
from artistjobs.report.sanitize import fitted
from artistjobs.report.timeline import Cell, Timeline, make_timeline
from artistjobs.store.batch_text import age_seconds, background_line, state_text
from artistjobs.store.models import BatchRecord, FailedJob, Progress
from artistjobs.store.overview import AnsweredJob, Overview, Spending

STATES = ("done", "failed", "running", "pending")


ROWS = 20
"""Maximum number of rows in the tables of prompts, models and failure codes."""


MIN_CELLS = 3
"""Minimum number of cells for charts and for a throughput; fewer show no trend."""


NAME_BYTES, DATA_BYTES, TEXT_BYTES, MESSAGE_BYTES = 160, 240, 700, 300
"""Maximum bytes of a text as HTML; they keep the page below a megabyte even for a million jobs."""


_ENDINGS = {
    "finished": "no jobs were left",
    "interrupted": "Ctrl+C was pressed",
    "terminated": "it received SIGTERM",
    "account": "the API rejected the key, credit, model or prompt",
    "outage": "too many jobs failed in a row",
    "max-cost": "the cost limit was reached",
    "limit": "the requested number of jobs was reached",
    "store": "the disk or the database failed",
    "died": "the process or the machine died",
    None: "it has not ended yet",
}


Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Shown(Generic[Row]):
    """The first rows of a table, and a note on the rows left out."""

    shown: Sequence[Row]
    rest: str


@dataclass(frozen=True, slots=True)
class Share:
    """The jobs in one state: their number, their share of all jobs, and the start of their bar segment.

    Both shares are from 0 to 1.
    """

    name: str
    jobs: int
    from_share: float
    share: float


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of the summary, with lines that explain it."""

    label: str
    value: str
    more: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """One chart at each size; ``tooltips`` returns the tooltip of a cell."""

    id: str
    title: str
    caption: str
    description: str
    key: Sequence[tuple[str, str]]
    drawings: Sequence[Drawing]
    tooltips: Callable[[Cell], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpendingRow:
    """Answers, tokens and cost of one model at one service tier."""

    model: str
    tier: str
    answers: int
    input_tokens: int
    output_tokens: int
    cost: str
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptRow:
    """One prompt configuration, with its jobs by state and its cost in USD."""

    prompt_name: str
    model: str
    params: str
    jobs: int
    done: int
    failed: int
    left: int
    cost: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRow:
    """A batch at the service, with its age, and its requests by what they came to."""

    name: str
    state: str
    age: str
    requests: int
    done: int
    failed: int
    cost: str


@dataclass(frozen=True, slots=True)
class EndingRow:
    """The runs with the same ending, and the seconds that they took together."""

    text: str
    runs: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerRow:
    """A job with its answer or its error."""

    state: str
    name: str
    data: str
    text: str
    how: str
    citations: Sequence[CitationLink] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """The failed jobs with one error code, a few of them as examples."""

    code: str
    jobs: int
    examples: Sequence[AnswerRow]


def make_view(overview: Overview, name: str, made_at: float, *, is_rehearsal: bool) -> Mapping[str, object]:
    """Return the values for the template. ``name`` is the title of the page, ``made_at`` seconds since 1970."""
    timeline = make_timeline(overview)
    return {
        "version": __version__,
        "name": fitted(name, NAME_BYTES),
        "made_at": f"{moment_at(made_at):%-d %b %Y, %H:%M}",
        "is_rehearsal": is_rehearsal,
        "lead": _lead(overview),
        "total": overview.jobs(),
        "states": list(_shares(overview)),
        "figures": list(_figures(overview, timeline, is_rehearsal=is_rehearsal)),
        "timeline": timeline,
        "step": _step_text(timeline.width),
        "charts": list(_charts(overview, timeline)) if len(timeline.cells) >= MIN_CELLS else [],
        "spending": _spending(overview.spent)[:ROWS],
        "prompts": _prompts(overview),
        "batches": [_batch(record, made_at) for record in overview.batches],
        "batch_states": " → ".join(BatchState),
        "background": background_line(overview.background, made_at) if overview.background.answers else "",
        "endings": list(_endings(overview)),
        "groups": _groups(overview),
        "sample": _sample(overview),
        "rows": [*map(_answer, overview.answered), *map(_failure, overview.failed)],
    }


def _lead(overview: Overview) -> str:
    total, done, failed = overview.jobs(), overview.jobs("done"), overview.jobs("failed")
    left = total - done - failed
    if not total:
        return "There are no jobs yet."
    if done == total:
        return f"All {count_text(total, 'job')} are done." if total > 1 else "The one job is done."
    parts = [f"{done:,} of {count_text(total, 'job')} {'is' if done == 1 else 'are'} done"]
    parts += [f"{failed:,} failed"] if failed else []
    parts += [f"{left:,} {'is' if left == 1 else 'are'} left"] if left else []
    return (", ".join(parts[:-1]) + " and " if parts[1:] else "") + parts[-1] + "."


def _shares(overview: Overview) -> Iterator[Share]:
    total, before = overview.jobs(), 0
    for state in STATES:
        if jobs := overview.jobs(state):
            yield Share(state, jobs, before / total, jobs / total)
            before += jobs


def _step_text(seconds: int) -> str:
    for unit, name in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if seconds % unit == 0:
            return count_text(seconds // unit, name)
    return count_text(seconds, "second")


def _figures(overview: Overview, timeline: Timeline, *, is_rehearsal: bool) -> Iterator[Figure]:
    answers = sum(row.answers for row in overview.spent)
    yield Figure("Cost", *_cost(overview, answers, is_rehearsal=is_rehearsal))
    yield Figure("Tokens", *_tokens(overview.spent))
    yield Figure("Calls", f"{overview.calls:,}", [*_retries(overview), *_ways(overview.spent)])
    runs = len(overview.workers)
    if not timeline.cells:
        return
    first, last = timeline.cells[0].start, timeline.cells[-1].end
    worked = duration_text(timeline.worked) if timeline.worked >= 1 else "under 1 s"
    yield Figure("Time worked", worked, [f"in {count_text(runs, 'run')}, {_span(first, last)} UTC"])
    if len(timeline.cells) >= MIN_CELLS:
        done = sum(cell.done for cell in timeline.cells)
        yield Figure("Jobs per minute", f"{done * 60 / timeline.worked:,.1f}", ["pauses not counted"])
    median, slow = timeline.seconds(0.5), timeline.seconds(0.95)
    if median is not None:
        yield Figure("Latency", latency(median), [f"median; 95th percentile {latency(slow)}"])


def _retries(overview: Overview) -> list[str]:
    return [f"{overview.retries:,} of them retries"] if overview.retries else []


def _ways(spent: Sequence[Spending]) -> Iterator[str]:
    """Yield how many answers came otherwise than live; their way takes the place of the tier."""
    for way, where in ((Way.BATCH, "in batches"), (Way.BACKGROUND, "in the background")):
        if answers := sum(row.answers for row in spent if row.service_tier == way):
            yield f"{count_text(answers, 'answer')} {where}"


def _span(first: float, last: float) -> str:
    if moment(first) == moment(last):
        return moment(first)
    is_same_day = moment_at(first).date() == moment_at(last).date()
    return f"{moment(first)} to " + (f"{moment_at(last):%H:%M}" if is_same_day else moment(last))


def _cost(overview: Overview, answers: int, *, is_rehearsal: bool) -> tuple[str, list[str]]:
    if is_rehearsal:
        return "none", ["a rehearsal is free"]
    usd, unpriced = overview.spent_usd(), sum(row.unpriced for row in overview.spent)
    priced = answers - unpriced
    more = [f"{cost_text(usd / priced)} per answer"] if priced and usd else []
    more += [f"plus {count_text(unpriced, 'answer')} of unknown price"] if unpriced else []
    more += [f"plus at most {cost_text(overview.lost_usd)} for lost calls"] if overview.lost_usd > 0 else []
    return (cost_text(usd) if priced or not unpriced else "unknown"), more


def _tokens(spent: Sequence[Spending]) -> tuple[str, list[str]]:
    into, out = sum(row.input_tokens for row in spent), sum(row.output_tokens for row in spent)
    cached, reasoning = sum(row.cached_tokens for row in spent), sum(row.reasoning_tokens for row in spent)
    share = f", {cached:,} of them cached ({100 * cached / into:.0f} %)" if cached and into else ""
    detail = [f"input {into:,}{share}"]
    detail += [f"output {out:,}" + (f", {reasoning:,} of them reasoning" if reasoning else "")]
    return f"{into + out:,}", detail


def _charts(overview: Overview, timeline: Timeline) -> Iterator[Chart]:
    median, slow, usd = timeline.seconds(0.5), timeline.seconds(0.95), sum(cell.cost_usd for cell in timeline.cells)
    key = [("done", "done"), ("failed", "failed")] if overview.jobs("failed") else [("done", "done")]
    best = max(cell.done_a_minute() for cell in timeline.cells)
    yield Chart(
        id="pace", title="Jobs per minute", caption="Jobs done and failed per minute worked.",
        description=f"The maximum was {best:,.1f} jobs done per minute.", key=key,
        drawings=pace_drawings(timeline), tooltips=_pace_said,
    )  # fmt: skip
    if median is not None:
        yield Chart(
            id="latency", title="Latency",
            caption="Seconds from a call to its answer, without failed attempts; accurate to 2.5 %.",
            description=f"Over all answers, the median is {latency(median)} and the 95th percentile {latency(slow)}.",
            key=[("median", "median"), ("slow", "95th percentile")],
            drawings=latency_drawings(timeline), tooltips=_latency_said,
        )  # fmt: skip
    if usd > 0:
        yield Chart(
            id="cost", title="Cumulative cost", caption="Dollars spent so far, without answers of unknown price.",
            description=f"The total is {cost_text(usd)}.", key=(),
            drawings=cost_drawings(timeline), tooltips=_cost_said,
        )  # fmt: skip


def _pace_said(cell: Cell) -> str:
    failed = f", {cell.failed_a_minute():,.1f} failed" if cell.failed else ""
    return f"{moment(cell.start)}: {cell.done_a_minute():,.1f} done per minute{failed}"


def _latency_said(cell: Cell) -> str:
    return f"{moment(cell.start)}: median {latency(cell.seconds(0.5))}, 95th percentile {latency(cell.seconds(0.95))}"


def _cost_said(cell: Cell) -> str:
    return f"{moment(cell.start)}: {money(cell.cost_usd)} in {duration_text(cell.worked)}"


def _spending(spent: Sequence[Spending]) -> list[SpendingRow]:
    groups: defaultdict[tuple[str, str], list[Spending]] = defaultdict(list)
    for row in spent:
        groups[row.model or "unknown", row.service_tier or "unknown"].append(row)
    total = sum(row.cost_usd for row in spent)
    rows = [_spending_row(model, tier, rows, total) for (model, tier), rows in groups.items()]
    return sorted(rows, key=lambda row: (-row.share, -row.answers))


def _spending_row(model: str, tier: str, rows: Sequence[Spending], total: float) -> SpendingRow:
    usd, answers = sum(row.cost_usd for row in rows), sum(row.answers for row in rows)
    unpriced = sum(row.unpriced for row in rows)
    return SpendingRow(
        model=fitted(model, NAME_BYTES),
        tier=fitted(tier, NAME_BYTES),
        answers=answers,
        input_tokens=sum(row.input_tokens for row in rows),
        output_tokens=sum(row.output_tokens for row in rows),
        cost=cost_text(usd, unpriced) if unpriced < answers else "unknown",
        share=usd / total if total else 0.0,
    )


def _prompts(overview: Overview) -> Shown[PromptRow]:
    rows = [_prompt(row, overview.spent_usd(row.prompt)) for row in overview.asked[:ROWS]]
    rest = len(overview.asked) - len(rows)
    return Shown(rows, f"; {rest:,} more are not shown" if rest else "")


def _prompt(row: Progress, usd: float) -> PromptRow:
    name = row.prompt_id or row.prompt_file or "a template"
    version = f", version {row.version}" if row.version else ""
    counts = row.counts
    return PromptRow(
        prompt_name=fitted(f"{row.prompt}: {name}{version}, of {row.created_at[:10]}", NAME_BYTES),
        model=fitted(row.model, NAME_BYTES),
        params=fitted(row.params, DATA_BYTES) if row.params != "{}" else "",
        jobs=counts.total,
        done=counts.done,
        failed=counts.failed,
        left=counts.pending + counts.running,
        cost=usd,
    )


def _endings(overview: Overview) -> Iterator[EndingRow]:
    runs: Counter[str | None] = Counter(worker.ending for worker in overview.workers)
    for ending, count in runs.most_common(ROWS):
        seconds = sum(max(0.0, worker.end - worker.start) for worker in overview.workers if worker.ending == ending)
        yield EndingRow(_ENDINGS.get(ending) or fitted(ending, NAME_BYTES), count, seconds)


def _batch(record: BatchRecord, now: float) -> BatchRow:
    return BatchRow(
        name=f"{record.id}, of {_at(record.created_at)}",
        state=fitted(state_text(record), NAME_BYTES),
        age=duration_text(age_seconds(record, now)),
        requests=record.lines,
        done=record.done,
        failed=record.failed,
        cost=cost_text(record.cost_usd) if record.cost_usd or not record.unpriced else "unknown",
    )


def _groups(overview: Overview) -> Shown[Group]:
    examples: defaultdict[str, list[FailedJob]] = defaultdict(list)
    for row in overview.failed:
        examples[row.code].append(row)
    groups = [
        Group(fitted(code, NAME_BYTES), jobs, [*map(_failure, examples[code][:3])])
        for code, jobs in list(overview.codes.items())[:ROWS]
    ]
    rest = len(overview.codes) - len(groups)
    return Shown(groups, f"; {rest:,} more codes are not shown" if rest else "")


def _sample(overview: Overview) -> str:
    done, failed = overview.jobs("done"), overview.jobs("failed")
    if not overview.answered and not overview.failed:
        return "There are none yet."
    parts = [
        _part(len(overview.answered), done, "answer", "evenly spaced"),
        _part(len(overview.failed), failed, "failed job", "the oldest of each error code"),
    ]
    return " and ".join(part for part in parts if part) + ". Long texts are truncated; an export is complete."


def _part(shown: int, total: int, noun: str, how: str) -> str:
    if not total:
        return ""
    return f"{shown:,} of {count_text(total, noun)}, {how}" if shown < total else f"All {count_text(total, noun)}"


def _answer(row: AnsweredJob) -> AnswerRow:
    tier = f"{row.service_tier} tier" if row.service_tier not in (None, "default") else ""
    tokens = f"{row.input_tokens or 0:,} input tokens, {row.output_tokens or 0:,} output tokens"
    known = [f"job {row.job}", row.model or "", tier, tokens, money(row.cost_usd), latency(row.seconds)]
    return AnswerRow(
        state="done",
        name=fitted(row.artist_name, NAME_BYTES),
        data=fitted(row.artist_data, DATA_BYTES),
        text=fitted(row.text, TEXT_BYTES),
        how=" · ".join(fitted(part, NAME_BYTES) for part in [*known, _at(row.received_at)] if part),
        citations=citation_links(row.citations),
    )


def _failure(row: FailedJob) -> AnswerRow:
    status = f"HTTP {row.status}" if row.status else ""
    known = [f"job {row.job}", row.code, status, count_text(row.attempts, "attempt"), _at(row.failed_at)]
    message = " ".join((row.message or "").split())
    return AnswerRow(
        state="failed",
        name=fitted(row.artist_name, NAME_BYTES),
        data=fitted(row.artist_data, DATA_BYTES),
        text=fitted(message or "no message", MESSAGE_BYTES),
        how=" · ".join(fitted(part, NAME_BYTES) for part in known if part),
    )


def _at(text: str | None) -> str:
    """Return a stored timestamp to the minute, without parsing it, because another program may have written it."""
    return text[:16].replace("T", " ") if text else ""
