"""Estimates are intervals, state their basis, and prefer measurements to assumptions."""

import json
import random
import subprocess
import sys

import pytest
from conftest import write_artists
from factories import make_prompt, make_template
from hypothesis import given
from hypothesis import strategies as st

from artistjobs.api.prices import usage_cost
from artistjobs.commands.estimate import (
    BYTES_A_TOKEN,
    HIDDEN_INPUT,
    UNKNOWN_OUTPUT,
    Estimate,
    RateLimits,
    Workload,
    estimate,
    estimate_duration,
)
from artistjobs.commands.estimate_text import estimate_json, estimate_lines
from artistjobs.core.pricing import GivenPrices
from artistjobs.core.statistics import AnswerStats, Interval, RunningStats, stats_of
from artistjobs.rehearsal import Fault


def make_load(**changes) -> Workload:
    return Workload(**({"prompt": make_template(), "calls": 100, "request_bytes": 40_000.0} | changes))


def make_measured(answers=100, **changes) -> AnswerStats:
    sums = {
        "input_tokens": stats_of([20.0, 40.0] * (answers // 2)),
        "output_tokens": stats_of([200.0, 400.0] * (answers // 2)),
        "cost_usd": stats_of([0.01, 0.03] * (answers // 2)),
        "seconds": stats_of([4.0, 6.0] * (answers // 2)),
    }
    return AnswerStats(**({"answers": answers} | sums | changes))


def make_estimate(calls: int, tokens: float = 0.0) -> Estimate:
    each = Interval(tokens, tokens, tokens)
    return Estimate(calls=calls, input_tokens=each, output_tokens=each, cost_usd=None, basis=("", "", ""))


def test_input_tokens_come_from_the_bytes_of_the_requests():
    made = estimate(make_load(), None, usage_cost)

    assert made.input_tokens == Interval(8_000, 10_000, 16_000)
    assert "40,000 bytes of requests at 4 bytes a token, 5 at best and 2.5 at worst" in made.basis[0]


def test_the_unknown_text_of_a_stored_prompt_is_part_of_the_estimate():
    made = estimate(make_load(prompt=make_prompt()), None, usage_cost)

    assert made.input_tokens.middle == 40_000 / BYTES_A_TOKEN.middle + 100 * HIDDEN_INPUT.middle
    assert "the text of the stored prompt is unknown" in made.basis[0]


def test_output_tokens_are_bounded_by_the_request():
    made = estimate(make_load(prompt=make_template(params='{"max_output_tokens":800}')), None, usage_cost)

    assert made.output_tokens == Interval(8_000, 40_000, 80_000)
    assert "at most max_output_tokens, 800 a call" in made.basis[1]


@pytest.mark.parametrize("params", ["{}", '{"max_output_tokens":null}', '{"max_output_tokens":true}'])
def test_unknown_output_is_marked_as_assumed(params):
    made = estimate(make_load(prompt=make_template(params=params)), None, usage_cost)

    assert made.output_tokens == UNKNOWN_OUTPUT.times(100)
    assert made.basis[1].startswith("unknown; 500 tokens a call are assumed")


def test_earlier_answers_take_precedence_over_assumptions():
    made = estimate(make_load(), make_measured(), usage_cost)

    assert (made.input_tokens.middle, made.output_tokens.middle) == (3_000, 30_000)
    assert made.cost_usd.middle == pytest.approx(2.0)
    assert made.output_tokens.high < 40_000
    assert all(how == "measured on 100 earlier answers to this prompt by this model" for how in made.basis)


def test_answers_without_a_price_are_counted_by_the_price_list():
    made = estimate(make_load(), make_measured(cost_usd=RunningStats()), usage_cost)

    assert made.cost_usd.middle == pytest.approx((3_000 * 1.25 + 30_000 * 10) / 1e6)
    assert "gpt-5 at $1.25 in and $10.00 out" in made.basis[2]


def test_answers_without_usage_are_no_measurement():
    made = estimate(make_load(), make_measured(input_tokens=RunningStats()), usage_cost)

    assert made.input_tokens.middle == 10_000


def test_cost_is_the_price_of_the_tokens_even_of_fractions_of_them():
    made = estimate(make_load(request_bytes=130.0), None, usage_cost)

    assert made.cost_usd.middle == pytest.approx((32.5 * 1.25 + 50_000 * 10) / 1e6)
    assert made.cost_usd.low < made.cost_usd.middle < made.cost_usd.high


def test_an_unknown_price_is_reported_and_never_zero():
    made = estimate(make_load(prompt=make_template(model="nobody-knows")), None, usage_cost)

    assert made.cost_usd is None
    assert estimate_json(made)["cost_usd"] is None
    assert "cost unknown: the price of nobody-knows is unknown" in estimate_lines(made)[-1]


def test_the_tier_asked_for_has_its_own_price():
    flex = estimate(make_load(prompt=make_template(params='{"service_tier":"flex"}')), None, usage_cost)
    usual = estimate(make_load(), None, usage_cost)

    assert flex.cost_usd.middle == pytest.approx(usual.cost_usd.middle / 2)
    assert "gpt-5 (flex)" in flex.basis[2]


def test_prices_given_by_the_user_are_used():
    made = estimate(make_load(), None, GivenPrices(input_usd=2.0, output_usd=4.0).cost)

    assert made.cost_usd.middle == pytest.approx((10_000 * 2 + 50_000 * 4) / 1e6)


def test_nothing_to_do_costs_nothing():
    made = estimate(make_load(calls=0, request_bytes=0.0), None, usage_cost)

    assert made.cost_usd == Interval(0, 0, 0)
    assert estimate_lines(made) == ["estimate: no calls left to make, nothing to pay"]


def test_one_measurement_gives_an_interval_from_half_to_twice():
    assert stats_of([10.0]).forecast(4) == Interval(20, 40, 80)


@given(st.lists(st.floats(0, 1e6), min_size=1), st.integers(0, 10**7))
def test_an_interval_contains_its_middle_and_is_never_negative(values, number):
    ahead = stats_of(values).forecast(number)

    assert 0 <= ahead.low <= ahead.middle <= ahead.high


def test_two_standard_errors_cover_95_percent():
    chance = random.Random(1)
    held = 0
    for _ in range(400):
        ahead = stats_of(chance.expovariate(1.0) for _ in range(200)).forecast(300)
        held += ahead.low <= sum(chance.expovariate(1.0) for _ in range(300)) <= ahead.high

    assert 0.92 <= held / 400 <= 0.98


def test_time_is_the_calls_shared_by_those_in_flight():
    seconds, how = estimate_duration(make_estimate(100), stats_of([4.0, 4.0]), RateLimits(max_workers=8))

    assert seconds == Interval(50, 50, 50)
    assert how == "4.0 s a call measured, 8 in flight"


def test_few_calls_take_as_long_as_one():
    assert estimate_duration(make_estimate(3), stats_of([4.0, 4.0]), RateLimits(max_workers=8))[0] == Interval(4, 4, 4)
    assert estimate_duration(make_estimate(0), RunningStats(), RateLimits(max_workers=8))[0] == Interval(0, 0, 0)


def test_time_with_calls_in_flight_that_the_run_finds_is_that_of_8_to_512():
    seconds, how = estimate_duration(make_estimate(10_000), stats_of([4.0, 4.0]), RateLimits(max_workers=None))

    assert seconds.high == 10_000 * 4 / 8
    assert 10_000 * 4 / 64 < seconds.middle < 10_000 * 4 / 32
    assert 10_000 * 4 / 512 < seconds.low < 10_000 * 4 / 128
    assert how == "4.0 s a call measured, 8 to 512 in flight"


def test_few_calls_take_as_long_as_with_8_in_flight_whatever_the_run_may_find():
    seconds, _ = estimate_duration(make_estimate(24), stats_of([4.0, 4.0]), RateLimits(max_workers=None))

    assert seconds == Interval(12, 12, 12)


def test_rate_limits_lengthen_the_estimated_time():
    pace = RateLimits(max_workers=1000, rpm=60, tpm=None)
    by_requests, how = estimate_duration(make_estimate(600), RunningStats(), pace)
    by_tokens, _ = estimate_duration(
        make_estimate(600, tokens=50_000), RunningStats(), RateLimits(max_workers=1000, tpm=1_000)
    )

    assert by_requests.middle == 600
    assert how == "limited by 60 requests a minute"
    assert by_tokens.middle == 6_000


@pytest.mark.parametrize("command", ["ingest", "run"])
def test_a_dry_run_ends_with_an_estimate_and_its_basis(cli, folder, command):
    write_artists(folder / "a.csv", 8)

    result = cli(command, "a.csv", "--dry-run", "--param", "max_output_tokens=100")

    said = result.stderr.splitlines()[-4:]
    assert said[0] == "estimate for 8 calls:"
    assert "bytes of requests" in said[1]
    assert said[2].startswith("  about 400 (80 to 800) tokens of output: at most max_output_tokens, 100 a call")
    assert "gpt-5 at $1.25 in" in said[3]
    assert "estimate" not in result.stdout


def test_a_dry_run_counts_each_new_request_once(cli, folder):
    (folder / "a.csv").write_text("A\nB\n")
    cli("run", "a.csv")
    (folder / "a.csv").write_text("A\nC\nC\nD\n")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    result = cli("run", "a.csv", "--dry-run")

    assert "4 good rows" in result.stderr
    assert "estimate for 2 calls" in result.stderr
    assert "measured on 2 earlier answers to this prompt by this model" in result.stderr
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_answers_to_another_prompt_or_model_are_not_used(cli, folder):
    (folder / "a.csv").write_text("A\nB\n")
    cli("run", "a.csv")

    for other in (["--prompt-id", "pmpt_other"], ["--model", "gpt-5-mini"]):
        assert "measured" not in cli("run", "a.csv", "--dry-run", *other).stderr


def test_rows_that_cannot_be_filled_in_are_left_out_of_the_bytes(cli, folder):
    (folder / "p.txt").write_text("{{ artist_name }} {{ 1 / (artist_name|length - 3) }}")
    (folder / "a.csv").write_text("Anna\nBert\nCleo\nDora\nEmil\nOdd\n")

    result = cli("run", "a.csv", "--dry-run", "--prompt-file", "p.txt")

    assert result.exit_code == 0
    assert "estimate for 6 calls" in result.stderr


def test_a_dry_run_in_the_wrong_kind_of_database_says_so(cli, folder):
    write_artists(folder / "a.csv", 1)
    cli("run", "a.csv", "--rehearse")

    assert cli("--db", "rehearsal.db", "run", "a.csv", "--dry-run").exit_code == 2


def test_a_dry_run_takes_the_same_memory_for_many_rows(program, folder):
    """The keys of 100,000 rows would take 10 MB as a set."""
    (folder / "p.txt").write_text("Who is {{ artist_name }}?")
    script = (
        "import resource, sys; from artistjobs.cli import cli\n"
        "try: cli(['run', sys.argv[1], '--prompt-file', 'p.txt', '--dry-run'])\n"
        "except SystemExit: print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)"
    )

    def kib(count: int) -> int:
        write_artists(folder / f"{count}.csv", count)
        command = [sys.executable, "-c", script, f"{count}.csv"]
        done = subprocess.run(command, capture_output=True, text=True, env=program.environment, cwd=folder)
        return int(done.stderr.splitlines()[-1])

    assert kib(100_000) - kib(6_000) < 8_192


def test_status_projects_the_total_cost_and_the_remaining_time(cli, folder):
    write_artists(folder / "a.csv", 40)
    cli("run", "a.csv", "--limit", "30")

    found, text = json.loads(cli("status", "--json").stdout), cli("status").stdout

    projection, spent = found["projection"], found["cost_usd"]
    assert (projection["answers"], projection["jobs_left"]) == (30, 10)
    assert projection["total_cost_usd"]["middle"] == pytest.approx(spent * 40 / 30, rel=0.01)
    assert spent < projection["total_cost_usd"]["low"] < projection["total_cost_usd"]["high"]
    assert projection["seconds_left"]["low"] <= projection["seconds_left"]["high"]
    assert "10 jobs left" in text
    assert "projected total cost: about $" in text


def test_status_projects_nothing_without_jobs_or_answers(cli, folder):
    write_artists(folder / "a.csv", 3)
    cli("ingest", "a.csv")
    before = json.loads(cli("status", "--json").stdout)["projection"]
    cli("work")

    assert before is None
    assert json.loads(cli("status", "--json").stdout)["projection"] is None


def test_status_does_not_project_from_another_prompts_answers(cli, folder):
    write_artists(folder / "a.csv", 3)
    cli("run", "a.csv")
    cli("ingest", "a.csv", "--model", "gpt-5-nano")

    assert json.loads(cli("status", "--json").stdout)["projection"] is None


def test_status_reports_an_unknown_price(cli, folder):
    write_artists(folder / "a.csv", 4)
    cli("run", "a.csv", "--limit", "2", "--model", "nobody-knows")

    found = json.loads(cli("status", "--json").stdout)["projection"]

    assert (found["answers"], found["total_cost_usd"]) == (2, None)
    assert "projected total cost: unknown" in cli("status").stdout


def test_a_pause_between_two_runs_does_not_count_as_time_at_work(cli, folder, api):
    from contextlib import closing
    from sqlite3 import connect

    write_artists(folder / "a.csv", 30)
    api.script = lambda *_: Fault.INCOMPLETE
    cli("run", "a.csv", "--limit", "20")
    with closing(connect(folder / "artistjobs.db")) as db, db:
        db.execute("UPDATE answers SET received_at = '2020-01-01T00:00:00.000Z' WHERE id <= 10")

    found = json.loads(cli("status", "--json").stdout)["projection"]

    assert found["seconds_left"]["high"] < 3600
