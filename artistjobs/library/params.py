"""Parsing of ``--param KEY=VALUE`` and ``--metadata KEY=VALUE`` to fields of a request."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from artistjobs.core.json_values import Json, canonical_json, finite, read_json
from artistjobs.errors import PromptError

OWN_FIELDS = {
    "model": "use --model",
    "prompt": "use --prompt-id",
    "input": "use --prompt-file",
    "instructions": "use --instructions-file",
    "stream": "answers are stored whole",
    "stream_options": "answers are stored whole",
    "background": "use --background",
    "background_options": "use --window",
}
"""Fields that artistjobs sets itself, each with the alternative or the reason."""


OPTIONS = {
    "service_tier": "--service-tier",
    "store": "--store/--no-store",
    "metadata": "--metadata",
}
"""Fields that have their own option and may be given with ``--param`` instead."""


METADATA_PAIRS, METADATA_KEY_CHARACTERS, METADATA_VALUE_CHARACTERS = 16, 64, 512
"""Limits of the API, from its published OpenAPI schema (August 2026)."""


def parse_params(assignments: Iterable[str]) -> dict[str, Json]:
    """Return the request fields of ``KEY=VALUE`` assignments; a dotted key sets a field of a nested object.

    Raises:
        PromptError: if a text is not an assignment, a field is reserved, a key has two values, or a file is unreadable.

    """
    params: dict[str, Json] = {}
    for parts, value in parse_assignments(assignments, OWN_FIELDS):
        _place(params, parts, value)
    return params


def parse_assignments(assignments: Iterable[str], reserved: Mapping[str, str]) -> Iterator[tuple[list[str], Json]]:
    """Yield the path and the value of each ``KEY=VALUE`` assignment.

    A value is parsed as JSON if it is valid JSON, else it is text. ``@FILE`` stands for the content of a file, which
    is parsed in the same way.

    Args:
        assignments: The texts.
        reserved: The fields that cannot be set, each with the alternative or the reason.

    Raises:
        PromptError: if a text is not an assignment, a field is reserved, or a file cannot be read.

    """
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        parts = [part.strip() for part in key.split(".")]
        if not equals or not all(parts):
            raise PromptError(f"--param {assignment!r} is not KEY=VALUE; write it like reasoning.effort=low.")
        if parts[0] in reserved:
            raise PromptError(f"--param {parts[0]} is set by artistjobs itself: {reserved[parts[0]]}.")
        yield parts, _checked(key, _read_value(key, value))


def parameter_files(assignments: Iterable[str]) -> list[Path]:
    """Return the files that assignments of the form ``KEY=@FILE`` read."""
    values = (assignment.partition("=")[2] for assignment in assignments)
    return [Path(value[1:]) for value in values if value.startswith("@")]


def parse_metadata(assignments: Iterable[str]) -> dict[str, Json]:
    """Return the pairs of ``--metadata KEY=VALUE``. Raises PromptError if they exceed the limits of the API."""
    pairs: dict[str, Json] = {}
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        if not equals or not key:
            raise PromptError(f"--metadata {assignment!r} is not KEY=VALUE; write it like project=museum.")
        if key in pairs:
            raise PromptError(f"--metadata {key} is given twice; give it once.")
        pairs[key] = _checked(key, value, "--metadata")
        _ensure_metadata_fits(key, value)
    if len(pairs) > METADATA_PAIRS:
        raise PromptError(f"--metadata is given {len(pairs)} times; the API accepts at most {METADATA_PAIRS} pairs.")
    return pairs


def join_fields(params: dict[str, Json], named: Mapping[str, Json]) -> dict[str, Json]:
    """Return the fields of ``--param`` and of other options together. Raises PromptError if both set a field."""
    for field in named:
        if field in params:
            raise PromptError(f"--param {field} and {OPTIONS[field]} both set {field}; use one of them.")
    return {**params, **named}


def _place(params: dict[str, Json], parts: list[str], value: Json) -> None:
    *parents, last = parts
    inner = params
    for part in parents:
        child = inner.setdefault(part, {})
        if not isinstance(child, dict):
            raise PromptError(f"--param {'.'.join(parts)}: {part!r} already has another value; give it once.")
        inner = child
    if last in inner:
        raise PromptError(f"--param {'.'.join(parts)} is given twice; give it once.")
    inner[last] = value


def _read_value(key: str, text: str) -> Json:
    if text.startswith("@"):
        text = _read_file(key, Path(text[1:]))
    try:
        return read_json(text, _writable)
    except (ValueError, RecursionError):
        return text


def _ensure_metadata_fits(key: str, value: str) -> None:
    named = f"--metadata {key[:METADATA_KEY_CHARACTERS]}"
    if len(key) > METADATA_KEY_CHARACTERS:
        raise PromptError(f"{named}…: the key has {len(key)} characters; the API takes {METADATA_KEY_CHARACTERS}.")
    if len(value) > METADATA_VALUE_CHARACTERS:
        raise PromptError(f"{named}: the value has {len(value)} characters; the API takes {METADATA_VALUE_CHARACTERS}.")


def _checked(key: str, value: Json, option: str = "--param") -> Json:
    """Return the value. Raises PromptError if it cannot be stored or sent: lone surrogates, or too deep nesting."""
    try:
        canonical_json([key, value]).encode()
    except (ValueError, RecursionError) as error:
        name = key.encode("utf-8", "replace").decode()
        raise PromptError(f"{option} {name}: the value is not Unicode text or nested too deeply; fix it.") from error
    return value


def _read_file(key: str, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise PromptError(f"--param {key}: cannot read {path}: {reason}; use a file of JSON or text.") from error


def _writable(text: str) -> float:
    # A number without a JSON form, such as 1e999, is kept as text, like NaN and Infinity.
    if (number := finite(text)) is None:
        raise ValueError(text)
    return number
