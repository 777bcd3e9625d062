"""The Python API does what the commands do, also where an event loop runs."""

import asyncio
import inspect
import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import get_type_hints

import click
import pytest
from conftest import KEY, read_records, wait_for_second_signal, wait_until, write_artists

import artistjobs
from artistjobs import ArtistjobsError, Database, RunStoppedError, ServiceAwayError
from artistjobs.library.options import INGEST_DEFAULTS, WORK_DEFAULTS, RunArguments, options_of
from artistjobs.rehearsal import Fault

PROMPT = "Who is {{ artist_name }}?"


@pytest.fixture
def database(folder, api, monkeypatch) -> Database:
    """A database with the key and the simulated API of this process, and a file of artists beside it."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", api.base_url)
    write_artists(folder / "a.csv", 6)
    return Database()


async def test_a_run_in_a_running_loop_prints_nothing_and_writes_what_the_command_writes(database, folder, cli, capfd):
    result = database.run("a.csv", "api.jsonl", prompt=PROMPT, model="gpt-5", schema={"type": "object"})
    (folder / "p.txt").write_text(PROMPT)
    exported, status = list(database.export()), database.status()

    assert (result.done, result.exit_code, result.stopped) == (6, 0, None)
    assert capfd.readouterr() == ("", "")
    assert cli("export", "cli.jsonl").exit_code == 0
    assert exported == read_records(folder / "api.jsonl") == read_records(folder / "cli.jsonl")
    assert status.jobs.done == 6
    assert {**json.loads(cli("status", "--json").stdout), "at": None} == {**status.json, "at": None}
    assert set(json.loads(cli("work", "--json").stdout)) == set(result.__slots__)


def test_a_postgresql_database_is_named_by_its_url_and_shows_no_password(database, folder, url):
    jobs = Database(url.replace("@", ":secret-word@", 1), db_timeout=5, spool=folder / "spool")

    result = jobs.run("a.csv", prompt=PROMPT, model="gpt-5", max_workers=2)

    assert result.done == len(list(jobs.export())) == jobs.status().jobs.done == 6
    assert "secret-word" not in f"{jobs!r} {jobs.status()}"


def test_several_processes_work_for_a_caller(database):
    database.ingest("a.csv", prompt=PROMPT, model="gpt-5")

    assert database.work(processes=2, max_workers=2).done == 6


@pytest.fixture
def logged() -> Iterator[list[str]]:
    """The texts of the log lines so far."""
    texts: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: texts.append(record.getMessage())
    logging.getLogger("artistjobs").addHandler(handler)
    yield texts
    logging.getLogger("artistjobs").removeHandler(handler)


def interrupted_work(database, api, logged, *, is_twice: bool) -> int:
    """Interrupt this process while it works, once or twice, and return the number of done jobs."""
    database.ingest("a.csv", prompt=PROMPT, model="gpt-5")
    api.latency_seconds = 30.0 if is_twice else 0.3

    def interrupt() -> None:
        wait_until(lambda: api.journal.received)
        os.kill(os.getpid(), signal.SIGINT)
        if is_twice:
            wait_until(lambda: any(text.startswith("stopping") for text in logged))
            wait_for_second_signal()
            os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        database.work(max_workers=2)
    thread.join()

    assert signal.getsignal(signal.SIGINT) is before
    return database.status().jobs.done


def test_an_interrupt_lets_the_calls_in_flight_finish_and_is_raised_then(database, api, logged):
    done = interrupted_work(database, api, logged, is_twice=False)

    assert 0 < done < 6
    assert database.work().done == 6


def test_a_second_interrupt_gives_the_calls_up(database, api, logged):
    assert interrupted_work(database, api, logged, is_twice=True) == 0
    assert database.status().jobs.pending == 6


def test_a_call_outside_of_the_main_thread_works_and_needs_no_signals(database):
    database.ingest("a.csv", prompt=PROMPT, model="gpt-5")

    assert asyncio.run(asyncio.to_thread(database.work)).done == 6


@pytest.mark.parametrize(
    ("fault", "kind", "code"), [(Fault.NO_CREDIT, RunStoppedError, 3), (Fault.UNAVAILABLE, ServiceAwayError, 75)]
)
def test_a_stop_is_an_error_with_the_sentence_and_the_code_of_the_command(
    database, cli, api, monkeypatch, fault, kind, code
):
    monkeypatch.setattr("artistjobs.core.retry.FIRST_WAIT_SECONDS", 0.01)
    database.ingest("a.csv", prompt=PROMPT, model="gpt-5")
    api.script = lambda body, nth: fault

    with pytest.raises(kind) as caught:
        database.work(patience=0, max_attempts=1)
    command = cli("work", "--patience", "0", "--max-attempts", "1", "--json")

    assert caught.value.exit_code == command.exit_code == code
    assert str(caught.value) == json.loads(command.stdout)["message"]
    assert database.status().jobs.pending == 6


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda d: d.ingest("a.csv", model="gpt-5"), "no prompt is given; use --prompt-file FILE or --prompt-id ID."),
        (lambda d: d.ingest("a.csv", prompt=PROMPT, prompt_id="x"), "prompt_id exclude each other"),
        (lambda d: d.ingest("a.csv", prompt=PROMPT, params={"model": "x"}), "--param model is set by artistjobs"),
        (lambda d: d.ingest("a.csv", prompt=PROMPT, metadata={"a=b": "c"}), "use keys without ="),
        (lambda d: d.work(max_workers=0), "max_workers cannot be 0; use a whole number from 1"),
        (lambda d: d.work(max_cost=float("nan")), "max_cost cannot be nan; use an amount in dollars."),
        (lambda d: d.work(limit=True), "limit cannot be True"),
        (lambda d: d.work(window="2h"), "--window concerns answers in the background"),
        (lambda d: d.work(), "there is no database"),
        (lambda d: list(d.export(state="open")), "state cannot be 'open'"),
        (lambda d: d.write("x.xlsx"), "cannot be written as .xlsx"),
        (lambda d: Database("mysql://h/d"), "is no database of artistjobs"),
        (lambda d: Database(rehearse="stormy"), "stormy"),
    ],
)
def test_a_wrong_argument_is_an_error_with_a_remedy(database, call, sentence):
    with pytest.raises(ArtistjobsError, match=f"(?s){sentence}") as caught:
        call(database)

    assert caught.value.exit_code == 2


def test_an_unknown_argument_is_a_type_error(database):
    with pytest.raises(TypeError, match="max_workers"):
        database.work(workers=3)


def test_the_arguments_are_the_options_of_the_command_with_their_defaults():
    from artistjobs.cli.run import run

    click_only = {"as_json", "notify", "dry_run", "output", "format_name", "no_text", "rehearse", "scenario"}
    options = {
        param.name: param
        for param in run.params  # also the options of the whole program
        if param.name not in click_only and not param.name.startswith("program_")
    }
    ours, context = {**INGEST_DEFAULTS, **WORK_DEFAULTS}, click.Context(run)

    assert set(ours) - {"template"} == set(options)
    for name, param in options.items():
        nothing = () if param.multiple else None
        default = param.get_default(context)
        assert ours[name] == (nothing if str(default) == "Sentinel.UNSET" else default), name
    renamed = {"prompt": "template", "batch": "uses_batches"}
    named = {renamed.get(name, name) for name in get_type_hints(RunArguments)}
    assert named == set(ours) - {"file", "input_file"}
    for name in get_type_hints(RunArguments):
        assert options_of({name: None}, ours) == ours


def test_the_import_loads_the_library_only_when_it_is_used():
    code = (
        "import sys, artistjobs; assert 'artistjobs.library' not in sys.modules; artistjobs.Database; "
        "assert 'artistjobs.library' in sys.modules; print({'openai', 'sqlite_utils', 'aiohttp'} & set(sys.modules))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "set()\n"


@pytest.mark.parametrize("name", artistjobs.__all__)
def test_every_public_name_is_there_and_documented(name):
    value = getattr(artistjobs, name)

    assert isinstance(value, str) or inspect.getdoc(value)
    with pytest.raises(AttributeError):
        getattr(artistjobs, f"{name}s")
