"""One process of several that work on the same jobs: told what to do on stdin, telling on stdout how it goes."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from queue import SimpleQueue
from threading import Thread
from typing import Final, NoReturn

from artistjobs.core.controls import Part
from artistjobs.core.json_values import Json
from artistjobs.errors import ArtistjobsError
from artistjobs.store.interface import Store
from artistjobs.store.sqlite.store import open_store
from artistjobs.terminal.log import extra_of
from artistjobs.worker.launch import run_calling, run_in_loop
from artistjobs.worker.processes import messages as wire
from artistjobs.worker.progress.counters import Totals
from artistjobs.worker.progress.snapshot import Look, glance_json
from artistjobs.worker.signals import MINDED, InFlight
from artistjobs.worker.stop import Reason, Stop

GLANCE_SECONDS: Final = 0.25


ENOUGH_WAITING: Final = 20
"""Messages on their way: a lead that is stopped is told no more of how it goes, and the work goes on."""


class Mouth:
    """Says messages to the lead, in a thread of its own: nobody waits for a pipe that is full."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lines: SimpleQueue[bytes | None] = SimpleQueue()
        self._thread = Thread(target=self._say_all, name="mouth", daemon=True)
        self._thread.start()

    def say(self, kind: str, value: Json = None) -> None:
        """Have a message said."""
        if kind != wire.GLANCE or self._lines.qsize() < ENOUGH_WAITING:
            self._lines.put(wire.line(kind, value))

    def close(self) -> None:
        """Return when all is said, or nobody listens."""
        self._lines.put(None)
        self._thread.join()

    def _say_all(self) -> None:
        while (line := self._lines.get()) is not None:
            try:
                while line:
                    line = line[os.write(self._descriptor, line) :]
            except OSError:  # the lead is gone
                return


class Relay(logging.Handler):
    """Passes log lines on to the lead, which says them."""

    def __init__(self, mouth: Mouth) -> None:
        super().__init__()
        self._mouth = mouth

    def emit(self, record: logging.LogRecord) -> None:
        """Pass one line on."""
        self._mouth.say(wire.LOG, wire.log_json(record.levelno, record.getMessage(), extra_of(record)))


class Watcher:
    """Tells the lead how the run stands, a few times a second."""

    def __init__(self, mouth: Mouth) -> None:
        self._mouth = mouth

    async def watch(self, look: Look) -> None:
        """Tell until cancelled, and once more."""
        try:
            while True:
                self._tell(look)
                await asyncio.sleep(GLANCE_SECONDS)
        finally:
            self._tell(look)

    def _tell(self, look: Look) -> None:
        self._mouth.say(wire.GLANCE, glance_json(look()))


class Told:
    """The orders of the lead. It tells when to begin and when to end; if it is gone, that is the end."""

    def __init__(self, mouth: Mouth, part: Part, *, looks_up: bool) -> None:
        self._mouth = mouth
        self._part = part
        self._looks_up = looks_up
        self._may_go = asyncio.Event()
        self._has_ended = False

    @asynccontextmanager
    async def heard(self, stop: Stop, _in_flight: InFlight) -> AsyncIterator[asyncio.Event]:
        """Listen to the lead as long as the context lasts."""
        loop, abandoned = asyncio.get_running_loop(), asyncio.Event()
        loop.add_signal_handler(signal.SIGTERM, self._end, stop)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, MINDED)
        tasks = [asyncio.create_task(self._listen(stop, abandoned)), asyncio.create_task(self._tell_stop(stop))]
        try:
            yield abandoned
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def part(self) -> Part:
        """Return which of the processes this is by now: it changes when another one has left."""
        return self._part

    async def begin(self, look_up: Callable[[], Awaitable[bool]]) -> bool:
        """Wait for the word to go. One member looks at the account for all."""
        if self._looks_up and not await look_up():
            return False
        self._mouth.say(wire.READY)
        await self._may_go.wait()
        return not self._has_ended

    async def _listen(self, stop: Stop, abandoned: asyncio.Event) -> None:
        reader = asyncio.StreamReader(limit=wire.LONGEST_LINE)
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        async for text in reader:
            kind, value = wire.read_line(text)
            if kind == wire.STOP:
                self._end(stop, Reason(value[0]), value[1])
            elif kind == wire.PART:
                self._part = Part(*value)
            elif kind == wire.ABANDON:
                abandoned.set()
            elif kind == wire.GO:
                self._may_go.set()
        self._end(stop)

    def _end(self, stop: Stop, reason: Reason = Reason.TERMINATED, sentence: str = "") -> None:
        stop.request(reason, sentence)
        self._has_ended = True
        self._may_go.set()

    async def _tell_stop(self, stop: Stop) -> None:
        await stop.wait()
        assert stop.reason is not None
        self._mouth.say(wire.STOPPED, [stop.reason.value, stop.sentence])


async def _work(order: wire.Order, mouth: Mouth) -> wire.End:
    def open_database() -> AbstractContextManager[Store]:
        return open_store(order.database, order.kind, create=False)

    told = Told(mouth, order.work.part, looks_up=order.looks_up)
    return wire.end_of(await run_calling(order.work, order.scope, open_database, order.api, Watcher(mouth), told))


def _log_to(mouth: Mouth, level: int) -> None:
    logger = logging.getLogger("artistjobs")
    logger.addHandler(Relay(mouth))
    logger.setLevel(level)
    logger.propagate = False


def main() -> NoReturn:
    """Do what the first line on stdin says; never returns."""
    # Ctrl+C reaches all processes of a terminal; when to stop is for the lead to say.
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [number])
    mouth = Mouth(os.dup(sys.stdout.fileno()))
    # What anybody prints by mistake is no message.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    kind, value = wire.read_line(_first_line())
    if kind == wire.ORDER:
        order = wire.order_from_json(value)
        _log_to(mouth, order.log_level)
        try:
            end = run_in_loop(_work(order, mouth))
        except ArtistjobsError as error:
            end = wire.End(totals=Totals(), error=error, has_begun=False)
        mouth.say(wire.END, wire.end_json(end))
    mouth.close()
    sys.exit(0)


def _first_line() -> bytes:
    """Return the first line, and not a byte more: the rest is for the event loop."""
    line = bytearray()
    while byte := os.read(sys.stdin.fileno(), 1):
        line += byte
        if byte == b"\n":
            break
    return bytes(line)
