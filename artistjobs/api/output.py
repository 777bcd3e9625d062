"""Output and usage of a response: the text of the answer, a refusal, and the tokens."""

from dataclasses import dataclass

from artistjobs.core.attempt import Usage
from artistjobs.core.formatting import truncate
from artistjobs.core.json_values import Json, clean_text, text_of, whole_number

COMMENTARY, FINAL_ANSWER = "commentary", "final_answer"
"""Phases of a message (OpenAI's reference of output items, November 2026). Many models send none."""


MAX_TOKENS = 2**40
"""Largest token count that is believed. No model uses more, and sums of such counts stay integers in SQLite."""


MAX_TYPES = 8
"""Types of output items that a message names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """Output of a response.

    ``text`` consists of all output_text parts of the answer. ``text_path`` is its JSON path, None unless it is a
    single part. ``refusal`` is None if the model did not refuse.
    """

    text: str
    text_path: str | None
    refusal: str | None


def read_output(output: Json) -> Output:
    """Return the output of a response; commentary beside the final answer of a model with phases is left out."""
    texts: list[str] = []
    refusal, text_at = None, (0, 0)
    for i, message in _answering(output if isinstance(output, list) else []):
        content = message.get("content")
        for j, part in enumerate(content if isinstance(content, list) else ()):
            if not isinstance(part, dict):
                continue
            if part.get("type") == "output_text" and isinstance(text := part.get("text"), str):
                texts.append(text)
                text_at = i, j
            elif part.get("type") == "refusal":
                refusal = text_of(part.get("refusal")) or ""
    path = f"$.output[{text_at[0]}].content[{text_at[1]}].text" if len(texts) == 1 else None
    return Output(text=clean_text("".join(texts)), text_path=path, refusal=refusal)


def output_types(output: Json) -> str:
    """Return the types of the items of an output as text, such as ``reasoning, function_call``."""
    items = [item for item in output if isinstance(item, dict)] if isinstance(output, list) else []
    types = dict.fromkeys(text_of(item.get("phase")) or text_of(item.get("type")) or "unknown" for item in items)
    return ", ".join(truncate(type_) for type_ in list(types)[:MAX_TYPES]) or "an empty output"


def _answering(items: list[Json]) -> list[tuple[int, dict[str, Json]]]:
    """Return the messages that form the answer, with their index: those of the final phase if there are any."""
    messages = [(i, item) for i, item in enumerate(items) if isinstance(item, dict) and item.get("type") == "message"]
    if not [message for _, message in messages if "phase" in message]:
        return messages
    final = [(i, message) for i, message in messages if message.get("phase") == FINAL_ANSWER]
    return final or [(i, message) for i, message in messages if message.get("phase") != COMMENTARY]


def read_usage(value: Json) -> Usage:
    """Return the token counts of a response; None for each count that is missing or not believable."""
    usage = value if isinstance(value, dict) else {}
    into, out = usage.get("input_tokens_details"), usage.get("output_tokens_details")
    into, out = into if isinstance(into, dict) else {}, out if isinstance(out, dict) else {}
    return Usage(
        input_tokens=_tokens(usage.get("input_tokens")),
        cached_tokens=_tokens(into.get("cached_tokens")),
        cache_write_tokens=_tokens(into.get("cache_write_tokens")),
        output_tokens=_tokens(usage.get("output_tokens")),
        reasoning_tokens=_tokens(out.get("reasoning_tokens")),
        total_tokens=_tokens(usage.get("total_tokens")),
    )


def _tokens(value: Json) -> int | None:
    if type(value) is int:  # as usual; True is no number
        return value if 0 <= value <= MAX_TOKENS else None
    number = whole_number(value)
    return number if number is not None and number <= MAX_TOKENS else None
