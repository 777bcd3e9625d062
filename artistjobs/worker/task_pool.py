"""Task pool: one asyncio task for each call that may be in flight; it can grow while it runs."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any


class TaskPool:
    """Runs tasks concurrently until all of them have ended.

    The pool never shrinks: if fewer calls are wanted, the store thread claims fewer jobs, and idle tasks wait for it.
    """

    def __init__(self, work: Callable[[], Coroutine[Any, Any, None]], count: int) -> None:
        self._work = work
        self._tasks: set[asyncio.Task[None]] = set()
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.grow(count)

    def grow(self, count: int) -> None:
        """Start tasks until at least ``count`` are running, unless the pool has ended."""
        while len(self._tasks) < count and not self._over.done():
            task = asyncio.create_task(self._work())
            self._tasks.add(task)
            task.add_done_callback(self._ended)

    async def wait(self) -> None:
        """Return when all tasks have ended. Raises the exception of a task at once."""
        await self._over

    def cancel(self) -> None:
        """Cancel all tasks."""
        for task in self._tasks:
            task.cancel()

    async def close(self) -> None:
        """Cancel the remaining tasks, and wait for their end."""
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
