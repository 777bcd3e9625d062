"""Protocol of an API client, implemented by ``responses``."""

import asyncio
from typing import Protocol

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

    async def look_up_model(self, model: str) -> Reply:
        """Request the description of a model; this is free of charge."""
