"""A pooler in transaction mode: all clients share one session of the server, each for a transaction at a time."""

import socket
import struct
import threading
from contextlib import suppress

_SSL_REQUEST = 80877103
"""Code of a request for TLS; see "SSLRequest" in the chapter "Message Formats" of PostgreSQL's manual."""


class TransactionPooler:
    """Listens on ``port`` of the loopback interface for clients of the server at ``server_port``."""

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._session: socket.socket | None = None
        self._greeting = b""
        self._turn = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()
        if self._session is not None:
            self._session.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=[client], daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError, EOFError):
            startup = self._startup(client)
            with self._turn:
                self._ensure_session(startup)
            client.sendall(self._greeting)
            while self._transaction(client):
                pass

    def _startup(self, client: socket.socket) -> bytes:
        while True:
            head = _exactly(client, 8)
            size, code = struct.unpack("!ii", head)
            rest = _exactly(client, size - 8)
            if code != _SSL_REQUEST:
                return head + rest
            client.sendall(b"N")

    def _ensure_session(self, startup: bytes) -> None:
        if self._session is None:
            self._session = socket.create_connection(("127.0.0.1", self._server_port))
            self._session.sendall(startup)
            self._greeting, _ = self._until_ready()

    def _until_ready(self) -> tuple[bytes, bytes]:
        """Return the replies of the server and the state of its session."""
        assert self._session is not None
        replies = b""
        while True:
            kind, body = _message(self._session)
            replies += kind + struct.pack("!i", len(body) + 4) + body
            if kind == b"Z":
                return replies, body

    def _transaction(self, client: socket.socket) -> bool:
        """Serve one transaction; return False if the client says goodbye."""
        first = self._request(client)
        if first is None:
            return False
        with self._turn:
            state = self._forward(client, first)
            while state != b"I":
                request = self._request(client)
                if request is None:
                    self._forward(None, b"Q" + struct.pack("!i", 13) + b"ROLLBACK\0")
                    return False
                state = self._forward(client, request)
        return True

    def _request(self, client: socket.socket) -> bytes | None:
        request = b""
        while True:
            try:
                kind, body = _message(client)
            except (OSError, EOFError):
                return None
            if kind == b"X":
                return None
            request += kind + struct.pack("!i", len(body) + 4) + body
            if kind in b"QS":
                return request

    def _forward(self, client: socket.socket | None, request: bytes) -> bytes:
        assert self._session is not None
        self._session.sendall(request)
        replies, state = self._until_ready()
        if client is not None:
            client.sendall(replies)
        return state


def _message(peer: socket.socket) -> tuple[bytes, bytes]:
    kind = _exactly(peer, 1)
    (size,) = struct.unpack("!i", _exactly(peer, 4))
    return kind, _exactly(peer, size - 4)


def _exactly(peer: socket.socket, size: int) -> bytes:
    text = b""
    while len(text) < size:
        part = peer.recv(size - len(text))
        if not part:
            raise EOFError
        text += part
    return text
