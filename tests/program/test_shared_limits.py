"""Workers of one database share the limits of the account: each spaces its calls by the number of workers."""

import asyncio
from contextlib import ExitStack
from functools import partial
from itertools import pairwise

import pytest
from conftest import write_artists

from artistjobs.store.sqlite.store import open_store
from artistjobs.worker.limits.rate_limiter import Limiter

RUN = ("run", "a.csv", "--max-workers", "1")
CALLS = 6


@pytest.fixture
def starts(api, monkeypatch):
    """The start times of calls, on a clock that moves only while the limiter waits."""
    now, starts = [1000.0], []

    async def sleep(seconds):
        now[0] += max(0.0, seconds)
        await asyncio.sleep(0)

    time = {"clock": lambda: now[0], "sleep": sleep}
    monkeypatch.setattr("artistjobs.worker.run.Limiter", lambda **options: Limiter(**options | time))
    api.script = lambda *_: starts.append(now[0])
    return starts


@pytest.fixture
def join(cli, folder):
    """Another worker of the same database, which runs until the end of the test or until it is ended."""
    write_artists(folder / "a.csv", CALLS)
    cli("ingest", "a.csv")
    with ExitStack() as stack:
        stores = []

        def join():
            stores.append(stack.enter_context(open_store(folder / "artistjobs.db")))
            stores[-1].queue.register()
            return partial(stores[-1].queue.end, "finished")

        yield join


def gaps(starts) -> list[float]:
    """Return the time between calls without the second call, which may begin a little early."""
    return [after - before for before, after in pairwise(starts[1:])]


@pytest.mark.parametrize("others", [0, 1, 3])
def test_requests_a_minute_are_shared_with_the_other_workers_of_the_database(cli, join, starts, others):
    for _ in range(others):
        join()

    result = cli(*RUN, "--rpm", "60")

    assert result.exit_code == 0, result.stderr
    assert gaps(starts) == pytest.approx([(1 + others) * 60.25 / 60] * (CALLS - 2))


def test_a_worker_that_has_ended_shares_no_limit(cli, join, starts):
    end = join()
    join()
    end()

    cli(*RUN, "--rpm", "60")

    assert gaps(starts) == pytest.approx([2 * 60.25 / 60] * (CALLS - 2))
