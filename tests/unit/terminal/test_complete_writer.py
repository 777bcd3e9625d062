"""Every byte of a result is written, or an error is raised."""

import fcntl
import os
import threading
from contextlib import suppress
from io import BufferedWriter, TextIOWrapper

import pytest

from artistjobs.errors import OutputError
from artistjobs.terminal.complete_writer import CompleteWriter, _Stdout

TEXT = b"0123456789abcdef" * 20_000
"""More bytes than a pipe holds."""


class SlowReader:
    """Reads a pipe in small pieces in a thread of its own."""

    def __init__(self) -> None:
        self.descriptor, self.written_to = os.pipe()
        self.received = bytearray()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        while piece := os.read(self.descriptor, 5_000):
            self.received += piece

    def end(self) -> bytes:
        with suppress(OSError):
            os.close(self.written_to)
        self._thread.join(30)
        os.close(self.descriptor)
        return bytes(self.received)


@pytest.fixture
def reader():
    reader = SlowReader()
    yield reader
    with suppress(OSError):
        reader.end()


def make_non_blocking(descriptor: int) -> None:
    fcntl.fcntl(descriptor, fcntl.F_SETFL, fcntl.fcntl(descriptor, fcntl.F_GETFL) | os.O_NONBLOCK)


@pytest.mark.parametrize("is_blocking", [True, False])
def test_a_pipe_that_is_slow_to_empty_gets_every_byte(reader, is_blocking):
    if not is_blocking:
        make_non_blocking(reader.written_to)

    assert CompleteWriter(reader.written_to).write(TEXT) == len(TEXT)

    assert reader.end() == TEXT


def test_the_text_layer_that_flushes_at_once_loses_nothing_of_a_short_write(reader):
    """PYTHONUNBUFFERED puts such a text layer directly on the raw file."""
    make_non_blocking(reader.written_to)
    text = TextIOWrapper(BufferedWriter(CompleteWriter(reader.written_to)), write_through=True)

    text.write(TEXT.decode())
    text.flush()

    assert reader.end() == TEXT


def test_a_write_that_the_system_cuts_short_is_continued(tmp_path, monkeypatch):
    with (tmp_path / "file").open("wb") as file:
        real = os.write
        monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, bytes(data[:7])))

        assert CompleteWriter(file.fileno()).write(TEXT[:1000]) == 1000

    assert (tmp_path / "file").read_bytes() == TEXT[:1000]


@pytest.mark.parametrize("is_blocking", [True, False])
def test_a_reader_that_has_gone_is_a_broken_pipe(is_blocking):
    descriptor, written_to = os.pipe()
    os.close(descriptor)
    if not is_blocking:
        make_non_blocking(written_to)

    with pytest.raises(BrokenPipeError):
        _Stdout(written_to).write(b"x")
    os.close(written_to)


@pytest.mark.parametrize("flags", [os.O_WRONLY, os.O_RDONLY])
def test_stdout_that_takes_nothing_is_named_in_the_error(flags):
    descriptor = os.open("/dev/full", flags)

    with pytest.raises(OutputError, match="stdout cannot be written"):
        _Stdout(descriptor).write(b"x")
    os.close(descriptor)
