"""Child process of a run: receives commands of the parent process on stdin and reports its state on stdout."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from queue import SimpleQueue
from threading import Thread
from typing import Final, NoReturn

from artistjobs.core.bound import Bound
from artistjobs.core.controls import ProcessShare
from artistjobs.core.json_values import Json
from artistjobs.core.shortage import expected_error
from artistjobs.errors import ArtistjobsError
from artistjobs.terminal.log import extra_of
from artistjobs.worker.launch import run_calling, run_in_loop
from artistjobs.worker.limits.rate_limiter import Wait
from artistjobs.worker.peers import Calls, Peers
from artistjobs.worker.processes import messages
from artistjobs.worker.progress.counters import RunTotals
from artistjobs.worker.progress.snapshot import TakeSnapshot, snapshot_json
from artistjobs.worker.signals import HANDLED_SIGNALS, InFlight
from artistjobs.worker.stop import Stop, StopReason

SNAPSHOT_SECONDS: Final = 0.25


MAX_QUEUED: Final = 20
"""Maximum number of unsent messages: above it snapshots are dropped, so that a suspended parent stops no work."""


class MessageSender:
    """Sends messages to the parent in its own thread, so that the event loop does not wait for a full pipe."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lines: SimpleQueue[bytes | None] = SimpleQueue()
        self._thread = Thread(target=self._send_all, name="messages", daemon=True)
        self._thread.start()

    def send(self, kind: str, value: Json = None) -> None:
        """Queue a message; a snapshot is dropped if too many messages are unsent."""
        if kind != messages.SNAPSHOT or self._lines.qsize() < MAX_QUEUED:
            self._lines.put(messages.line(kind, value))

    def close(self) -> None:
        """Return when all messages are sent, or the parent is gone."""
        self._lines.put(None)
        self._thread.join()

    def _send_all(self) -> None:
        while (line := self._lines.get()) is not None:
            try:
                while line:
                    line = line[os.write(self._descriptor, line) :]
            except OSError:  # the parent is gone
                return


class LogForwarder(logging.Handler):
    """Forwards log lines to the parent, which prints them."""

    def __init__(self, sender: MessageSender) -> None:
        super().__init__()
        self._sender = sender

    def emit(self, record: logging.LogRecord) -> None:
        """Forward one log line."""
        self._sender.send(messages.LOG, messages.log_json(record.levelno, record.getMessage(), extra_of(record)))


class SnapshotSender:
    """Sends snapshots of the run to the parent, a few times a second."""

    def __init__(self, sender: MessageSender) -> None:
        self._sender = sender

    async def watch(self, take_snapshot: TakeSnapshot) -> None:
        """Send snapshots until cancelled, then a last one."""
        try:
            while True:
                self._send(take_snapshot)
                await asyncio.sleep(SNAPSHOT_SECONDS)
        finally:
            self._send(take_snapshot)

    def _send(self, take_snapshot: TakeSnapshot) -> None:
        self._sender.send(messages.SNAPSHOT, snapshot_json(take_snapshot()))


class ParentLink:
    """Commands of the parent: when calls may start and when the run stops. It also stops if the parent is gone."""

    def __init__(self, sender: MessageSender, part: ProcessShare, *, looks_up: bool) -> None:
        self._sender = sender
        self._part = part
        self._looks_up = looks_up
        self._may_go = asyncio.Event()
        self._has_ended = False
        self._calls: Calls | None = None

    @asynccontextmanager
    async def listening(self, stop: Stop, _in_flight: InFlight) -> AsyncIterator[asyncio.Event]:
        """Receive commands of the parent within the context."""
        loop, abandon_requested = asyncio.get_running_loop(), asyncio.Event()
        loop.add_signal_handler(signal.SIGTERM, self._end, stop)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED_SIGNALS)
        tasks = [asyncio.create_task(self._listen(stop, abandon_requested)), asyncio.create_task(self._tell_stop(stop))]
        try:
            yield abandon_requested
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def part(self) -> ProcessShare:
        """Return the current share of this process, which changes when another process has ended."""
        return self._part

    def connect(self, calls: Calls) -> Peers:
        """Share pauses and outages with the other processes; the parent passes them on."""
        self._calls = calls
        return self

    def paused(self, pause: Wait) -> None:
        """Report a pause of all calls."""
        self._sender.send(messages.PAUSED, [pause.until, pause.reason, pause.bound])

    def resting(self, cause: str, announcement: str) -> None:
        """Report that the service is away, and that this process makes the probes unless another one does."""
        self._sender.send(messages.RESTING, cause)
        self._sender.send(messages.AWAY, announcement)

    def answered(self) -> None:
        """Report that the service answered, which ends the rest."""
        self._sender.send(messages.ANSWERED)

    async def wait_to_start(self, look_up: Callable[[], Awaitable[bool]]) -> bool:
        """Wait for the command to start; return False if the run stops. One child checks the account for all."""
        if self._looks_up and not await look_up():
            return False
        self._sender.send(messages.READY)
        await self._may_go.wait()
        return not self._has_ended

    async def _listen(self, stop: Stop, abandon_requested: asyncio.Event) -> None:
        reader = asyncio.StreamReader(limit=messages.MAX_LINE_BYTES)
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        async for text in reader:
            kind, value = messages.read_line(text)
            if kind == messages.STOP:
                self._end(stop, StopReason(value[0]), value[1])
            elif kind == messages.PART:
                self._part = ProcessShare(*value)
            elif kind == messages.ABANDON:
                abandon_requested.set()
            elif kind == messages.GO:
                self._may_go.set()
            elif self._calls is not None:
                _influence(self._calls, kind, value)
        self._end(stop)

    def _end(self, stop: Stop, reason: StopReason = StopReason.TERMINATED, sentence: str = "") -> None:
        stop.request(reason, sentence)
        self._has_ended = True
        self._may_go.set()

    async def _tell_stop(self, stop: Stop) -> None:
        await stop.wait()
        assert stop.reason is not None
        self._sender.send(messages.STOPPED, [stop.reason.value, stop.sentence])


def _influence(calls: Calls, kind: str, value: "object") -> None:
    """Apply a message of another process to the calls of this one."""
    match kind, value:
        case messages.PAUSED, [float() | int() as until, str(reason), str(bound)]:
            calls.pause(Wait(reason, until, bound=Bound(bound)))
        case messages.RESTING, str(cause):
            calls.follow(cause)
        case messages.LEAD, _:
            calls.lead()
        case messages.ANSWERED, _:
            calls.resume()


async def _work(start_message: messages.StartMessage, sender: MessageSender) -> messages.EndMessage:
    link = ParentLink(sender, start_message.work.part, looks_up=start_message.looks_up)
    return messages.end_message_of(
        await run_calling(
            start_message.work,
            start_message.scope,
            start_message.database.open,
            start_message.api,
            SnapshotSender(sender),
            link,
        )
    )


def _log_to(sender: MessageSender, level: int) -> None:
    logger = logging.getLogger("artistjobs")
    logger.addHandler(LogForwarder(sender))
    logger.setLevel(level)
    logger.propagate = False


def main() -> NoReturn:
    """Work as the start message in the first line on stdin specifies; never returns."""
    # Ctrl+C reaches all processes of a terminal, but the parent decides when to stop.
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [number])
    sender = MessageSender(os.dup(sys.stdout.fileno()))
    # Anything printed to stdout by mistake must not be read as a message.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    kind, value = messages.read_line(_first_line())
    if kind == messages.START:
        start_message = messages.start_message_from_json(value)
        _log_to(sender, start_message.log_level)
        try:
            end = run_in_loop(_work(start_message, sender))
        except (ArtistjobsError, MemoryError, ImportError, RuntimeError, OSError) as error:
            end = messages.EndMessage(totals=RunTotals(), error=expected_error(error), has_begun=False)
        sender.send(messages.END, messages.end_json(end))
    sender.close()
    sys.exit(0)


def _first_line() -> bytes:
    """Return the first line and not one byte more: the event loop reads the rest."""
    line = bytearray()
    while byte := os.read(sys.stdin.fileno(), 1):
        line += byte
        if byte == b"\n":
            break
    return bytes(line)
