"""Simulated API in a thread of the calling program or test."""

import asyncio
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Self

from artistjobs.rehearsal.batch.life import BatchDesk
from artistjobs.rehearsal.call_log import Journal
from artistjobs.rehearsal.rate_limits import Limits
from artistjobs.rehearsal.scenarios import Scenario
from artistjobs.rehearsal.server import HOST, serving
from artistjobs.rehearsal.service import Script, Service


@dataclass(frozen=True, slots=True)
class _Running:
    loop: asyncio.AbstractEventLoop
    stop: asyncio.Event
    port: int


class Rehearsal:
    """A simulated API that serves from ``open`` to ``close``; its journal and its desk stay readable afterwards.

    ``desk`` has the files and the batches.
    """

    def __init__(self, scenario: Scenario, *, seed: int, port: int, journal: Journal, script: Script | None) -> None:
        self.journal = journal
        self._port = port
        self._service = Service(scenario=scenario, seed=seed, script=script, limits=Limits(time.monotonic))
        self.desk = BatchDesk(self._service, journal)
        self._thread: threading.Thread | None = None
        self._running: _Running | None = None

    @property
    def base_url(self) -> str:
        """The base URL for clients; raises RuntimeError if the API is not open."""
        if self._running is None:
            raise RuntimeError("the rehearsal is not open")
        return f"http://{HOST}:{self._running.port}/v1"

    @property
    def scenario(self) -> Scenario:
        """The scenario; a new value applies to later calls."""
        return self._service.scenario

    @scenario.setter
    def scenario(self, scenario: Scenario) -> None:
        self._service.scenario = scenario

    @property
    def script(self) -> Script | None:
        """The function that chooses faults instead of the scenario; a new value applies to later calls."""
        return self._service.script

    @script.setter
    def script(self, script: Script | None) -> None:
        self._service.script = script

    @property
    def latency_seconds(self) -> float:
        """The median latency of an answer; a new value becomes the constant latency of every answer."""
        return self.scenario.latency_seconds

    @latency_seconds.setter
    def latency_seconds(self, latency_seconds: float) -> None:
        self.scenario = replace(self.scenario, latency_seconds=latency_seconds, latency_sigma=0.0)

    def open(self) -> Self:
        """Start to serve; raises OSError if the port is not available."""
        started: Future[_Running] = Future()
        self._thread = threading.Thread(target=self._run, args=(started,), name="rehearsal", daemon=True)
        self._thread.start()
        try:
            self._running = started.result()
        except OSError:
            self.close()
            raise
        return self

    def close(self) -> None:
        """Close all connections, including those that wait for a reply, and end the thread."""
        if self._running is not None:
            self._running.loop.call_soon_threadsafe(self._running.stop.set)
            self._running = None
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self.journal.close()

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self, started: Future[_Running]) -> None:
        try:
            asyncio.run(self._serve(started))
        except (OSError, OverflowError) as error:
            # asyncio raises OverflowError for a port above 65535.
            started.set_exception(OSError(str(error)) if isinstance(error, OverflowError) else error)

    async def _serve(self, started: Future[_Running]) -> None:
        stop = asyncio.Event()
        async with serving(self._service, self.journal, self.desk, port=self._port) as port:
            started.set_result(_Running(asyncio.get_running_loop(), stop, port))
            await stop.wait()
