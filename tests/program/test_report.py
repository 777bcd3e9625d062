"""Command ``report``: correct, self-contained, limited in size, and safe with hostile content."""

import json
import re
from collections import Counter
from itertools import pairwise

import pytest
from conftest import read_records, write_artists
from factories import NOON, claim, fail, ingest, make_answer, make_attempt, make_failure, names, settle
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape
from pages import Page, sha256

from artistjobs.core.attempt import Outcome
from artistjobs.report import make_report
from artistjobs.report.axis import make_scale, time_step, time_ticks
from artistjobs.report.chart import cost_drawings, pace_drawings
from artistjobs.report.sanitize import cleaned, fitted
from artistjobs.report.timeline import make_timeline, percentile, union
from artistjobs.store.overview import Bounds, LatencyBucket, Overview, TimeBucket, WorkerPeriod
from artistjobs.store.queries.report_queries import SqlReportQueries
from artistjobs.store.sqlite.store import open_store

HOSTILE = [
    "<script>alert(1)</script>",
    "</script><script>alert(2)</script>",
    "</style><style>*{display:none}</style>",
    '"><img src=x onerror=alert(3)>',
    "' onmouseover='alert(4)",
    "javascript:alert(5)",
    "<a href=javascript:alert(6)>here</a>",
    "<!--",
    "{{ 7 * 7 }}{% raw %}",
    "before\u2028after\u2029end",
    "nothing\x00here\x1b[31m",
    "\u202eesrever\u2066",
    "half \ud800 of one",
    "&lt;b&gt; &#60;",
]


@pytest.fixture
def store(tmp_path):
    with open_store(tmp_path / "a.db", create=True) as opened:
        opened.queue.register()
        yield opened


def answer_all(store, answer=make_answer, limit=1000):
    settle(store, *(make_attempt(claimed, answer=answer()) for claimed in claim(store, limit)))


def fail_with(store, code, message):
    settle(store, make_attempt(claim(store)[0], Outcome.FAILED, failure=make_failure(code, message=message)))


def page_of(store) -> Page:
    return Page(make_report(store, NOON).decode())


def make_overview(workers=(), slots=(), **changes) -> Overview:
    row = {
        "calls": 0, "retries": 0, "lost_usd": 0.0, "asked": (), "spent": (), "workers": workers, "slots": slots,
        "slot_seconds": 10, "codes": {}, "failed": (), "answered": (),
    }  # fmt: skip
    return Overview(**(row | changes))


def test_hostile_content_is_shown_as_text(store):
    rows = [text.replace("\ud800", "") for text in HOSTILE]  # it cannot occur in a UTF-8 file
    ingest(store, *[(f"{text[:40]} {number}", text) for number, text in enumerate(rows)])
    texts = iter(HOSTILE)
    for claimed in claim(store, len(HOSTILE) - 1):
        text = next(texts)
        settle(store, make_attempt(claimed, answer=make_answer(text, model=text, service_tier=text)))
    fail_with(store, HOSTILE[0], HOSTILE[3])

    page = page_of(store)

    assert len(page.all("script")) == len(page.all("style")) == 1
    assert {tag for tag, _ in page.elements} & {"img", "a", "iframe", "object", "base", "form"} == {"a"}
    for tag, attributes in page.elements:
        assert not [name for name in attributes if name.startswith("on") or name in ("src", "style")], tag
        assert (attributes.get("href") or "#").startswith("#") or attributes["href"] == "data:,"
    for text in HOSTILE[:9]:
        assert text in page.text
    shown = re.sub(r"\s", "", page.text)
    assert "nothing\\x00here\\x1b[31m" in shown
    assert "\\u202eesrever\\u2066" in shown
    assert not re.search("[\x00\x1b\u202e\u2066\u2028\u2029\ud800]", page.text)


def test_only_the_script_of_the_page_runs(store):
    page = page_of(store)

    policy = dict(part.split(" ", 1) for part in page.policy().split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == sha256(page.inside["script"])
    assert policy["style-src"] == sha256(page.inside["style"])
    assert page.inside["script"].strip()
    assert not re.search(r"https?:|//[a-z]|@import|url\(", page.inside["style"])


def test_the_numbers_equal_those_of_the_database(cli, folder):
    write_artists(folder / "a.csv", 30)
    cli("run", "a.csv")
    done = json.loads(cli("status", "--json").stdout)

    result = cli("report")

    assert result.exit_code == 0
    assert result.stdout == ""
    page = Page((folder / "report.html").read_text("utf-8"))
    text = " ".join(page.text.split())
    records = read_records(folder / "out.jsonl")
    assert f"All {len(records)} jobs are done." in text
    assert f"{done['input_tokens'] + done['output_tokens']:,}" in text
    assert len([row for row in page.all("li") if row.get("data-state") == "done"]) == len(records)
    for record in records:
        assert record["artist_name"] in text


def test_failures_are_grouped_by_code_with_examples(store):
    ingest(store, *names(6))
    for _ in range(3):
        fail(store, "server_error")
    fail_with(store, "refused", "it would rather not")
    answer_all(store)

    text = " ".join(page_of(store).text.split())

    assert "2 of 6 jobs are done and 4 failed." in text
    assert "server_error: 3" in text
    assert "refused: 1" in text
    assert "it would rather not" in text


def test_a_page_of_the_worst_texts_stays_below_a_megabyte(store):
    ingest(store, *[(f"{'<' * 400}{number}", '"' * 2000) for number in range(700)])
    for number in range(250):
        fail_with(store, "'" * 500 + str(number % 40), '"' * 3000)
    answer_all(store, lambda: make_answer("'\"<" * 1000, model="<" * 900))

    page = make_report(store, NOON)

    assert len(page) < 1_000_000
    assert page.rstrip().endswith(b"</html>")


def test_a_sample_is_spread_over_all_answers_and_no_kind_of_failure_is_crowded_out(store):
    ingest(store, *names(300))
    for _ in range(40):
        fail(store, "frequent")
    fail(store, "rare")
    answer_all(store)

    overview = store.report_queries.overview(Bounds(answers=20, failed=10))

    jobs = [row.job for row in overview.answered]
    assert len(jobs) == 20
    assert jobs[0] == 42
    assert jobs[-1] > 285
    assert all(later - earlier in (12, 13, 14) for earlier, later in pairwise(jobs))
    assert Counter(row.code for row in overview.failed) == {"frequent": 9, "rare": 1}
    assert overview.codes == {"frequent": 40, "rare": 1}


def test_a_report_is_a_snapshot_while_workers_run(store, monkeypatch):
    ingest(store, *names(10))
    claims = claim(store, 10)
    settle(store, make_attempt(claims[0]))
    read = SqlReportQueries._rows

    def read_and_settle(report_queries, *arguments):
        found = read(report_queries, *arguments)
        if claims[1:]:
            with open_store(store.path) as other:
                other.queue._worker = 1
                settle(other, make_attempt(claims.pop()))
        return found

    monkeypatch.setattr(SqlReportQueries, "_rows", read_and_settle)
    overview = store.report_queries.overview(Bounds())

    assert len(claims) < 9
    done = [overview.jobs("done"), len(overview.answered), sum(row.answers for row in overview.spent)]
    assert done == [1, 1, 1]
    assert sum(slot.done for slot in overview.slots) == overview.calls == 1


def test_a_rehearsal_is_labelled_and_costs_nothing(program, folder):
    write_artists(folder / "a.csv", 3)
    program.run("-q", "run", "a.csv", "--rehearse")

    done = program.run("--db", "rehearsal.db", "report", "-")

    assert done.returncode == 0
    assert done.stderr == ""
    assert "This is a rehearsal." in Page(done.stdout).text


def test_a_database_without_jobs_makes_a_page(store):
    page = page_of(store)

    assert "There are no jobs yet." in page.text
    assert "There are none yet." in page.text


@pytest.mark.parametrize("output", ["artistjobs.db", "artistjobs.db-wal", ".", "nowhere/report.html"])
def test_an_invalid_output_is_wrong_use(cli, folder, output):
    write_artists(folder / "a.csv", 1)
    cli("ingest", "a.csv")

    assert cli("report", output).exit_code == 2


def test_a_report_that_cannot_be_written_leaves_the_old_one(cli, folder, monkeypatch):
    import os

    write_artists(folder / "a.csv", 1)
    cli("ingest", "a.csv")
    (folder / "report.html").write_text("the old one")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    result = cli("report")

    assert result.exit_code == 74
    assert "artistjobs report" in result.stderr
    assert (folder / "report.html").read_text() == "the old one"
    assert not list(folder.glob("*.part"))


def test_without_a_database_none_is_created(cli, folder):
    assert cli("report").exit_code == 2
    assert not list(folder.iterdir())


def test_pauses_between_runs_and_the_sleep_of_a_laptop_are_taken_out():
    hour = 3600
    workers = [
        WorkerPeriod(start=0, end=hour, ending="interrupted"),
        WorkerPeriod(start=11 * hour, end=22 * hour, ending="finished"),  # no work from 12 to 21
    ]
    busy = [*range(0, hour, 10), *range(11 * hour, 12 * hour, 10), *range(21 * hour, 22 * hour, 10)]
    slots = [TimeBucket(start=start, done=5) for start in busy]

    timeline = make_timeline(make_overview(workers, slots))

    assert timeline.worked == 3 * hour
    assert sum(cell.done for cell in timeline.cells) == 5 * len(slots)
    assert {cell.done_a_minute() for cell in timeline.cells} == {30}
    assert [timeline.cells[number].start for number in timeline.pauses(9)] == [11 * hour, 21 * hour]


def test_a_very_short_run_has_no_charts_and_no_pace(store):
    ingest(store, *names(2))
    answer_all(store)

    page = page_of(store)

    assert not [chart for chart in page.all("svg") if "chart" in (chart.get("class") or "")]
    assert "Jobs per minute" not in page.text
    assert "Latency" in page.text


def test_a_run_of_hours_has_each_chart_at_two_sizes_with_title_and_description(store):
    ingest(store, *names(60))
    for number, claimed in enumerate(claim(store, 60)):
        settle(store, make_attempt(claimed, started_at=NOON + number * 300, ended_at=NOON + number * 300 + 2))
    store._connection.db.conn.execute(
        "UPDATE workers SET started_at = (SELECT min(started_at) FROM attempts),"
        " seen_at = (SELECT max(ended_at) FROM attempts)"
    )

    page = page_of(store)

    charts = [chart for chart in page.all("svg") if "chart" in (chart.get("class") or "")]
    named = {part for chart in charts for part in chart["aria-labelledby"].split()}
    assert len(charts) == 6
    assert named == {words["id"] for tag in ("title", "desc") for words in page.all(tag) if "id" in words}
    assert "per minute" in page.text


def test_thousands_of_runs_make_a_chart_of_bounded_size():
    workers = [WorkerPeriod(start=day * 86_400, end=day * 86_400 + 600, ending="finished") for day in range(3000)]
    slots = [TimeBucket(start=day * 86_400, done=10, cost_usd=0.5) for day in range(3000)]

    timeline = make_timeline(make_overview(workers, slots))

    assert len(timeline.cells) <= 400
    assert sum(cell.done for cell in timeline.cells) == 30_000
    assert timeline.worked == pytest.approx(3000 * 600)
    for drawing in [*pace_drawings(timeline), *cost_drawings(timeline)]:
        assert all(mark.path.isascii() and "nan" not in mark.path for mark in drawing.marks)
        edges = [(spot.x, spot.x + spot.width) for spot in drawing.spots]
        assert edges[0][0] >= drawing.size.left
        assert edges[-1][1] == pytest.approx(drawing.size.edge)


def test_a_cell_without_work_has_no_rate():
    workers = [WorkerPeriod(start=0, end=600, ending="finished"), WorkerPeriod(start=605, end=1205, ending="finished")]
    slots = [TimeBucket(start=start, done=10) for start in range(0, 1200, 10)]

    timeline = make_timeline(make_overview(workers, slots))

    assert timeline.worked == 1200
    assert sum(cell.worked for cell in timeline.cells) == pytest.approx(1200)


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 50)), max_size=20))
def test_a_union_covers_each_moment_once(pairs):
    spans = sorted((float(start), float(start + length)) for start, length in pairs)

    joined = list(union(spans))

    covered = {moment for start, end in spans for moment in range(int(start), int(end))}
    assert {moment for start, end in joined for moment in range(int(start), int(end))} == covered
    assert all(one[1] < two[0] for one, two in pairwise(joined))


@given(st.lists(st.floats(0.5, 900), min_size=1, max_size=200), st.sampled_from([0.5, 0.95]))
def test_a_percentile_is_within_one_step_of_the_true_one(values, share):
    counts = Counter()
    for value in values:
        counts[LatencyBucket(int(value / 0.25) * 0.25, 0.25, 1)[:2]] += 1

    found = percentile(counts, share)

    at = max(0, -int(-share * len(values) // 1) - 1)
    assert abs(found - sorted(values)[at]) <= 0.25 + 1e-6


def test_the_latencies_of_a_database_give_the_median_of_its_answers(store):
    ingest(store, *names(101))
    attempts = [
        make_attempt(claimed, started_at=NOON, ended_at=NOON + 1 + number / 10)
        for number, claimed in enumerate(claim(store, 101))
    ]
    settle(store, *attempts)

    timeline = make_timeline(store.report_queries.overview(Bounds()))

    assert timeline.seconds(0.5) == pytest.approx(6.0, rel=0.025)
    assert timeline.seconds(0.95) == pytest.approx(10.5, rel=0.025)


@given(st.floats(1e-6, 1e9))
def test_a_scale_contains_the_highest_value_and_distinct_ticks(highest):
    scale = make_scale(highest)

    labels = [scale.text(tick) for tick in scale.ticks()]
    assert scale.top >= highest * (1 - 1e-9)
    assert 2 <= len(labels) <= 6
    assert len(set(labels)) == len(labels)
    assert [float(label.replace(",", "")) for label in labels] == pytest.approx(scale.ticks())


@given(st.lists(st.tuples(st.floats(0, 1e6), st.floats(1, 1e5)), min_size=1, max_size=6))
def test_labels_on_the_time_axis_never_overlap(pairs):
    spans, at = [], 0.0
    for gap, length in pairs:
        spans.append((at + gap, at + gap + length))
        at += gap + length
    unit = at / 600

    ticks = time_ticks(spans, time_step(unit), lambda moment: 46 + moment / unit, 646)

    places = [tick.at for tick in ticks]
    assert all(later - earlier >= 46 for earlier, later in pairwise(places))


@given(st.text(st.characters(codec=None)), st.integers(1, 60))
def test_a_fitted_text_keeps_its_bound_without_control_characters(text, most):
    shown = fitted(text, most)

    assert len(escape(shown.removesuffix("…")).encode()) <= most
    assert cleaned(shown) == shown


def test_an_attempt_that_is_repeated_is_neither_done_nor_failed(store):
    ingest(store, *names(2))
    (first, second) = claim(store, 2)
    settle(store, make_attempt(first), make_attempt(second, Outcome.RETRY))

    overview = store.report_queries.overview(Bounds())

    assert [(slot.done, slot.failed) for slot in overview.slots] == [(1, 0)]
