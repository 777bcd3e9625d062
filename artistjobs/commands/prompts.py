"""Names of prompt configurations for people: their number, what they ask with, and when they were first ingested."""

import json
from collections.abc import Iterator, Mapping

from artistjobs.errors import WrongUseError
from artistjobs.store.interface import Records
from artistjobs.store.models import PromptName
from artistjobs.terminal.escape import escape_controls
from artistjobs.terminal.local_time import local_time


def ensure_known_prompt(records: Records, number: int | None) -> None:
    """Raise WrongUseError if there is no prompt configuration with a number; None stands for all of them."""
    if number is None:
        return
    names = records.prompt_names()
    if number not in {name.prompt for name in names}:
        known = "; ".join(f"{name.prompt} is {prompt_text(name)}" for name in names[-5:])
        raise WrongUseError(f"there is no prompt {number}; {known or 'nothing was ingested yet'}.")


def prompt_text(name: PromptName) -> str:
    """Return what a prompt configuration asks with, such as ``prompt.txt, gpt-5, of 2026-11-26``."""
    return f"{prompt_title(name)}, {escape_controls(name.model)}, of {local_time(name.created_at, '%Y-%m-%d')}"


def prompt_title(name: PromptName) -> str:
    """Return the id or the file of a prompt configuration, with its version and parameters."""
    title = name.prompt_id or name.prompt_file or "a prompt file"
    version = f" version {name.version}" if name.version is not None else ""
    return escape_controls(f"{title}{version}{params_text(name.params)}")


def params_text(params: str) -> str:
    """Return the parameters of a prompt configuration as text, such as `` reasoning.effort=low``; empty if none."""
    return "".join(f" {name}={value}" for name, value in _flat(json.loads(params)))


def _flat(params: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in params.items():
        if prefix + name == "text.format" and isinstance(value, dict) and "schema" in value:
            # The whole schema would fill the screen.
            yield "schema", str(value.get("name"))
        elif isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
