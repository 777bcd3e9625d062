"""Answers that are made in the background: fetched, and not bought again, whatever happens meanwhile."""

import asyncio
import json
import random
import signal
from dataclasses import replace

import pytest
from conftest import read_records, wait_until
from services import FAST, select, states, use, write_files

from artistjobs.rehearsal import Fault
from artistjobs.rehearsal.scenarios import BackgroundRules
from artistjobs.worker.calls import JOBS_A_POLL, PollGate
from artistjobs.worker.limits.concurrency import ConcurrencyLimit
from artistjobs.worker.limits.rate_limiter import Limiter

ROWS, WORKERS = 12, 4
QUICK = BackgroundRules(seconds=0.02)
SLOW = BackgroundRules(seconds=60.0)
RUN = ("run", "a.csv", "--prompt-file", "p.txt", "--background", "--no-text", "--max-workers", WORKERS)


@pytest.fixture(autouse=True)
def service(api, folder, monkeypatch):
    """The simulated API with quick answers, the files of a run, and short waits."""
    monkeypatch.setattr("artistjobs.library.arguments.BATCH_SPEED", 1000.0)
    write_files(folder, ROWS)
    use(api, background=QUICK)
    return api


def assert_whole(folder, service, repeated=0):
    names = [record["artist_name"] for record in read_records(folder / "out.jsonl")]
    assert names == [f"Artist {number}" for number in range(1, ROWS + 1)]
    assert sum(service.journal.paid_by_key().values()) - ROWS <= repeated
    assert select(folder, "SELECT count(*) FROM submissions") == [(0,)]
    assert states(folder) == {"done": ROWS}


def test_answers_are_fetched_and_their_rows_say_how_they_came(cli, folder, service):
    assert cli(*RUN).exit_code == 0

    assert_whole(folder, service)
    assert select(folder, "SELECT DISTINCT way FROM answers") == [("background",)]
    sent = service.journal.calls[0].body
    assert (sent["background"], sent["store"], sent["stream"]) == (True, True, False)


@pytest.mark.parametrize(("window", "factor"), [("2h", 0.7), ("8h", 0.6)])
def test_a_window_is_sent_and_its_price_is_counted(cli, folder, service, window, factor):
    assert cli(*RUN, "--window", window).exit_code == 0

    assert service.journal.calls[0].body["background_options"] == {"completion_window": window}
    ((cost, into, out),) = select(folder, "SELECT sum(cost_usd), sum(input_tokens), sum(output_tokens) FROM answers")
    assert cost == pytest.approx(factor * (into * 1.25 + out * 10.0) / 1e6)


def test_a_server_that_answers_at_once_is_accepted(cli, folder, service):
    use(service, background=BackgroundRules(answers_at_once=True))

    assert cli(*RUN).exit_code == 0

    assert service.desk.background.looks == 0
    assert select(folder, "SELECT DISTINCT way FROM answers") == [("live",)]


def test_failures_inside_an_answer_are_judged_as_those_of_live_calls(cli, folder, service):
    service.script = lambda body, nth: {1: Fault.FAILED_SERVER_ERROR}.get(nth) if "Artist 3?" in body["input"] else (
        Fault.FAILED_INVALID_PROMPT if "Artist 5?" in body["input"] else None)  # fmt: skip

    assert cli(*RUN).exit_code == 1

    assert states(folder) == {"done": ROWS - 1, "failed": 1}
    assert select(folder, "SELECT artist_name, error_code FROM failures") == [("Artist 5", "invalid_prompt")]


def test_ctrl_c_leaves_answers_to_the_service_and_the_next_run_fetches_them(world, cli, folder, service):
    use(service, background=replace(QUICK, seconds=1.5))
    process = world.start(*RUN, **FAST)
    wait_until(lambda: service.desk.background.looks >= WORKERS)

    process.signal(signal.SIGINT)

    assert process.wait() == 130, process.err
    assert "4 answers in the background, to be fetched by the next run" in process.err
    assert states(folder) == {"pending": ROWS}
    assert "in the background: 4 answers, the oldest for " in cli("status").stdout
    assert json.loads(cli("status", "--json").stdout)["background"]["answers"] == WORKERS
    use(service, background=QUICK)
    assert world.run(*RUN, **FAST).code == 0
    assert_whole(folder, service)


def test_live_calls_fetch_what_was_left_in_the_background(world, folder, service):
    use(service, background=replace(QUICK, seconds=0.5))
    process = world.start(*RUN, **FAST)
    wait_until(lambda: service.desk.background.looks >= WORKERS)
    process.kill()

    quick = {"artistjobs.worker.calls.POLL_SECONDS": 0.01, "artistjobs.worker.calls.JOBS_A_POLL": 0.01}
    last = world.run("run", "a.csv", "--prompt-file", "p.txt", "--no-text", set=quick)

    assert last.code == 0, last.err
    assert_whole(folder, service)
    assert select(folder, "SELECT way, count(*) FROM answers GROUP BY way")[0] == ("background", WORKERS)


def around(*names):
    return [(f"{when} {name}", nth) for name in names for when in ("before", "after") for nth in (3,)]


@pytest.mark.parametrize(
    ("step", "nth"), [*around("submit", "commit of submit", "fetch", "judge", "settle", "commit of settle")]
)
def test_a_kill_after_the_id_is_stored_buys_no_answer_again(world, folder, service, step, nth):
    process = world.run(*RUN[:-1], 1, kill=[step, nth], **FAST)
    assert process.code == -signal.SIGKILL, process.err

    last = world.run(*RUN, **FAST)

    assert last.code == 0, last.err
    # Only a response whose id was on its way to the disk is bought again.
    is_on_its_way = step in ("before submit", "after submit", "before commit of submit")
    assert_whole(folder, service, repeated=is_on_its_way)


@pytest.mark.parametrize("chance", range(3))
def test_kills_at_random_times_buy_only_responses_in_creation_again(world, folder, service, chance):
    lots = random.Random(chance)
    use(service, background=BackgroundRules(seconds=0.1, lag_seconds=0.02, server_error=0.2))
    deaths = 0
    for _ in range(3):
        process = world.start(*RUN, **FAST)
        try:
            process.wait(lots.uniform(0.1, 0.6))
        except AssertionError:
            process.kill()
        deaths += process.code == -signal.SIGKILL
    last = world.run(*RUN, **FAST)
    if last.code == 1:  # a row that was in flight at all three kills is failed and reported
        last = world.run(*RUN, "--retry-failed", **FAST)

    assert last.code == 0, last.err
    assert_whole(folder, service, repeated=WORKERS * deaths)


def test_a_response_that_the_service_forgets_is_called_again_and_counted_as_lost(cli, folder, service):
    use(service, background=replace(QUICK, forgotten=1.0))
    service.script = lambda body, nth: use(service, background=QUICK) if nth > 1 else None
    result = cli(*RUN, "--max-cost", "50", "--max-workers", "1", "--limit", "1")

    assert result.exit_code == 4, result.stderr
    assert select(folder, "SELECT error_code, lost_usd > 0 FROM attempts WHERE outcome = 'retry'") == [
        ("response_lost", 1)
    ]
    assert states(folder) == {"done": 1, "pending": ROWS - 1}


def test_looks_that_fail_are_repeated(cli, folder, service):
    use(service, background=replace(QUICK, server_error=0.5, lag_seconds=0.01))

    assert cli(*RUN).exit_code == 0

    assert_whole(folder, service)


def test_a_service_that_is_away_keeps_the_answers_for_the_next_run(cli, folder, service):
    use(service, background=replace(SLOW, server_error=1.0))

    result = cli(*RUN, "--patience", "0.2")

    assert result.exit_code == 75, result.stderr
    assert select(folder, "SELECT count(*) FROM submissions")[0][0] >= 1
    assert states(folder) == {"pending": ROWS}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--window", "2h"), "add --background"),
        (("--background", "--batch"), "exclude each other"),
    ],
)
def test_options_that_do_not_go_together_are_wrong_use(cli, arguments, told):
    result = cli("work", *arguments)

    assert (result.exit_code, told in result.stderr) == (2, True)


def test_answers_that_are_not_stored_or_of_another_tier_are_refused_in_the_background(cli, folder, service):
    assert cli(*RUN, "--no-store").exit_code == 2
    assert cli(*RUN, "--service-tier", "flex", "--window", "8h").exit_code == 2
    assert service.journal.received == 0


def test_looks_are_at_most_one_a_second_for_every_twenty_jobs_in_flight():
    gate = PollGate(lambda: 200, make_limiter(rpm=None), clock=lambda: 0.0)

    waits = [gate.wait() for _ in range(100)]

    assert waits == pytest.approx([number * JOBS_A_POLL / 200 for number in range(100)])


def test_looks_count_as_requests_and_wait_for_as_long_as_the_service_asks():
    gate = PollGate(lambda: 20_000, make_limiter(rpm=60), clock=lambda: 0.0)

    assert [gate.wait() for _ in range(30)][-1] == pytest.approx(29, abs=1)
    gate.refused(90.0)
    assert gate.wait() == 90.0


def make_limiter(rpm):
    concurrency = ConcurrencyLimit(100, lambda: 0.0, first=100)
    return Limiter(rpm=rpm, tpm=None, clock=lambda: 0.0, sleep=asyncio.sleep, concurrency=concurrency)
