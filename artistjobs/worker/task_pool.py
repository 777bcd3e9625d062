"""The slots of a process: a task for each call that may be in flight, and more of them while it runs."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any


class TaskPool:
    """Tasks that work side by side until each of them has come to its end.

    They are never fewer: where fewer calls are wanted, the desk hands out fewer jobs, and those
    that get none wait there.
    """

    def __init__(self, work: Callable[[], Coroutine[Any, Any, None]], count: int) -> None:
        self._work = work
        self._tasks: set[asyncio.Task[None]] = set()
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.grow(count)

    def grow(self, count: int) -> None:
        """Have at least so many, unless all is over."""
        while len(self._tasks) < count and not self._over.done():
            task = asyncio.create_task(self._work())
            self._tasks.add(task)
            task.add_done_callback(self._ended)

    async def wait(self) -> None:
        """Return when all have come to their end; whatever one of them raises is raised at once."""
        await self._over

    def cancel(self) -> None:
        """Give all of them up."""
        for task in self._tasks:
            task.cancel()

    async def close(self) -> None:
        """Give up those that are left, and wait for their end."""
        self.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if self._over.done():
            return
        if error is not None:
            self._over.set_exception(error)
        elif not self._tasks:
            self._over.set_result(None)
