"""Script that settles all but the last jobs without calls: `python -m benchmarks.finish DATABASE LEFT [FAILED_EACH]`.

With FAILED_EACH, one of so many jobs fails.
"""

import sqlite3
import sys
from contextlib import closing

from benchmarks.server import RESPOND


def finish_all_but(db: sqlite3.Connection, left: int, failed_each: int = 0) -> None:
    """Settle all jobs but the last ones, each with its own answer, by a few statements; some fail."""
    body = RESPOND(1).partition(b"\r\n\r\n")[2].decode()
    one = f"{1:016x}"
    row = {"now": "2026-11-23T00:00:00.000Z", "left": left, "start": body.partition(one)[0], "each": failed_each}
    row["rest"] = body.partition(one)[2]
    chosen = "id <= (SELECT max(id) FROM jobs) - :left"
    # x % 0 is NULL in SQLite, so that no job fails.
    has_failed = "coalesce(id % :each = 0, 0)"
    # The database need not survive a power cut; without the write-ahead log it is written once instead of twice.
    for pragma in ("synchronous = OFF", "journal_mode = OFF", "cache_size = -200000"):
        db.execute(f"PRAGMA {pragma}").fetchall()
    db.execute("BEGIN IMMEDIATE")
    db.execute(
        "INSERT INTO workers (id, host, pid, started_at, seen_at, ended_at) VALUES (1, 'x', 0, :now, :now, :now)", row
    )
    db.execute(
        "INSERT INTO answers (id, job, attempt, worker, received_at, response_id, created, status, model, service_tier,"
        " input_tokens, output_tokens, total_tokens, cost_usd, seconds, body, text_path)"
        " SELECT id, id, 1, 1, :now, format('resp_%016x', id), 1795382805, 'completed', 'gpt-5-2025-08-07', 'default',"
        " 24, 340, 364, 0.0034, 1.0, :start || format('%016x', id) || :rest, '$.output[1].content[0].text'"
        f" FROM jobs WHERE {chosen} AND NOT {has_failed}",
        row,
    )
    db.execute(
        "INSERT INTO attempts (job, number, worker, started_at, ended_at, calls, outcome, error_code, error_message)"
        f" SELECT id, 1, 1, :now, :now, 1, iif({has_failed}, 'failed', 'done'), iif({has_failed}, 'refusal', NULL),"
        f" iif({has_failed}, 'the model refused', NULL) FROM jobs WHERE {chosen}",
        row,
    )
    db.execute(f"UPDATE jobs SET state = 'running', attempt = 1, claimed_by = 1 WHERE {chosen}", row)
    db.execute(
        "UPDATE jobs SET state = 'failed', error_code = 'refusal', claimed_by = NULL"
        f" WHERE state = 'running' AND {has_failed}",
        row,
    )
    db.execute("UPDATE jobs SET state = 'done', answer = id, claimed_by = NULL WHERE state = 'running'")
    db.execute("COMMIT")
    db.execute("PRAGMA journal_mode = WAL").fetchall()


if __name__ == "__main__":
    with closing(sqlite3.connect(sys.argv[1], isolation_level=None)) as database:
        finish_all_but(database, *map(int, sys.argv[2:]))
