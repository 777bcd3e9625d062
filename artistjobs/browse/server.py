"""Datasette server for one database, run in this process, so that it ends with the process.

It listens on the loopback interface only. Requests with another Host header are rejected, which prevents DNS
rebinding: a web page elsewhere could otherwise read the answers.
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
"""Requirements that the extra ``browse`` installs."""


_LEAVE_SECONDS = 2
"""Seconds that open requests may delay the end of the server."""


Scope: TypeAlias = Mapping[str, Any]


App: TypeAlias = Callable[[Scope, Any, Any], Awaitable[None]]


def ensure_browse_extra() -> None:
    """Raise WrongUseError if Datasette is not installed."""
    if any(find_spec(name) is None for name in ("datasette", "datasette_dashboards")):
        command = shlex.join([sys.executable, "-m", "pip", "install", *REQUIREMENTS])
        raise WrongUseError(f"browse needs Datasette, which is not installed; install it with: {command}")


def open_port(port: int | None) -> socket.socket:
    """Return a socket that listens on the loopback interface, at ``port``, or else at the default or any free port.

    Raises:
        WrongUseError: if ``port`` is not available.

    """
    for number in (DEFAULT_PORT, 0) if port is None else (port,):
        try:
            return socket.create_server((HOST, number))
        except OSError as error:
            reason = error.strerror or str(error)
    raise WrongUseError(f"port {port} is not available ({reason}); name another one with --port.")


def serve(path: Path, description: Metadata, listening: socket.socket) -> None:
    """Serve a database with its metadata until a signal; the signal is raised again after the server has stopped."""
    import uvicorn

    app = _own_names_only(make_app(path, description), listening.getsockname()[1])
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, lifespan="off", timeout_graceful_shutdown=_LEAVE_SECONDS
    )
    with closing(listening):
        asyncio.run(uvicorn.Server(config).serve(sockets=[listening]))


def make_app(path: Path, description: Metadata) -> App:
    """Return the ASGI app of Datasette for a database that it opens read-only."""
    from datasette.app import Datasette
    from datasette.database import Database

    datasette = Datasette(metadata=description, settings=dict(SETTINGS))
    datasette.remove_database("_memory")
    # Mutable, because workers may write to it; Datasette opens such a database with mode=ro. A fixed name, because
    # a name with special characters is encoded in two ways in URLs, and the dashboard knows only one of them.
    datasette.add_database(Database(datasette, path=os.path.realpath(path), is_mutable=True), name=NAME)
    app: App = datasette.app()
    return app


def ensure_servable_name(path: Path) -> None:
    """Raise WrongUseError if the path has a character that Datasette would misread as part of a URI."""
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


def ensure_file(address: object) -> Path:
    """Return the path of a SQLite file. Raises WrongUseError for the URL of a server, which Datasette cannot read."""
    if not isinstance(address, Path):
        raise WrongUseError(
            "browse reads SQLite files; copy the jobs into one first: artistjobs --db URL copy --to jobs.db"
        )
    return address
