"""Prompt templates: Jinja2 in its sandbox, with two names and nothing else.

``{{ artist_name }}`` and ``{{ artist_data }}`` are filled in; text pasted from OpenAI's prompt
editor works as it is. A template that names anything else is refused before a row is read.
The usual ways to ask for more memory than there is are refused too; a loop that says nothing and
never ends is not found, and Ctrl+C ends it.
"""

import math
import re
from collections.abc import Callable, Iterable, Iterator, Sized
from functools import lru_cache

from jinja2 import StrictUndefined, TemplateSyntaxError, nodes
from jinja2.meta import find_undeclared_variables
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from artistjobs.core.json_values import clean_text
from artistjobs.errors import PromptError

NAMES = ("artist_name", "artist_data")


MAX_TEXT_LENGTH = 10 * 2**20
"""Characters of a filled-in template, or pieces of it: what the API takes as input at most (November 2026)."""


MAX_NUMBER = 2.0**53
"""What a product or a power may come to."""


Render = Callable[[str, str], str]
"""Takes an artist's name and data (empty if there is none), gives the text to send."""


def check_template(text: str, file: str) -> None:
    """Refuse a template that cannot be used for every row.

    Raises:
        PromptError: with file and line, if the text is no template, is empty, or names what is not there.

    """
    if not text.strip():
        raise PromptError(f"{file} is empty; write the prompt into it, with {{{{ artist_name }}}} where the name goes.")
    try:
        tree = _environment().parse(text)
        # Filters and tests that do not exist are found only now.
        unknown = find_undeclared_variables(tree) - set(NAMES)
    except TemplateSyntaxError as error:
        reason = (error.message or "this is no template").rstrip(".")
        raise PromptError(f"{file}, line {error.lineno}: {reason}; mend the template.") from error
    _ensure_known_names(unknown | {"self"}, tree, file)
    _try_out(text, file)


def ensure_uses_artist(text: str, file: str) -> None:
    """Refuse a checked template that uses neither name: every row would pay for the same answer.

    Raises:
        PromptError: with what to write where.

    """
    if not find_undeclared_variables(_environment().parse(text)) & set(NAMES):
        raise PromptError(
            f"{file} asks the same for every row; write {{{{ artist_name }}}} where the name of the artist goes."
        )


def uses_artist_data(text: str) -> bool:
    """Say whether a checked template uses ``artist_data``, so that it is part of what is sent."""
    return "artist_data" in find_undeclared_variables(_environment().parse(text))


@lru_cache(maxsize=64)
def compile_template(text: str) -> Render:
    """Return a checked template as a function of name and data.

    The function raises PromptError if the template stumbles over a row.
    """
    template = _environment().from_string(text)

    def render(name: str, data: str) -> str:
        try:
            # A template may write a lone surrogate as an escape, which could not be sent.
            return clean_text("".join(_bounded(template.generate(artist_name=name, artist_data=data))))
        except Exception as error:
            # A template is a small program of the user's: it may divide by zero, or worse.
            raise PromptError(f"the template cannot be filled in for this row: {error}") from error

    return render


def _bounded(pieces: Iterable[str]) -> Iterator[str]:
    size = 0
    for piece in pieces:
        # Each piece counts, so that a loop over nothing ends too.
        size += max(1, len(piece))
        if size > MAX_TEXT_LENGTH:
            raise ValueError(_TOO_MUCH)
        yield piece


_TOO_MUCH = "it comes to more than the API takes"


_WIDE_FIELD = re.compile(r"%[^a-zA-Z%]*(\*|\d{7})")


class _Environment(ImmutableSandboxedEnvironment):
    """The sandbox, in which no product, power or field is larger than any prompt."""

    intercepted_binops = frozenset({"*", "**", "%"})

    def call_binop(self, context: Context, operator: str, left: object, right: object) -> object:
        """Return what the operator gives. Raises ValueError if that is far too large."""
        if _is_too_much(operator, left, right):
            raise ValueError(_TOO_MUCH)
        result: object = super().call_binop(context, operator, left, right)
        return result


def _is_too_much(operator: str, left: object, right: object) -> bool:
    if operator == "%":
        return isinstance(left, str) and _WIDE_FIELD.search(left) is not None
    if operator == "**":
        return isinstance(left, int | float) and isinstance(right, int | float) and _power(left, right) > MAX_NUMBER
    sizes = [
        len(side) if isinstance(side, Sized) else abs(side) for side in (left, right) if isinstance(side, _COUNTED)
    ]
    largest = MAX_TEXT_LENGTH if isinstance(left, Sized) or isinstance(right, Sized) else MAX_NUMBER
    return len(sizes) == 2 and sizes[0] * sizes[1] > largest  # noqa: PLR2004


_COUNTED = (Sized, int, float)


def _power(base: float, exponent: float) -> float:
    try:
        return math.pow(abs(base), exponent)
    except (OverflowError, ValueError):
        return MAX_NUMBER * 2


@lru_cache(maxsize=1)
def _environment() -> _Environment:
    environment = _Environment(undefined=StrictUndefined, autoescape=False)
    environment.globals.clear()
    return environment


def _ensure_known_names(unknown: set[str], tree: nodes.Template, file: str) -> None:
    for node in tree.find_all(nodes.Name):
        if node.name in unknown and node.ctx == "load":
            raise PromptError(
                f"{file}, line {node.lineno}: {node.name!r} is not known here; "
                "a template can use artist_name and artist_data."
            )


def _try_out(text: str, file: str) -> None:
    for data in ("", "painter"):
        try:
            compile_template(text)("Frida Kahlo", data)
        except PromptError as error:
            raise PromptError(f"{file}: {str(error).rstrip('.')}; mend the template.") from error
