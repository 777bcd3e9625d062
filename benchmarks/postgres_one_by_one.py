"""The reference of the PostgreSQL store: `python -m benchmarks.postgres_one_by_one raw URL`.

One transaction through psycopg to claim a job and another one to settle it, with the same tables and settings. The
script starts when it reads a line, and prints its start, its end, and the number of jobs settled.
"""

import sys
from datetime import UTC, datetime
from time import monotonic

import psycopg

from benchmarks import holders

CLAIM = """
UPDATE jobs SET state = 'running', claimed_by = %(worker)s, claimed_at = %(now)s, attempt = attempt + 1
 WHERE id = (SELECT id FROM jobs WHERE state = 'pending' ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING id, attempt, artist_name, artist_data
"""
ANSWER = """
INSERT INTO answers (job, attempt, worker, received_at, response_id, created, status, model, service_tier,
                     input_tokens, output_tokens, total_tokens, cost_usd, seconds, body, text, text_path)
VALUES (%(job)s, %(attempt)s, %(worker)s, %(now)s, %(response_id)s, %(created)s, 'completed', %(model)s, 'default',
        24, 340, 364, 0.0034, 1.0, %(body)s, %(text)s, %(text_path)s)
RETURNING id
"""
ATTEMPT = """
INSERT INTO attempts (job, number, worker, started_at, ended_at, calls, outcome)
VALUES (%(job)s, %(attempt)s, %(worker)s, %(now)s, %(now)s, 1, 'done')
"""
SETTLE = """
UPDATE jobs SET state = 'done', answer = %(answer)s, claimed_by = NULL, claimed_at = NULL
 WHERE id = %(job)s AND state = 'running' AND claimed_by = %(worker)s
"""
WORKER = "INSERT INTO workers (host, pid, started_at, seen_at) VALUES ('x', 0, now(), now()) RETURNING id"
KEPT = ("response_id", "created", "model", "body", "text", "text_path")


def settle_all(url: str) -> int:
    """Settle all jobs one by one; return their number."""
    answer, count = holders.answer_of(1), 0
    kept = {name: getattr(answer, name) for name in KEPT}
    with psycopg.connect(url, autocommit=True) as db:
        (worker,) = db.execute(WORKER).fetchone() or (0,)
        holders.wait_for_the_others()
        while claimed := db.execute(CLAIM, {"worker": worker, "now": datetime.now(UTC)}).fetchone():
            row = {**kept, "worker": worker, "now": datetime.now(UTC), "job": claimed[0], "attempt": claimed[1]}
            with db.transaction():
                (row["answer"],) = db.execute(ANSWER, row).fetchone() or (0,)
                db.execute(ATTEMPT, row)
                db.execute(SETTLE, row)
            count += 1
    return count


if __name__ == "__main__":
    settled = settle_all(sys.argv[2])
    print(holders.began, monotonic(), settled)
