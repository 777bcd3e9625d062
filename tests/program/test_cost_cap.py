"""The cap on money holds where the server adds to a request, ignores its bounds or bills another price."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

import pytest
from conftest import wait_until, write_artists

from artistjobs.api.prices import usage_cost
from artistjobs.core.attempt import Usage
from artistjobs.core.tools import fees_usd
from artistjobs.rehearsal import service

CAP = 1.0
PROMPT = ("--prompt-file", "prompt.txt", "--max-workers", 64)
BOUNDED = ("--param", "max_output_tokens=800")
SEARCH = ("--param", 'tools=[{"type":"web_search"}]')


@pytest.fixture
def bill(monkeypatch) -> Callable:
    """Has the server bill its answers as it likes; returns what each of them cost."""
    make_answer = service.make_answer

    def begin(change):
        paid: list[float] = []

        def billed(body, **how):
            answer = change(make_answer(body, **how), len(paid))
            usage = answer["usage"]
            written = usage["input_tokens_details"].get("cache_write_tokens", 0)
            tokens = Usage(
                input_tokens=usage["input_tokens"], output_tokens=usage["output_tokens"], cache_write_tokens=written
            )
            fees = fees_usd(json.dumps(answer), answer["model"]) or 0.0
            paid.append(fees + usage_cost(answer["model"], answer["service_tier"], tokens))
            return answer

        monkeypatch.setattr(service, "make_answer", billed)
        return paid

    return begin


def uses(into: int = 200, out: int = 500, **fields) -> Callable:
    """Bill so many tokens for each answer."""

    def change(answer, _nth):
        details = {"cached_tokens": 0, "cache_write_tokens": into if fields.get("written") else 0}
        usage = answer["usage"] | {"input_tokens": into, "output_tokens": out, "input_tokens_details": details}
        return answer | {"usage": usage} | {name: value for name, value in fields.items() if name != "written"}

    return change


def first(count: int, one: Callable, then: Callable) -> Callable:
    return lambda answer, nth: (one if nth < count else then)(answer, nth)


@dataclass(frozen=True)
class Case:
    """A way of billing by the server, the options of the run, and the smallest share of the cap that is used."""

    name: str
    change: Callable
    options: tuple[str, ...] = BOUNDED
    model: str = "gpt-5"
    spent: float = 0.0

    def __str__(self) -> str:
        return self.name


CASES = [
    Case("long answers without a maximum", uses(out=128_000), ()),
    Case("long answers after ten short ones", first(10, uses(out=100), uses(out=20_000)), ()),
    Case("long answers that fit a few times", uses(out=8_000), (), "gpt-5-nano", 0.8),
    Case("the project bills priority", uses(service_tier="priority"), spent=0.8),
    Case("flex is billed as default", uses(service_tier="default"), (*BOUNDED, "--service-tier", "flex"), spent=0.8),
    Case("a maximum that is ignored", uses(out=20_000)),
    Case("a maximum that is ignored after ten answers", first(10, uses(), uses(out=20_000))),
    Case("a previous response of 200,000 tokens", uses(into=200_000), (*BOUNDED, "--param", "previous_response_id=r")),
    Case("a conversation that grows", uses(into=90_000), (*BOUNDED, "--param", "conversation=c"), "gpt-5-nano", 0.6),
    Case("web searches", uses(into=100_000), (*BOUNDED, *SEARCH, "--param", "max_tool_calls=1"), "gpt-5-nano", 0.5),
    Case("another, dearer model", uses(model="gpt-5-pro")),
    Case("a gateway that adds a text", uses(into=3_000), spent=0.7),
    Case("input that is written to the cache", uses(into=280, written=True), BOUNDED, "gpt-5.6-sol", 0.7),
]


@pytest.fixture(autouse=True)
def _asked(folder):
    (folder / "prompt.txt").write_text("Who is {{ artist_name }}?")
    write_artists(folder / "a.csv", 400)


def stored(folder) -> float:
    with closing(sqlite3.connect(folder / "artistjobs.db")) as db:
        return db.execute("SELECT coalesce(sum(cost_usd), 0.0) FROM answers").fetchone()[0]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_cap_holds_however_the_server_bills(cli, folder, api, bill, case):
    paid = bill(case.change)
    api.latency_seconds = 0.02

    result = cli("run", "a.csv", *PROMPT, "--model", case.model, *case.options, "--max-cost", CAP)

    assert result.exit_code == 4
    assert case.spent * CAP <= sum(paid) <= CAP
    assert stored(folder) == pytest.approx(sum(paid))


def test_a_stored_prompt_is_bounded_by_the_context_window_until_an_answer_shows_its_length(cli, folder, api, bill):
    paid = bill(uses(into=2_000, out=400))
    api.latency_seconds = 0.05

    result = cli("run", "a.csv", "--prompt-id", "pmpt_1", *BOUNDED, "--max-workers", 16, "--max-cost", 1.2)

    assert result.exit_code == 4
    assert 0.9 < sum(paid) <= 1.2


def test_a_long_stored_prompt_does_not_pass_a_cap_that_is_too_small_for_it(cli, api, bill):
    paid = bill(uses(into=100_000))

    result = cli("run", "a.csv", "--prompt-id", "pmpt_1", *BOUNDED, "--max-workers", 32, "--max-cost", CAP)

    assert (result.exit_code, paid) == (4, [])
    assert "it can cost up to $1." in result.stderr


# --- no bound

UNBOUNDED = {
    "tools without a maximum": (SEARCH, "--param max_tool_calls=N"),
    "a tool of unknown cost": (("--param", 'tools=[{"type":"mcp"}]', "--param", "max_tool_calls=1"), "the tool mcp"),
    "a model of unknown price": (("--model", "nobody-knows-it"), "--price-input"),
    "a model of unknown limits": (
        ("--model", "nobody-knows-it", "--price-input", "1", "--price-output", "1"), "--param max_output_tokens=N"
    ),
}  # fmt: skip


@pytest.mark.parametrize(("options", "remedy"), UNBOUNDED.values(), ids=UNBOUNDED)
def test_a_cap_that_cannot_be_kept_is_refused_before_any_call_unless_told_to_go_on(cli, api, options, remedy):
    command = ("run", "a.csv", *PROMPT, *options, "--limit", 20, "--max-cost", 9)

    refused = cli(*command)
    calls = api.journal.received
    told = cli(*command, "--soft-cap")

    assert (refused.exit_code, calls) == (2, 0)
    assert remedy in refused.stderr
    assert "--soft-cap" in refused.stderr
    assert (told.exit_code, api.journal.received) == (4, 20)
    assert "calls in flight may pass the cap" in told.stderr


def test_a_soft_cap_is_kept_as_far_as_answers_foretell_it(cli, api, bill):
    paid = bill(uses(into=20_000, out=500))
    api.latency_seconds = 0.02

    result = cli("run", "a.csv", *PROMPT, *SEARCH, "--max-cost", CAP, "--soft-cap")

    assert result.exit_code == 4
    assert 0.8 * CAP < sum(paid) <= CAP
    assert "with --soft-cap." not in result.stderr


def test_a_soft_cap_stops_soon_after_answers_become_dearer(cli, api, bill):
    """In flight at that moment are as many calls as the dozen answers before it speak for."""
    paid = bill(first(12, uses(out=100), uses(out=20_000)))
    api.latency_seconds = 0.05

    result = cli("run", "a.csv", *PROMPT, "--max-cost", CAP, "--soft-cap")

    assert result.exit_code == 4
    assert sum(paid) < 2 * CAP


def test_what_a_cap_rests_on_is_said_before_the_first_call(cli, api):
    result = cli("run", "a.csv", *PROMPT, *BOUNDED, "--limit", 1, "--max-cost", 5)

    assert (
        "--max-cost 5: each call of gpt-5 holds back $0.0166 plus its request, by max_output_tokens=800"
        in result.stderr
    )


def test_an_answer_that_breaks_its_bound_is_told(cli, api, bill):
    bill(uses(out=20_000))

    result = cli("run", "a.csv", *PROMPT, *BOUNDED, "--max-cost", CAP)

    assert "an answer cost $0.2003, but at most $0.0168 was expected, by max_output_tokens=800" in result.stderr


def test_calls_of_a_rehearsal_start_at_once(program, folder):
    """The simulated API needs no proof that it obeys."""
    worker = program.start(
        "run", "a.csv", "--rehearse", "--price-input", 1, "--price-output", 1, "--max-cost", 9, "--limit", 9
    )

    _, log = worker.communicate(timeout=60)

    assert worker.returncode == 4
    assert b"9 done" in log


def test_fees_of_tools_are_part_of_the_cost(cli, folder, api, bill):
    def searched(answer, _nth):
        return uses(into=0, out=0)(answer, 0) | {"output": [{"type": "web_search_call"}, *answer["output"]]}

    bill(searched)
    cli("run", "a.csv", *PROMPT, "--limit", 3)

    assert stored(folder) == pytest.approx(0.03)


@pytest.mark.parametrize("store", ["sqlite", "postgres"])
def test_the_cap_holds_for_workers_of_several_processes_at_a_server_that_ignores_its_bounds(
    program_with_api, folder, api, bill, store, request
):
    database = "artistjobs.db" if store == "sqlite" else request.getfixturevalue("url")
    paid = bill(uses(out=20_000))
    api.latency_seconds = 0.2

    options = ("--max-workers", 32, "--processes", 3, "--max-cost", CAP)
    command = ("--db", database, "run", "a.csv", "--prompt-file", "prompt.txt")
    result = program_with_api.run(*command, *BOUNDED, *options)

    wait_until(lambda: not api.journal.in_flight)
    assert result.returncode == 4
    assert 0 < sum(paid) <= CAP
