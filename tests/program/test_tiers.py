"""The flex tier: its time-outs, its refusals and the fallback; request fields with options of their own."""

import asyncio
import json
import sqlite3
from contextlib import closing

import pytest
from conftest import read_records, write_artists

from artistjobs.api import responses
from artistjobs.rehearsal import Fault
from artistjobs.worker.limits.rate_limiter import Limiter
from artistjobs.worker.stop import Stop

FLEX = ("--service-tier", "flex")


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr("artistjobs.core.retry.FIRST_FLEX_WAIT_SECONDS", 0.02)
    monkeypatch.setattr("artistjobs.core.retry.FIRST_WAIT_SECONDS", 0.01)


def query(folder, statement: str) -> list[tuple]:
    with closing(sqlite3.connect(folder / "artistjobs.db")) as db:
        return db.execute(statement).fetchall()


def sent(api) -> list[dict]:
    return [dict(call.body) for call in api.journal.calls]


def full_flex(body, _nth):
    return Fault.RESOURCE_UNAVAILABLE if body.get("service_tier") == "flex" else None


def test_the_tier_is_sent_and_part_of_what_is_asked(cli, folder, api):
    write_artists(folder / "a.csv", 2)

    for tier in ("flex", "priority", "flex"):
        assert cli("run", "a.csv", "--service-tier", tier).exit_code == 0

    assert sorted(body["service_tier"] for body in sent(api)) == ["flex", "flex", "priority", "priority"]


def test_a_tier_may_be_a_parameter_instead(cli, folder, api):
    write_artists(folder / "a.csv", 1)

    cli("run", "a.csv", "--param", "service_tier=flex")
    again = cli("run", "a.csv", *FLEX)

    assert again.exit_code == 0
    assert [body["service_tier"] for body in sent(api)] == ["flex"]


@pytest.fixture
def timeouts(monkeypatch) -> list[float]:
    """The time-outs of all calls, in seconds."""
    given, real = [], responses.ResponsesApi._reply

    async def reply(api, call, timeout_seconds):
        given.append(timeout_seconds)
        return await real(api, call, timeout_seconds)

    monkeypatch.setattr(responses.ResponsesApi, "_reply", reply)
    return given


@pytest.mark.parametrize("command", ["run", "work"])
@pytest.mark.parametrize(("tier", "seconds"), [("flex", 900), ("priority", 600), (None, 600)])
def test_a_call_has_the_time_of_its_tier(cli, folder, timeouts, command, tier, seconds):
    write_artists(folder / "a.csv", 1)
    options = ("--service-tier", tier) if tier else ()
    cli("ingest", "a.csv", *options)

    result = cli("run", "a.csv", *options) if command == "run" else cli("work")

    assert result.exit_code == 0
    assert timeouts == [responses.LOOK_UP_SECONDS, seconds]


@pytest.mark.parametrize("options", [FLEX, ()], ids=["flex", "no tier"])
def test_a_time_out_that_is_given_holds_at_every_tier(cli, folder, api, timeouts, options):
    write_artists(folder / "a.csv", 1)

    assert cli("run", "a.csv", *options, "--timeout", "120").exit_code == 0
    assert timeouts[-1] == 120


def test_a_call_that_exceeds_its_time_fails_as_timeout(cli, folder, api, monkeypatch):
    monkeypatch.setattr(responses, "CALL_SECONDS", 0.1)
    write_artists(folder / "a.csv", 1)
    api.latency_seconds = 120.0

    assert cli("run", "a.csv", "--max-attempts", "1", "--patience", "0").exit_code == 75
    assert query(folder, "SELECT error_code FROM attempts") == [("timeout",)]


def test_a_full_flex_tier_is_retried_and_delays_no_other_job(cli, folder, api, monkeypatch):
    real_sleep, flex_waits, pauses = Stop.sleep, [], []

    async def sleep(stop, seconds):
        """Sleep until all other jobs are answered if this is the wait of the refused job."""
        if seconds < 5:
            return await real_sleep(stop, seconds)
        flex_waits.append(seconds)
        while len(api.journal.calls) < 40:
            await asyncio.sleep(0.005)
        return None

    monkeypatch.setattr("artistjobs.core.retry.FIRST_FLEX_WAIT_SECONDS", 5.0)
    monkeypatch.setattr(Stop, "sleep", sleep)
    monkeypatch.setattr(Limiter, "pause", lambda _limiter, *pause: pauses.append(pause))
    write_artists(folder / "a.csv", 40)
    api.script = lambda body, nth: (
        Fault.RESOURCE_UNAVAILABLE if nth == 1 and body["prompt"]["variables"]["artist_name"] == "Artist 1" else None
    )

    result = cli("run", "a.csv", *FLEX, "--max-workers", "2")

    assert result.exit_code == 0
    assert len(flex_waits) == 1
    assert pauses == []
    names = [body["prompt"]["variables"]["artist_name"] for body in sent(api)]
    assert (len(names), len(set(names)), names[-1]) == (41, 40, "Artist 1")
    assert query(folder, "SELECT error_code FROM attempts WHERE outcome = 'retry'") == [("resource_unavailable",)]


def test_a_refusal_of_a_full_flex_tier_costs_nothing(cli, folder, api):
    write_artists(folder / "a.csv", 20)
    api.script = lambda _, nth: Fault.RESOURCE_UNAVAILABLE if nth <= 3 else None

    result = cli("run", "a.csv", *FLEX, "--max-cost", "5", "--param", "max_output_tokens=400")

    assert result.exit_code == 0
    assert query(folder, "SELECT lost_usd, reserved_usd FROM workers") == [(0.0, 0.0)]


def test_after_some_refusals_a_job_is_called_at_the_standard_tier(cli, folder, api):
    write_artists(folder / "a.csv", 3)
    api.script = full_flex

    result = cli("run", "a.csv", *FLEX, "--flex-fallback", "2")

    tiers = [body["service_tier"] for body in sent(api)]
    assert result.exit_code == 0
    assert (tiers.count("flex"), tiers.count("default")) == (6, 3)
    assert result.stderr.count("flex was full 2 times; the next call uses the standard tier") == 3


def test_an_answer_at_the_standard_tier_is_stored_and_paid_as_such(cli, folder, api):
    write_artists(folder / "a.csv", 1)
    api.script = full_flex

    cli("run", "a.csv", *FLEX, "--flex-fallback", "1")

    ((tier, into, out, cost),) = query(
        folder, "SELECT service_tier, input_tokens, output_tokens, cost_usd FROM answers"
    )
    assert tier == "default"
    assert cost == pytest.approx((into * 1.25 + out * 10) / 1e6)
    assert query(folder, "SELECT json_extract(params, '$.service_tier') FROM prompts") == [("flex",)]
    assert "service_tier" not in read_records(folder / "out.jsonl")[0]["request"]


def test_a_job_that_left_the_flex_tier_does_not_go_back(cli, folder, api):
    write_artists(folder / "a.csv", 1)
    # The third call of the row is the first one of the standard tier.
    faults = {3: Fault.SERVER_ERROR}
    api.script = lambda body, nth: full_flex(body, nth) or faults.get(nth)

    result = cli("run", "a.csv", *FLEX, "--flex-fallback", "2")

    assert result.exit_code == 0
    assert [body["service_tier"] for body in sent(api)] == ["flex", "flex", "default", "default"]


def test_refusals_that_are_not_in_a_row_do_not_count(cli, folder, api):
    write_artists(folder / "a.csv", 1)
    faults = [Fault.RESOURCE_UNAVAILABLE, Fault.SERVER_ERROR, Fault.RESOURCE_UNAVAILABLE]
    api.script = lambda _, nth: faults[nth - 1] if nth <= len(faults) else None

    assert cli("run", "a.csv", *FLEX, "--flex-fallback", "2").exit_code == 0
    assert {body["service_tier"] for body in sent(api)} == {"flex"}


def test_a_flex_tier_that_stays_full_stops_the_run_with_the_remedy(cli, folder, api):
    write_artists(folder / "a.csv", 30)
    api.script = full_flex

    result = cli("run", "a.csv", *FLEX, "--max-workers", "12", "--max-attempts", "2", "--patience", "0")

    assert result.exit_code == 75
    assert "--flex-fallback" in result.stderr
    assert query(folder, "SELECT DISTINCT state, attempt FROM jobs") == [("pending", 0)]


def test_a_fallback_without_effect_is_refused(cli, folder):
    write_artists(folder / "a.csv", 1)

    result = cli("run", "a.csv", *FLEX, "--flex-fallback", "5")

    assert result.exit_code == 2
    assert "--max-attempts" in result.stderr


# --- storage at OpenAI


@pytest.mark.parametrize(("option", "stored"), [("--store", True), ("--no-store", False)])
def test_the_store_option_is_sent_if_it_is_given(cli, folder, api, option, stored):
    write_artists(folder / "a.csv", 1)

    cli("run", "a.csv")
    cli("run", "a.csv", option)

    first, second = sent(api)
    assert "store" not in first
    assert second["store"] is stored


def test_metadata_is_sent_as_text(cli, folder, api):
    write_artists(folder / "a.csv", 1)

    result = cli("run", "a.csv", "--metadata", "year=2026", "--metadata", "a.b=x=y", "--metadata", "empty=")

    assert result.exit_code == 0
    assert sent(api)[0]["metadata"] == {"year": "2026", "a.b": "x=y", "empty": ""}


def test_the_maximum_of_metadata_is_accepted(cli, folder, api):
    write_artists(folder / "a.csv", 1)
    pairs = [f"{number:064}={'v' * 512}" for number in range(16)]

    assert cli("run", "a.csv", *[word for pair in pairs for word in ("--metadata", pair)]).exit_code == 0


@pytest.mark.parametrize(
    ("pairs", "told"),
    [
        (["year"], "is not KEY=VALUE"),
        (["=2026"], "is not KEY=VALUE"),
        (["a=1", "a=2"], "--metadata a is given twice"),
        ([f"k{number}=v" for number in range(17)], "16 pairs"),
        (["k" * 65 + "=v"], "65 characters"),
        (["k=" + "v" * 513], "513 characters"),
        (["k=\ud800"], "not Unicode text"),
    ],
)
def test_metadata_that_the_api_would_refuse_is_refused_at_ingest(cli, folder, pairs, told):
    write_artists(folder / "a.csv", 1)

    result = cli("ingest", "a.csv", *[word for pair in pairs for word in ("--metadata", pair)])

    assert result.exit_code == 2
    assert told in result.stderr
    assert not (folder / "artistjobs.db").exists()


@pytest.mark.parametrize(
    ("options", "param"),
    [
        (FLEX, "service_tier=flex"),
        (("--no-store",), "store=false"),
        (("--metadata", "a=b"), "metadata.c=d"),
    ],
)
def test_a_field_given_twice_is_refused_with_both_names(cli, folder, options, param):
    write_artists(folder / "a.csv", 1)

    result = cli("ingest", "a.csv", *options, "--param", param)

    assert result.exit_code == 2
    assert f"--param {param.split('=')[0].split('.')[0]}" in result.stderr
    assert options[0] in result.stderr.replace("--store/--no-store", "--no-store")


def test_a_dry_run_shows_the_fields(cli, folder):
    write_artists(folder / "a.csv", 1)

    shown = cli("ingest", "a.csv", "--dry-run", *FLEX, "--no-store", "--metadata", "a=b").stdout

    body, _ = json.JSONDecoder().raw_decode(shown)
    assert (body["service_tier"], body["store"], body["metadata"]) == ("flex", False, {"a": "b"})
