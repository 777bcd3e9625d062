"""A command that names no model depends on the day; one that names a model does not."""

import json
from datetime import date
from functools import partial

import pytest
from conftest import write_artists

from artistjobs.library import arguments

BEFORE, NEAR_THE_END, AFTER = date(2026, 11, 19), date(2026, 12, 10), date(2026, 12, 11)


@pytest.fixture
def on_day(cli, folder, monkeypatch):
    """Function that runs a command on a given day, without a model in the environment."""
    monkeypatch.delenv("OPENAI_MODEL")
    write_artists(folder / "a.csv", 2)
    made = arguments.CommandArguments

    def call(day, *command, **options):
        monkeypatch.setattr(arguments, "CommandArguments", partial(made, today=lambda: day))
        return cli(*command, **options)

    return call


@pytest.mark.parametrize("command", ["run a.csv", "ingest a.csv", "run a.csv --dry-run"])
def test_the_default_model_is_called_until_it_is_shut_down(on_day, folder, command):
    before, near, after = (on_day(day, *command.split()) for day in (BEFORE, NEAR_THE_END, AFTER))

    assert (before.exit_code, near.exit_code, after.exit_code) == (0, 0, 2)
    assert "shuts down" not in before.stderr
    assert "no model is named, so gpt-5 is called, which OpenAI shuts down on 2026-12-11" in near.stderr
    assert "OpenAI recommends gpt-6.1-sol in its place" in after.stderr
    assert "Traceback" not in after.output


@pytest.mark.parametrize("name", ["option", "environment"])
def test_a_model_that_is_named_is_called_on_any_day_without_a_warning(on_day, monkeypatch, api, name):
    if name == "environment":
        monkeypatch.setenv("OPENAI_MODEL", "gpt-5")

    results = [
        on_day(day, "run", "a.csv", *(("--model", "gpt-5") if name == "option" else ()))
        for day in (NEAR_THE_END, AFTER)
    ]

    assert [result.exit_code for result in results] == [0, 0]
    assert not any("no model is named" in result.stderr for result in results)
    assert {call.body["model"] for call in api.journal.calls} == {"gpt-5"}


@pytest.mark.parametrize("command", ["run", "check"])
def test_a_rehearsal_needs_no_model(on_day, command):
    result = on_day(AFTER, command, "a.csv", "--rehearse")

    assert result.exit_code == 0
    assert "no model is named" not in result.output


def test_work_on_stored_jobs_needs_no_model(on_day):
    on_day(BEFORE, "ingest", "a.csv")

    assert on_day(AFTER, "work").exit_code == 0


def test_a_check_warns_near_the_end_and_fails_after_it(on_day):
    near, after = (on_day(day, "check", "a.csv", "--json") for day in (NEAR_THE_END, AFTER))

    assert (near.exit_code, after.exit_code) == (0, 2)
    levels = [
        {finding["level"] for finding in json.loads(result.stdout)["findings"] if finding["subject"] == "model"}
        for result in (near, after)
    ]
    assert "warn" in levels[0]
    assert levels[1] == {"fail"}
    assert json.loads(after.stdout)["model"] is None
