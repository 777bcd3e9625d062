"""Faults that prevent a reply: what to say of them, and whether this machine is their cause."""

import os
from collections.abc import Iterator
from time import time

from aiohttp import (
    ClientConnectorDNSError,
    ClientConnectorError,
    ClientPayloadError,
    ServerDisconnectedError,
)

from artistjobs.api.reply import Reply
from artistjobs.core.shortage import Shortage, shortage_of


def fault_reply(kind: str, message: str, shortage: Shortage | None = None) -> Reply:
    """Return the reply of a call that got none."""
    return Reply(fault=kind, message=message, shortage=shortage, received_at=time())


def shortage_behind(error: Exception) -> Shortage | None:
    """Return the shortage that is the cause of an error; None if it has another cause."""
    shortage = shortage_of(error)
    if shortage is None and any(isinstance(cause, ClientConnectorDNSError) for cause in _causes(error)):
        # The resolver needs file handles too, and does not report that it got none.
        return None if _has_free_handle() else Shortage.FILES
    return shortage


def _has_free_handle() -> bool:
    try:
        os.close(os.dup(2))
    except OSError as error:
        return shortage_of(error) is None
    return True


def exception_text(error: Exception) -> str:
    """Return a message from the root cause of an error.

    The SDK reports "timed out" for every error that its aiohttp backend does not know; the root cause is exact.
    """
    causes = list(_causes(error))
    text = " ".join(str(causes[-1]).split()) or type(causes[-1]).__name__
    if any(isinstance(cause, ClientConnectorError) for cause in causes):
        return f"cannot connect: {text}"
    if any(isinstance(cause, _LOST) for cause in causes):
        return f"the connection was lost: {text}"
    return f"the call failed: {text}"


_LOST = (ConnectionResetError, BrokenPipeError, ServerDisconnectedError, ClientPayloadError)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__
