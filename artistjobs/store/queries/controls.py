"""Settings sent to running workers: every worker polls them, users change them rarely."""

from collections.abc import Callable, Mapping, Sequence
from time import time

from artistjobs.core.controls import Control, ControlChange
from artistjobs.core.timestamps import to_timestamp
from artistjobs.store.queries.connection import ReadConnection, WriteConnection


def read_controls(reading: ReadConnection) -> list[ControlChange]:
    """Return the latest change of each setting."""
    return [
        ControlChange(Control(row["name"]), row["value"], row["revision"], row["changed_at"])
        for row in reading.rows("controls")
    ]


class SqlControls:
    """Settings sent to running workers from another terminal."""

    def __init__(self, connection: WriteConnection, clock: Callable[[], float] = time) -> None:
        self._connection = connection
        self._clock = clock

    def read(self) -> Sequence[ControlChange]:
        """Return the latest change of each setting."""
        return read_controls(self._connection)

    def set(self, values: Mapping[Control, float | None]) -> None:
        """Change some settings in one transaction."""
        now = to_timestamp(self._clock())
        rows = [{"name": control.value, "value": value, "now": now} for control, value in values.items()]
        self._connection.execute_each("set_control", rows)
