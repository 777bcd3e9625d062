"""Protocols of an API client: single calls, implemented by ``responses``, and batches, implemented by ``batches``."""

import asyncio
from collections.abc import Iterator
from typing import IO, Protocol

from artistjobs.api.batch_objects import BatchLine
from artistjobs.api.reply import Reply
from artistjobs.core.prompt import Body


class CancelledBeforeSendingError(asyncio.CancelledError):
    """Raised in place of CancelledError if the request of the cancelled call cannot have reached the server."""


class Api(Protocol):
    """Makes single calls, each exactly once, and returns their replies.

    Failures of the server or the network are not raised; the reply describes them. A cancelled call
    raises ``CancelledError``, or ``CancelledBeforeSendingError``.
    """

    async def create(self, body: Body) -> Reply:
        """Send one request for a response and return the whole reply."""

    async def retrieve(self, response_id: str) -> Reply:
        """Return a response that the service makes, or has made, in the background."""

    async def look_up_model(self, model: str) -> Reply:
        """Request the description of a model; this is free of charge."""

    @property
    def batches(self) -> "BatchApi":
        """The Files and Batch APIs of the same account."""


class BatchApi(Protocol):
    """Makes single requests to the Files and Batch APIs, each exactly once; failures are described by the replies."""

    async def upload(self, name: str, content: IO[bytes]) -> Reply:
        """Upload the input file of a batch, from its current position on."""

    async def list_files(self, after: str | None) -> Reply:
        """Return a page of the input files of batches, the newest first, after the file with an id."""

    async def delete_file(self, file_id: str) -> Reply:
        """Delete a file."""

    async def download(self, file_id: str, into: IO[bytes]) -> Reply:
        """Write the content of a file to ``into``; the reply has no body unless it is an error."""

    def results(self, file: IO[bytes]) -> Iterator[BatchLine]:
        """Yield the lines of a downloaded file of results, from its current position on, without the key."""

    async def create(self, file_id: str, metadata: dict[str, str]) -> Reply:
        """Create the batch of an uploaded file."""

    async def retrieve(self, batch_id: str) -> Reply:
        """Return a batch."""

    async def cancel(self, batch_id: str) -> Reply:
        """Cancel a batch."""

    async def list_batches(self, after: str | None) -> Reply:
        """Return a page of batches, after the batch with an id."""
