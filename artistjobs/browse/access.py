"""Access to the server: the right Host header, and a token that only the user who started it knows.

The loopback interface is shared by all users of a machine, and every web page may send requests to it. The token is
in the printed address, as with Jupyter; a cookie keeps it afterwards. A cookie with ``SameSite=Strict`` is not sent
with requests that another site caused: https://www.rfc-editor.org/rfc/rfc6265 and draft rfc6265bis (2026-11-26).
"""

import html
import secrets
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

HOST = "127.0.0.1"


Scope: TypeAlias = Mapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]


_REFUSED = b"This page needs the token in the address that artistjobs browse printed; open that address.\n"


def new_token() -> str:
    """Return a random token that may stand in an address."""
    return secrets.token_urlsafe(32)


def address(port: int, token: str) -> str:
    """Return the address to open."""
    return f"http://{HOST}:{port}/?token={token}"


@contextmanager
def page_that_opens(link: str) -> Iterator[str]:
    """Write a page that leads to ``link`` and that no other user may read; yield its URL, and remove it at the end.

    The command line of a browser is visible to all users, so the token must not be in it.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".html", prefix="artistjobs-", encoding="utf-8") as file:
        target = html.escape(link, quote=True)
        file.write(f'<!DOCTYPE html>\n<meta http-equiv="refresh" content="0; url={target}">\n')
        file.write(f'<a href="{target}">Continue</a>\n')
        file.flush()
        yield Path(file.name).as_uri()


def guarded(app: App, port: int, token: str) -> App:
    """Return the app for requests with the name of this machine and the token; others are refused.

    The token is taken from the query, the cookie, or an Authorization header.
    """
    names = {f"{name}:{port}".encode() for name in (HOST, "localhost")}
    cookie = f"artistjobs_{port}={token}".encode()
    own = f"token={token}".encode()

    async def guard(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        headers = _headers(scope)
        if headers.get(b"host") not in names:
            await _refuse(send, 421)
            return
        parts = scope["query_string"].split(b"&")
        is_first = any(secrets.compare_digest(part, own) for part in parts)
        if not (is_first or _has_token(headers, cookie, token.encode())):
            await _refuse(send, 403)
            return
        rest = b"&".join(part for part in parts if not secrets.compare_digest(part, own))
        await app({**scope, "query_string": rest}, receive, _with_headers(send, cookie if is_first else None))

    return guard


def _headers(scope: Scope) -> dict[bytes, bytes]:
    """Return the headers; several Cookie headers, as HTTP allows them, are joined."""
    found: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        found[name] = found[name] + b"; " + value if name == b"cookie" and name in found else value
    return found


def _has_token(headers: Mapping[bytes, bytes], cookie: bytes, token: bytes) -> bool:
    _, _, credentials = headers.get(b"authorization", b"").partition(b" ")
    cookies = [part.strip() for part in headers.get(b"cookie", b"").split(b";")]
    return secrets.compare_digest(credentials.strip(), token) or any(
        secrets.compare_digest(one, cookie) for one in cookies
    )


def _with_headers(send: Send, cookie: bytes | None) -> Send:
    # The address with the token must not reach other sites as a Referer.
    added = [(b"referrer-policy", b"no-referrer")]
    if cookie is not None:
        added.append((b"set-cookie", cookie + b"; Path=/; HttpOnly; SameSite=Strict"))

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *added]}
        await send(message)

    return sending


async def _refuse(send: Send, status: int) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": _REFUSED if status == 403 else b""})  # noqa: PLR2004
