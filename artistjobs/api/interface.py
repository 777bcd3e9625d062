"""Protocol of an API client, implemented by ``responses``."""

from typing import Protocol

from artistjobs.api.reply import Reply
from artistjobs.core.prompt import Body


class Api(Protocol):
    """Makes single calls, each exactly once, and returns their replies.

    Failures of the server or the network are not raised; the reply describes them. A cancelled call
    raises ``CancelledError``.
    """

    async def create(self, body: Body) -> Reply:
        """Send one request for a response and return the whole reply."""

    async def look_up_model(self, model: str) -> Reply:
        """Request the description of a model; this is free of charge."""
