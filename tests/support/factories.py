"""Builders of test data with defaults, so that a test names only the values that it depends on."""

import hashlib
import itertools
import json
from pathlib import Path

from artistjobs.core.attempt import Answer, Attempt, Failure, FailureKind, Outcome, Usage
from artistjobs.core.columns import cells_text
from artistjobs.core.job import EVERYTHING, Artist, BadLine, Claim, TableArtist
from artistjobs.core.prompt import Prompt
from artistjobs.store.interface import Store
from artistjobs.store.models import ExportRow, IngestResult, Source

NOON = 1_795_000_000.0
"""Time of attempts, in seconds since the epoch."""

TEXT_PATH = "$.output[0].content[0].text"

_numbers = itertools.count(1)


def make_prompt(**changes) -> Prompt:
    return Prompt(**({"model": "gpt-5", "prompt_id": "pmpt_test"} | changes))


def make_template(template: str = "Who is {{ artist_name }}?", **changes) -> Prompt:
    return Prompt(**({"model": "gpt-5", "template": template, "template_file": "ask.txt"} | changes))


def make_claim(**changes) -> Claim:
    return Claim(**({"job": 1, "attempt": 1, "prompt": 1, "artist_name": "Frida Kahlo", "artist_data": ""} | changes))


def table_row(line: int, name: str, data: str, cells: list[str]) -> TableArtist:
    return TableArtist(line, name, data, cells_text(cells))


def make_body(text: str = "a text", **changes) -> str:
    content = [{"type": "output_text", "text": text}]
    body = {"id": "resp_1", "status": "completed", "output": [{"type": "message", "content": content}]}
    return json.dumps(body | changes, ensure_ascii=False)


def make_answer(text: str = "a text", **changes) -> Answer:
    """Return an answer whose body contains its text at its path; ``changes`` override fields."""
    row = {
        "text": text,
        "text_path": TEXT_PATH,
        "response_id": f"resp_{next(_numbers)}",
        "created": 1_795_000_000,
        "status": "completed",
        "model": "gpt-5-2025-08-07",
        "service_tier": "default",
        "usage": Usage(input_tokens=11, cached_tokens=3, output_tokens=22, reasoning_tokens=7, total_tokens=33),
        "body": make_body(text),
        "request_id": "req_answer",
        "cost_usd": 0.5,
    }
    return Answer(**(row | changes))


def make_failure(code: str = "server_error", **changes) -> Failure:
    row = {
        "kind": FailureKind.PERMANENT,
        "code": code,
        "message": "it went wrong",
        "status": 500,
        "type": "server_error",
    }
    return Failure(**(row | {"request_id": "req_failure"} | changes))


def make_attempt(claim: Claim, outcome: Outcome = Outcome.DONE, **changes) -> Attempt:
    """Return an attempt that took two seconds, with the answer or the failure that its outcome requires."""
    row = {"started_at": NOON, "ended_at": NOON + 2}
    if outcome is Outcome.DONE:
        row["answer"] = make_answer()
    elif outcome is not Outcome.RELEASED:
        row["failure"] = make_failure()
    return Attempt(claim=claim, outcome=outcome, **(row | changes))


def make_exported(**changes) -> ExportRow:
    row = {
        "job": 1, "prompt": 1, "artist_name": "Frida Kahlo", "artist_data": "", "state": "done", "attempts": 1,
        "error_code": None, "text": None, "response_id": "resp_1", "created": 1_795_000_000,
        "received_at": "2026-11-22T20:51:07.123Z", "status": "completed",
    }  # fmt: skip
    return ExportRow(**(row | changes))


def make_rows(*names: str | tuple[str, str] | BadLine) -> list[Artist | BadLine]:
    """Yield the rows of a file: from names, from pairs of name and data, or bad lines as given."""
    rows: list[Artist | BadLine] = []
    for line, row in enumerate(names, 1):
        if isinstance(row, BadLine):
            rows.append(row)
        else:
            name, data = (row, "") if isinstance(row, str) else row
            rows.append(Artist(line, name, data))
    return rows


def make_source(content: object, name: str = "artists.csv") -> Source:
    return Source(name, hashlib.sha256(repr(content).encode()).hexdigest())


def ingest(store: Store, *names: str | tuple[str, str] | BadLine, prompt: Prompt | None = None) -> IngestResult:
    """Ingest a file of these rows."""
    rows = make_rows(*names)
    return store.ingestor.ingest(make_source(rows), prompt or make_prompt(), rows, lambda: len(rows))


def names(count: int, start: int = 1) -> list[str]:
    return [f"Artist {number}" for number in range(start, start + count)]


def settle(store: Store, *attempts: Attempt) -> None:
    """Settle attempts and claim nothing."""
    store.queue.exchange(attempts, 0, EVERYTHING)


def claim(store: Store, limit: int = 1, scope=EVERYTHING) -> list[Claim]:
    return list(store.queue.exchange([], limit, scope))


def claim_one(store: Store) -> Claim:
    (claimed,) = claim(store)
    return claimed


def fail(store: Store, code: str = "server_error", **changes) -> Claim:
    """Claim a job and fail it."""
    claimed = claim_one(store)
    settle(store, make_attempt(claimed, Outcome.FAILED, failure=make_failure(code), **changes))
    return claimed


def answer_everything(store: Store, limit: int) -> None:
    """Claim jobs and answer them."""
    settle(store, *(make_attempt(claimed) for claimed in claim(store, limit)))


def exported(store: Store, ingest: int | None = None, states=("done",)) -> list:
    scope = EVERYTHING if ingest is None else store.records.scope(ingest)
    return list(store.records.export(scope, states))


def litter(database: Path) -> set[str]:
    """Return the names of the files beside a database, except SQLite's own."""
    return {
        file.name.removeprefix(database.name)
        for file in database.parent.iterdir()
        if file != database and not file.name.endswith(("-wal", "-shm"))
    }
