"""The cost cap is never exceeded, neither in the database nor by the answers that the server counts."""

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass

import pytest
from conftest import wait_for_second_signal, wait_until, write_artists

from artistjobs.api.prices import usage_cost
from artistjobs.core.attempt import Usage
from artistjobs.rehearsal import Fault, service

PROMPT = ("--prompt-file", "prompt.txt")
BOUNDED = (*PROMPT, "--model", "gpt-4o", "--param", "max_output_tokens=400")
ROUNDING = 1e-9


@dataclass(frozen=True)
class Budget:
    """A cap and the options of its run; ``faults`` percent of the calls are billed and lost."""

    cap: float
    workers: int
    bounded: bool
    faults: int = 0


BUDGETS = [
    Budget(0.05, 4, bounded=True),
    Budget(0.10, 16, bounded=True),
    Budget(0.25, 8, bounded=True),
    Budget(0.60, 16, bounded=True),
    Budget(0.10, 8, bounded=True, faults=10),
    Budget(0.40, 16, bounded=True, faults=5),
    Budget(0.40, 4, bounded=False),
    Budget(0.70, 16, bounded=False),
    Budget(0.90, 12, bounded=False, faults=2),
]


@pytest.fixture
def paid(monkeypatch) -> list[float]:
    """The cost of each answer at the server, including those that never arrived."""
    sums: list[float] = []
    reply_with_answer = service.faults.reply_with_answer

    def watched(answer, fault):
        reply = reply_with_answer(answer, fault)
        if reply.paid:
            usage = answer["usage"]
            tokens = Usage(
                input_tokens=usage["input_tokens"],
                output_tokens=usage["output_tokens"],
                cached_tokens=usage["input_tokens_details"]["cached_tokens"],
            )
            sums.append(usage_cost(answer["model"], answer["service_tier"], tokens))
        return reply

    monkeypatch.setattr(service.faults, "reply_with_answer", watched)
    return sums


@pytest.fixture(autouse=True)
def _quick(monkeypatch, folder):
    (folder / "prompt.txt").write_text("Who is {{ artist_name }}? {{ artist_data }}")
    monkeypatch.setattr("artistjobs.core.retry.FIRST_WAIT_SECONDS", 0.01)


def query(folder, statement: str) -> list[tuple]:
    with closing(sqlite3.connect(folder / "artistjobs.db")) as db:
        return db.execute(statement).fetchall()


def stored(folder) -> float:
    """Return the cost of the answers in the database."""
    return query(folder, "SELECT coalesce(sum(cost_usd), 0.0) FROM answers")[0][0]


def lose(share: int):
    """Return a script that loses ``share`` percent of the calls, half by truncation and half by time-out."""
    calls = iter(range(1_000_000))

    def script(_body, _nth):
        number = next(calls) % 100
        if number % (100 // share) == 0:
            return Fault.CUT_BODY if number % (200 // share) else Fault.HANG
        return None

    return script if share else None


@pytest.mark.parametrize("budget", BUDGETS, ids=str)
def test_spending_never_exceeds_the_cap_and_a_higher_cap_continues(cli, folder, api, paid, budget):
    write_artists(folder / "a.csv", int(400 * budget.cap) + 40)
    api.script = lose(budget.faults)
    asked = BOUNDED if budget.bounded else (*PROMPT, "--model", "gpt-4o")
    options = ("--max-workers", budget.workers, "--timeout", "0.3", *asked)

    stopped = cli("run", "a.csv", "--max-cost", budget.cap, *options)
    spent, spent_by_server = stored(folder), sum(paid)
    again = cli("run", "a.csv", "--max-cost", budget.cap, *options)
    spent_in_the_end = sum(paid)
    api.script = None
    resumed = cli("run", "a.csv", "--max-cost", 10, *options)

    assert (stopped.exit_code, again.exit_code, resumed.exit_code) == (4, 4, 0)
    assert spent <= spent_by_server + ROUNDING
    assert spent_by_server <= spent_in_the_end <= budget.cap + ROUNDING
    assert not budget.bounded or budget.faults or spent > 0.6 * budget.cap
    assert "raise --max-cost to continue" in stopped.stderr
    assert "\nraise --max-cost and continue with: artistjobs " in stopped.stderr
    assert query(folder, "SELECT count(*) FROM jobs WHERE state <> 'done'") == [(0,)]
    assert query(folder, "SELECT sum(reserved_usd) FROM workers") == [(0.0,)]


def test_two_workers_on_one_database_keep_to_the_cap_together(program_with_api, folder, api, paid):
    write_artists(folder / "a.csv", 600)
    api.latency_seconds = 2.0
    program_with_api.run("ingest", "a.csv", *BOUNDED)

    # Each worker first holds back much for each call, because it does not know the server.
    both = [program_with_api.start("work", "--max-cost", "0.9", "--max-workers", "8") for _ in range(2)]
    wait_until(lambda: query(folder, "SELECT count(*) FROM workers WHERE reserved_usd > 0") == [(2,)])
    api.latency_seconds = 0.05
    for process in both:
        process.communicate(timeout=60)

    assert [process.returncode for process in both] == [4, 4]
    assert 0.6 < stored(folder) == pytest.approx(sum(paid))
    assert sum(paid) <= 0.9 + ROUNDING
    assert len(query(folder, "SELECT DISTINCT worker FROM answers")) == 2


def test_the_calls_of_a_killed_worker_count_their_worst_case(program_with_api, folder, api, paid, cli):
    write_artists(folder / "a.csv", 600)
    api.latency_seconds = 0.2
    cli("ingest", "a.csv", *BOUNDED)
    command = ("work", "--max-cost", "0.2", "--max-workers", "8")

    for kill_after in (4, 12):
        worker = program_with_api.start(*command)
        wait_until(lambda calls=kill_after: api.journal.received > calls)
        worker.kill()
        worker.wait()
    last = program_with_api.run(*command)

    wait_until(lambda: not api.journal.in_flight)
    assert last.returncode == 4
    assert stored(folder) < sum(paid) <= 0.2 + ROUNDING
    assert query(folder, "SELECT sum(lost_usd) > 0 FROM workers") == [(1,)]


def test_a_worker_waits_for_the_calls_of_another_before_it_gives_up(program_with_api, folder, api, cli):
    """The first worker reserves nearly the whole cap and spends little of it."""
    write_artists(folder / "a.csv", 24)
    api.latency_seconds = 1.0
    cli("ingest", "a.csv", *PROMPT, "--param", "max_output_tokens=10000")
    command = ("work", "--max-cost", "0.5", "--max-workers", "4")
    first = program_with_api.start(*command)
    wait_until(lambda: api.journal.in_flight)

    second = program_with_api.start(*command)
    wait_until(lambda: query(folder, "SELECT count(*) FROM workers") == [(2,)])
    api.latency_seconds = 0.1
    for process in (first, second):
        process.communicate(timeout=60)

    assert [first.returncode, second.returncode] == [0, 0]


def test_calls_given_up_by_a_second_signal_count_their_worst_case(program_with_api, folder, api):
    write_artists(folder / "a.csv", 10)
    api.latency_seconds = 30.0
    worker = program_with_api.start("run", "a.csv", "--max-cost", "1", "--max-workers", "4", *BOUNDED)
    wait_until(lambda: api.journal.in_flight >= 4)

    worker.terminate()
    # After the first signal was handled, because two pending signals count as one.
    assert any(b"stopping: waiting for" in line for line in worker.stderr)
    wait_for_second_signal()
    worker.terminate()
    worker.communicate(timeout=20)

    ((lost, reserved),) = query(folder, "SELECT lost_usd, reserved_usd FROM workers")
    assert 4 * 0.004 < lost < 4 * 0.02
    assert reserved == 0.0


# --- prices given by the user

PRICES = ("--price-input", "2", "--price-output", "10")


@pytest.mark.parametrize("options", [("--model", "nobody-knows-it"), (), ("--service-tier", "flex")])
def test_prices_given_by_the_user_set_the_cost_of_answers(cli, folder, api, options):
    write_artists(folder / "a.csv", 5)

    result = cli("run", "a.csv", *PRICES, *options)

    assert result.exit_code == 0
    for into, out, cost in query(folder, "SELECT input_tokens, output_tokens, cost_usd FROM answers"):
        assert cost == pytest.approx((into * 2 + out * 10) / 1e6)


def test_prices_given_by_the_user_make_a_cap_possible(cli, folder, api):
    write_artists(folder / "a.csv", 200)
    options = (*PRICES, "--model", "nobody-knows-it", *BOUNDED)

    stopped = cli("run", "a.csv", "--max-cost", "0.05", *options)
    spent = stored(folder)
    resumed = cli("run", "a.csv", "--max-cost", "5", *options)

    assert (stopped.exit_code, resumed.exit_code) == (4, 0)
    assert 0.03 < spent <= 0.05


def test_a_cap_on_an_unknown_price_is_refused_with_the_way_to_give_one(cli, folder, api):
    write_artists(folder / "a.csv", 1)

    result = cli("run", "a.csv", "--max-cost", "1", "--model", "nobody-knows-it")

    assert result.exit_code == 2
    assert "--price-input" in result.stderr
    assert "--price-output" in result.stderr
    assert api.journal.received == 0


def test_a_cap_on_a_tier_without_a_price_is_refused(cli, folder, api):
    write_artists(folder / "a.csv", 1)

    result = cli("run", "a.csv", "--max-cost", "1", "--model", "gpt-4.1", "--service-tier", "flex")

    assert result.exit_code == 2
    assert "gpt-4.1 at the tier flex" in result.stderr


@pytest.mark.parametrize("one", [PRICES[:2], PRICES[2:]])
def test_one_price_without_the_other_is_refused(cli, folder, one):
    write_artists(folder / "a.csv", 1)

    result = cli("run", "a.csv", *one)

    assert result.exit_code == 2
    assert "--price-input and --price-output go together" in result.stderr


@pytest.mark.parametrize("option", ["--max-cost", "--price-input", "--price-output"])
@pytest.mark.parametrize("amount", ["nan", "inf", "-1", "much"])
def test_an_invalid_amount_of_money_is_refused(cli, folder, option, amount):
    """With a cap of nan every comparison would be false, and every call would be granted."""
    write_artists(folder / "a.csv", 1)

    assert cli("run", "a.csv", option, amount).exit_code == 2


def test_the_amount_spent_under_a_cap_is_part_of_the_json(cli, folder, api):
    write_artists(folder / "a.csv", 100)

    result = cli("run", "a.csv", "--json", "--max-cost", "0.05", *BOUNDED)

    assert json.loads(result.stdout)["cost_usd"] == pytest.approx(stored(folder), abs=1e-6)
