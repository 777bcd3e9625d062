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


@pytest.mark.parametrize("successor", ["none", "created by the rotation"])
def test_a_file_that_is_rotated_away_is_followed_by_a_new_one_and_no_line_is_lost(tmp_path, successor):
    file, old = tmp_path / "log", tmp_path / "log.1"
    with logging_to(0, file, mode=0o600):
        log.info("first")
        file.rename(old)
        if successor != "none":
            file.touch()
        log.info("second")
        file.unlink()
        log.info("third")

    assert messages(old) == ["first"]
    assert messages(file) == ["third"]
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_copied_and_emptied_file_is_filled_from_its_beginning(tmp_path):
    file = tmp_path / "log"
    with logging_to(0, file):
        log.info("first")
        os.truncate(file, 0)
        log.info("second")

    assert messages(file) == ["second"]


def test_a_line_that_was_cut_is_completed_in_the_file_where_it_begins(tmp_path, disk):
    file, old = tmp_path / "log", tmp_path / "log.1"
    with logging_to(0, file):
        disk.room = 40
        log.info("cut")
        file.rename(old)
        disk.room = 10**9
        log.info("again")
        log.info("new")

    assert "cut" in messages(old)
    assert messages(file)[-1] == "new"


def test_lines_go_on_in_the_old_file_if_no_new_one_can_be_opened(tmp_path):
    folder = tmp_path / "logs"
    folder.mkdir()
    with logging_to(0, folder / "log"):
        log.info("first")
        folder.rename(tmp_path / "moved")
        log.info("second")
        os.mkfifo(tmp_path / "pipe")
        folder.mkdir()
        (folder / "log").symlink_to(tmp_path / "pipe")
        log.info("third")

    assert messages(tmp_path / "moved" / "log") == ["first", "second", "third"]
