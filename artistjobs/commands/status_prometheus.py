"""Status in the text format of Prometheus, version 0.0.4, for a scrape or for the textfile collector of node_exporter.

https://prometheus.io/docs/instrumenting/exposition_formats/ (2026-11-26)
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from artistjobs.commands.status import Status
from artistjobs.store.models import Counts, Progress
from artistjobs.terminal.escape import escape_controls


@dataclass(frozen=True, slots=True)
class Metric:
    """Metric with its samples, each with its labels; without samples it is left out."""

    name: str
    kind: Literal["gauge", "counter"]
    help: str
    samples: Iterable[tuple[Mapping[str, str], float]]


def status_metrics(status: Status) -> str:
    """Return a status in the text format, without the last line end."""
    common = {"database": str(status.path)}
    return "\n".join(line for metric in _metrics(status) for line in _lines(metric, common))


def _metrics(status: Status) -> Iterator[Metric]:
    work, money = status.work, status.money
    states = Counter(batch.state for batch in status.batches)
    yield Metric("jobs", "gauge", "Jobs by state.", _by_state(status.counts, {}))
    yield Metric(
        "prompt_jobs", "gauge", "Jobs of a prompt configuration by state.",
        [sample for prompt in status.progress for sample in _by_state(prompt.counts, _prompt_labels(prompt))],
    )  # fmt: skip
    yield Metric(
        "failed_jobs", "gauge", "Failed jobs by error code.",
        [({"code": group.code}, group.jobs) for group in status.failures],
    )  # fmt: skip
    yield _single("jobs_per_minute", "gauge", "Jobs done in the latest minute.", status.jobs_per_minute)
    yield _single("live_workers", "gauge", "Workers that are alive.", sum(run.is_alive for run in status.workers))
    yield _single("calls_total", "counter", "Calls to the API.", work.calls)
    yield _single("retries_total", "counter", "Calls that repeated an earlier one.", work.retries)
    yield _single("input_tokens_total", "counter", "Input tokens of all answers.", work.input_tokens)
    yield _single("output_tokens_total", "counter", "Output tokens of all answers.", work.output_tokens)
    yield _single("cost_usd_total", "counter", "Cost of all answers of known price in dollars.", work.cost_usd)
    yield _single("unpriced_answers_total", "counter", "Answers of unknown cost.", work.unpriced)
    yield _single("lost_usd", "gauge", "What calls without an answer may have cost in dollars.", money.lost_usd)
    yield _single("in_flight_usd", "gauge", "Dollars that are held back for calls in flight.", money.in_flight_usd)
    yield Metric(
        "batches", "gauge", "Batches that are not collected, by state.",
        [({"state": str(state)}, count) for state, count in states.items()],
    )  # fmt: skip
    yield Metric(
        "spool_answers", "gauge", "Answers on this machine that the database has not taken yet.",
        [] if status.spool is None else [({}, status.spool.answers)],
    )  # fmt: skip
    yield _single("status_timestamp_seconds", "gauge", "Time of this status in seconds since the epoch.", status.at)


def _single(name: str, kind: Literal["gauge", "counter"], text: str, value: float) -> Metric:
    return Metric(name, kind, text, [({}, value)])


def _by_state(counts: Counts, labels: Mapping[str, str]) -> list[tuple[Mapping[str, str], float]]:
    states = ("pending", "running", "done", "failed", "dropped")
    return [({**labels, "state": state}, getattr(counts, state)) for state in states]


def _prompt_labels(prompt: Progress) -> dict[str, str]:
    named = prompt.prompt_id or prompt.prompt_file or ""
    return {"prompt": str(prompt.prompt), "prompt_name": named, "model": prompt.model}


def _lines(metric: Metric, common: Mapping[str, str]) -> Iterator[str]:
    samples, name = list(metric.samples), f"artistjobs_{metric.name}"
    if not samples:
        return
    yield f"# HELP {name} {metric.help}"
    yield f"# TYPE {name} {metric.kind}"
    for labels, value in samples:
        pairs = ",".join(f'{label}="{_escaped(text)}"' for label, text in {**common, **labels}.items())
        # Sums of the same numbers differ in their last digits, and a counter must not fall.
        yield f"{name}{{{pairs}}} {round(value, 6)!r}"


def _escaped(text: str) -> str:
    # A terminal must not interpret the names that files and servers choose.
    shown = escape_controls(text, keep="\n")
    return shown.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
