"""Results of a batch are read some lines at a time, so that long answers take no more memory than short ones."""

from artistjobs.api.batch_objects import BatchLine
from artistjobs.api.reply import Reply
from artistjobs.worker.batch.collect import BYTES_AT_ONCE, LINES_AT_ONCE, _some


def lines(count, size):
    return iter([BatchLine(f"{number}-1", Reply(status=200, body=b"x" * size)) for number in range(count)])


def test_as_many_lines_are_settled_at_once_as_their_number_and_their_bytes_allow():
    short, long = lines(LINES_AT_ONCE + 1, 1), lines(5, BYTES_AT_ONCE // 2)

    assert [len(_some(short)) for _ in range(3)] == [LINES_AT_ONCE, 1, 0]
    assert [len(_some(long)) for _ in range(4)] == [2, 2, 1, 0]
    assert len(_some(iter([BatchLine("1-1", None)]))) == 1
