"""The log file: a full disk costs lines, which are counted, and neither the run nor a half of a line."""

import errno
import json
import logging
import os

import pytest

from artistjobs.terminal.log import logging_to
from artistjobs.terminal.log_file import log_file_failure

log = logging.getLogger("artistjobs")


class Disk:
    """A disk with room for so many bytes."""

    def __init__(self, room: int) -> None:
        self.room = room
        self._write = os.write

    def write(self, descriptor: int, data) -> int:
        if not self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        taken = min(self.room, len(data))
        self.room -= taken
        return self._write(descriptor, bytes(data[:taken]))


@pytest.fixture
def disk(monkeypatch):
    disk = Disk(10**9)
    monkeypatch.setattr(os, "write", disk.write)
    return disk


def messages(path) -> list[str]:
    return [json.loads(line)["message"] for line in path.read_text().splitlines()]


@pytest.mark.parametrize("left", [0, 1, 40, 75])
def test_after_a_full_disk_the_cut_line_is_completed_and_the_missing_ones_are_counted(tmp_path, disk, capsys, left):
    file = tmp_path / "log"
    with logging_to(0, file):
        log.info("first")
        disk.room = left
        for number in range(10):
            log.info("lost %s", number)
        failure = log_file_failure()
        disk.room = 10**9
        log.info("again")

    said = messages(file)
    assert said[0] == "first"
    assert said[-1] == "again"
    kept = [message for message in said if message.startswith("lost") or "lacks lines" in message]
    (missing,) = [message for message in said if "log lines are missing here" in message]
    # The warning about the file is a line too.
    assert len(kept) + int(missing.split()[0]) == 11
    assert "No space left on device" in failure
    assert capsys.readouterr().err.count("lacks lines") == 1


def test_a_log_file_that_is_whole_has_no_failure(tmp_path):
    with logging_to(0, tmp_path / "log"):
        log.info("a line")

        assert log_file_failure() is None


def test_a_line_that_the_system_takes_in_pieces_is_whole(tmp_path, disk, monkeypatch):
    monkeypatch.setattr(os, "write", lambda descriptor, data: disk.write(descriptor, data[:3]))
    with logging_to(0, tmp_path / "log"):
        log.info("in pieces")

    assert messages(tmp_path / "log") == ["in pieces"]
