"""A wire to a server that can be cut: a forwarder that stops forwarding, and closes nothing."""

import selectors
import socket
import threading
from contextlib import suppress


class Wire:
    """Listens on ``port`` of the loopback interface and forwards to a server, until it is cut."""

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._is_whole = threading.Event()
        self._is_whole.set()
        self._sockets: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Forward nothing any more, in both directions and for new connections too."""
        self._is_whole.clear()

    def restore(self) -> None:
        """Forward again, also what was sent meanwhile."""
        self._is_whole.set()

    def close(self) -> None:
        self.restore()
        for one in (self._listener, *self._sockets):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._forward, args=[client], daemon=True).start()

    def _forward(self, client: socket.socket) -> None:
        self._is_whole.wait()
        with suppress(OSError, ValueError):
            server = socket.create_connection(("127.0.0.1", self._server_port))
            self._sockets += [client, server]
            with selectors.DefaultSelector() as waiting, client, server:
                waiting.register(client, selectors.EVENT_READ, server)
                waiting.register(server, selectors.EVENT_READ, client)
                while True:
                    for key, _ in waiting.select():
                        self._is_whole.wait()
                        data = key.fileobj.recv(65536)  # type: ignore[union-attr]
                        if not data:
                            return
                        self._is_whole.wait()
                        key.data.sendall(data)
