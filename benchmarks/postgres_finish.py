"""Settling many jobs without calls in PostgreSQL, and with the traces that work leaves in its tables."""

import psycopg

from benchmarks.server import RESPOND

AT_ONCE = 20_000
"""Jobs of one transaction."""

VACUUM_EVERY = 5
"""Transactions after which the table is vacuumed, as autovacuum does at this rate of change."""

STATEMENTS = tuple(
    f"{statement} WHERE id BETWEEN %(first)s AND %(last)s"
    for statement in (
        "UPDATE jobs SET state = 'running', attempt = 1, claimed_by = 1, claimed_at = now()",
        """
        INSERT INTO answers (id, job, attempt, worker, received_at, response_id, created, status, model, service_tier,
                             input_tokens, output_tokens, total_tokens, cost_usd, seconds, body, text, text_path)
        SELECT id, id, 1, 1, now(), 'resp_' || to_char(id, 'FM0000000000000000'), 1795382805, 'completed',
               'gpt-5-2025-08-07', 'default', 24, 340, 364, 0.0034, 1.0,
               %(start)s || to_char(id, 'FM0000000000000000') || %(rest)s, %(text)s, %(path)s
          FROM jobs""",
        """
        INSERT INTO attempts (job, number, worker, started_at, ended_at, calls, outcome)
        SELECT id, 1, 1, now(), now(), 1, 'done' FROM jobs""",
        "UPDATE jobs SET state = 'done', answer = id, claimed_by = NULL, claimed_at = NULL",
    )
)


def finish_all_but(url: str, left: int) -> int:
    """Settle all jobs but the last ones, each with its own answer; return how many."""
    from benchmarks.holders import answer_of

    answer, body = answer_of(1), RESPOND(1).partition(b"\r\n\r\n")[2].decode()
    start, _, rest = body.partition(f"{1:016x}")
    row: dict[str, object] = {"start": start, "rest": rest, "text": answer.text, "path": answer.text_path}
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("SET synchronous_commit = off")
        db.execute(
            "INSERT INTO workers (id, host, pid, started_at, seen_at, ended_at) OVERRIDING SYSTEM VALUE"
            " VALUES (1, 'x', 0, now(), now(), now())"
        )
        db.execute("SELECT setval(pg_get_serial_sequence('workers', 'id'), 1)")
        (jobs,) = db.execute("SELECT count(*) FROM jobs").fetchone() or (0,)
        for turn, first in enumerate(range(1, jobs - left + 1, AT_ONCE), start=1):
            last = min(first + AT_ONCE - 1, jobs - left)
            with db.transaction():
                for statement in STATEMENTS:
                    db.execute(statement.encode(), {**row, "first": first, "last": last})
            if turn % VACUUM_EVERY == 0:
                db.execute("VACUUM jobs")
        db.execute("SELECT setval(pg_get_serial_sequence('answers', 'id'), greatest(1, %s))", (jobs - left,))
        db.execute("VACUUM (ANALYZE) jobs, answers, attempts, ingest_lines")
    return int(jobs - left)
