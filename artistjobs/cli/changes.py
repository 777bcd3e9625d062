"""Changed fields of a request from ``retry --param KEY=VALUE``, for jobs that were ingested with other values."""

from collections.abc import Sequence
from dataclasses import replace

from artistjobs.core.json_values import Json, parse_json
from artistjobs.core.pricing import REHEARSAL_MODEL
from artistjobs.core.prompt import Prompt
from artistjobs.core.schema import params_json
from artistjobs.errors import PromptError
from artistjobs.library.params import OWN_FIELDS, parse_assignments
from artistjobs.library.schema import with_schema
from artistjobs.store.interface import ChangePrompt

ASKED = dict.fromkeys(("prompt", "input", "instructions"), "ingest the file again to ask something else")


RESERVED = {field: reason for field, reason in OWN_FIELDS.items() if field != "model"} | ASKED
"""Fields that a retry cannot change. The model is no part of the question, so it can be changed."""


def parse_changes(assignments: Sequence[str]) -> ChangePrompt | None:
    """Return the function that changes fields of a prompt configuration, None without assignments.

    An assignment replaces the field that its key names, and leaves all other fields as they are. That function raises
    PromptError if the changed fields cannot be sent.

    Raises:
        PromptError: if a text is not an assignment, a field is reserved, a key has two values, or a file is unreadable.

    """
    changes = list(parse_assignments(assignments, RESERVED))
    names = [".".join(parts) for parts, _ in changes]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise PromptError(f"--param {twice} is given twice; give it once.")

    def change(prompt: Prompt) -> Prompt:
        known = parse_json(prompt.params.encode())
        fields: dict[str, Json] = {"model": prompt.model, **(known if isinstance(known, dict) else {})}
        for parts, value in changes:
            fields = _with_field(fields, parts, value)
        model = _model(prompt, fields.pop("model"))
        if any(parts[0] == "text" for parts, _ in changes):
            fields = with_schema(fields, None)
        return replace(prompt, model=model, params=params_json(fields))

    return change if changes else None


def _with_field(fields: dict[str, Json], parts: Sequence[str], value: Json) -> dict[str, Json]:
    """Return fields with the one at a path replaced; a parent that is no object is replaced as well."""
    name, *rest = parts
    if not rest:
        return {**fields, name: value}
    inner = fields.get(name)
    return {**fields, name: _with_field(inner if isinstance(inner, dict) else {}, rest, value)}


def _model(prompt: Prompt, model: Json) -> str:
    if not isinstance(model, str) or not model:
        raise PromptError("--param model needs the name of a model, for example: model=gpt-5-mini")
    if prompt.model == REHEARSAL_MODEL != model:
        raise PromptError("--param model cannot be changed for rehearsed jobs; leave it out.")
    return model
