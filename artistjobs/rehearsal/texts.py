"""The texts of rehearsed answers: about the artist asked for, of varied length, the same every time."""

from collections.abc import Iterator, Mapping

_TOKENS_PER_SENTENCE = 25
_LONGEST_SUBJECT = 80

_OPENING = "This is a rehearsed answer about {subject}; no model wrote it and nobody was charged for it."
_SENTENCES = (
    "A real answer would now say when {subject} first drew an audience, and where.",
    "Much of what is written about {subject} turns on a handful of early works.",
    "Listeners who came late to {subject} tend to begin with what is best known.",
    "Critics were slow to warm to {subject}, and then could not stop writing.",
    "Some names are spelled with accents — Björk, Sigur Rós, 坂本龍一 — and must arrive unharmed.",
    'Quotes ("like these"), commas, and backslashes \\ belong to the text.\n',
    "The years between two records mattered more to {subject} than either record.",
    "What {subject} left unfinished is as telling as what was finished.",
)


def write_text(body: Mapping[str, object], *, key: str, tokens: int) -> str:
    """Return the answer to a request: half to one and a half times ``tokens`` long."""
    subject = _subject(body)
    dice = int(key[:8], 16)
    count = max(1, round(tokens / _TOKENS_PER_SENTENCE * (0.5 + dice % 101 / 100)))
    chosen = (_SENTENCES[(dice + 3 * place) % len(_SENTENCES)] for place in range(count - 1))
    return " ".join(sentence.format(subject=subject) for sentence in (_OPENING, *chosen))


def _subject(body: Mapping[str, object]) -> str:
    prompt = body.get("prompt")
    variables = prompt.get("variables") if isinstance(prompt, dict) else None
    name = variables.get("artist_name") if isinstance(variables, dict) else None
    words = name if isinstance(name, str) else " ".join(_strings(body.get("input")))
    return " ".join(words.split())[:_LONGEST_SUBJECT] or "nobody in particular"


def _strings(value: object) -> Iterator[str]:
    """Yield the texts in an input: it is one, or a list of messages that have some in them."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
    elif isinstance(value, dict):
        yield from _strings(value.get("content") or value.get("text"))
