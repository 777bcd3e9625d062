"""The live block fits every terminal, truncates no number, and shows the state of the run."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from test_snapshot import SNAPSHOTS, make_snapshot

from artistjobs.store.models import Counts
from artistjobs.terminal.table import truncate_cells
from artistjobs.worker.limits.rate_limiter import Wait
from artistjobs.worker.progress.counters import LatestFailure, RunTotals
from artistjobs.worker.progress.display import plain_line
from artistjobs.worker.progress.job_counts import JobProgress
from artistjobs.worker.progress.live_view import draw
from artistjobs.worker.progress.snapshot import snapshot_from_json, snapshot_json

HOURS = 4 * 3600.0


def shown(snapshot, width: int = 79) -> str:
    return "\n".join(line.plain.rstrip() for line in draw(snapshot, width))


def make_busy(**changes):
    """Return a snapshot after four hours, with every field set."""
    counts = Counts(pending=812_345, running=64, done=187_000, failed=591)
    row = {
        "at": HOURS,
        "started_at": 0.0,
        "job_progress": JobProgress(
            counts=counts, counted_at=HOURS, window_start=HOURS - 60, done_at_window_start=186_200, done_before=7_000,
        ),
        "totals": RunTotals(
            done=180_000, failed=591, calls=200_000, retries=19_409, input_tokens=123_456_789, output_tokens=98_765_432,
            cost_usd=1234.5, codes={"incomplete": 500, "server_error": 91},
        ),
        "jobs_per_minute": 750.0,
        "in_flight": 64,
        "max_workers": 64,
        "workers": 2,
        "cap_usd": 9000.0,
        "spent_usd": 1300.0,
        "latencies": {30: 95, 60: 5},
        "wait": Wait("rate_limit_exceeded", HOURS + 12),
        "failures": (
            LatestFailure("incomplete", "草間彌生 " * 20, HOURS - 75),
            LatestFailure("server_error", "محمد", HOURS - 3600),
        ),
    }  # fmt: skip
    return make_snapshot(**(row | changes))


def test_all_facts_fit_into_eighty_columns():
    assert shown(make_busy()).split("\n") == [
        "━━━━━━━━━━────────────────────────────────────────── 187,591 of 1,000,000  18 %",
        "done 187,000        failed 591          pending 812,409     in flight 64 of 64",
        "800 jobs a minute   overall 750         left 16 h 55 min    2 workers",
        "123,456,789 in      98,765,432 out      median 4.4 s        95 % within 4.4 s",
        "cost $1,234.50      in all $6,806.27    $1,300.00 of cap $9,000.00",
        "running 4 h 00 min  waiting for rate_limit_exceeded, 12 s",
        "incomplete: 500 jobs, 1 min 15 s ago: 草間彌生 草間彌生 草間彌生 草間彌生 草間…",
        "server_error: 91 jobs, 1 h 00 min ago: محمد",
    ]


def test_the_amount_spent_is_at_least_the_cost_of_this_run():
    assert "cap $9,000.00, $1,234.50 spent" in shown(make_busy(spent_usd=1.0), 119)


@pytest.mark.parametrize("width", [39, 59, 79, 119, 199])
def test_no_number_is_cut_at_any_usual_width(width):
    text = shown(make_busy(), width)

    for number in ("187,000", "591", "812,409", "123,456,789", "98,765,432", "$1,234.50", "4 h 00 min", "12 s"):
        assert number in text
    assert "500 jobs" in text


@given(SNAPSHOTS, st.integers(1, 250))
@settings(max_examples=200)
def test_no_line_is_wider_than_the_terminal(snapshot, width):
    for line in draw(snapshot, width):
        assert line.cell_len <= width


@given(st.text(max_size=80), st.integers(0, 60))
def test_names_of_any_script_are_shortened_to_their_place(name, cells):
    assert cell_len(truncate_cells(name, cells)) <= max(cells, 1)


def test_a_single_failed_job_is_visible_in_the_bar():
    counts = Counts(pending=1, running=0, done=99_998, failed=1)
    job_progress = replace(make_snapshot().job_progress, counts=counts)
    bar = draw(make_snapshot(job_progress=job_progress), 79)[0]

    assert [bar.plain[span.start : span.end] for span in bar.spans if span.style == "red"] == ["━"]
    assert " 99 %" in bar.plain


def test_it_shows_waits_pauses_and_stops():
    assert "waiting for rate_limit_exceeded, 12 s" in shown(make_busy())
    assert "paused" in shown(make_busy(paused=True))
    assert "stopping: 64 calls in flight" in shown(make_busy(stopping=True))
    assert "left " in shown(make_busy())
    assert "left " not in shown(make_busy(stopping=True))
    assert "after refusals 9 calls at once" in shown(make_busy(wait=None, slowed_to=9))


def test_names_in_the_block_cannot_control_the_terminal():
    text = shown(make_busy(failures=(LatestFailure("c\x1b[2J", "Evil\x1b]0;owned\x07", HOURS),)))

    assert "\x1b" not in text
    assert "\x07" not in text


def test_the_plain_line_has_separators_and_the_reason_of_a_wait():
    assert plain_line(make_busy()) == (
        "done 187,000/1,000,000 18%  failed 591  in flight 64  800/min  $1,234.50  left 16 h 55 min  "
        "waiting for rate_limit_exceeded, 12 s"
    )


def test_each_batch_has_a_line_and_many_are_counted():
    batches = tuple(f"batch {number}: in progress, 0 of 9 answered, 3 h" for number in range(1, 9))

    lines = [line.plain for line in draw(make_snapshot(batches=batches), 79)]

    assert [line for line in lines if "batch" in line] == [*batches[:5], "3 more batches"]
    assert snapshot_from_json(json.loads(json.dumps(snapshot_json(make_snapshot(batches=batches))))).batches == batches
