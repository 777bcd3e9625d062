"""Life of simulated batches: validation, progress, expiry, cancellation and the files of results."""

import asyncio
import math
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import BinaryIO

from artistjobs.rehearsal.background import BackgroundDesk
from artistjobs.rehearsal.batch.files import FileStore, StoredFile
from artistjobs.rehearsal.batch.lines import InputFile, Results, error, read_lines, validate
from artistjobs.rehearsal.call_log import Journal
from artistjobs.rehearsal.replies import Body
from artistjobs.rehearsal.scenarios import BatchRules
from artistjobs.rehearsal.service import Service

FINAL = frozenset({"completed", "failed", "expired", "cancelled"})


WINDOW_SECONDS = 86_400


@dataclass(slots=True, kw_only=True)
class Batch:
    """One batch; the moments are in seconds after the epoch."""

    id: str
    input: StoredFile
    metadata: Mapping[str, object]
    created_at: float
    found_from: float = 0.0
    listed_from: float = 0.0
    status: str = "validating"
    moments: dict[str, int] = field(default_factory=dict)
    errors: list[Body] = field(default_factory=list)
    output: StoredFile | None = None
    error_file: StoredFile | None = None
    model: str = ""
    tokens: int = 0
    total: int = 0
    completed: int = 0
    failed: int = 0
    started: float = 0.0
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)
    hurried: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by a test to let the batch end at once, with all of its lines answered."""

    def json(self) -> Body:
        """Return the batch object of the API."""
        names = ("in_progress", "finalizing", "completed", "failed", "expired", "cancelling", "cancelled")
        return {
            "id": self.id,
            "object": "batch",
            "endpoint": "/v1/responses",
            "errors": {"object": "list", "data": self.errors} if self.errors else None,
            "input_file_id": self.input.id,
            "completion_window": "24h",
            "status": self.status,
            "output_file_id": self.output and self.output.id,
            "error_file_id": self.error_file and self.error_file.id,
            "created_at": int(self.created_at),
            "expires_at": int(self.created_at) + WINDOW_SECONDS,
            **{f"{name}_at": self.moments.get(name) for name in names},
            "request_counts": None if self.status == "failed" else self._counts(),
            "metadata": dict(self.metadata),
            "model": self.model or None,
        }

    def _counts(self) -> Body:
        return {"total": self.total, "completed": self.completed, "failed": self.failed}

    def enter(self, status: str) -> None:
        """Change the status, and note the moment."""
        self.status = status
        self.moments[status] = int(time.time())


class BatchDesk:
    """All batches and files of one simulated API; a test may read and change them.

    ``log`` names all requests. ``background`` has the responses in the background.
    """

    def __init__(self, service: Service, journal: Journal) -> None:
        self.files = FileStore()
        self.background = BackgroundDesk(service)
        self.batches: dict[str, Batch] = {}
        self.log: list[str] = []
        self._service = service
        self._journal = journal
        self._lives: set[asyncio.Task[None]] = set()

    @property
    def rules(self) -> BatchRules:
        """The rules of the scenario; a new scenario applies to later steps."""
        return self._service.scenario.batch

    @property
    def seed(self) -> int:
        """The seed of all random choices."""
        return self._service.seed

    def create(self, file: StoredFile, metadata: Mapping[str, object]) -> Batch:
        """Create a batch, whose life begins at once."""
        now = time.time()
        batch = Batch(
            id=f"batch_{uuid.uuid4().hex}", input=file, metadata=metadata, created_at=now,
            found_from=now + self.rules.retrieve_lag_seconds, listed_from=now + self.rules.list_lag_seconds,
        )  # fmt: skip
        self.batches[batch.id] = batch
        life = asyncio.create_task(self._live(batch, Random(f"{self.seed} batch {len(self.batches)}")))
        self._lives.add(life)
        life.add_done_callback(self._lives.discard)
        return batch

    def cancel(self, batch: Batch) -> None:
        """Begin to cancel a batch that is not final."""
        batch.enter("cancelling")
        batch.cancelled.set()

    async def close(self) -> None:
        """End all lives, and remove the files."""
        for life in self._lives:
            life.cancel()
        await asyncio.gather(*self._lives, return_exceptions=True)
        self.files.close()

    async def _live(self, batch: Batch, rng: Random) -> None:
        rules = self.rules
        await _until(batch.cancelled, rules.validating_seconds)
        found = await asyncio.to_thread(validate, batch.input.path)
        if errors := self._refusal(batch, found, rng):
            batch.errors = errors
            batch.enter("failed")
            return
        batch.model, batch.tokens, batch.total = found.model, found.tokens, found.lines
        if not batch.cancelled.is_set():
            batch.enter("in_progress")
        batch.started = time.time()
        await _until_any((batch.cancelled, batch.hurried), min(rules.seconds, rules.window_seconds))
        await self._end(batch, rules, rng)

    def _refusal(self, batch: Batch, found: InputFile, rng: Random) -> list[Body]:
        if rng.random() < self.rules.file_not_found:
            message = f"Cannot find file {batch.input.id}, or organization org-rehearsal does not have access to it."
            return [error("invalid_request", message)]
        if found.errors:
            return found.errors
        limit = self.rules.queue_tokens
        queued = sum(other.tokens for other in self.batches.values() if other.status not in FINAL)
        if limit is not None and queued + found.tokens > limit:
            message = (
                f"Enqueued token limit reached for {found.model} in organization org-rehearsal. Limit: {limit:,} "
                "enqueued tokens. Please try again once some in_progress batches have been completed."
            )
            return [error("token_limit_exceeded", message)]
        return []

    async def _end(self, batch: Batch, rules: BatchRules, rng: Random) -> None:
        is_whole = batch.hurried.is_set() or not rules.seconds
        share = 1.0 if is_whole else min(1.0, (time.time() - batch.started) / rules.seconds)
        ending = "completed" if share >= 1.0 else "expired"
        if batch.cancelled.is_set():
            is_late = rng.random() < rules.cancel_comes_late
            ending, share = ("completed", 1.0) if is_late else ("cancelled", share)
            await asyncio.sleep(rules.cancelling_seconds)
        else:
            batch.enter("finalizing")
            await asyncio.sleep(rules.finalizing_seconds)
        # A batch that expires answers one line at least, so that repeated batches come to an end.
        done = math.floor(share * batch.total) if ending == "cancelled" else math.ceil(share * batch.total)
        await asyncio.to_thread(self._write_results, batch, rules, rng, done)
        batch.enter(ending)

    def _write_results(self, batch: Batch, rules: BatchRules, rng: Random, done: int) -> None:
        """Answer ``done`` lines, in any order, and write the files of results; an empty one does not exist."""
        batch.completed = batch.failed = 0
        results = Results(self._service, self._journal, rules, rng)
        code = "batch_cancelled" if batch.cancelled.is_set() else "batch_expired"
        answered = set(rng.sample(range(batch.total), done))
        output = self.files.create(f"{batch.id}_output.jsonl", "batch_output")
        errors = self.files.create(f"{batch.id}_error.jsonl", "batch_output")
        with output.path.open("wb") as good, errors.path.open("wb") as bad:
            shuffled = _Shuffled(good, rng)
            for number, line in enumerate(read_lines(batch.input.path)):
                if number not in answered:
                    bad.write(results.not_run(line, code))
                elif (result := results.answer(line)) is not None:
                    self._count(batch, is_success=result[0])
                    shuffled.write(result[1]) if result[0] else bad.write(result[1])
            shuffled.close()
        batch.output, batch.error_file = self._kept(output), self._kept(errors)

    def _count(self, batch: Batch, *, is_success: bool) -> None:
        batch.completed += is_success
        batch.failed += not is_success

    def _kept(self, file: StoredFile) -> StoredFile | None:
        if not file.path.stat().st_size:
            file.path.unlink()
            return None
        self.files.keep(file)
        return file


class _Shuffled:
    """Writes lines in another order than they come, with few of them in memory."""

    def __init__(self, file: BinaryIO, rng: Random) -> None:
        self._file = file
        self._rng = rng
        self._waiting: list[bytes] = []

    def write(self, line: bytes) -> None:
        self._waiting.append(line)
        if len(self._waiting) > _WAITING_LINES:
            self._file.write(self._waiting.pop(self._rng.randrange(len(self._waiting))))

    def close(self) -> None:
        self._rng.shuffle(self._waiting)
        self._file.writelines(self._waiting)


_WAITING_LINES = 100


async def _until_any(events: Sequence[asyncio.Event], seconds: float) -> None:
    """Wait for one of some events, at most for a time."""
    waiting = [asyncio.create_task(event.wait()) for event in events]
    await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()


async def _until(event: asyncio.Event, seconds: float) -> None:
    """Wait for an event, at most for a time."""
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return
