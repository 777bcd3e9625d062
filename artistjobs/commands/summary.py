"""Summary of a run and of an ingest: text, JSON and exit code."""

from collections import Counter
from pathlib import Path

from artistjobs.core.command_text import command
from artistjobs.core.formatting import cost_text, counted, duration_text
from artistjobs.core.json_values import Json
from artistjobs.store.models import Ingested
from artistjobs.worker.run import RunReport
from artistjobs.worker.stop import Reason

EXIT_DONE, EXIT_SOME_FAILED = 0, 1


_EXIT_CODES = {
    Reason.INTERRUPTED: 130,
    Reason.TERMINATED: 143,
    Reason.ACCOUNT: 3,
    Reason.OUTAGE: 3,
    Reason.DIED: 3,
    Reason.MAX_COST: 4,
    Reason.LIMIT: 4,
    Reason.STORE: 74,
}


_HOW_IT_ENDED = {Reason.INTERRUPTED: "interrupted", Reason.TERMINATED: "terminated"}


def exit_code(report: RunReport) -> int:
    """Return the exit code of a run."""
    if report.reason is not None:
        return _EXIT_CODES[report.reason]
    return EXIT_SOME_FAILED if report.after.failed else EXIT_DONE


def run_sentences(report: RunReport, ingested: Ingested | None, database: Path) -> list[str]:
    """Return the summary of a run as lines; ``ingested`` is None if the run did not ingest a file."""
    tally, after = report.tally, report.after
    skipped = f", {counted(ingested.bad, 'line')} skipped" if ingested and ingested.bad else ""
    left = after.pending + after.running
    lines = [f"{counted(after.total, 'job')}: {after.done:,} done, {after.failed:,} failed, {left:,} pending{skipped}"]
    if tally.calls:
        lines += _work_sentences(report)
    if after.failed:
        lines.append(f"to see why jobs failed: {command(database, 'status')}; --retry-failed retries them")
    if report.sentence:
        how = _HOW_IT_ENDED.get(report.reason, "stopped") if report.reason else "stopped"
        lines.append(f"{how}: {report.sentence}")
    return lines


def _work_sentences(report: RunReport) -> list[str]:
    tally = report.tally
    calls = f"{counted(tally.calls, 'call')} ({tally.retries:,} retried)"
    pace = f"{tally.done * 60 / max(report.seconds, 0.001):,.0f} jobs a minute"
    lines = [
        f"{calls} in {duration_text(report.seconds)}, {pace}",
        f"{tally.input_tokens:,} tokens in, {tally.output_tokens:,} out, {cost_text(tally.cost_usd, tally.unpriced)}",
    ]
    if tally.codes:
        codes = Counter(tally.codes).most_common(5)
        lines.append("failed with: " + ", ".join(f"{code} ({count:,})" for code, count in codes))
    return lines


def run_json(report: RunReport, ingested: Ingested | None) -> dict[str, Json]:
    """Return the summary of a run as JSON with stable keys."""
    tally, after = report.tally, report.after
    return {
        "jobs": after.total,
        "done": after.done,
        "failed": after.failed,
        "pending": after.pending + after.running,
        "skipped_lines": ingested.bad if ingested else None,
        "calls": tally.calls,
        "retries": tally.retries,
        "input_tokens": tally.input_tokens,
        "output_tokens": tally.output_tokens,
        "cost_usd": round(tally.cost_usd, 6),
        "unpriced_answers": tally.unpriced,
        "seconds": round(report.seconds, 3),
        "jobs_per_minute": round(tally.done * 60 / max(report.seconds, 0.001), 1),
        "stopped": report.reason.value if report.reason else None,
        "message": report.sentence or None,
        "exit_code": exit_code(report),
    }


def ingest_sentence(ingested: Ingested) -> str:
    """Return the summary of an ingest as one line."""
    known = " (the same file as before)" if ingested.unchanged else ""
    return (
        f"ingest {ingested.ingest}: {counted(ingested.lines, 'line')} read, {counted(ingested.added, 'job')} added, "
        f"{ingested.known:,} already known, {counted(ingested.duplicates, 'duplicate')}, {ingested.bad:,} bad{known}"
    )


def ingest_json(ingested: Ingested) -> dict[str, Json]:
    """Return the summary of an ingest as JSON with stable keys."""
    return {
        "ingest": ingested.ingest,
        "lines": ingested.lines,
        "added": ingested.added,
        "known": ingested.known,
        "duplicates": ingested.duplicates,
        "bad": ingested.bad,
    }
