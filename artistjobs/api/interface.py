"""What artistjobs asks of an API: one small protocol, spoken in plain replies."""

from typing import Protocol

from artistjobs.api.reply import Reply
from artistjobs.core.prompt import Body


class Api(Protocol):
    """Makes single calls, each exactly once, and hands back whatever came of them.

    Nothing is raised for what a server or a network does: it is in the reply. A call that is
    cancelled passes the cancellation on.
    """

    async def create(self, body: Body) -> Reply:
        """Send one request for a response and wait for its end."""

    async def look_up_model(self, model: str) -> Reply:
        """Ask what is known of a model; free of charge."""
