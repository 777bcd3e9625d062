"""Notification at the end of a run: a command of the user that gets the summary as JSON."""

import json
import os
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from artistjobs.core.formatting import duration_text
from artistjobs.core.json_values import Json
from artistjobs.store.address import without_passwords

NOTIFY_SECONDS: Final = 30.0
"""Time limit of the command in seconds."""


SUMMARY: Final = "ARTISTJOBS_RUN"
"""Environment variable with the summary; with ``_`` and the name of a key it is that of one value."""


_SECRETS: Final = frozenset({"OPENAI_API_KEY", "OPENAI_CUSTOM_HEADERS", "PGPASSWORD"})
"""Variables that the command does not get."""


_STDERR: Final = 2
"""The output of the command goes to stderr: stdout has the results of the run."""


def notify(command: str, summary: Mapping[str, Json], environ: Mapping[str, str]) -> str | None:
    """Run a command of the shell with the summary on its stdin and in its environment.

    Args:
        command: The command.
        summary: The summary; its values that are no objects also become variables of their own.
        environ: The environment of this process, from which secrets are left out.

    Returns:
        The sentence about a failure of the command, None if it succeeded. Nothing is raised, also for Ctrl+C.

    """
    text = json.dumps(summary)
    try:
        process = subprocess.Popen(  # noqa: S602 - a command line of the user, for the shell
            command, shell=True, stdin=subprocess.PIPE, stdout=_STDERR, env=command_environment(summary, environ),
            start_new_session=True,
        )  # fmt: skip
    except (OSError, ValueError) as error:
        return f"--notify: the command was not started ({error}); fix it"
    with process:
        return _failure(process, text)


def command_environment(summary: Mapping[str, Json], environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the command: that of this process without secrets, and the summary."""
    kept = {name: without_passwords(value) for name, value in environ.items() if name not in _SECRETS}
    parts = {f"{SUMMARY}_{name.upper()}": _variable(value) for name, value in summary.items()}
    return kept | parts | {SUMMARY: json.dumps(summary)}


def _variable(value: Json) -> str:
    text = "" if value is None else value if isinstance(value, str) else json.dumps(value)
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def _failure(process: "subprocess.Popen[bytes]", text: str) -> str | None:
    try:
        process.communicate(text.encode(), timeout=NOTIFY_SECONDS)
    except subprocess.TimeoutExpired:
        _end(process)
        return f"--notify: the command was ended after {duration_text(NOTIFY_SECONDS)}; make it faster"
    except (KeyboardInterrupt, SystemExit):
        _end(process)
        return "--notify: the command was ended by a signal"
    return f"--notify: the command failed with exit code {process.returncode}; fix it" if process.returncode else None


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End the command with all that it started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
