"""Bounds of what Datasette reads and says: the size of results, and one sentence in place of a traceback.

This module is a plugin of Datasette: its functions ``prepare_connection`` and ``handle_exception`` replace the row
factory, and the error page that prints a traceback.
"""

import sys
import weakref
from collections.abc import Awaitable, Callable
from typing import Any

from datasette import Response, hookimpl
from datasette.database import Database
from datasette.utils.asgi import Base400
from datasette.utils.sqlite import sqlite3
from datasette.views.base import DatasetteError
from markupsafe import Markup

MAX_RESULT_BYTES = 32 << 20
"""Memory of the rows of one result, and size of one value."""


_MAX_SQLITE_BYTES = 256 << 20
"""Memory that SQLite may use in this process for all queries together."""


_TOO_LARGE = f"the result is larger than {MAX_RESULT_BYTES >> 20} MiB; select fewer columns or rows"


_TOO_LARGE_FOR_SQLITE = ("string or blob too big", "out of memory")


class BoundedDatabase(Database):  # type: ignore[misc]  # the types of Datasette are not followed
    """Database that is opened by a URI, whose queries are bounded in memory and not logged when they fail."""

    def __init__(self, datasette: object, *, path: str, uri: str) -> None:
        # Mutable, because workers may write to it.
        super().__init__(datasette, path=path, is_mutable=True)
        self._uri = uri

    def connect(self, write: bool = False) -> Any:  # noqa: ANN401, FBT001, FBT002 - as Datasette has it
        """Return a connection that only reads."""
        assert not write
        connection = sqlite3.connect(self._uri, uri=True, check_same_thread=False)
        if "unix-none" in self._uri:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE").fetchall()
        connection.execute("PRAGMA query_only = 1")
        connection.execute(f"PRAGMA hard_heap_limit = {_MAX_SQLITE_BYTES}").fetchall()
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_RESULT_BYTES)
        self._all_file_connections.append(connection)
        return connection

    async def execute(self, *arguments: object, **options: object) -> Any:  # noqa: ANN401 - as Datasette has it
        """Execute a query; its error is shown on the page and not printed."""
        return await super().execute(*arguments, **{**options, "log_sql_errors": False})


class RowMaker:
    """Row factory that adds up the memory of the rows of each cursor.

    Raises:
        sqlite3.OperationalError: if a result is larger than ``MAX_RESULT_BYTES``.

    """

    def __init__(self) -> None:
        # A reference that kept the cursor alive would keep its read transaction open.
        self._cursor: Callable[[], object] = lambda: None
        self._bytes = 0

    def __call__(self, cursor: Any, values: tuple[object, ...]) -> object:  # noqa: ANN401 - of whichever sqlite3
        """Return a row."""
        if self._cursor() is not cursor:
            self._cursor, self._bytes = weakref.ref(cursor), 0
        self._bytes += sum(map(sys.getsizeof, values))
        if self._bytes > MAX_RESULT_BYTES:
            raise sqlite3.OperationalError(_TOO_LARGE)
        return sqlite3.Row(cursor, values)


@hookimpl  # type: ignore[untyped-decorator]
def prepare_connection(conn: Any) -> None:  # noqa: ANN401 - of whichever sqlite3
    """Bound the results of a connection."""
    conn.row_factory = RowMaker()


@hookimpl  # type: ignore[untyped-decorator]
def handle_exception(
    datasette: Any,  # noqa: ANN401 - as Datasette has it
    request: Any,  # noqa: ANN401 - as Datasette has it
    exception: Exception,
) -> Callable[[], Awaitable[object]]:
    """Return a function that makes the page of an error."""

    async def respond() -> object:
        status, title, message = _explained(exception)
        details = getattr(exception, "error_dict", None) or {}
        content = {**details, "ok": False, "error": message, "status": status, "title": title}
        if request.path.partition("?")[0].endswith(".json"):
            return Response.json(content, status=status)
        template = datasette.jinja_env.select_template([f"{status}.html", "error.html"])
        links = {"urls": datasette.urls, "app_css_hash": datasette.app_css_hash(), "menu_links": list}
        return Response.html(await template.render_async({**content, **links}), status=status)

    return respond


def _explained(exception: Exception) -> tuple[int, str | None, str]:
    """Return status, title and message for an error; an unexpected one is also printed on one line."""
    if isinstance(exception, DatasetteError):
        message = Markup(exception.message) if exception.message_is_html else exception.message  # noqa: S704 - its own
        return exception.status, exception.title, _sized(message)
    if isinstance(exception, Base400):
        return exception.status, None, str(exception.args[0]) if exception.args else "Bad request"
    if isinstance(exception, sqlite3.Error | MemoryError):
        return 400, "Invalid SQL", _sized(str(exception) or "out of memory")
    line = " ".join(f"{type(exception).__name__}: {exception}".split())
    sys.stderr.write(f"artistjobs: browse could not make a page: {line[:500]!a}\n")
    return 500, None, str(exception)


def _sized(message: str) -> str:
    return _TOO_LARGE if message in _TOO_LARGE_FOR_SQLITE else message
