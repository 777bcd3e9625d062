"""Datasette server for one database, run in this process, so that it ends with the process.

It listens on the loopback interface only, and serves only who has the token; see ``access``.
"""

import asyncio
import os
import shlex
import socket
import sys
import warnings
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

from artistjobs.browse.access import HOST, App, guarded
from artistjobs.browse.metadata import NAME, SETTINGS, Metadata
from artistjobs.errors import WrongUseError

DEFAULT_PORT = 8001


REQUIREMENTS = ("datasette>=0.65.5,<1", "datasette-dashboards>=0.8")
"""Requirements that the extra ``browse`` installs."""


_LEAVE_SECONDS = 2
"""Seconds that open requests may delay the end of the server."""


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


def serve(path: Path, uri: str, description: Metadata, listening: socket.socket, token: str) -> None:
    """Serve a database with its metadata until a signal; the signal is raised again after the server has stopped.

    ``uri`` is the URI by which SQLite can read the database. Requests without the token are refused.
    """
    import uvicorn

    # Datasette gives up on parts of a page that has failed.
    warnings.filterwarnings("ignore", message="coroutine .* was never awaited", category=RuntimeWarning)
    app = guarded(make_app(path, uri, description), listening.getsockname()[1], token)
    config = uvicorn.Config(
        app, log_level="critical", access_log=False, lifespan="off", timeout_graceful_shutdown=_LEAVE_SECONDS
    )
    with closing(listening):
        asyncio.run(uvicorn.Server(config).serve(sockets=[listening]))


def make_app(path: Path, uri: str, description: Metadata) -> App:
    """Return the ASGI app of Datasette for a database that it opens read-only."""
    from datasette.app import Datasette
    from datasette.plugins import pm

    from artistjobs.browse import bounds

    if not pm.has_plugin(NAME):
        # It prints a traceback for each mistake in an address or a query.
        pm.unregister(name="datasette.handle_exception")
        pm.register(bounds, NAME)
    datasette = Datasette(metadata=description, settings=dict(SETTINGS))
    datasette.remove_database("_memory")
    # A fixed name, because a name with special characters is encoded in two ways in URLs, and the dashboard knows
    # only one of them.
    datasette.add_database(bounds.BoundedDatabase(datasette, path=os.path.realpath(path), uri=uri), name=NAME)
    app: App = datasette.app()
    return app
