"""Citations and tool calls of an answer: what a response says about its sources, in the order of its output.

The fields are those of the SDK's types for annotations and output items (openai 3.57, November 2026). Results of tools,
such as images and pages, are left out: they may be megabytes, and the whole response holds them.
"""

from collections.abc import Iterator, Mapping

from artistjobs.core.formatting import truncate
from artistjobs.core.json_values import InvalidJson, Json, clean_value, parse_json

CALL_FIELDS = ("status", "name", "arguments", "input", "server_label", "query", "queries", "url", "pattern", "code")
"""Fields of a tool call, or of its action, that tell what was called."""


TEXT_CHARACTERS = 300
"""Characters of a citation as text for people."""


_TELLING = (
    "title", "filename", "url", "file_id", "action", "name", "query", "queries", "pattern", "arguments", "code",
)  # fmt: skip


def citations_of(response: Json | InvalidJson) -> list[Json]:
    """Return the annotations of a response's texts and its tool calls, as objects; empty if it has none."""
    output = response.get("output") if isinstance(response, dict) else None
    found = [citation for item in (output if isinstance(output, list) else []) for citation in _of_item(item)]
    # Escapes in a response may stand for lone surrogates.
    cleaned = clean_value(found) if found else []
    return cleaned if isinstance(cleaned, list) else []


def citations_in(body: str) -> list[Json]:
    """Return the citations of a response that is given as JSON text; most have none, and are not parsed for it."""
    if '_call"' not in body and '"annotations"' not in body:
        return []
    return citations_of(parse_json(body.encode("utf-8", "replace")))


def citation_text(citation: Json) -> str:
    """Return a citation or a tool call as one line for people."""
    if not isinstance(citation, dict):
        return ""
    shown = {name: citation[name] for name in _TELLING if citation.get(name)}
    if shown.get("queries") == [shown.get("query")]:
        del shown["queries"]
    parts = [_words(value) for value in shown.values()]
    return truncate(" ".join([str(citation.get("type")).replace("_", " ") + ":", *parts]), TEXT_CHARACTERS)


def _of_item(item: Json) -> Iterator[Json]:
    if not isinstance(item, dict):
        return
    kind = item.get("type")
    if kind == "message":
        content = item.get("content")
        for part in content if isinstance(content, list) else ():
            yield from _annotations(part)
    elif isinstance(kind, str) and kind.endswith("_call"):
        yield _call(kind, item)


def _annotations(part: Json) -> Iterator[Json]:
    found = part.get("annotations") if isinstance(part, dict) else None
    for annotation in found if isinstance(found, list) else ():
        if isinstance(annotation, dict):
            yield annotation


def _call(kind: str, item: Mapping[str, Json]) -> Json:
    call: dict[str, Json] = {"type": kind}
    action = item.get("action")
    inner: Mapping[str, Json] = action if isinstance(action, dict) else {}
    if "type" in inner:
        call["action"] = inner["type"]
    call |= {name: value for fields in (item, inner) for name in CALL_FIELDS if (value := fields.get(name)) is not None}
    sources = inner.get("sources")
    if isinstance(sources, list):
        call["sources"] = [one["url"] for one in sources if isinstance(one, dict) and "url" in one]
    return call


def _words(value: Json) -> str:
    if isinstance(value, list):
        return ", ".join(map(_words, value))
    return " ".join(str(value).split())
