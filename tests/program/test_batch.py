"""Work through the Batch API as a user runs it, against the simulated service."""

import json
import re
import signal
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest
from conftest import KEY, read_records, wait_until, write_artists
from services import FAST, select, states, use, write_files

from artistjobs.rehearsal import Fault
from artistjobs.rehearsal.scenarios import BatchRules

ROWS = 12
QUICK = BatchRules(validating_seconds=0.0, seconds=0.02, finalizing_seconds=0.0, cancelling_seconds=0.0)
SLOW = replace(QUICK, seconds=60.0)
WORK = ("work", "--batch")
RUN = ("run", "a.csv", "--prompt-file", "p.txt", "--batch", "--no-text")


@pytest.fixture(autouse=True)
def service(api, folder, monkeypatch):
    """The simulated API with quick batches, the files of a run, and short waits."""
    monkeypatch.setattr("artistjobs.library.arguments.BATCH_SPEED", 1000.0)
    write_files(folder, ROWS)
    use(api, batch=QUICK)
    return api


def only(name, fault):
    """Return a script with a fault for one artist."""
    return lambda body, _: fault if name in json.dumps(body) else None


def test_a_run_answers_all_rows_at_half_the_price(cli, folder, service):
    live = cli("--db", "live.db", "run", "a.csv", "--prompt-file", "p.txt", "--json")
    assert live.exit_code == 0
    done = cli(*RUN, "--json")

    assert done.exit_code == 0, done.stderr
    assert [one["artist_name"] for one in read_records(folder / "out.jsonl")] == [f"Artist {n}" for n in range(1, 13)]
    assert ", default, in a batch, " in cli("show", "1").stdout
    assert select(folder, "SELECT DISTINCT way, service_tier FROM answers") == [("batch", "default")]
    answers = {"live": folder / "live.db", "batch": folder / "artistjobs.db"}
    prices = {}
    for way, path in answers.items():
        with closing(sqlite3.connect(path)) as db:
            sums = "SELECT sum(cost_usd), sum(input_tokens), sum(output_tokens) FROM answers"
            cost, into, out = db.execute(sums).fetchone()
        prices[way] = cost / (into * 1.25 + out * 10.0) * 1e6
    assert prices == pytest.approx({"live": 1.0, "batch": 0.5})


def test_no_file_is_left_at_the_service_and_the_same_run_again_does_nothing(cli, service):
    assert cli(*RUN).exit_code == 0
    assert list(service.desk.files.files) == []
    log = list(service.desk.log)

    assert cli(*RUN).exit_code == 0

    assert service.desk.log == log
    assert service.journal.repeated() == {}


def test_no_wait_ends_with_75_and_the_same_command_later_collects(cli, folder, service):
    use(service, batch=SLOW)
    first = cli(*RUN, "--no-wait")

    assert first.exit_code == 75, first.stderr
    assert "12 jobs in batches at the service; run the same command later to collect the answers" in first.stderr
    assert states(folder) == {"running": ROWS}
    for batch in service.desk.batches.values():
        assert batch.status == "in_progress"

    again = cli(*RUN, "--no-wait")
    assert (again.exit_code, len(service.desk.batches)) == (75, 1)

    cut_short(service)
    last = cli(*RUN)
    assert last.exit_code == 0, last.stderr
    assert states(folder) == {"done": ROWS}
    assert service.journal.repeated() == {}


def cut_short(service):
    """Let the batches at the service end now, with everything answered."""
    use(service, batch=QUICK)
    for batch in service.desk.batches.values():
        service._running.loop.call_soon_threadsafe(batch.hurried.set)


def test_cancel_collects_what_was_done_and_frees_the_rest(cli, folder, service):
    use(service, batch=replace(QUICK, seconds=2.0))
    assert cli(*RUN, "--no-wait").exit_code == 75
    batch = next(iter(service.desk.batches.values()))
    wait_until(lambda: service.desk.files.clock() - batch.started > 0.5)

    result = cli("cancel")

    counts = states(folder)
    assert batch.status == "cancelled"
    assert counts["done"] == service.journal.paid_calls > 0
    assert counts["pending"] == ROWS - counts["done"]
    assert select(folder, "SELECT max(attempt) FROM jobs WHERE state = 'pending'") == [(0,)]
    assert "continue with" in result.stderr
    use(service, batch=QUICK)
    assert cli(*RUN).exit_code == 0
    assert service.journal.repeated() == {}


def test_cancel_names_a_batch_and_refuses_one_that_is_over(cli, folder, service):
    assert cli(*RUN).exit_code == 0
    (number,) = select(folder, "SELECT id FROM batches")[0]

    over, unknown = cli("cancel", number), cli("cancel", "99")

    assert (over.exit_code, unknown.exit_code) == (2, 2)
    assert "artistjobs batches lists them" in over.stderr


def test_what_a_batch_leaves_after_some_hours_is_called_live(cli, folder, service):
    use(service, batch=SLOW)

    result = cli(*RUN, "--live-after", "0.1")

    assert result.exit_code == 0, result.stderr
    assert states(folder) == {"done": ROWS}
    assert ("live",) in select(folder, "SELECT DISTINCT way FROM answers")
    assert service.journal.repeated() == {}


def test_jobs_of_a_batch_that_expires_are_pending_again_without_an_attempt(cli, folder, service):
    use(service, batch=replace(QUICK, seconds=0.2, window_seconds=0.1))
    assert cli(*RUN, "--no-wait").exit_code == 75
    wait_until(lambda: all(batch.status == "expired" for batch in service.desk.batches.values()))

    use(service, batch=SLOW)
    assert cli(*WORK, "--no-wait").exit_code == 75

    done = service.journal.paid_calls
    assert 0 < done < ROWS
    assert states(folder) == {"done": done, "running": ROWS - done}
    assert select(folder, "SELECT DISTINCT attempt FROM jobs") == [(1,)]


def test_lines_that_are_missing_or_have_the_status_zero_are_asked_again_uncounted(cli, folder, service):
    use(service, batch=replace(QUICK, missing_line=0.3, zero_status=0.3))

    assert cli(*RUN).exit_code == 0

    assert states(folder) == {"done": ROWS}
    assert select(folder, "SELECT DISTINCT attempt FROM jobs") == [(1,)]
    assert len(service.desk.batches) > 1
    assert service.journal.repeated() == {}


def test_a_row_that_is_refused_fails_alone(cli, folder, service):
    service.script = only("Artist 3?", Fault.ROW_400)

    result = cli(*RUN)

    assert result.exit_code == 1
    assert states(folder) == {"done": ROWS - 1, "failed": 1}
    assert select(folder, "SELECT artist_name, error_code FROM failures") == [("Artist 3", "invalid_prompt")]


def test_an_error_that_may_pass_is_tried_in_other_batches_and_then_fails(cli, folder, service):
    service.script = only("Artist 3?", Fault.SERVER_ERROR)

    assert cli(*RUN, "--max-attempts", "3").exit_code == 1

    assert select(folder, "SELECT attempts, error_code FROM failures") == [(3, "http_500")]
    assert select(folder, "SELECT outcome FROM attempts WHERE error_code IS NOT NULL ORDER BY id") == [
        ("retry",), ("retry",), ("failed",),
    ]  # fmt: skip
    assert len(service.desk.batches) == 3


@pytest.mark.parametrize("fault", [Fault.NO_CREDIT, Fault.MODEL_NOT_FOUND])
def test_account_trouble_inside_lines_stops_the_run_and_fails_no_row(cli, folder, service, fault):
    service.script = lambda *_: fault

    result = cli(*RUN)

    assert result.exit_code == 3, result.stderr
    assert states(folder) == {"pending": ROWS}
    assert select(folder, "SELECT DISTINCT attempt FROM jobs") == [(0,)]


def test_credit_that_ends_amid_a_batch_keeps_what_was_paid(cli, folder, service):
    service.scenario = replace(service.scenario, credit_calls=5)

    result = cli(*RUN)

    assert result.exit_code == 3, result.stderr
    assert states(folder) == {"done": 5, "pending": ROWS - 5}


def test_rows_that_are_all_refused_alike_stop_the_run(cli, folder, service):
    service.script = lambda *_: Fault.UNPROCESSABLE

    result = cli(*RUN)

    assert result.exit_code == 3, result.stderr
    assert states(folder) == {"pending": ROWS}


def test_a_full_token_queue_makes_smaller_batches_and_fails_no_row(cli, folder, service):
    use(service, batch=replace(QUICK, queue_tokens=150))

    result = cli(*RUN)

    assert result.exit_code == 0, result.stderr
    assert states(folder) == {"done": ROWS}
    assert select(folder, "SELECT count(*) FROM batches WHERE queue_limit IS NOT NULL")[0][0] >= 1
    assert select(folder, "SELECT DISTINCT attempt FROM jobs") == [(1,)]
    assert service.journal.repeated() == {}


def test_batches_that_bring_nothing_end_the_run_with_75(cli, folder, service):
    use(service, batch=replace(QUICK, file_not_found=1.0))

    result = cli(*RUN)

    assert result.exit_code == 75, result.stderr
    assert "3 batches in a row brought nothing" in result.stderr
    assert states(folder) == {"pending": ROWS}


def test_a_batch_that_the_service_no_longer_knows_is_asked_again(cli, folder, service):
    use(service, batch=SLOW)
    assert cli(*RUN, "--no-wait").exit_code == 75
    service.desk.batches.clear()
    use(service, batch=QUICK)

    result = cli(*RUN)

    assert result.exit_code == 0, result.stderr
    assert "the service no longer knows the batch" in result.stderr
    assert states(folder) == {"done": ROWS}
    assert select(folder, "SELECT ending FROM batches ORDER BY id") == [("vanished",), ("completed",)]


def test_a_stored_prompt_is_refused_before_anything_is_sent(cli, folder, service):
    assert cli("ingest", "a.csv", "--prompt-id", "pmpt_1").exit_code == 0

    result = cli(*WORK)

    assert result.exit_code == 2
    assert "the Batch API takes no stored prompts" in result.stderr
    assert service.desk.log == []


@pytest.mark.parametrize("arguments", [("--no-wait",), ("--live-after", "3"), ("--batch", "--sample", "--limit", "1"),
                                       ("--batch", "--no-wait", "--live-after", "3")])  # fmt: skip
def test_options_that_do_not_go_together_are_wrong_use(cli, arguments):
    assert cli("work", *arguments).exit_code == 2


def test_the_cap_holds_back_a_batch_at_its_worst(cli, folder, service):
    capped = (*RUN, "--param", "max_output_tokens=100")
    result = cli(*capped, "--max-cost", "0.0001")
    assert result.exit_code == 4, result.stderr
    assert "the next request might exceed --max-cost" in result.stderr
    assert service.desk.log == []

    result = cli(*capped, "--max-cost", "0.003", "--no-wait")
    (reserved,) = select(folder, "SELECT reserved_usd FROM batches WHERE lines > 0")[0]
    assert 0 < reserved <= 0.003


def test_a_cap_lets_batches_shrink_to_what_it_can_pay(cli, folder, service):
    service.scenario = replace(service.scenario, output_tokens=40)
    result = cli(*RUN, "--param", "max_output_tokens=100", "--max-cost", "0.004")

    assert result.exit_code == 4, result.stderr
    (spent,) = select(folder, "SELECT sum(cost_usd) FROM answers")[0]
    assert 0 < spent <= 0.004
    assert states(folder)["pending"] > 0
    assert select(folder, "SELECT sum(reserved_usd) FROM workers") == [(0.0,)]


def test_the_limit_counts_jobs_of_batches(cli, folder, service):
    result = cli(*RUN, "--limit", "5")

    assert result.exit_code == 4, result.stderr
    assert states(folder) == {"done": 5, "pending": ROWS - 5}


def test_live_calls_leave_the_jobs_of_batches_alone(cli, folder, service):
    use(service, batch=SLOW)
    assert cli(*RUN, "--limit", "5", "--no-wait").exit_code == 75

    result = cli("work")

    assert result.exit_code == 75, result.stderr
    assert "5 jobs in batches at the service" in result.stderr
    assert "artistjobs work --batch" in result.stderr
    assert states(folder) == {"done": ROWS - 5, "running": 5}


def test_a_template_that_cannot_be_rendered_fails_its_row_alone(cli, folder, service):
    (folder / "p.txt").write_text("{{ 1 // (artist_name|length - 8) }}", encoding="utf-8")

    assert cli(*RUN).exit_code == 1

    assert states(folder) == {"done": 3, "failed": 9}  # the names of nine artists have eight characters
    assert set(select(folder, "SELECT error_code FROM failures")) == {("template_error",)}


def test_an_answer_that_does_not_fit_its_schema_is_corrected_in_another_batch(cli, folder, service):
    schema = {
        "type": "object",
        "properties": {"n": {"type": "integer"}},
        "required": ["n"],
        "additionalProperties": False,
    }
    (folder / "s.json").write_text(json.dumps({"title": "N", **schema}))
    service.script = lambda body, _: Fault.SCHEMA_MISMATCH if "Artist 3?" in json.dumps(body["input"]) and isinstance(
        body["input"], str) else None  # fmt: skip

    result = cli(*RUN, "--schema", "s.json")

    assert result.exit_code == 0, result.stderr
    assert states(folder) == {"done": ROWS}
    assert any("Your answer is rejected" in json.dumps(call.body) for call in service.journal.calls)


def test_failed_rows_can_be_retried_live_and_late_results_change_nothing(cli, folder, service):
    service.script = only("Artist 3?", Fault.ROW_400)
    assert cli(*RUN).exit_code == 1
    service.script = None

    assert cli("retry").exit_code == 0
    assert cli("work").exit_code == 0

    assert states(folder) == {"done": ROWS}
    assert select(folder, "SELECT way, count(*) FROM answers GROUP BY way") == [("batch", ROWS - 1), ("live", 1)]


def test_batches_are_listed_as_text_and_as_json(cli, folder, service):
    assert "there are no batches" in cli("ingest", "a.csv", "--prompt-file", "p.txt").stderr + cli("batches").stderr
    assert cli(*RUN).exit_code == 0

    lines, record = cli("batches").stdout.splitlines(), json.loads(cli("batches", "--json").stdout)

    assert len(lines) == 2
    assert "completed" in lines[1]
    assert (record["state"], record["ending"], record["lines"], record["done"]) == ("closed", "completed", ROWS, ROWS)
    assert KEY not in cli("batches", "--json").stdout


def test_the_key_is_removed_from_results(cli, folder, service):
    (folder / "a.csv").write_text(f"Artist {KEY},x\n")

    assert cli(*RUN).exit_code == 0

    ((body,),) = select(folder, "SELECT body FROM answers")
    assert KEY not in body


def test_several_processes_share_the_batches(world, folder, service):
    write_artists(folder / "a.csv", 60)

    last = world.run(*RUN, "--processes", "2", "--max-workers", "2", **FAST)

    assert last.code == 0, last.err
    assert states(folder) == {"done": 60}
    assert service.journal.repeated() == {}


def test_ctrl_c_leaves_batches_at_the_service_and_says_so(world, folder, service):
    use(service, batch=SLOW)
    process = world.start(*RUN, **FAST)
    wait_until(lambda: service.desk.log.count("GET /v1/batches/" + next(iter(service.desk.batches), "")) > 0)

    process.signal(signal.SIGINT)

    assert process.wait() == 130
    assert "12 jobs in batches at the service, which go on there" in process.err
    assert states(folder) == {"running": ROWS}
    assert select(folder, "SELECT count(*) FROM batches WHERE driver IS NOT NULL") == [(0,)]


def test_a_pause_prepares_no_new_batch(world, folder, service):
    assert world.run("ingest", "a.csv", "--prompt-file", "p.txt").code == 0
    assert world.run("pause").code == 0
    process = world.start(*WORK, **FAST)
    wait_until(lambda: "paused" in process.err)
    assert service.desk.log == []

    assert world.run("resume").code == 0

    assert process.wait() == 0, process.err
    assert states(folder) == {"done": ROWS}


def test_a_check_uses_batch_prices_and_counts_the_batches(cli, folder, service):
    live = json.loads(cli("check", "a.csv", "--prompt-file", "p.txt", "--json").stdout)
    batch = json.loads(cli("check", "a.csv", "--prompt-file", "p.txt", "--batch", "--json").stdout)

    assert batch["price"]["output_usd_per_million"] == live["price"]["output_usd_per_million"] / 2
    assert batch["estimate"]["cost_usd"]["middle"] == pytest.approx(
        live["estimate"]["cost_usd"]["middle"] / 2, rel=0.01
    )
    told = {finding["subject"]: finding["text"] for finding in batch["findings"]}
    assert told["batch"] == "gpt-5 can be used in batches"
    assert told["time"].startswith("1 batch of at most 50,000 requests, each within a day")
    assert service.desk.log == []


def test_a_check_refuses_stored_prompts_in_batches_and_says_what_a_window_saves(cli, folder):
    stored = cli("check", "a.csv", "--prompt-id", "pmpt_1", "--batch")
    window = cli("check", "a.csv", "--prompt-file", "p.txt", "--window", "8h")

    assert (stored.exit_code, "takes no stored prompts" in stored.stdout) == (2, True)
    assert "40 % less for tokens; answers within 8h are a target of the service, not a promise" in window.stdout


def test_the_status_has_a_line_for_each_open_batch(cli, folder, service):
    use(service, batch=SLOW)
    assert cli(*RUN, "--no-wait").exit_code == 75

    text, found = cli("status").stdout, json.loads(cli("status", "--json").stdout)

    assert re.search(r"batch 2: (validating|in progress), \d+ of 12 answered", text), text
    (batch,) = found["batches"]
    assert (batch["lines"], batch["state"]) == (ROWS, "submitted")
    assert batch["service_status"] in {"validating", "in_progress"}
    assert batch["age_seconds"] >= 0
    assert re.search(r"  batch 2: [a-z ]+, 0 of 12 answered", cli("show", "1").stdout)
    assert found["workers"] == []  # a batch is no process


def test_the_report_tells_batches_from_live_answers(cli, folder, service):
    assert cli(*RUN, "--limit", "5").exit_code == 4
    assert cli("work").exit_code == 0

    assert cli("report", "r.html").exit_code == 0

    page = (folder / "r.html").read_text("utf-8")
    assert re.search(r'<td data-label="tier">batch</td><td [^>]*>5<', page)
    assert "5 answers in batches" in page
    assert re.search(r'<td data-label="tier">default</td><td [^>]*>7<', page)
    assert re.search(r'<th scope="row">2, of .*data-label="state">completed</td>.*data-label="requests">5<', page)


def test_of_two_batches_with_the_same_file_one_is_cancelled_and_the_answers_of_both_are_kept(cli, folder, service):
    late = replace(QUICK, seconds=3.0, list_lag_seconds=1.0)
    create = service.desk.create

    def create_and_lose_no_more(*arguments):
        use(service, batch=late)
        return create(*arguments)

    service.desk.create = create_and_lose_no_more
    use(service, batch=replace(late, lost_create=1.0))

    assert cli(*RUN).exit_code == 0

    assert sorted(batch.status for batch in service.desk.batches.values()) == ["cancelled", "completed"]
    assert states(folder) == {"done": ROWS}
    (kept,) = select(folder, "SELECT count(*) FROM answers")[0]
    assert kept == service.journal.paid_calls
    assert list(service.desk.files.files) == []
