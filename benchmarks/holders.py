"""Script that claims and settles jobs without an API: `python -m benchmarks.holders WAY DATABASE`.

`store` passes 64 jobs at a time through our store, like 64 workers whose answers arrive during a commit. `raw` uses
`sqlite3` alone: one transaction to claim a job and another to settle it, with the same tables and settings. `claim`
prints the duration of the first claim and of later ones in milliseconds, and releases the jobs.
The script starts when it reads a line, and prints its start, its end, and the number of jobs settled.
"""

import sqlite3
import sys
from dataclasses import replace
from pathlib import Path
from statistics import median
from time import monotonic, time

from artistjobs.api.classify import classify
from artistjobs.api.reply import Reply
from artistjobs.core.attempt import Answer, Attempt, Outcome
from artistjobs.core.job import EVERYTHING, Claim
from artistjobs.core.timestamps import to_timestamp
from artistjobs.store.address import Address, address_of
from artistjobs.store.database import Database
from artistjobs.worker.store_client import released
from benchmarks.server import RESPOND

AT_ONCE = 64
CLAIMS = 40


def answer_of(number: int) -> Answer:
    head, _, body = RESPOND(number).partition(b"\r\n\r\n")
    found = classify(Reply(status=200, headers={"content-type": "application/json"}, body=body)).answer
    assert found is not None
    assert head
    return replace(found, cost_usd=0.0034)


def by_store(address: Address) -> int:
    """Settle all jobs through our store; return their number."""
    with Database(address, None).open() as store:
        store.queue.register()
        answer, count, attempts = answer_of(1), 0, list[Attempt]()
        wait_for_the_others()
        while claims := store.queue.exchange(attempts, AT_ONCE, EVERYTHING):
            attempts = [_settled(claim, answer) for claim in claims]
            count += len(claims)
        store.queue.exchange(attempts, 0, EVERYTHING)
        store.queue.end("finished")
    return count


def _settled(claim: Claim, answer: Answer) -> Attempt:
    now = time()
    return Attempt(claim=claim, outcome=Outcome.DONE, started_at=now - 1, ended_at=now, answer=answer)


RAW_CLAIM = """
UPDATE jobs SET state = 'running', claimed_by = :worker, claimed_at = :now, attempt = attempt + 1
 WHERE id = (SELECT id FROM jobs INDEXED BY jobs_pending WHERE state = 'pending' ORDER BY id LIMIT 1)
RETURNING id, attempt, artist_name, artist_data
"""
RAW_ANSWER = """
INSERT INTO answers (job, attempt, worker, received_at, response_id, created, status, model, service_tier,
                     input_tokens, output_tokens, total_tokens, cost_usd, seconds, body, text_path)
VALUES (:job, :attempt, :worker, :now, :response_id, :created, 'completed', :model, 'default',
        24, 340, 364, 0.0034, 1.0, :body, :text_path)
"""
RAW_ATTEMPT = """
INSERT INTO attempts (job, number, worker, started_at, ended_at, calls, outcome)
VALUES (:job, :attempt, :worker, :now, :now, 1, 'done')
"""
RAW_SETTLE = """
UPDATE jobs SET state = 'done', answer = :answer, claimed_by = NULL, claimed_at = NULL
 WHERE id = :job AND state = 'running' AND claimed_by = :worker
"""
RAW_WORKER = "INSERT INTO workers (host, pid, started_at, seen_at) VALUES ('x', 0, :now, :now) RETURNING id"


def by_hand(path: Address) -> int:
    """Settle all jobs one by one; return their number."""
    assert isinstance(path, Path)
    db = sqlite3.connect(path, timeout=60, isolation_level=None)
    for pragma in ("foreign_keys = 1", "synchronous = FULL"):
        db.execute(f"PRAGMA {pragma}")
    ((worker,),) = db.execute(RAW_WORKER, {"now": to_timestamp(time())}).fetchall()
    answer, count = answer_of(1), 0
    kept = {name: getattr(answer, name) for name in ("response_id", "created", "model", "body", "text_path")}
    wait_for_the_others()
    while claimed := _claim_one(db, worker):
        row = {**kept, "worker": worker, "now": to_timestamp(time()), "job": claimed[0], "attempt": claimed[1]}
        db.execute("BEGIN IMMEDIATE")
        row["answer"] = db.execute(RAW_ANSWER, row).lastrowid
        db.execute(RAW_ATTEMPT, row)
        db.execute(RAW_SETTLE, row)
        db.execute("COMMIT")
        count += 1
    db.close()
    return count


def _claim_one(db: sqlite3.Connection, worker: int) -> tuple[int, int] | None:
    db.execute("BEGIN IMMEDIATE")
    found = db.execute(RAW_CLAIM, {"worker": worker, "now": to_timestamp(time())}).fetchall()
    db.execute("COMMIT")
    return (found[0][0], found[0][1]) if found else None


def claims(address: Address) -> tuple[float, float]:
    """Return the durations of the first claim of 64 jobs and of a later one in milliseconds, including the commit."""
    milliseconds = []
    with Database(address, None).open() as store:
        store.queue.register()
        for _ in range(CLAIMS):
            began = monotonic()
            claimed = store.queue.exchange([], AT_ONCE, EVERYTHING)
            milliseconds.append((monotonic() - began) * 1e3)
            assert len(claimed) == AT_ONCE
            store.queue.exchange([released(claim, calls=0) for claim in claimed], 0, EVERYTHING)
        store.queue.end("finished")
    return milliseconds[0], median(milliseconds[1:])


def wait_for_the_others() -> None:
    global began  # noqa: PLW0603 - one process, one beginning
    print("ready", flush=True)
    sys.stdin.readline()
    began = monotonic()


began = 0.0
WAYS = {"store": by_store, "raw": by_hand}

if __name__ == "__main__":
    way, address = sys.argv[1], address_of(sys.argv[2], spool=sys.argv[3] if sys.argv[3:] else None)
    if way == "claim":
        print(*claims(address))
    else:
        settled = WAYS[way](address)
        print(began, monotonic(), settled)
