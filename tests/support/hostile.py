"""A server on the loopback interface that answers with the bytes that a test gives, valid or not."""

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

Speech = bytes | Callable[[asyncio.StreamWriter], Awaitable[None]]
"""Reply to one request: bytes, or a function that writes them. The server then closes the connection."""


class Hostile:
    """Answers POST according to the artist's name in the request, and GET with an empty object."""

    def __init__(self) -> None:
        self.replies: dict[str, Speech] = {}
        self.model = reply(b"{}")
        self.requests: list[bytes] = []
        self.port = 0

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def posts(self) -> list[bytes]:
        return [request for request in self.requests if request.startswith(b"POST")]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(
                (int(line[15:]) for line in head.lower().split(b"\r\n") if line[:15] == b"content-length:"), 0
            )
            body = await reader.readexactly(length)
            self.requests.append(head + body)
            speech = self._speech(body) if head.startswith(b"POST") else self.model
            if isinstance(speech, bytes):
                writer.write(speech)
                await writer.drain()
            else:
                await speech(writer)
        except (OSError, asyncio.IncompleteReadError):
            pass  # the client closed the connection
        finally:
            writer.close()

    def _speech(self, body: bytes) -> Speech:
        name = json.loads(body)["prompt"]["variables"]["artist_name"]
        return self.replies.get(name, reply(answer()))


@contextmanager
def hostile_server() -> Iterator[Hostile]:
    """Run the server in a thread for as long as the context lasts."""
    server, loop, ready = Hostile(), asyncio.new_event_loop(), threading.Event()

    async def serve() -> None:
        listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, limit=2**22)
        server.port = listening.sockets[0].getsockname()[1]
        stop.append(asyncio.Event())
        ready.set()
        await stop[0].wait()
        listening.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    stop: list[asyncio.Event] = []
    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(stop[0].set)
        thread.join(10)
        loop.close()


def reply(body: bytes, *headers: bytes, status: bytes = b"200 OK", length: int | None = None) -> bytes:
    """Return a reply with its length and, unless ``headers`` has another one, the content type of JSON."""
    size = b"content-length: %d" % (len(body) if length is None else length)
    lines = [b"HTTP/1.1 " + status, size, b"connection: close", *headers]
    if not any(header.lower().startswith(b"content-type") for header in headers):
        lines.append(b"content-type: application/json")
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def answer(text: object = "a text", **changes: object) -> bytes:
    """Return the body of a good response as ASCII; ``changes`` override fields."""
    content = [{"type": "output_text", "text": text}]
    response = {
        "id": "resp_1", "object": "response", "status": "completed", "created_at": 1_795_000_000, "model": "gpt-5",
        "output": [{"type": "message", "content": content}],
        "usage": {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15},
    }  # fmt: skip
    return json.dumps(response | changes).encode()


def raw_answer(text: bytes, extra: bytes = b"") -> bytes:
    """Return the body of a response whose text, and members before it, are given as bytes of JSON."""
    whole = answer("TEXT").replace(b'"TEXT"', text)
    return whole.replace(b"{", b"{" + extra, 1)


def refusal(message: str, status: bytes = b"400 Bad Request", **fields: object) -> bytes:
    """Return a reply with an error object."""
    return reply(json.dumps({"error": {"message": message} | fields}).encode(), status=status)
