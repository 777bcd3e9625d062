"""Request bodies of claims: quick ones are built in the event loop, others in a thread that waits for a process."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from artistjobs.core.job import Claim
from artistjobs.core.prompt import Body, Build, Prompt, request_builder
from artistjobs.errors import RunStoppedError
from artistjobs.rendering.renderer import Renderer, is_immediate
from artistjobs.store.interface import Records
from artistjobs.worker.stop import RunStoppingError, Stop, StopReason


class RequestBuilder:
    """Builds request bodies; the parts that a prompt configuration determines are built once.

    A template that is slow for a row delays only the rows that wait for the same process, never the event loop.
    """

    def __init__(self, records: Records, stop: Stop) -> None:
        self._records = records
        self._stop = stop
        self._renderer = Renderer()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="render")
        self._turn = asyncio.Lock()
        self._builders: dict[int, tuple[Prompt, Build]] = {}

    async def __call__(self, claim: Claim) -> Body:
        """Return the request body for a claim.

        Raises:
            PromptError: if the template cannot be rendered for the row.
            RunStoppingError: if the run stops or is paused while the claim waits for its turn, or because no process
                for rendering can be started.
            StoreError: if the database fails.

        """
        prompt, build = self._builder(claim.prompt)
        row = claim.artist_name, claim.artist_data, claim.columns
        if is_immediate(prompt, *row):
            return build(*row)
        async with self._turn:
            if self._stop.is_halted():
                raise RunStoppingError
            loop = asyncio.get_running_loop()
            try:
                return await loop.run_in_executor(self._thread, build, *row)
            except RunStoppedError as error:
                self._stop.request(StopReason.DIED, str(error))
                raise RunStoppingError from error

    def close(self) -> None:
        """End the process and the thread."""
        self._renderer.close()
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _builder(self, number: int) -> tuple[Prompt, Build]:
        if number not in self._builders:
            prompt = self._records.prompt(number)
            self._builders[number] = prompt, request_builder(prompt, self._renderer.compile)
        return self._builders[number]
