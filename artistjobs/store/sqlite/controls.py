"""What is said to the workers of a SQLite database: read often, changed now and then."""

from collections.abc import Callable, Mapping, Sequence
from time import time
from typing import TYPE_CHECKING

from artistjobs.core.controls import Control, ControlChange
from artistjobs.core.timestamps import to_timestamp
from artistjobs.store.sqlite.read_connection import Reading, sql

if TYPE_CHECKING:
    from artistjobs.store.sqlite.connection import Connection


def read_controls(reading: Reading) -> list[ControlChange]:
    """Return what was said, each thing as it was said last."""
    return [
        ControlChange(Control(row["name"]), row["value"], row["revision"], row["changed_at"])
        for row in reading.rows("controls")
    ]


class SqliteControls:
    """Holds what is said to workers from another terminal."""

    def __init__(self, connection: "Connection", clock: Callable[[], float] = time) -> None:
        self._connection = connection
        self._clock = clock

    def read(self) -> Sequence[ControlChange]:
        """Return what was said, each thing as it was said last."""
        return read_controls(self._connection)

    def set(self, values: Mapping[Control, float | None]) -> None:
        """Say some things, all at once."""
        now = to_timestamp(self._clock())
        with self._connection.transaction() as db:
            for control, value in values.items():
                db.execute(sql("set_control"), {"name": control, "value": value, "now": now})
