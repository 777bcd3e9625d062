"""Speed of the PostgreSQL store, each figure beside a reference in the same run: `python -m benchmarks.postgres URL`.

URL names a database that may be emptied.
"""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import psycopg

from artistjobs.core.attempt import Answer, Attempt, Outcome, Usage
from artistjobs.core.job import EVERYTHING, Artist, Claim
from artistjobs.core.prompt import Prompt
from artistjobs.store.address import Address, DatabaseUrl
from artistjobs.store.database import Database
from artistjobs.store.interface import Store
from artistjobs.store.models import Source

AT_ONCE = 50
BODY = json.dumps({"output": [{"content": [{"text": "x" * 2_000}]}]})


def empty(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def ingest(store: Store, jobs: int, first: int = 1) -> float:
    """Add jobs and return the seconds that it took."""
    rows = [Artist(number, f"Artist {number}", "a painter of some renown") for number in range(first, first + jobs)]
    prompt = Prompt(model="gpt-5", template="Who is {{ artist_name }}?", template_file="p.txt")
    return timed(lambda: store.ingestor.ingest(Source("a.csv", f"{first:064d}"), prompt, rows, lambda: jobs))


def done(claim: Claim) -> Attempt:
    now = time.time()
    answer = Answer(
        text="x" * 2_000, text_path="$.output[0].content[0].text", response_id=f"resp_{claim.job}", created=int(now),
        status="completed", model="gpt-5", service_tier="default", usage=Usage(input_tokens=9, output_tokens=400),
        body=BODY, cost_usd=0.004,
    )  # fmt: skip
    return Attempt(claim=claim, outcome=Outcome.DONE, started_at=now - 1, ended_at=now, answer=answer)


def settle(store: Store, jobs: int) -> Iterator[float]:
    """Claim and settle jobs in exchanges of 50; yield the seconds of each exchange."""
    attempts: list[Attempt] = []
    for _ in range(0, jobs, AT_ONCE):
        began = time.perf_counter()
        claims = store.queue.exchange(attempts, AT_ONCE, EVERYTHING)
        yield time.perf_counter() - began
        attempts = [done(claim) for claim in claims]
    store.queue.exchange(attempts, 0, EVERYTHING)


def one_at_a_time(url: str, jobs: int) -> None:
    """The reference: a transaction to claim each job, and one to settle it."""
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(
            "CREATE TABLE raw (id bigserial PRIMARY KEY, state text DEFAULT 'pending', body text, text text);"
            "CREATE INDEX raw_pending ON raw (id) WHERE state = 'pending'"
        )
        db.execute("INSERT INTO raw (state) SELECT 'pending' FROM generate_series(1, %s)", (jobs,))
        for _ in range(jobs):
            row = db.execute(
                "UPDATE raw SET state = 'running' WHERE id = (SELECT id FROM raw WHERE state = 'pending' ORDER BY id"
                " LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id"
            ).fetchone()
            assert row is not None
            db.execute("UPDATE raw SET state = 'done', body = %s, text = %s WHERE id = %s", (BODY, "x" * 2_000, row[0]))


def copied(url: str, jobs: int) -> float:
    """The reference of an ingest: COPY of the same columns into a table with the same indexes."""
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("CREATE TABLE plain (id bigint PRIMARY KEY, key bytea UNIQUE, prompt bigint, name text, data text)")

        def copy() -> None:
            with db.cursor().copy("COPY plain FROM STDIN") as rows:
                for number in range(jobs):
                    rows.write_row(
                        (number, number.to_bytes(32, "little"), 1, f"Artist {number}", "a painter of some renown")
                    )

        return timed(copy)


def settled_a_second(address: Address, jobs: int) -> float:
    with Database(address, None).open(create=True) as store:
        ingest(store, jobs)
        store.queue.register()
        seconds = timed(lambda: list(settle(store, jobs)))
        store.queue.end("finished")
    return jobs / seconds


@click.command()
@click.argument("url")
@click.option("--jobs", default=20_000, show_default=True, help="Jobs of each measurement.")
def main(url: str, jobs: int) -> None:
    """Measure the PostgreSQL store."""
    with TemporaryDirectory(prefix="artistjobs-benchmarks-", dir="/var/tmp") as folder:
        address = DatabaseUrl(url, spool=Path(folder))
        empty(url)
        postgres = settled_a_second(address, jobs)
        sqlite = settled_a_second(Path(folder) / "a.db", jobs)
        few = max(100, jobs // 20)
        single = few / timed(lambda: one_at_a_time(url, few))
        print(f"claimed and settled a second, one process: {postgres:,.0f}")
        print(f"  a transaction to claim and one to settle, psycopg: {single:,.0f} ({postgres / single:.1f} times)")
        print(f"  SQLite store: {sqlite:,.0f} ({postgres / sqlite:.2f} times)")
        empty(url)
        with Database(address, None).open(create=True) as store, psycopg.connect(url) as held:
            seconds = ingest(store, jobs)
            reference = copied(url, jobs)
            print(f"ingest of {jobs:,} rows: {seconds:.2f} s; COPY of the same columns: {reference:.2f} s")
            held.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            held.execute("SELECT count(*) FROM jobs")
            store.queue.register()
            spans = list(settle(store, jobs))
            tenth = max(1, len(spans) // 10)
            first, last = (1000 * sum(part) / tenth for part in (spans[1 : tenth + 1], spans[-tenth:]))
            print(f"exchange of 50 while a snapshot is held: first tenth {first:.1f} ms, last tenth {last:.1f} ms")
            counts = timed(lambda: store.records.counts(EVERYTHING))
            print(f"counts of {jobs:,} jobs: {1000 * counts:.1f} ms")
            size = held.execute("SELECT pg_total_relation_size('jobs'), pg_total_relation_size('answers')").fetchone()
            assert size is not None
            print(f"bytes a job: {size[0] / jobs:,.0f} in jobs, {size[1] / jobs:,.0f} in answers")
            store.queue.end("finished")
        empty(url)


if __name__ == "__main__":
    main()
