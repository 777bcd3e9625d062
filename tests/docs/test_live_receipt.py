"""The live receipt: rehearsed against the simulated API, within its cap, and without secrets."""

import asyncio
import json
import re

import pytest
from click.testing import CliRunner
from conftest import KEY
from paths import ROOT

HELD_OR_UNKNOWN = {
    "a reasoning model refuses temperature with 400 and this param": "unclear",  # the simulated model takes it
    "a stored prompt answers with its variables": "not tried",
    "a variable that the prompt does not have is 400 Unknown prompt variables": "not tried",
    "a variable that the prompt has may be left out": "not tried",
}


@pytest.fixture(autouse=True)
def root(monkeypatch):
    monkeypatch.syspath_prepend(ROOT)


def receipt(base_url: str = "", **changes) -> tuple[dict, int]:
    from benchmarks.live.__main__ import Options, make_receipt

    options = {
        "model": "rehearsal", "cap_usd": 0.5, "prices": None, "prompt_id": None, "wait_seconds": 10.0,
        "poll_seconds": 0.02, "is_rehearsal": True,
    }  # fmt: skip
    return asyncio.run(make_receipt(Options(**(options | changes)), KEY, base_url))


def test_a_rehearsed_receipt_has_every_claim_of_the_documentation_and_no_secret(capsys):
    found, code = receipt()
    text, shown = json.dumps(found), capsys.readouterr().out

    assert code == 0
    verdicts = {one["claim"]: one["verdict"] for one in found["findings"]}
    assert {claim: verdict for claim, verdict in verdicts.items() if verdict != "holds"} == HELD_OR_UNKNOWN
    assert len(verdicts) == len(found["findings"]) == len(shown.splitlines())
    assert 20 < found["billed"] < 40
    for secret in (KEY, r"(resp|req|file|batch)[-_]\w{6,}"):
        assert not re.search(secret, text + shown)
    tried = (ROOT / "docs" / "live.md").read_text().partition("## What it tries")[2].partition("\n## ")[0]
    assert re.findall(r"^- (.*)$", tried, re.MULTILINE) == list(verdicts)


@pytest.mark.parametrize(("cap_usd", "is_enough"), [(0.5, True), (0.003, False)])
def test_the_cost_never_passes_the_cap(api, folder, monkeypatch, cap_usd, is_enough):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", api.base_url)

    found, _ = receipt(api.base_url, model="gpt-6-luna", cap_usd=cap_usd, is_rehearsal=False)
    left_out = [one["claim"] for one in found["findings"] if "cap" in str(one["observed"])]

    assert 0 < found["cost_usd"] <= cap_usd
    assert (not left_out) == is_enough
    assert found["is_openai"] is False


def test_it_asks_before_it_spends_and_needs_a_key(api, folder, monkeypatch):
    from benchmarks.live.__main__ import main

    assert CliRunner().invoke(main, []).exit_code == 2
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", api.base_url)

    for answer in ("n\n", ""):
        asked = CliRunner().invoke(main, [], input=answer)
        assert asked.exit_code == 1
        assert "which cost at most $0.50" in asked.stderr
    assert api.journal.received == 0


def test_ids_keys_and_addresses_of_people_are_left_out():
    from benchmarks.live.receipt import cleaned

    text = f"key {KEY}, sk-proj-abcdef123, org-AbCdEf123456, someone@example.org, http_503, max_output_tokens"

    assert cleaned({"a": [text, 3]}, [KEY]) == {"a": ["key …, sk-…, org-…, …@…, http_503, max_output_tokens", 3]}
