"""A sample is a look at random rows: as many as the limit says, each once, and the others stay for later."""

import sqlite3
from contextlib import closing

import factories as make
import pytest
from conftest import read_records, write_artists

from artistjobs.core.attempt import Outcome
from artistjobs.core.job import EVERYTHING
from artistjobs.store.queries import picks
from artistjobs.store.sqlite.store import open_store


def done(folder) -> list[int]:
    with closing(sqlite3.connect(folder / "artistjobs.db")) as db:
        return [job for (job,) in db.execute("SELECT id FROM jobs WHERE state = 'done' ORDER BY id")]


@pytest.fixture
def store(tmp_path):
    with open_store(tmp_path / "jobs.db", create=True) as opened:
        opened.queue.register()
        yield opened


def claimed(store, limit, scope=EVERYTHING) -> list[int]:
    return [claim.job for claim in make.claim(store, limit, scope)]


def test_a_sample_has_random_rows_and_the_rest_follows(cli, folder):
    write_artists(folder / "a.csv", 400)

    result = cli("run", "a.csv", "--limit", 20, "--sample", "--max-workers", 8)

    assert result.exit_code == 4, result.stderr
    sample = done(folder)
    assert len(sample) == 20
    assert sample != list(range(1, 21)), "one chance in 10**33"
    assert [record["artist_name"] for record in read_records(folder / "out.jsonl")] == [f"Artist {n}" for n in sample]
    assert cli("run", "a.csv", "--max-workers", 16).exit_code == 0
    assert done(folder) == list(range(1, 401))


def test_without_it_the_oldest_rows_come_first(cli, folder):
    write_artists(folder / "a.csv", 40)

    cli("run", "a.csv", "--limit", 5)

    assert done(folder) == [1, 2, 3, 4, 5]


def test_a_sample_is_limited(cli, folder):
    write_artists(folder / "a.csv", 2)

    for command in (["run", "a.csv"], ["work"]):
        result = cli(*command, "--sample")

        assert result.exit_code == 2
        assert "add --limit N" in result.stderr


def test_several_processes_share_a_sample(program_with_api, folder):
    write_artists(folder / "a.csv", 100)

    result = program_with_api.run("run", "a.csv", "--limit", "10", "--sample", "--processes", "2")

    assert result.returncode == 4, result.stderr
    assert len(done(folder)) == 10


def test_every_pending_job_is_claimed_once_whatever_the_size_of_a_claim(store, monkeypatch):
    monkeypatch.setattr(picks, "PICKS_AT_ONCE", 7)
    make.ingest(store, *make.names(50))
    store.queue.claim_randomly()

    found = [claimed(store, limit) for limit in (1, 5, 20, 3, 30, 5)]

    assert [len(jobs) for jobs in found] == [1, 5, 20, 3, 21, 0]
    assert sorted(job for jobs in found for job in jobs) == list(range(1, 51))


def test_jobs_that_others_took_are_passed_over(store, tmp_path):
    make.ingest(store, *make.names(6))
    store.queue.claim_randomly()
    (first,) = make.claim(store)
    with open_store(tmp_path / "jobs.db") as other:
        other.queue.register()
        taken = claimed(other, 3)

    rest = claimed(store, 6)

    assert set(rest).isdisjoint({first.job, *taken})
    assert len(rest) == 2


def test_a_sample_of_an_ingest_has_its_rows_alone(store):
    make.ingest(store, *make.names(10))
    make.ingest(store, *make.names(10, start=6))
    store.queue.claim_randomly()

    assert set(claimed(store, 20, store.records.scope(2))) == set(range(6, 16))


def test_every_row_has_a_chance(store):
    make.ingest(store, *make.names(12))
    seen = set()
    for _ in range(40):
        store.queue.claim_randomly()
        (claim,) = make.claim(store)
        seen.add(claim.job)
        make.settle(store, make.make_attempt(claim, Outcome.RELEASED))

    assert len(seen) > 6
