"""Batch API on loopback that is fast enough not to limit the results: `python -m benchmarks.batch_server FOLDER`.

A batch is answered at once when it is created: its file of results, with a line of about 2 KB for each request, is
written before the reply. Files are kept in the folder, those of results as `results-N`.
"""

import argparse
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any, Final

from benchmarks.server import MODEL, RESPONSE, numbered

PIECE_BYTES: Final = 2**20
HEAD_BYTES: Final = 4096
"""Length that holds the beginning of an upload, up to the content of its file."""

CUSTOM_ID: Final = re.compile(rb'"custom_id":\s*("[^"]+")')
RESULT: Final = (
    b'{"id": "batch_req_%016x", "custom_id": %b, "response": {"status_code": 200, "request_id": "req_%016x", '
    b'"body": %b}, "error": null}\n'
)

Body = dict[str, Any]


class Desk:
    """The files and batches of the server."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.batches: dict[str, Body] = {}
        self._numbers = count(1)
        self._respond = numbered(RESPONSE)
        self._lock = threading.Lock()

    def new_id(self, kind: str) -> str:
        with self._lock:
            return f"{kind}-{next(self._numbers)}"

    def create(self, request: Body) -> Body:
        """Answer the requests of a file; return their batch."""
        given = self.folder / request["input_file_id"]
        output = self.new_id("results")
        lines = 0
        with given.open("rb") as requests, (self.folder / output).open("wb") as results:
            for lines, line in enumerate(requests, 1):
                found = CUSTOM_ID.search(line)
                assert found is not None
                body = self._respond(lines).partition(b"\r\n\r\n")[2]
                results.write(RESULT % (lines, found[1], lines, body))
        batch: Body = {
            "id": self.new_id("batch"), "object": "batch", "status": "completed", "endpoint": "/v1/responses",
            "input_file_id": given.name, "output_file_id": output, "error_file_id": None, "created_at": 1795382805,
            "metadata": request["metadata"], "request_counts": {"total": lines, "completed": lines, "failed": 0},
        }  # fmt: skip
        self.batches[batch["id"]] = batch
        return batch


class Handler(BaseHTTPRequestHandler):
    """Answers the requests that ``work --batch`` makes."""

    protocol_version = "HTTP/1.1"
    desk: Desk

    def log_message(self, format: str, *_: object) -> None:  # noqa: A002 - the name of the base class
        """Print nothing."""

    def do_GET(self) -> None:
        """Return the content of a file, a batch, an empty list, or a model."""
        path = self.path.partition("?")[0]
        if path.endswith("/content"):
            self._send_file(self.desk.folder / path.split("/")[-2])
        elif "/batches/" in path:
            self._send(self.desk.batches[path.split("/")[-1]])
        else:
            self._send(MODEL if "/models/" in path else {"object": "list", "data": [], "has_more": False})

    def do_POST(self) -> None:
        """Keep a file, or create a batch."""
        if self.path.endswith("/files"):
            self._send(self._keep())
        else:
            self._send(self.desk.create(json.loads(self.rfile.read(int(self.headers["content-length"])))))

    def do_DELETE(self) -> None:
        """Say that a file is deleted; it stays for whoever compares."""
        name = self.path.split("/")[-1]
        self._send({"id": name, "object": "file", "deleted": True})

    def _keep(self) -> Body:
        left = int(self.headers["content-length"])
        boundary = b"\r\n--" + self.headers["content-type"].partition("boundary=")[2].encode() + b"--\r\n"
        head = self.rfile.read(min(left, HEAD_BYTES))
        begin = head.index(b"\r\n\r\n", head.index(b"filename=")) + 4
        name = self.desk.new_id("file")
        path = self.desk.folder / name
        with path.open("wb") as file:
            file.write(head[begin:])
            left -= len(head)
            while left:
                piece = self.rfile.read(min(left, PIECE_BYTES))
                left -= file.write(piece)
            file.truncate(file.tell() - len(boundary))
        return {"id": name, "object": "file", "bytes": path.stat().st_size, "purpose": "batch", "filename": name}

    def _send(self, body: Body) -> None:
        content = json.dumps(body).encode()
        self._begin(len(content))
        self.wfile.write(content)

    def _send_file(self, path: Path) -> None:
        self._begin(path.stat().st_size)
        with path.open("rb") as file:
            while piece := file.read(PIECE_BYTES):
                self.wfile.write(piece)

    def _begin(self, size: int) -> None:
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(size))
        self.end_headers()


def main() -> None:
    """Print the base URL and serve until the process is ended."""
    parser = argparse.ArgumentParser(description="A cheap Batch API on loopback.")
    parser.add_argument("folder", type=Path)
    Handler.desk = Desk(parser.parse_args().folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(f"http://127.0.0.1:{server.server_address[1]}/v1", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
