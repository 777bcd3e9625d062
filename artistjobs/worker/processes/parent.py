"""The process that leads the others: it starts them, shows them as one and says when to stop."""

import asyncio
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from signal import SIG_BLOCK, SIG_SETMASK, pthread_sigmask
from signal import Signals as SignalNames
from time import monotonic
from typing import TYPE_CHECKING, Final

import artistjobs
from artistjobs.core.job import DEATHS_MAX
from artistjobs.core.json_values import Json
from artistjobs.errors import RunStoppedError
from artistjobs.store.interface import OpenStore, Store
from artistjobs.store.models import Counts
from artistjobs.worker.processes import messages as wire
from artistjobs.worker.progress.counters import Totals, merge_totals
from artistjobs.worker.progress.job_counts import standing_at_first
from artistjobs.worker.progress.snapshot import Glance, Watch, glance_from_json, merge
from artistjobs.worker.run import RunReport, limit_sentence, watching
from artistjobs.worker.signals import MINDED, Signals
from artistjobs.worker.stop import Reason, Stop
from artistjobs.worker.store_thread import tell_rescue

if TYPE_CHECKING:
    from artistjobs.errors import ArtistjobsError
    from artistjobs.worker.config import WorkConfig


log = logging.getLogger("artistjobs")


_ROOT = str(Path(artistjobs.__file__).parents[1])


COMMAND: Final = (
    # -P: what lies in the working directory under the name of one of our modules is none of them.
    sys.executable or "", "-P", "-c",
    f"import sys; sys.path.append({_ROOT!r}); from artistjobs.worker.processes.child import main; main()",
)  # fmt: skip


async def run_in_processes(order: wire.Order, open_store: OpenStore, watcher: Watch) -> RunReport:
    """Have several processes work until nothing is left to do or something stops them, as ``runner.run`` does.

    Raises:
        StoreError: if disk or database fail before any work is begun.
        RunStoppedError: if no process can be started.
        WrongUseError: if a cap was set on money whose worth is not known.

    """
    with open_store() as store:
        started, before = monotonic(), store.records.counts(order.scope)
        crew = _Crew(order, before, started)
        await crew.work(watcher, store)
    crew.note_limit()
    return RunReport(
        tally=crew.totals(), reason=crew.stop.reason, sentence=crew.stop.sentence, seconds=monotonic() - started,
        after=crew.after, error=crew.error,
    )  # fmt: skip


@dataclass(slots=True)
class _Member:
    """What is known of one of the others."""

    order: wire.Order
    process: asyncio.subprocess.Process
    is_ready: bool = False
    is_over: bool = False
    glance: Glance | None = None
    end: wire.End | None = None

    def tell(self, kind: str, value: Json = None) -> None:
        assert self.process.stdin is not None
        with suppress(ConnectionError):  # it is gone, and that is noticed elsewhere
            self.process.stdin.write(wire.line(kind, value))

    def totals(self) -> Totals:
        if self.end is not None:
            return self.end.totals
        return self.glance.totals if self.glance is not None else Totals()

    def retire(self) -> None:
        """Count what it did, and no more of it."""
        self.is_over = True
        if self.glance is not None:
            self.glance = replace(
                self.glance, processes=0, in_flight=0, jobs_per_minute=0.0, slowed_to=None, wait=None
            )  # fmt: skip


class _Crew:
    """The processes of one run."""

    def __init__(self, order: wire.Order, before: Counts, started_at: float) -> None:
        self.stop = Stop()
        self.error: ArtistjobsError | None = None
        self.after = before
        self._order = order
        self._before = before
        self._has_lost_any = False
        self._started_at = started_at
        self._members: list[_Member] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._has_gone = False
        self._replaced = 0

    async def work(self, watcher: Watch, store: Store) -> None:
        """Return when all of them have ended. Raises what kept them from beginning, and StoreError."""
        async with Signals().heard(self.stop, lambda: self._look().in_flight) as abandoned:
            aside = [asyncio.create_task(self._pass_stop_on()), asyncio.create_task(self._pass_on(abandoned))]
            try:
                await self._hire_all()
                async with watching(watcher, self._look):
                    while self._tasks:
                        over, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
                        await asyncio.gather(*over)  # whatever one of them raises is raised
                    # Before the last look: it shows what the summary says.
                    self._take_stock(store)
            finally:
                for task in aside:
                    task.cancel()
                await asyncio.gather(*aside, return_exceptions=True)
                await self._dismiss()
        if any(member.end is not None and not member.end.has_begun for member in self._members):
            assert self.error is not None
            raise self.error

    def totals(self) -> Totals:
        """Return what all of them came to."""
        return merge_totals(member.totals() for member in self._members)

    def _take_stock(self, store: Store) -> None:
        """Take over what is left of those that died, and count; a database in trouble is asked nothing more."""
        ends = [member.end for member in self._members if member.end is not None and member.end.error is not None]
        if ends:
            self.error = min(ends, key=lambda end: end.has_begun).error
            return
        if self._has_lost_any:
            tell_rescue(store.queue.rescue())
        self.after = store.records.counts(self._order.scope)

    def note_limit(self) -> None:
        """Take in that as many jobs were worked on as was allowed, if that is why the run is over."""
        reached = any(member.end is not None and member.end.reason is Reason.LIMIT for member in self._members)
        if reached and self.after.pending:
            self.stop.request(Reason.LIMIT, limit_sentence(self._order.work.limit))

    async def _hire_all(self) -> None:
        for number, work in enumerate(self._order.work.shared_out()):
            await self._hire(replace(self._order, work=work, looks_up=number == 0))

    async def _hire(self, order: wire.Order) -> None:
        pipe = asyncio.subprocess.PIPE
        try:
            with _held_back():
                process = await asyncio.create_subprocess_exec(
                    *COMMAND, stdin=pipe, stdout=pipe, limit=wire.LONGEST_LINE
                )
        except OSError as error:
            raise RunStoppedError(
                f"no process can be started ({error.strerror or error}); mend that, or go on with --processes 1."
            ) from error
        member = _Member(order, process)
        self._members.append(member)
        member.tell(wire.ORDER, wire.order_json(order))
        if self.stop.reason is not None:
            member.tell(wire.STOP, [self.stop.reason.value, self.stop.sentence])
        task = asyncio.create_task(self._attend(member))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _attend(self, member: _Member) -> None:
        assert member.process.stdout is not None
        try:
            async for text in member.process.stdout:
                self._hear(member, *wire.read_line(text))
        except ValueError:  # a line without an end
            member.process.kill()
        code = await member.process.wait()
        member.retire()
        if member.end is None:
            await self._mind_death(member, code)
        if member.end is None or member.end.reason in (Reason.TERMINATED, Reason.LIMIT):
            self._share_anew()
        self._let_go()

    def _share_anew(self) -> None:
        """Let those that are left share what is set from another terminal, so that none rests for one that has gone."""
        left = [member for member in self._members if not member.is_over]
        for number, member in enumerate(left):
            member.tell(wire.PART, [number, len(left)])

    def _hear(self, member: _Member, kind: str, value: "object") -> None:
        match kind, value:
            case wire.READY, _:
                member.is_ready = True
                self._let_go()
            case wire.GLANCE, dict():
                member.glance = glance_from_json(value)
            case wire.LOG, [int(level), str(text), dict(extra)]:
                log.log(level, "%s", text, extra=extra)
            case wire.STOPPED, [str(reason), str(sentence)]:
                self._mind_stop(member, Reason(reason), sentence)
            case wire.END, dict():
                member.end = end = wire.end_from_json(value)
                if not end.has_begun:
                    self.stop.request(Reason.STORE, str(end.error))
                elif end.reason not in (None, Reason.LIMIT, Reason.TERMINATED):
                    self.stop.request(end.reason, end.sentence)

    def _mind_stop(self, member: _Member, reason: Reason, sentence: str) -> None:
        """Stop all for what stops one, unless it was meant for that one."""
        if reason is Reason.TERMINATED:
            if not self.stop.is_requested():
                log.warning("process %d was told to end; the others go on", member.process.pid)
        elif reason is not Reason.LIMIT:
            self.stop.request(reason, sentence)

    async def _mind_death(self, member: _Member, code: int) -> None:
        self._has_lost_any = True
        how = f"killed by {_signal_name(-code)}" if code < 0 else f"exit code {code}"
        others = any(not other.is_over for other in self._members)
        if others or self.stop.is_requested():
            log.warning("process %d died (%s); its jobs are taken over", member.process.pid, how)
        elif self._replaced < DEATHS_MAX:
            self._replaced += 1
            log.warning("process %d died (%s), the last one; another one takes its place", member.process.pid, how)
            await self._replace(member)
        else:
            self.stop.request(
                Reason.DIED,
                f"one process after another died, the last one {how}; find out what ends them and run again.",
            )

    async def _replace(self, member: _Member) -> None:
        try:
            await self._hire(replace(member.order, work=_rest_of(member), looks_up=False))
        except RunStoppedError as error:
            self.stop.request(Reason.DIED, str(error))

    def _let_go(self) -> None:
        """Let the calls begin once everybody is ready, so that nobody thinks that it has the limits for itself."""
        if self._has_gone or all(member.is_ready or member.is_over for member in self._members):
            self._has_gone = True
            for member in self._members:
                if member.is_ready and not member.is_over:
                    member.tell(wire.GO)

    async def _pass_stop_on(self) -> None:
        await self.stop.wait()
        assert self.stop.reason is not None
        self._tell_all(wire.STOP, [self.stop.reason.value, self.stop.sentence])

    async def _pass_on(self, abandoned: asyncio.Event) -> None:
        await abandoned.wait()
        self._tell_all(wire.ABANDON)

    def _tell_all(self, kind: str, value: Json = None) -> None:
        for member in self._members:
            if not member.is_over:
                member.tell(kind, value)

    async def _dismiss(self) -> None:
        """Let nobody go on alone: without a lead the others end."""
        for member in self._members:
            if member.process.stdin is not None:
                member.process.stdin.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _look(self) -> Glance:
        glances = [member.glance for member in self._members if member.glance is not None]
        if not glances:
            return self._first_look()
        seen = replace(merge(glances), at=monotonic(), stopping=self.stop.is_requested())
        return seen if self._tasks else replace(seen, standing=replace(seen.standing, counts=self.after))

    def _first_look(self) -> Glance:
        work, standing = self._order.work, standing_at_first(self._before, self._started_at)
        return Glance(
            at=monotonic(), started_at=self._started_at, standing=standing, totals=Totals(), jobs_per_minute=0.0,
            in_flight=0, max_workers=work.max_workers, processes=work.processes, limit=work.limit,
            cap_usd=work.max_cost_usd, stopping=self.stop.is_requested(),
        )  # fmt: skip


def _rest_of(member: _Member) -> "WorkConfig":
    work, totals = member.order.work, member.totals()
    return work if work.limit is None else replace(work, limit=max(1, work.limit - totals.done - totals.failed))


@contextmanager
def _held_back() -> Iterator[None]:
    """Have a process started that gets no signal before it can mind it: Ctrl+C reaches all of a terminal."""
    before = pthread_sigmask(SIG_BLOCK, MINDED)
    try:
        yield
    finally:
        pthread_sigmask(SIG_SETMASK, before)


def _signal_name(number: int) -> str:
    try:
        return SignalNames(number).name
    except ValueError:
        return f"signal {number}"
