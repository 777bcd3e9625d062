"""Settings sent to running workers, stored in SQLite: every worker polls them, users change them rarely."""

from collections.abc import Callable, Mapping, Sequence
from time import time
from typing import TYPE_CHECKING

from artistjobs.core.controls import Control, ControlChange
from artistjobs.core.timestamps import to_timestamp
from artistjobs.store.sqlite.read_connection import Reading, sql

if TYPE_CHECKING:
    from artistjobs.store.sqlite.connection import Connection


def read_controls(reading: Reading) -> list[ControlChange]:
    """Return the latest change of each setting."""
    return [
        ControlChange(Control(row["name"]), row["value"], row["revision"], row["changed_at"])
        for row in reading.rows("controls")
    ]


class SqliteControls:
    """Settings sent to running workers from another terminal."""

    def __init__(self, connection: "Connection", clock: Callable[[], float] = time) -> None:
        self._connection = connection
        self._clock = clock

    def read(self) -> Sequence[ControlChange]:
        """Return the latest change of each setting."""
        return read_controls(self._connection)

    def set(self, values: Mapping[Control, float | None]) -> None:
        """Change some settings in one transaction."""
        now = to_timestamp(self._clock())
        with self._connection.transaction() as db:
            for control, value in values.items():
                db.execute(sql("set_control"), {"name": control, "value": value, "now": now})
