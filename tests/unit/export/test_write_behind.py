"""Writing in a thread preserves the data, and passes errors on."""

import os
from io import BufferedWriter, FileIO

import pytest

from artistjobs.export import write_behind as behind
from artistjobs.export.write_behind import WriteBehindFile


class Full(FileIO):
    """A file on a disk with room for a few writes of some bytes each."""

    room = 10**9

    def write(self, data):
        if not self.room:
            raise OSError(28, "No space left on device")
        self.room -= 1
        return super().write(data[:7])


@pytest.fixture
def file(tmp_path):
    return Full(tmp_path / "file", "wb")


def test_all_is_written_in_order_and_synced_on_the_way(file, tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(behind, "_SYNCED_AT_ONCE", 100)
    monkeypatch.setattr(os, "fsync", synced.append)
    blocks = [b"%d;" % number * 5 for number in range(200)]

    with WriteBehindFile(file) as raw, BufferedWriter(raw, 32) as buffered:
        for block in blocks:
            buffered.write(block)
        buffered.flush()
        raw.flush()
        assert (tmp_path / "file").read_bytes() == b"".join(blocks)

    assert set(synced) == {file}
    assert len(synced) >= sum(map(len, blocks)) // 200
    assert file.closed


def test_large_texts_wait_in_blocks_of_limited_size(file, tmp_path, monkeypatch):
    text = bytes(range(256)) * 400
    monkeypatch.setattr(behind, "_BLOCK_BYTES", 1000)

    with WriteBehindFile(file) as raw, BufferedWriter(raw, 32) as buffered:
        sizes = []
        put = raw._blocks.put
        monkeypatch.setattr(raw._blocks, "put", lambda block: (sizes.append(len(block or b"")), put(block)))
        buffered.write(text)
        buffered.flush()
        raw.flush()

    assert (tmp_path / "file").read_bytes() == text
    assert max(sizes) == 1000


def test_an_error_is_raised_by_the_next_call_and_by_every_one_from_then_on(file):
    file.room = 1
    raw = WriteBehindFile(file)

    assert raw.write(b"more than at once") == 17
    for _ in range(2):
        with pytest.raises(OSError, match="No space"):
            raw.flush()
    with pytest.raises(OSError, match="No space"):
        raw.write(b"more")

    raw.close()
    assert file.closed
    assert not raw._thread.is_alive()


def test_a_fast_writer_does_not_wait_for_a_failed_disk(file):
    file.room = 0
    raw = WriteBehindFile(file)

    def write_much():
        for _ in range(10 * behind._WAITING):
            raw.write(b"block")

    with pytest.raises(OSError, match="No space"):
        write_much()

    raw.close()
