"""Control from another terminal: what the commands pause, resume and set do, and how status shows it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from artistjobs.core.command_text import command
from artistjobs.core.controls import Control, ControlChange, is_paused, paused_at, settings_text
from artistjobs.core.formatting import count_text
from artistjobs.core.json_values import Json
from artistjobs.core.timestamps import local_time
from artistjobs.errors import WrongUseError
from artistjobs.store.interface import Store
from artistjobs.store.models import Run
from artistjobs.terminal.escape import escape_controls


def pause_workers(store: Store) -> str:
    """Have no worker of a database make a new call until ``resume``, and return what to say of it."""
    resume_command = command(store.path, "resume")
    if (since := paused_at(store.controls.read())) is not None:
        return f"it is paused since {_moment(since)}; go on with: {resume_command}"
    store.controls.set({Control.PAUSED: 1})
    if not (count := _living(store)):
        return f"paused: nobody works now, and whoever begins to will wait; go on with: {resume_command}"
    return f"paused: {count_text(count, 'worker')} told to make no new call; go on with: {resume_command}"


def resume_workers(store: Store) -> str:
    """Undo ``pause``, and return what to say of it."""
    if not is_paused(store.controls.read()):
        return "nothing to resume: it is not paused"
    store.controls.set({Control.PAUSED: None})
    if not (count := _living(store)):
        return f"resumed: nobody works now; go on with: {command(store.path, 'work')}"
    return f"resumed: {count_text(count, 'worker')} told to make calls again"


def tune_workers(store: Store, values: Mapping[Control, float | None]) -> str:
    """Have the living workers of a database work otherwise, and return what to say of it.

    Raises:
        WrongUseError: if nothing is to be set, or nobody works.

    """
    if not values:
        raise WrongUseError(f"say what to set, such as: {command(store.path, 'set --max-workers 8')}")
    if not (count := _living(store)):
        raise WrongUseError(
            f"nobody works on {store.path} now, and set is for running workers; "
            f"give the same options to: {command(store.path, 'work')}"
        )
    store.controls.set(values)
    paused = f"; it is paused, go on with: {command(store.path, 'resume')}" if is_paused(store.controls.read()) else ""
    return f"{count_text(count, 'worker')} told: {settings_text(values)}{paused}"


def control_lines(said: Sequence[ControlChange], workers: Sequence[Run], path: Path) -> list[str]:
    """Return what was said to workers, as far as it still has an effect, a line each."""
    since = paused_at(said)
    lines = [f"paused since {_moment(since)}; go on with: {escape_controls(command(path, 'resume'))}"] if since else []
    together: dict[str, dict[Control, float | None]] = {}
    for one in _in_effect(said, workers):
        together.setdefault(one.changed_at, {})[one.control] = one.value
    return lines + [
        f"{settings_text(values)} for running workers, set at {_moment(at)}" for at, values in sorted(together.items())
    ]


def control_json(said: Sequence[ControlChange], workers: Sequence[Run]) -> dict[str, Json]:
    """Return the same as JSON."""
    return {
        "paused_since": paused_at(said),
        "set": [
            {"name": one.control.value, "value": one.value, "at": one.changed_at} for one in _in_effect(said, workers)
        ],
    }


def _in_effect(said: Sequence[ControlChange], workers: Sequence[Run]) -> list[ControlChange]:
    """Return what was set while a worker lived that still lives."""
    begun = min((worker.started_at for worker in workers if worker.is_alive), default=None)
    return [one for one in said if begun is not None and one.control is not Control.PAUSED and one.changed_at >= begun]


def _moment(text: str) -> str:
    return local_time(text, "%m-%d %H:%M:%S")


def _living(store: Store) -> int:
    return sum(worker.is_alive for worker in store.records.workers())
