"""Several processes on one file: each receives jobs, and no job is done twice."""

import sqlite3
from collections import Counter
from contextlib import ExitStack, closing

import factories as make
from children import child, finish, receive, send

from artistjobs.core.job import EVERYTHING
from artistjobs.store.sqlite.store import open_store

WORKERS, JOBS = 4, 2_000

WORK = """
    import sys
    from pathlib import Path
    import factories as make
    from artistjobs.core.job import EVERYTHING
    from artistjobs.store.sqlite.store import open_store

    with open_store(Path(sys.argv[1])) as store:
        worker = store.queue.register()
        print("ready", flush=True)
        sys.stdin.readline()
        done, claims = 0, store.queue.exchange([], 4, EVERYTHING)
        while claims:
            done += len(claims)
            claims = store.queue.exchange([make.make_attempt(claim) for claim in claims], 4, EVERYTHING)
        store.queue.end("finished")
        print(worker, done)
"""


def test_four_processes_share_the_jobs_of_one_file(tmp_path):
    path = tmp_path / "jobs.db"
    with ExitStack() as stack:
        store = stack.enter_context(open_store(path, create=True))
        make.ingest(store, *make.names(JOBS))
        children = [stack.enter_context(child(WORK, path)) for _ in range(WORKERS)]
        for process in children:
            receive(process)
        for process in children:
            send(process)

        shares = dict(map(int, finish(process).split()) for process in children)

        assert store.records.counts(EVERYTHING).done == sum(shares.values()) == JOBS
        assert min(shares.values()) >= JOBS / 10, shares
    with closing(sqlite3.connect(path)) as db:
        done = Counter(job for (job,) in db.execute("SELECT job FROM attempts WHERE outcome = 'done'"))
        assert set(done.values()) == {1}
        assert db.execute("SELECT count(*), sum(late) FROM answers").fetchone() == (JOBS, 0)
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
