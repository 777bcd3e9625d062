"""Datasette on one database, in this process: nothing outlives it, however it ends.

It is served to this machine alone. A page elsewhere whose name was bent to point here is refused
by the name that it calls us by, or it could read the answers.
"""

import asyncio
import os
import shlex
import socket
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeAlias

from artistjobs.browse.metadata import NAME, SETTINGS, Metadata
from artistjobs.errors import WrongUseError

HOST = "127.0.0.1"


DEFAULT_PORT = 8001


REQUIREMENTS = ("datasette>=0.65.5,<1", "datasette-dashboards>=0.8")
"""What the extra ``browse`` installs."""


_LEAVE_SECONDS = 2
"""How long a page that is being made may hold up the end."""


Scope: TypeAlias = Mapping[str, Any]


App: TypeAlias = Callable[[Scope, Any, Any], Awaitable[None]]


def ensure_browse_extra() -> None:
    """Raise WrongUseError if Datasette is not installed."""
    if any(find_spec(name) is None for name in ("datasette", "datasette_dashboards")):
        command = shlex.join([sys.executable, "-m", "pip", "install", *REQUIREMENTS])
        raise WrongUseError(f"browse needs Datasette, which is not installed; install it with: {command}")


def open_port(port: int | None) -> socket.socket:
    """Return a socket that listens on this machine alone: at a port, or if none is named, at a free one.

    Raises:
        WrongUseError: if the port that was named cannot be had.

    """
    for number in (DEFAULT_PORT, 0) if port is None else (port,):
        try:
            return socket.create_server((HOST, number))
        except OSError as error:
            reason = error.strerror or str(error)
    raise WrongUseError(f"port {port} cannot be had ({reason}); name another one with --port.")


def serve(path: Path, told: Metadata, listening: socket.socket) -> None:
    """Serve a database, with what Datasette is told about it, until a signal ends it, which is then raised as ever."""
    import uvicorn

    app = _own_names_only(make_app(path, told), listening.getsockname()[1])
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, lifespan="off", timeout_graceful_shutdown=_LEAVE_SECONDS
    )
    with closing(listening):
        asyncio.run(uvicorn.Server(config).serve(sockets=[listening]))


def make_app(path: Path, told: Metadata) -> App:
    """Return Datasette for a database, which it opens for reading."""
    from datasette.app import Datasette
    from datasette.database import Database

    datasette = Datasette(metadata=told, settings=dict(SETTINGS))
    datasette.remove_database("_memory")
    # As mutable: somebody may write it. Datasette reads such a database with mode=ro. The name is ours: one made of
    # the file's would be written in two ways in addresses, and charts know only one of them.
    datasette.add_database(Database(datasette, path=os.path.realpath(path), is_mutable=True), name=NAME)
    app: App = datasette.app()
    return app


def ensure_servable_name(path: Path) -> None:
    """Raise WrongUseError if Datasette would take a part of the path for something else."""
    if set("?#%") & set(os.path.realpath(path)):
        raise WrongUseError(f"{path} has a ?, # or % in its path, which Datasette cannot open; rename it first.")


def _own_names_only(app: App, port: int) -> App:
    names = {f"{name}:{port}".encode() for name in (HOST, "localhost")}

    async def guarded(scope: Scope, receive: Any, send: Any) -> None:  # noqa: ANN401 - as ASGI has it
        if scope["type"] == "http" and dict(scope["headers"]).get(b"host") not in names:
            await send({"type": "http.response.start", "status": 421, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        await app(scope, receive, send)

    return guarded
