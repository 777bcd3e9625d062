"""Texts of simulated answers: about the artist of the request, of varied length, and the same on each repetition."""

from collections.abc import Iterator, Mapping

_TOKENS_PER_SENTENCE = 25


_MAX_SUBJECT_LENGTH = 80


_ABOUT = "This is a rehearsed answer about {subject}; no model wrote it and nobody was charged for it."


_TO_A_TEXT = 'This is a rehearsed answer to "{subject}"; no model wrote it and nobody was charged for it.'


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
    """Return the answer to a request, with 0.5 to 1.5 times ``tokens`` tokens; ``key`` determines the text."""
    name = _name(body)
    opening = _ABOUT.format(subject=_brief(name)) if name else _TO_A_TEXT.format(subject=_brief(_input(body)))
    subject = _brief(name) if name else "this artist"
    dice = int(key[:8], 16)
    count = max(1, round(tokens / _TOKENS_PER_SENTENCE * (0.5 + dice % 101 / 100)))
    chosen = (_SENTENCES[(dice + 3 * place) % len(_SENTENCES)] for place in range(count - 1))
    return " ".join([opening, *(sentence.format(subject=subject) for sentence in chosen)])


def subject_of(body: Mapping[str, object]) -> str:
    """Return what an answer is about: the artist of a stored prompt, or the beginning of the input."""
    return _brief(_name(body) or _input(body))


def _name(body: Mapping[str, object]) -> str:
    """Return the artist name from the variables of a stored prompt; empty for a rendered text."""
    prompt = body.get("prompt")
    variables = prompt.get("variables") if isinstance(prompt, dict) else None
    name = variables.get("artist_name") if isinstance(variables, dict) else None
    return name if isinstance(name, str) else ""


def _input(body: Mapping[str, object]) -> str:
    return " ".join(_strings(body.get("input"))) or "nothing"


def _brief(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= _MAX_SUBJECT_LENGTH else f"{words[: _MAX_SUBJECT_LENGTH - 1].rstrip()}…"


def _strings(value: object) -> Iterator[str]:
    """Yield the texts of an input, which is a text or a list of messages."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
    elif isinstance(value, dict):
        yield from _strings(value.get("content") or value.get("text"))
