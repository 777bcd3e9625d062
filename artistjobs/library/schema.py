"""Schema of the answers from ``--schema FILE`` or ``--param text.format=…``: read, checked, made a request field."""

from pathlib import Path

from artistjobs.core.json_values import Json, read_json
from artistjobs.core.prompt import Prompt
from artistjobs.core.schema import answer_schema, compile_check
from artistjobs.core.text_format import strict_obstacle, text_format
from artistjobs.errors import PromptError

BY_PARAM = "--param text.format"


def with_schema(params: dict[str, Json], file: Path | None) -> dict[str, Json]:
    """Return the fields of a request with the schema of ``file`` as ``text.format``, if a file is given.

    A ``text.format`` among the fields that is a bare JSON Schema becomes a format that contains it.

    Raises:
        PromptError: if both are given, or if it is not a JSON Schema that can be checked.

    """
    text = params.get("text")
    fields = text if isinstance(text, dict) else {}
    if file is None:
        return _with_format(params, fields, fields["format"], BY_PARAM) if "format" in fields else params
    if (text is not None and text != fields) or "format" in fields:
        raise PromptError(f"--schema and {BY_PARAM} both set text.format; use one of them.")
    return _with_format(params, fields, _read(file), str(file), file.stem)


def schema_note(prompt: Prompt, file: Path | None) -> str | None:
    """Return a note if the schema of ``file`` is not sent as a strict one, with the reason; None if it is."""
    text = prompt.param("text")
    asked = text.get("format") if isinstance(text, dict) else None
    schema = prompt.schema
    if file is None or not isinstance(schema, dict) or not isinstance(asked, dict) or asked.get("strict") is not False:
        return None
    reason = strict_obstacle(schema)
    return reason and (
        f"{file} is sent with strict false, because {reason}; the API may answer otherwise, "
        "so each answer is checked and corrected if necessary"
    )


def _with_format(
    params: dict[str, Json], text: dict[str, Json], value: Json, source: str, name: str = "answer"
) -> dict[str, Json]:
    try:
        fields: dict[str, Json] = {**params, "text": {**text, "format": text_format(value, name)}}
        schema = answer_schema(fields)
        if schema is not None:
            compile_check(schema)
    except PromptError as error:
        raise PromptError(f"{source}: {str(error).rstrip('.')}; fix the schema.") from error
    return fields


def _read(file: Path) -> Json:
    try:
        return read_json(file.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        raise PromptError(f"{file} is not UTF-8 text; save it as UTF-8.") from error
    except (ValueError, RecursionError) as error:
        raise PromptError(f"{file} is not JSON: {error}; write a JSON Schema into it.") from error
    except OSError as error:
        raise PromptError(f"{file} cannot be read: {error.strerror}; use a file with a JSON Schema.") from error
