"""The bytes of an input arrive whole, however slowly they come."""

import fcntl
import io
import os
import threading

from artistjobs.ingest.source import _Source


def test_a_non_blocking_pipe_that_is_empty_for_now_is_waited_for():
    reading, writing = os.pipe()
    fcntl.fcntl(reading, fcntl.F_SETFL, os.O_NONBLOCK)
    pieces = [b"Frida Kahlo\n" * 1000, b"Bj", b"\xc3", b"\xb6rk\n"]
    is_waiting = threading.Event()

    def write():
        for piece in pieces:
            is_waiting.wait(30)
            os.write(writing, piece)
        os.close(writing)

    class Watched(_Source):
        def _wait(self):
            is_waiting.set()
            super()._wait()

    writer = threading.Thread(target=write)
    writer.start()
    with os.fdopen(reading, "rb") as pipe:
        received = io.BufferedReader(Watched(pipe, "standard input")).read()
    writer.join()

    assert received == b"".join(pieces)
    assert is_waiting.is_set()
