"""Queries about single jobs, runs and progress."""

from collections.abc import Iterator

from artistjobs.core.controls import ControlChange
from artistjobs.core.timestamps import from_timestamp
from artistjobs.store.models import ArtistMatch, FailedJob, IngestRecord, LostCalls, Progress, Run
from artistjobs.store.queries.connection import ReadConnection
from artistjobs.store.queries.controls import read_controls
from artistjobs.store.queries.headers import Headers
from artistjobs.store.queries.rows import MAX_INTEGER, progress_of, run_of

Row = dict[str, object]


class SqlJobQueries:
    """Queries about single jobs, runs and progress."""

    def __init__(self, reading: ReadConnection) -> None:
        self._reading = reading
        self._headers = Headers(reading)

    def progress(self) -> list[Progress]:
        """Return the progress of each prompt configuration."""
        return [progress_of(row) for row in self._reading.rows("progress_by_prompt")]

    def runs(self, limit: int) -> list[Run]:
        """Return the latest runs, the newest first."""
        return [run_of(row, self._reading) for row in self._reading.rows("latest_runs", {"limit": limit})]

    def control_changes(self) -> list[ControlChange]:
        """Return the latest change of each setting sent to running workers."""
        return read_controls(self._reading)

    def ingests(self) -> list[IngestRecord]:
        """Return all files that were read, the oldest first."""
        return [IngestRecord(**dict(row)) for row in self._reading.rows("ingests")]

    def lost_calls(self) -> list[LostCalls]:
        """Return the calls that may have been billed without an answer by error code, the most expensive first."""
        return [LostCalls(**dict(row)) for row in self._reading.rows("lost_calls")]

    def failed(self, code: str | None, limit: int | None, prompt: int | None = None) -> Iterator[FailedJob]:
        """Yield failed jobs from one consistent snapshot, oldest first; None means any code or prompt, or no limit."""
        parameters = {"code": code, "limit": MAX_INTEGER if limit is None else limit, "prompt": prompt}
        yield from map(FailedJob._make, self._reading.stream("failed_jobs", parameters))

    def find_by_artist(self, name: str, limit: int) -> list[ArtistMatch]:
        """Return the jobs of an artist with that name, or of the closest names, all with the same distance."""
        rows = self._reading.rows("jobs_by_artist", {"name": name, "limit": limit})
        if not rows and name:
            rows = self._reading.find_by_artist_like(name, limit)
        return [ArtistMatch(**dict(row)) for row in rows if row["distance"] == rows[0]["distance"]]

    def job(self, job: int) -> Row | None:
        """Return the row of a job with its other columns by name, None if there is no such job."""
        row = self._reading.row("job", {"job": job}) if job <= MAX_INTEGER else None
        if row is None:
            return None
        found = dict(row)
        return {**found, "columns": self._headers.columns(found.pop("header"), row["columns"])}

    def attempts(self, job: int) -> list[Row]:
        """Return the attempts at a job with their seconds, the oldest first."""
        return [
            {**dict(row), "seconds": round(from_timestamp(row["ended_at"]) - from_timestamp(row["started_at"]), 3)}
            for row in self._reading.rows("attempts_of_job", {"job": job})
        ]

    def answers(self, job: int) -> list[Row]:
        """Return the answers to a job; the one that settled it comes first and has ``is_kept`` set."""
        return [dict(row) for row in self._reading.rows("answers_of_job", {"job": job})]
