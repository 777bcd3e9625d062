"""Interrupted and killed processes: the same command continues, and the API counts the calls that were repeated."""

import signal
import sqlite3
from pathlib import Path

import pytest
from conftest import read_records, wait_for_second_signal, wait_until, write_artists

from artistjobs.rehearsal import SCENARIOS


def jobs_in(folder: Path, state: str) -> int:
    if not (folder / "artistjobs.db").exists():
        return 0
    db = sqlite3.connect(folder / "artistjobs.db", timeout=30)
    try:
        ((count,),) = db.execute("SELECT count(*) FROM jobs WHERE state = ?", [state]).fetchall()
    except sqlite3.OperationalError:
        return 0
    finally:
        db.close()
    return count


def told_to_stop(folder: Path) -> int:
    db = sqlite3.connect(folder / "artistjobs.db", timeout=30)
    ((count,),) = db.execute("SELECT count(*) FROM workers WHERE ending IN ('terminated', 'died')").fetchall()
    db.close()
    return count


def assert_database_is_sound(folder: Path) -> None:
    db = sqlite3.connect(folder / "artistjobs.db")
    assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert db.execute("PRAGMA foreign_key_check").fetchall() == []
    assert db.execute("SELECT count(*) FROM jobs WHERE state = 'running'").fetchall() == [(0,)]
    db.close()


def assert_exported_once_in_order(folder: Path, count: int) -> None:
    names = [record["artist_name"] for record in read_records(folder / "out.jsonl")]
    assert names == [f"Artist {number}" for number in range(1, count + 1)]


def test_the_first_interrupt_waits_for_calls_in_flight_and_the_same_command_continues(program_with_api, folder, api):
    write_artists(folder / "a.csv", 100)
    api.latency_seconds = 0.3
    process = program_with_api.start("run", "a.csv", "--max-workers", "8")
    wait_until(lambda: api.journal.in_flight == 8 and api.journal.received > 8)

    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    interrupted = api.journal.received
    api.latency_seconds = 0.0
    again = program_with_api.run("run", "a.csv", "--max-workers", "64")

    assert process.returncode == 130
    assert len(api.journal.repeated()) == 0
    assert interrupted < 100
    assert b"waiting for" in errors
    assert errors.decode().splitlines()[-1] == "continue with: artistjobs run a.csv --max-workers 8"
    assert again.returncode == 0
    assert_exported_once_in_order(folder, 100)


def test_an_interrupted_run_exports_what_is_completed(program_with_api, folder, api):
    write_artists(folder / "a.csv", 200)
    api.latency_seconds = 0.1
    process = program_with_api.start("run", "a.csv", "--max-workers", "8")
    wait_until(lambda: api.journal.received > 24)

    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)

    assert process.returncode == 143
    assert len(read_records(folder / "out.jsonl")) == jobs_in(folder, "done") == len(api.journal.paid_by_key())


def test_the_second_interrupt_gives_up_the_calls_in_flight_at_once(program_with_api, folder, api):
    write_artists(folder / "a.csv", 50)
    api.latency_seconds = 60.0
    process = program_with_api.start("run", "a.csv", "--max-workers", "8")
    wait_until(lambda: api.journal.in_flight == 8)

    process.send_signal(signal.SIGINT)
    assert b"waiting for 8 calls" in b"".join(iter_until(process, b"stopping"))
    wait_for_second_signal()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)

    assert process.returncode == 130
    assert jobs_in(folder, "pending") == 50
    db = sqlite3.connect(folder / "artistjobs.db")
    assert db.execute("SELECT max(attempt), max(deaths) FROM jobs").fetchall() == [(0, 0)]
    db.close()


def iter_until(process, word: bytes):
    for line in process.stderr:
        yield line
        if word in line:
            return


def test_after_kill_9_the_next_work_starts_at_once_and_repeats_only_calls_in_flight(program_with_api, folder, api):
    write_artists(folder / "a.csv", 300)
    api.latency_seconds = 0.2
    process = program_with_api.start("run", "a.csv", "--max-workers", "16")
    wait_until(lambda: jobs_in(folder, "done") > 20)

    process.kill()
    process.wait()
    held = jobs_in(folder, "running")
    api.latency_seconds = 0.0
    again = program_with_api.run("run", "a.csv", "--max-workers", "64")

    assert 0 < held <= 16
    assert f"took over {held} jobs" in again.stderr
    assert again.returncode == 0
    assert len(api.journal.repeated()) <= 16
    assert_exported_once_in_order(folder, 300)
    assert_database_is_sound(folder)
    assert sorted(path.name for path in folder.iterdir()) == [
        "a.csv", "artistjobs.db", "artistjobs.db-lock", "out.jsonl",
    ]  # fmt: skip


def test_a_living_worker_takes_over_from_a_killed_one(program_with_api, folder, api, cli):
    write_artists(folder / "a.csv", 200)
    cli("ingest", "a.csv")
    api.latency_seconds = 0.2
    first = program_with_api.start("work", "--max-workers", "8")
    second = program_with_api.start("work", "--max-workers", "8")
    wait_until(lambda: api.journal.max_in_flight == 16)

    first.kill()
    api.latency_seconds = 0.0
    second.communicate(timeout=60)

    assert second.returncode == 0
    assert jobs_in(folder, "done") == 200
    assert len(api.journal.repeated()) <= 8
    assert_database_is_sound(folder)


def test_a_suspended_worker_keeps_its_jobs_and_finishes_them_later(program_with_api, folder, api, cli):
    write_artists(folder / "a.csv", 60)
    cli("ingest", "a.csv")
    api.latency_seconds = 0.3
    sleeper = program_with_api.start("work", "--max-workers", "4")
    wait_until(lambda: api.journal.in_flight == 4)

    sleeper.send_signal(signal.SIGSTOP)
    api.latency_seconds = 0.0
    other = program_with_api.start("work", "--max-workers", "16")
    wait_until(lambda: jobs_in(folder, "pending") == 0 and jobs_in(folder, "running") <= 4)
    sleeper.send_signal(signal.SIGCONT)
    codes = [process.wait(timeout=60) for process in (sleeper, other)]

    assert codes == [0, 0]
    assert api.journal.repeated() == {}
    assert jobs_in(folder, "done") == 60


def test_two_workers_never_call_the_same_job_twice(program_with_api, folder, api, cli):
    write_artists(folder / "a.csv", 300)
    cli("ingest", "a.csv")
    api.latency_seconds = 0.02

    workers = [program_with_api.start("work", "--max-workers", "16") for _ in range(3)]
    codes = [worker.wait(timeout=60) for worker in workers]

    assert codes == [0, 0, 0]
    assert api.journal.repeated() == {}
    assert api.journal.received == 300


def test_a_job_that_kills_its_worker_three_times_fails_and_the_run_continues(program_with_api, folder, api):
    (folder / "a.csv").write_text("Poison\n" + "".join(f"Artist {n}\n" for n in range(1, 30)))
    api.script = None
    api.latency_seconds = 0.0
    killed = 0

    def poison(body, _):
        if body["prompt"]["variables"]["artist_name"] == "Poison":
            running[-1].kill()

    running: list = []
    api.script = poison
    while killed < 3:
        running.append(program_with_api.start("run", "a.csv", "--max-workers", "1"))
        assert running[-1].wait(timeout=30) == -signal.SIGKILL
        killed += 1
    last = program_with_api.run("run", "a.csv", "--max-workers", "1")

    assert last.returncode == 1
    assert jobs_in(folder, "done") == 29
    db = sqlite3.connect(folder / "artistjobs.db")
    assert db.execute("SELECT artist_name, error_code FROM failures").fetchall() == [("Poison", "worker_died")]
    db.close()


def test_rows_that_were_in_flight_when_workers_were_stopped_and_killed_are_not_failed(program_with_api, folder, api):
    """As docker, systemd and Kubernetes do: SIGTERM, and SIGKILL when the calls take too long."""
    write_artists(folder / "a.csv", 8)
    api.latency_seconds = 60.0
    for times in range(1, 5):
        worker = program_with_api.start("run", "a.csv", "--max-workers", "8")
        wait_until(lambda times=times: api.journal.received == 8 * times)
        worker.terminate()
        wait_until(lambda times=times: told_to_stop(folder) == times)
        worker.kill()
        worker.wait(timeout=30)
    api.latency_seconds = 0.0

    last = program_with_api.run("run", "a.csv", "--max-workers", "8")

    assert last.returncode == 0, last.stderr
    assert jobs_in(folder, "done") == 8


@pytest.mark.parametrize("chance", range(3))
def test_kills_at_random_moments_lose_nothing(program_with_api, folder, api, chance):
    import random

    lots = random.Random(chance)
    write_artists(folder / "a.csv", 250)
    api.scenario = SCENARIOS["calm"]
    api.latency_seconds = 0.05
    for _ in range(3):
        goal = min(240, jobs_in(folder, "done") + lots.randint(0, 70))
        process = program_with_api.start("run", "a.csv", "--max-workers", "16")
        wait_until(lambda goal=goal: jobs_in(folder, "done") >= goal and api.journal.received)
        process.kill()
        process.wait()
    api.latency_seconds = 0.0
    last = program_with_api.run("run", "a.csv", "--max-workers", "64", "--retry-failed")
    if last.returncode == 1:  # a row that was in flight at all three kills is failed and reported
        last = program_with_api.run("run", "a.csv", "--retry-failed")

    repeats = sum(count - 1 for count in api.journal.paid_by_key().values())
    assert last.returncode == 0
    assert repeats <= 3 * 16
    assert_exported_once_in_order(folder, 250)
    assert_database_is_sound(folder)


def test_a_kill_during_an_ingest_rolls_it_back(program_with_api, folder):
    pipe = program_with_api.start("ingest", "-", stdin=-1)
    pipe.stdin.write(b"Prince,singer\n" * 100_000)
    pipe.stdin.flush()

    pipe.kill()
    pipe.wait()

    again = program_with_api.run("ingest", "a.csv") if write_artists(folder / "a.csv", 3) else None
    assert again.returncode == 0
    assert jobs_in(folder, "pending") == 3
