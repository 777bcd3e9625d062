"""Parent process of a run: starts the child processes, shows them as one run and stops them."""

import asyncio
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from signal import SIG_BLOCK, SIG_SETMASK, pthread_sigmask
from signal import Signals as SignalNames
from time import monotonic, time
from typing import TYPE_CHECKING, Final

from artistjobs.core.job import DEATHS_MAX
from artistjobs.core.json_values import Json
from artistjobs.errors import RunStoppedError
from artistjobs.store.interface import Store
from artistjobs.store.models import Counts
from artistjobs.worker.limits.latency_window import FIRST_WINDOW
from artistjobs.worker.processes import messages
from artistjobs.worker.processes.shared_rest import SharedRest
from artistjobs.worker.progress.counters import RunTotals, merge_totals
from artistjobs.worker.progress.job_counts import initial_job_progress
from artistjobs.worker.progress.snapshot import Display, RunSnapshot, merge, snapshot_from_json
from artistjobs.worker.run import RunReport, limit_sentence, note_store_error, watching
from artistjobs.worker.signals import HANDLED_SIGNALS, RunControl, Signals
from artistjobs.worker.stop import Stop, StopReason
from artistjobs.worker.store_thread import tell_rescue

if TYPE_CHECKING:
    from artistjobs.errors import ArtistjobsError
    from artistjobs.worker.config import WorkConfig


log = logging.getLogger(__name__)


_ROOT = str(Path(__file__).parents[3])


COMMAND: Final = (
    # -P: a file in the working directory must not replace a module of the same name.
    sys.executable or "", "-P", "-c",
    f"import sys; sys.path.append({_ROOT!r}); from artistjobs.worker.processes.child import main; main()",
)  # fmt: skip


async def run_in_processes(
    start_message: messages.StartMessage, watcher: Display, run_control: RunControl | None = None
) -> RunReport:
    """Run several processes until no job is left or something stops them, in the way of ``run.run``.

    Raises:
        StoreError: if the disk or the database fails before any work has started.
        RunStoppedError: if no process can be started.
        WrongUseError: if a cost cap is set and the price of a model is unknown.

    """
    with start_message.database.open() as store:
        started, since, before = monotonic(), time(), store.records.counts(start_message.scope)
        group = _ProcessGroup(start_message, before, started, run_control or Signals())
        await group.work(watcher, store)
        worked = None if group.error else store.records.worked_seconds(group.pids(), since)
    group.note_limit()
    return RunReport(
        counters=group.totals(), reason=group.stop.reason, sentence=group.stop.sentence,
        seconds=worked or monotonic() - started, after=group.after, error=group.error,
        least_cap_usd=group.stop.least_cap_usd,
    )  # fmt: skip


@dataclass(slots=True)
class _Child:
    """State of one child process, as its messages report it."""

    start_message: messages.StartMessage
    process: asyncio.subprocess.Process
    is_ready: bool = False
    is_over: bool = False
    snapshot: RunSnapshot | None = None
    end: messages.EndMessage | None = None

    def send(self, kind: str, value: Json = None) -> None:
        assert self.process.stdin is not None
        with suppress(ConnectionError):  # the child is gone, which is handled elsewhere
            self.process.stdin.write(messages.line(kind, value))

    def totals(self) -> RunTotals:
        if self.end is not None:
            return self.end.totals
        return self.snapshot.totals if self.snapshot is not None else RunTotals()

    def retire(self) -> None:
        """Keep the totals of a child that has ended, and clear its current activity."""
        self.is_over = True
        if self.snapshot is not None:
            self.snapshot = replace(
                self.snapshot, processes=0, in_flight=0, jobs_per_minute=0.0, slowed_to=None, wait=None
            )  # fmt: skip


class _ProcessGroup:
    """The child processes of one run."""

    def __init__(
        self, start_message: messages.StartMessage, before: Counts, started_at: float, run_control: RunControl
    ) -> None:
        self.stop = Stop()
        self._run_control = run_control
        self.error: ArtistjobsError | None = None
        self.after = before
        self._start_message = start_message
        self._before = before
        self._has_lost_any = False
        self._started_at = started_at
        self._children: list[_Child] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_started = False
        self._replaced = 0
        self._shared_rest = SharedRest(self._children)

    async def work(self, watcher: Display, store: Store) -> None:
        """Return when all child processes have ended. Raises StoreError, and the error that prevented a start."""
        async with self._run_control.listening(self.stop, lambda: self._snapshot().in_flight) as abandon_requested:
            aside = [asyncio.create_task(self._pass_stop_on()), asyncio.create_task(self._pass_on(abandon_requested))]
            try:
                await self._spawn_all()
                async with watching(watcher, self._snapshot):
                    while self._tasks:
                        over, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
                        await asyncio.gather(*over)  # raises the exception of a task
                    # Before the last snapshot, so that it shows the same numbers as the summary.
                    self._count_jobs(store)
            finally:
                for task in aside:
                    task.cancel()
                await asyncio.gather(*aside, return_exceptions=True)
                await self._shut_down()
        if any(child.end is not None and not child.end.has_begun for child in self._children):
            assert self.error is not None
            raise self.error

    def pids(self) -> list[int]:
        """Return the process ids of all child processes."""
        return [child.process.pid for child in self._children]

    def totals(self) -> RunTotals:
        """Return the totals of all child processes."""
        return merge_totals(child.totals() for child in self._children)

    def _count_jobs(self, store: Store) -> None:
        """Rescue the jobs of children that died, and count the jobs; after a database error, query it no more."""
        ends = [child.end for child in self._children if child.end is not None and child.end.error is not None]
        if ends:
            self.error = min(ends, key=lambda end: end.has_begun).error
            assert self.error is not None
            note_store_error(self.stop, self.error)
            return
        if self._has_lost_any:
            tell_rescue(store.queue.rescue())
        self.after = store.records.counts(self._start_message.scope)

    def note_limit(self) -> None:
        """Record that ``--limit`` was reached, if that is the reason why the run ended."""
        reached = any(child.end is not None and child.end.reason is StopReason.LIMIT for child in self._children)
        if reached and self.after.pending:
            self.stop.request(StopReason.LIMIT, limit_sentence(self._start_message.work.limit))

    async def _spawn_all(self) -> None:
        for number, work in enumerate(self._start_message.work.shared_out()):
            await self._spawn(replace(self._start_message, work=work, looks_up=number == 0))

    async def _spawn(self, start_message: messages.StartMessage) -> None:
        pipe = asyncio.subprocess.PIPE
        try:
            with _signals_blocked():
                process = await asyncio.create_subprocess_exec(
                    *COMMAND, stdin=pipe, stdout=pipe, limit=messages.MAX_LINE_BYTES
                )
        except OSError as error:
            raise RunStoppedError(
                f"cannot start a process ({error.strerror or error}); fix the cause, or continue with --processes 1."
            ) from error
        child = _Child(start_message, process)
        self._children.append(child)
        child.send(messages.START, messages.start_message_json(start_message))
        if self.stop.reason is not None:
            child.send(messages.STOP, [self.stop.reason.value, self.stop.sentence])
        task = asyncio.create_task(self._read_from(child))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _read_from(self, child: _Child) -> None:
        assert child.process.stdout is not None
        try:
            async for text in child.process.stdout:
                kind, value = messages.read_line(text)
                if not self._shared_rest.handle(child, kind, value):
                    self._handle_message(child, kind, value)
        except ValueError:  # a line that exceeds the maximum size
            child.process.kill()
        code = await child.process.wait()
        child.retire()
        if child.end is None:
            await self._on_exit(child, code)
        if child.end is None or child.end.reason in (StopReason.TERMINATED, StopReason.LIMIT):
            self._redistribute()
        self._shared_rest.ended(child)
        self._release_start()

    def _redistribute(self) -> None:
        """Divide settings from other terminals among the remaining children only, so that no share is lost."""
        left = [child for child in self._children if not child.is_over]
        for number, child in enumerate(left):
            child.send(messages.PART, [number, len(left)])

    def _handle_message(self, child: _Child, kind: str, value: "object") -> None:
        match kind, value:
            case messages.READY, _:
                child.is_ready = True
                self._release_start()
            case messages.SNAPSHOT, dict():
                child.snapshot = snapshot_from_json(value)
            case messages.LOG, [int(level), str(text), dict(extra)]:
                log.log(level, "%s", text, extra=extra)
            case messages.AWAY, str(announcement):
                if self._shared_rest.is_led_by(child):
                    log.warning("%s", announcement)
            case messages.STOPPED, [str(reason), str(sentence)]:
                self._on_stop(child, StopReason(reason), sentence)
            case messages.END, dict():
                child.end = end = messages.end_from_json(value)
                if not end.has_begun:
                    self.stop.request(StopReason.STORE, str(end.error))
                elif end.reason not in (None, StopReason.LIMIT, StopReason.TERMINATED):
                    self.stop.request(end.reason, end.sentence)
                    self.stop.least_cap_usd = max(
                        filter(None, [self.stop.least_cap_usd, end.least_cap_usd]), default=None
                    )

    def _on_stop(self, child: _Child, reason: StopReason, sentence: str) -> None:
        """Stop all children for the reason that stopped one, unless the reason concerns only that one."""
        if reason is StopReason.TERMINATED:
            if not self.stop.is_requested():
                log.warning("process %d was asked to stop; the others continue", child.process.pid)
        elif reason is not StopReason.LIMIT:
            self.stop.request(reason, sentence)

    async def _on_exit(self, child: _Child, code: int) -> None:
        self._has_lost_any = True
        how = f"killed by {_signal_name(-code)}" if code < 0 else f"exit code {code}"
        others = any(not other.is_over for other in self._children)
        if others or self.stop.is_requested():
            log.warning("process %d died (%s); its jobs are taken over", child.process.pid, how)
        elif self._replaced < DEATHS_MAX:
            self._replaced += 1
            log.warning("process %d died (%s) as the last one; a new one replaces it", child.process.pid, how)
            await self._replace(child)
        else:
            self.stop.request(
                StopReason.DIED,
                f"several processes died in a row, the last one {how}; find the cause, then run the command again.",
            )

    async def _replace(self, child: _Child) -> None:
        try:
            await self._spawn(replace(child.start_message, work=_rest_of(child), looks_up=False))
        except RunStoppedError as error:
            self.stop.request(StopReason.DIED, str(error))

    def _release_start(self) -> None:
        """Allow calls once every child is ready, so that none assumes that it has the limits for itself."""
        if self._is_started or all(child.is_ready or child.is_over for child in self._children):
            self._is_started = True
            for child in self._children:
                if child.is_ready and not child.is_over:
                    child.send(messages.GO)

    async def _pass_stop_on(self) -> None:
        await self.stop.wait()
        assert self.stop.reason is not None
        self._send_to_all(messages.STOP, [self.stop.reason.value, self.stop.sentence])

    async def _pass_on(self, abandon_requested: asyncio.Event) -> None:
        await abandon_requested.wait()
        self._send_to_all(messages.ABANDON)

    def _send_to_all(self, kind: str, value: Json = None) -> None:
        for child in self._children:
            if not child.is_over:
                child.send(kind, value)

    async def _shut_down(self) -> None:
        """Close the pipes to the children, because a child without a parent ends, and wait for their end."""
        for child in self._children:
            if child.process.stdin is not None:
                child.process.stdin.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _snapshot(self) -> RunSnapshot:
        snapshots = [child.snapshot for child in self._children if child.snapshot is not None]
        if not snapshots:
            return self._first_snapshot()
        seen = replace(merge(snapshots), at=monotonic(), stopping=self.stop.is_requested())
        return seen if self._tasks else replace(seen, job_progress=replace(seen.job_progress, counts=self.after))

    def _first_snapshot(self) -> RunSnapshot:
        work, job_progress = self._start_message.work, initial_job_progress(self._before, self._started_at)
        first = min(FIRST_WINDOW, work.max_workers) if work.is_auto else work.max_workers
        return RunSnapshot(
            at=monotonic(), started_at=self._started_at, job_progress=job_progress, totals=RunTotals(),
            jobs_per_minute=0.0, in_flight=0, max_workers=first, processes=work.processes, limit=work.limit,
            cap_usd=work.max_cost_usd, stopping=self.stop.is_requested(),
        )  # fmt: skip


def _rest_of(child: _Child) -> "WorkConfig":
    work, totals = child.start_message.work, child.totals()
    return work if work.limit is None else replace(work, limit=max(1, work.limit - totals.done - totals.failed))


@contextmanager
def _signals_blocked() -> Iterator[None]:
    """Block the signals of a run while a process starts: Ctrl+C would reach it before it can handle signals."""
    before = pthread_sigmask(SIG_BLOCK, HANDLED_SIGNALS)
    try:
        yield
    finally:
        pthread_sigmask(SIG_SETMASK, before)


def _signal_name(number: int) -> str:
    try:
        return SignalNames(number).name
    except ValueError:
        return f"signal {number}"
