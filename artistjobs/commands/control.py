"""Control of running workers: the commands ``pause``, ``resume`` and ``set``, and their state in ``status``."""

from collections.abc import Mapping, Sequence

from artistjobs.core.command_text import command
from artistjobs.core.controls import Control, ControlChange, is_paused, paused_at, settings_text
from artistjobs.core.formatting import count_text
from artistjobs.core.json_values import Json
from artistjobs.errors import WrongUseError
from artistjobs.store.interface import Store
from artistjobs.store.models import Run
from artistjobs.terminal.escape import escape_controls
from artistjobs.terminal.local_time import local_time


def pause_workers(store: Store) -> str:
    """Pause the database: no worker starts a new call until ``resume``. Return the message for the user."""
    resume_command = command(store.path, "resume")
    if (since := paused_at(store.controls.read())) is not None:
        return f"already paused since {_moment(since)}; continue with: {resume_command}"
    store.controls.set({Control.PAUSED: 1})
    if not (count := _living(store)):
        return f"paused: no worker is running, and a worker that starts will wait; continue with: {resume_command}"
    return f"paused: {count_text(count, 'worker')} told to make no new calls; continue with: {resume_command}"


def resume_workers(store: Store) -> str:
    """End a pause, and return the message for the user."""
    if not is_paused(store.controls.read()):
        return "nothing to resume: the database is not paused"
    store.controls.set({Control.PAUSED: None})
    if not (count := _living(store)):
        return f"resumed: no worker is running; continue with: {command(store.path, 'work')}"
    return f"resumed: {count_text(count, 'worker')} told to make calls again"


def tune_workers(store: Store, values: Mapping[Control, float | None]) -> str:
    """Send settings to the running workers of a database, and return the message for the user.

    Raises:
        WrongUseError: if there is no setting, or no worker is running.

    """
    if not values:
        raise WrongUseError(f"give a setting, for example: {command(store.path, 'set --max-workers 8')}")
    if not (count := _living(store)):
        raise WrongUseError(
            f"no worker is running on {store.path}, and set changes running workers only; "
            f"give the same options to: {command(store.path, 'work')}"
        )
    store.controls.set(values)
    paused = f"; paused, continue with: {command(store.path, 'resume')}" if is_paused(store.controls.read()) else ""
    return f"settings sent to {count_text(count, 'worker')}: {settings_text(values)}{paused}"


def control_lines(changes: Sequence[ControlChange], workers: Sequence[Run], path: object) -> list[str]:
    """Return the pause and the settings that are in effect as lines, one for all settings sent at the same time."""
    since = paused_at(changes)
    lines = (
        [f"paused since {_moment(since)}; continue with: {escape_controls(command(path, 'resume'))}"] if since else []
    )
    together: dict[str, dict[Control, float | None]] = {}
    for one in _in_effect(changes, workers):
        together.setdefault(one.changed_at, {})[one.control] = one.value
    return lines + [
        f"{settings_text(values)} for running workers, set at {_moment(at)}" for at, values in sorted(together.items())
    ]


def control_json(changes: Sequence[ControlChange], workers: Sequence[Run]) -> dict[str, Json]:
    """Return the pause and the settings that are in effect as JSON with stable keys."""
    return {
        "paused_since": paused_at(changes),
        "set": [
            {"name": one.control.value, "value": one.value, "at": one.changed_at}
            for one in _in_effect(changes, workers)
        ],
    }


def _in_effect(changes: Sequence[ControlChange], workers: Sequence[Run]) -> list[ControlChange]:
    """Return the settings that were sent since the oldest running worker started."""
    begun = min((worker.started_at for worker in workers if worker.is_alive), default=None)
    return [
        one for one in changes if begun is not None and one.control is not Control.PAUSED and one.changed_at >= begun
    ]


def _moment(text: str) -> str:
    return local_time(text, "%m-%d %H:%M:%S")


def _living(store: Store) -> int:
    return sum(worker.is_alive for worker in store.records.workers())
