"""Read queries: counts, prompts, totals, workers, failures, and the rows of an export."""

import json
import socket
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import pairwise
from time import time
from typing import Any

from artistjobs.core.attempt import SCHEMA_MISMATCH
from artistjobs.core.columns import Columns, cells_of
from artistjobs.core.job import Scope
from artistjobs.core.prompt import Prompt
from artistjobs.core.schema import RejectedAnswer
from artistjobs.core.statistics import stats_of
from artistjobs.core.timestamps import from_timestamp, to_timestamp
from artistjobs.errors import WrongUseError
from artistjobs.store.models import (
    ComparedJob,
    ComparedRow,
    Counts,
    ExportRow,
    FailureGroup,
    KnownFiles,
    Money,
    PromptName,
    RawExportRow,
    RecentAnswers,
    Run,
    Source,
    WorkTotals,
)
from artistjobs.store.queries.connection import ReadConnection
from artistjobs.store.queries.headers import Headers
from artistjobs.store.queries.rows import MAX_INTEGER, counts_of, prompt_of, run_of, span

_DAY_SECONDS = 86_400.0


_PAUSE_SECONDS = 60.0
"""Gap in seconds, beyond the latency of a call, from which the time between two answers counts as a pause."""


PACE_ATTEMPTS = 20_000
"""Largest number of attempts from which the throughput is measured, which bounds the time of the query."""


class SqlRecords:
    """Read access to counts, prompts, workers, failures, and the rows of an export."""

    def __init__(
        self,
        connection: ReadConnection,
        clock: Callable[[], float] = time,
        to_database_time: Callable[[float], float] = float,
    ) -> None:
        self._connection = connection
        self._clock = clock
        self._to_database_time = to_database_time
        self._headers = Headers(connection)

    def scope(self, ingest: int | None) -> Scope:
        """Return the scope of an ingest, the latest for None; raises WrongUseError if there is none."""
        may_be = ingest is None or ingest <= MAX_INTEGER
        row = self._connection.row("ingest_scope", {"ingest": ingest}) if may_be else None
        if row is None:
            which = f"ingest {ingest}" if ingest is not None else "ingest"
            raise WrongUseError(f"{self._connection.name} has no {which}; its table ingests lists those it has.")
        first, last = row["first_job"] or 0, row["last_job"] or -1
        # If the ingest has every job between its first and last, the two ids describe it.
        is_span = row["jobs"] == last - first + 1
        return Scope(row["ingest"], first, last, is_span=is_span)

    def known_files(self) -> KnownFiles:
        """Return the files that the rows and the prompts came from."""
        return KnownFiles(
            sources=[Source(row["source"], row["sha256"]) for row in self._connection.rows("known_sources")],
            prompt_files=frozenset(row["prompt_file"] for row in self._connection.rows("known_prompt_files")),
            texts=frozenset(row["sha256"] for row in self._connection.rows("known_texts")),
        )

    def counts(self, scope: Scope) -> Counts:
        """Return the number of jobs in each state."""
        row = self._connection.row(*_counting(scope))
        assert row is not None
        return counts_of(row)

    def prompt(self, number: int) -> Prompt:
        """Return a prompt configuration by its number."""
        row = self._connection.row("prompt", {"prompt": number})
        assert row is not None
        return prompt_of(row)

    def columns(self, header: int | None, cells: str | None) -> Columns:
        """Return the other columns of a row, given the number of their names and their stored values."""
        return self._headers.columns(header, cells)

    def column_names(self, scope: Scope) -> list[str]:
        """Return the names of the other columns of all rows in a scope, in the order of their files."""
        rows = self._connection.rows("headers_of_scope", {"ingest": scope.ingest, "prompt": scope.prompt})
        return list(dict.fromkeys(name for row in rows for name in cells_of(row["names"])))

    def prompts(self, scope: Scope) -> list[Prompt]:
        """Return the prompt configurations of all jobs in a scope, in the order in which they were first used."""
        rows = self._connection.rows("prompts_of_scope", {"ingest": scope.ingest})
        return [self.prompt(row["prompt"]) for row in rows]

    def prompt_names(self) -> Sequence[PromptName]:
        """Return all prompt configurations without their texts, the oldest first."""
        return [PromptName(**dict(row)) for row in self._connection.rows("prompt_names")]

    def pending_prompts(self, scope: Scope) -> Sequence[Prompt]:
        """Return the prompt configurations of pending jobs."""
        rows = self._connection.rows("pending_prompts", span(scope))
        return [self.prompt(row["prompt"]) for row in rows]

    def money(self) -> Money:
        """Return the money that counts under a cost cap."""
        row = self._connection.row("sum_money")
        assert row is not None
        return Money(**dict(row))

    def work(self, prompt: int | None = None) -> WorkTotals:
        """Return calls, retries, tokens and cost: those of all workers, or those of one prompt."""
        row = (
            self._connection.row("sum_work")
            if prompt is None
            else self._connection.row("work_of_prompt", {"prompt": prompt})
        )
        assert row is not None
        return WorkTotals(**dict(row))

    def latest(self, prompt: int | None = None) -> RecentAnswers:
        """Return statistics of the latest answers, of one prompt if it is given: cost, and time between two answers."""
        rows = self._connection.rows("latest_answers", {"prompt": prompt})
        gaps = (
            ((later["received_day"] - earlier["received_day"]) * _DAY_SECONDS, later["seconds"])
            for earlier, later in pairwise(rows)
        )
        return RecentAnswers(
            answers=len(rows),
            cost_usd=stats_of(row["cost_usd"] for row in rows),
            # A longer gap is a pause in which no worker ran.
            gap_seconds=stats_of(gap for gap, seconds in gaps if gap <= seconds + _PAUSE_SECONDS),
        )

    def failures(self, prompt: int | None = None) -> Sequence[FailureGroup]:
        """Return the failed jobs grouped by error code, the most frequent first; of one prompt if it is given."""
        groups = []
        for row in self._connection.rows("failures_by_code", {"prompt": prompt}):
            last = self._connection.row("last_attempt", {"job": row["example"]})
            assert last is not None
            groups.append(
                FailureGroup(
                    code=row["code"],
                    jobs=row["jobs"],
                    artist_name=last["artist_name"],
                    message=last["error_message"],
                    status=last["http_status"],
                )
            )
        return groups

    def workers(self) -> Sequence[Run]:
        """Return the workers that have not ended."""
        return [run_of(row, self._connection) for row in self._connection.rows("latest_workers")]

    def jobs_per_minute(self, seconds: float, prompt: int | None = None) -> float:
        """Return the throughput of the last ``seconds``, in jobs per minute of the time in which a worker ran.

        Only the jobs of one prompt are counted if it is given.
        """
        now = self._clock()
        since = now - seconds
        parameters = {"since": to_timestamp(since), "limit": PACE_ATTEMPTS, "prompt": prompt}
        row = self._connection.row("recent_pace", parameters)
        if row is None or not row["done"]:
            return 0.0
        if row["attempts"] == PACE_ATTEMPTS:  # earlier ones were not counted
            since = from_timestamp(row["first"])
        return float(row["done"] * 60 / (self._worked_since(since, now) or seconds))

    def _worked_since(self, since: float, now: float) -> float:
        """Return the seconds between two times in which at least one worker ran."""
        worked, covered_until = 0.0, since
        for row in self._connection.rows("recent_workers", {"since": to_timestamp(since)}):
            is_alive_now = row["is_open"] and self._connection.is_alive(row["worker"], row["host"], row["pid"])
            until = now if is_alive_now else min(now, from_timestamp(row["until"]))
            start = max(covered_until, from_timestamp(row["started_at"]))
            worked += max(0.0, until - start)
            covered_until = max(covered_until, until)
        return worked

    def worked_seconds(self, pids: Collection[int], since: float) -> float | None:
        """Return the seconds from the start of the first to the end of the last of some workers; None if none ran."""
        row = self._connection.row(
            "worked_period",
            {
                "since": to_timestamp(self._to_database_time(since)),
                "host": socket.gethostname(),
                "pids": json.dumps(sorted(pids)),
            },
        )
        if row is None or row["started_at"] is None:
            return None
        return from_timestamp(row["ended_at"]) - from_timestamp(row["started_at"])

    def export(self, scope: Scope, states: Sequence[str]) -> Iterator[ExportRow]:
        """Yield final jobs from one consistent snapshot, in the order of the ingest's file or oldest first."""
        yield from map(ExportRow._make, self._final_jobs("export", scope, states))

    def export_raw(self, scope: Scope, states: Sequence[str]) -> Iterator[RawExportRow]:
        """Yield the same jobs with their texts as raw JSON; a text is None if it would have to be decoded first."""
        yield from self._final_jobs("export_raw", scope, states)

    def exported(self, job: int) -> ExportRow:
        """Return one job as ``export`` yields it."""
        row = self._connection.row("export_job", {"job": job})
        assert row is not None
        return ExportRow(**dict(row))

    def _final_jobs(self, statement: str, scope: Scope, states: Sequence[str]) -> Iterator[Any]:
        statement += "_jobs" if scope.ingest is None else "_ingest"
        parameters = {"ingest": scope.ingest, "prompt": scope.prompt, "state": states[0], "other_state": states[-1]}
        yield from self._connection.stream(statement, parameters)

    def compared(self, first: int, second: int) -> Iterator[ComparedRow]:
        """Yield the rows that were asked with two prompt configurations, from one consistent snapshot."""
        width = len(ComparedJob._fields)
        for name, data, header, cells, *values in self._connection.stream(
            "compare", {"first": first, "second": second}
        ):
            columns = self.columns(header, cells)
            yield name, data, columns, ComparedJob._make(values[:width]), ComparedJob._make(values[width:])

    def rejected_answers(self, job: int, attempt: int) -> list[RejectedAnswer]:
        """Return the answers to a job that did not fit its schema, among the attempts before ``attempt``."""
        parameters = {"job": job, "attempt": attempt, "code": SCHEMA_MISMATCH}
        rows = self._connection.rows("rejected_answers", parameters)
        return [RejectedAnswer(row["text"] or "", row["reason"]) for row in rows]

    def details(self, job: int) -> Mapping[str, object]:
        """Return the stored fields of a job's answer, empty if it has none."""
        row = self._connection.row("answer_in_full", {"job": job})
        return dict(row) if row else {}

    def last_error(self, job: int) -> Mapping[str, object]:
        """Return error type, message and HTTP status of a job's last failed attempt."""
        row = self._connection.row("last_attempt", {"job": job})
        return dict(row) if row else {}


def _counting(scope: Scope) -> tuple[str, dict[str, object]]:
    if scope.ingest is None:
        return "count_by_state", {}
    if scope.is_span:
        return "count_span_by_state", {"first_job": scope.first_job, "last_job": scope.last_job}
    return "count_scope_by_state", {"ingest": scope.ingest}
