"""Summary of a run and of an ingest: text, JSON and exit code."""

from collections import Counter
from typing import TYPE_CHECKING, Final

from artistjobs.core.bound import Bounded, bounded_by, bounded_json
from artistjobs.core.command_text import command
from artistjobs.core.formatting import cost_text, count_text, duration_text
from artistjobs.core.json_values import Json
from artistjobs.store.address import Address
from artistjobs.store.models import IngestResult
from artistjobs.worker.stop import StopReason

if TYPE_CHECKING:
    from artistjobs.worker.run import RunReport  # it imports all parts of a run, which an ingest does not need

EXIT_DONE, EXIT_SOME_FAILED = 0, 1


_EXIT_CODES = {
    StopReason.INTERRUPTED: 130,
    StopReason.TERMINATED: 143,
    StopReason.ACCOUNT: 3,
    StopReason.REFUSED: 3,
    StopReason.OUTAGE: 75,
    StopReason.SUBMITTED: 75,
    StopReason.DIED: 3,
    StopReason.MAX_COST: 4,
    StopReason.LIMIT: 4,
    StopReason.STORE: 74,
    StopReason.RESOURCES: 74,
}


_HOW_IT_ENDED = {StopReason.INTERRUPTED: "interrupted", StopReason.TERMINATED: "terminated"}


def exit_code(report: "RunReport") -> int:
    """Return the exit code of a run."""
    if report.reason is not None:
        return _EXIT_CODES[report.reason]
    return EXIT_SOME_FAILED if report.after.failed else EXIT_DONE


def run_sentences(report: "RunReport", ingested: IngestResult | None, database: Address) -> list[str]:
    """Return the summary of a run as lines; ``ingested`` is None if the run did not ingest a file."""
    counters, after = report.counters, report.after
    skipped = f", {count_text(ingested.bad, 'line')} skipped" if ingested and ingested.bad else ""
    left = after.pending + after.running
    lines = [
        f"{count_text(after.total, 'job')}: {after.done:,} done, {after.failed:,} failed, {left:,} pending{skipped}"
    ]
    if counters.calls:
        lines += _work_sentences(report)
    if after.failed:
        lines.append(f"to see why jobs failed: {command(database, 'status')}; --retry-failed retries them")
    if report.sentence:
        how = _HOW_IT_ENDED.get(report.reason, "stopped") if report.reason else "stopped"
        lines.append(f"{how}: {report.sentence}")
    return lines


MIN_BOUNDED_SECONDS: Final = 1.0
"""Duration from which a run tells what bounded it; in a shorter one, the first calls are most of the time."""


def _work_sentences(report: "RunReport") -> list[str]:
    counters = report.counters
    calls = f"{count_text(counters.calls, 'call')} ({counters.retries:,} retried)"
    pace = f"{counters.done * 60 / max(report.seconds, 0.001):,.0f} jobs a minute"
    cost = cost_text(counters.cost_usd, counters.unpriced)
    lines = [
        f"{calls} in {duration_text(report.seconds)}, {pace}",
        f"{counters.input_tokens:,} tokens in, {counters.output_tokens:,} out, {cost}",
    ]
    if counters.codes:
        codes = Counter(counters.codes).most_common(5)
        lines.append("failed with: " + ", ".join(f"{code} ({count:,})" for code, count in codes))
    if (bounded := _bounded(report)) is not None and report.seconds >= MIN_BOUNDED_SECONDS:
        lines.append(bounded.sentence)
    return lines


def _bounded(report: "RunReport") -> Bounded | None:
    return bounded_by(report.counters.usage, is_spent=report.reason is StopReason.MAX_COST)


def run_json(report: "RunReport", ingested: IngestResult | None) -> dict[str, Json]:
    """Return the summary of a run as JSON with stable keys."""
    counters, after = report.counters, report.after
    return {
        "jobs": after.total,
        "done": after.done,
        "failed": after.failed,
        "pending": after.pending + after.running,
        "skipped_lines": ingested.bad if ingested else None,
        "calls": counters.calls,
        "retries": counters.retries,
        "input_tokens": counters.input_tokens,
        "output_tokens": counters.output_tokens,
        "cost_usd": round(counters.cost_usd, 6),
        "unpriced_answers": counters.unpriced,
        "seconds": round(report.seconds, 3),
        "jobs_per_minute": round(counters.done * 60 / max(report.seconds, 0.001), 1),
        "bounded_by": bounded_json(_bounded(report)),
        "stopped": report.reason.value if report.reason else None,
        "message": report.sentence or None,
        "exit_code": exit_code(report),
    }


def ingest_sentence(ingested: IngestResult) -> str:
    """Return the summary of an ingest as one line."""
    known = " (the same file as before)" if ingested.unchanged else ""
    return (
        f"ingest {ingested.ingest}: {count_text(ingested.lines, 'line')} read, "
        f"{count_text(ingested.added, 'job')} added, "
        f"{ingested.known:,} already known, {count_text(ingested.duplicates, 'duplicate')}, {ingested.bad:,} bad{known}"
    )


def ingest_json(ingested: IngestResult) -> dict[str, Json]:
    """Return the summary of an ingest as JSON with stable keys."""
    return {
        "ingest": ingested.ingest,
        "lines": ingested.lines,
        "added": ingested.added,
        "known": ingested.known,
        "duplicates": ingested.duplicates,
        "bad": ingested.bad,
    }
