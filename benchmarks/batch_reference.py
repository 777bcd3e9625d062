"""The work of batches by hand: `python -m benchmarks.batch_reference DATABASE REQUESTS RESULTS…`.

It reads the pending jobs with `sqlite3`, writes the lines of their requests with `orjson`, reads the lines of files
of results, and stores each answer, its attempt and the state of its job in the same tables, with the same settings
and in synced transactions of as many lines as the program. It does nothing else: no prices, no checks, no HTTP, no
recovery.
"""

import sqlite3
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from time import time
from typing import Any

import orjson

from artistjobs.core.timestamps import to_timestamp

ANSWER = """
INSERT INTO answers (job, attempt, worker, received_at, response_id, created, status, model, service_tier,
                     input_tokens, cached_tokens, output_tokens, reasoning_tokens, total_tokens, cost_usd, seconds,
                     body, text_path, way)
VALUES (?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'batch')
"""
ATTEMPT = """
INSERT INTO attempts (job, number, worker, started_at, ended_at, calls, outcome, request_id)
VALUES (?, 1, ?, ?, ?, 1, 'done', ?)
"""
HOLD = "UPDATE jobs SET state = 'running', claimed_by = ?, claimed_at = ?, attempt = 1 WHERE state = 'pending'"
SETTLE = "UPDATE jobs SET state = 'done', answer = ?, claimed_by = NULL, claimed_at = NULL WHERE id = ?"
WORKER = "INSERT INTO workers (host, pid, started_at, seen_at) VALUES ('x', 0, ?, ?) RETURNING id"
LINES_AT_ONCE = 400
"""Lines that are stored in one transaction: about as many as the program stores at once."""

INPUT = "Write two sentences about %s.\nWhat we know: %s\n"


def main(database: Path, requests: Path, *results: Path) -> None:
    """Write the requests of all pending jobs, and store the results."""
    db = sqlite3.connect(database, isolation_level=None)
    for pragma in ("foreign_keys = 1", "synchronous = FULL"):
        db.execute(f"PRAGMA {pragma}")
    now = to_timestamp(time())
    ((worker,),) = db.execute(WORKER, (now, now)).fetchall()
    with requests.open("wb") as file:
        rows = db.execute("SELECT id, artist_name, artist_data FROM jobs WHERE state = 'pending' ORDER BY id")
        file.writelines(_request(*row) for row in rows)
    db.execute(HOLD, (worker, now))
    last = db.execute("SELECT coalesce(max(id), 0) FROM answers").fetchone()[0]
    for path in results:
        with path.open("rb") as lines:
            while some := list(islice(lines, LINES_AT_ONCE)):
                last = _store(db, [orjson.loads(line) for line in some], worker, last)
    db.close()


def _request(job: int, name: str, data: str) -> bytes:
    body = {"model": "gpt-5", "input": INPUT % (name, data)}
    line = {"custom_id": f"{job}-1", "method": "POST", "url": "/v1/responses", "body": body}
    return orjson.dumps(line) + b"\n"


def _store(db: sqlite3.Connection, lines: list[dict[str, Any]], worker: int, last: int) -> int:
    now = to_timestamp(time())
    jobs = [int(line["custom_id"].partition("-")[0]) for line in lines]
    db.execute("BEGIN IMMEDIATE")
    db.executemany(ANSWER, _answers(jobs, lines, worker, now))
    tries = zip(jobs, lines, strict=True)
    db.executemany(ATTEMPT, ((job, worker, now, now, line["response"]["request_id"]) for job, line in tries))
    db.executemany(SETTLE, ((answer, job) for answer, job in enumerate(jobs, last + 1)))
    db.execute("COMMIT")
    return last + len(lines)


def _answers(jobs: list[int], lines: list[dict[str, Any]], worker: int, now: str) -> Iterator[tuple[object, ...]]:
    for job, line in zip(jobs, lines, strict=True):
        body = line["response"]["body"]
        usage = body["usage"]
        yield (
            job, worker, now, body["id"], body["created_at"], body["status"], body["model"], body["service_tier"],
            usage["input_tokens"], usage["input_tokens_details"]["cached_tokens"], usage["output_tokens"],
            usage["output_tokens_details"]["reasoning_tokens"], usage["total_tokens"], 0.0017, 1.0,
            orjson.dumps(body).decode(), "$.output[1].content[0].text",
        )  # fmt: skip


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
