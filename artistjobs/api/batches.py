"""Client of the Files and Batch APIs on top of the official SDK, with its retries and reply parsing switched off.

Nothing here is repeated: an upload or a creation whose reply is lost may have had its effect, and is looked for first.
"""

from collections.abc import Awaitable, Callable, Iterator
from time import time
from typing import IO, Final, Protocol
from urllib.parse import quote

import httpx2
from openai import AsyncOpenAI

from artistjobs.api.address import endpoint
from artistjobs.api.batch_objects import BatchLine, read_lines
from artistjobs.api.redact import Redact
from artistjobs.api.reply import Reply
from artistjobs.core.batch import ENDPOINT

REQUEST_SECONDS: Final = 60.0


TRANSFER_SECONDS: Final = 3600.0
"""Time limit of an upload or a download of up to 200 MB, which a slow line needs."""


FILES_A_PAGE, BATCHES_A_PAGE = 1000, 100
"""Objects on a page; the API allows 10,000 files and 100 batches."""


class RawReply(Protocol):
    """Common protocol of the SDK's raw replies and of the responses in its errors."""

    @property
    def status_code(self) -> int:
        """HTTP status."""

    @property
    def headers(self) -> httpx2.Headers:
        """Headers; names are found in any case."""

    @property
    def content(self) -> bytes:
        """Whole body."""


class MakeReply(Protocol):
    """Makes one request within a time limit, and returns its reply; a download is written to ``into``."""

    def __call__(
        self, call: Callable[[], Awaitable[RawReply]], timeout_seconds: float, into: IO[bytes] | None = None
    ) -> Awaitable[Reply]:
        """Return the reply to the request that ``call`` makes."""


class BatchesApi:
    """Requests to the Files and Batch APIs over the connections of a client."""

    def __init__(self, client: AsyncOpenAI, base_url: str, reply: MakeReply, redact: Redact) -> None:
        self._client = client
        self._redact = redact
        self._base_url = base_url
        self._reply = reply

    async def upload(self, name: str, content: IO[bytes]) -> Reply:
        """Upload the input file of a batch, from its current position on."""

        async def call() -> RawReply:
            return await self._client.post(
                self._address("files"),
                body={"purpose": "batch"},
                files=[("file", (name, content, "application/jsonl"))],
                options={"headers": {"Content-Type": "multipart/form-data"}},
                cast_to=httpx2.Response,
            )

        return await self._reply(call, TRANSFER_SECONDS)

    async def list_files(self, after: str | None) -> Reply:
        """Return a page of the input files of batches, the newest first, after the file with an id."""
        query = f"purpose=batch&order=desc&limit={FILES_A_PAGE}"
        return await self._get("files", query if after is None else f"{query}&after={quote(after, safe='')}")

    async def delete_file(self, file_id: str) -> Reply:
        """Delete a file."""

        async def call() -> RawReply:
            return await self._client.delete(self._address(f"files/{quote(file_id, safe='')}"), cast_to=httpx2.Response)

        return await self._reply(call, REQUEST_SECONDS)

    async def download(self, file_id: str, into: IO[bytes]) -> Reply:
        """Write the content of a file to ``into``; the reply has no body unless it is an error."""

        async def call() -> RawReply:
            return await self._client.get(
                self._address(f"files/{quote(file_id, safe='')}/content"),
                # The content goes to the file as it arrives, so it must not be packed.
                options={"headers": {"Accept": "application/binary", "Accept-Encoding": "identity"}},
                cast_to=httpx2.Response,
            )

        return await self._reply(call, TRANSFER_SECONDS, into)

    async def create(self, file_id: str, metadata: dict[str, str]) -> Reply:
        """Create the batch of an uploaded file."""
        return await self._post(
            "batches",
            {"input_file_id": file_id, "endpoint": ENDPOINT, "completion_window": "24h", "metadata": metadata},
        )

    async def retrieve(self, batch_id: str) -> Reply:
        """Return a batch."""
        return await self._get(f"batches/{quote(batch_id, safe='')}")

    async def cancel(self, batch_id: str) -> Reply:
        """Cancel a batch."""
        return await self._post(f"batches/{quote(batch_id, safe='')}/cancel", {})

    async def list_batches(self, after: str | None) -> Reply:
        """Return a page of batches, after the batch with an id."""
        query = f"limit={BATCHES_A_PAGE}"
        return await self._get("batches", query if after is None else f"{query}&after={quote(after, safe='')}")

    def results(self, file: IO[bytes]) -> Iterator[BatchLine]:
        """Yield the lines of a downloaded file of results, from its current position on."""
        return read_lines(file, self._redact, time())

    async def _get(self, path: str, query: str = "") -> Reply:
        async def call() -> RawReply:
            return await self._client.get(self._address(path, query), cast_to=httpx2.Response)

        return await self._reply(call, REQUEST_SECONDS)

    async def _post(self, path: str, body: dict[str, object]) -> Reply:
        async def call() -> RawReply:
            return await self._client.post(self._address(path), body=body, cast_to=httpx2.Response)

        return await self._reply(call, REQUEST_SECONDS)

    def _address(self, path: str, query: str = "") -> str:
        address = endpoint(self._base_url, path)
        return f"{address}{'&' if '?' in address else '?'}{query}" if query else address
