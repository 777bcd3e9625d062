"""Prompt templates: Jinja2 in its sandbox, with the two variables ``artist_name`` and ``artist_data``.

A template contains ``{{ artist_name }}`` and ``{{ artist_data }}``; text pasted from OpenAI's prompt
editor works as it is. A template with any other variable is rejected before a row is read.

A template is a program of the user, and may be slow for one row. ``is_quick`` recognizes the templates whose
rendering takes no noticeable time for a row; all others are rendered by ``rendering``, which limits time and memory.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache

from jinja2 import TemplateSyntaxError, nodes

from artistjobs.core.json_values import clean_text
from artistjobs.core.template_guard import MAX_TEXT_LENGTH, TOO_MUCH, Environment
from artistjobs.errors import PromptError

NAMES = ("artist_name", "artist_data")


QUICK_NODES = 100
"""Largest syntax tree of a quick template, in nodes."""


QUICK_ROW_LENGTH = 100_000
"""Longest row for which a template is quick, in characters."""


Render = Callable[[str, str], str]
"""Takes an artist's name and data (empty if there is none), returns the text to send."""


Compile = Callable[[str], Render]
"""Returns a template as a function, which raises PromptError if the template cannot be rendered for a row."""


def check_template(text: str, file: str, compile_text: "Compile | None" = None) -> None:
    """Check that a template can be rendered for a row with data and for one without.

    Args:
        text: The template.
        file: Its name for messages.
        compile_text: Renders it for the check, ``compile_template`` by default, which does not limit the time.

    Raises:
        PromptError: with file and line, if the text is empty, is not a template, or uses an unknown variable.

    """
    if not text.strip():
        raise PromptError(f"{file} is empty; write the prompt into it, with {{{{ artist_name }}}} where the name goes.")
    try:
        tree = _environment().parse(text)
        # Only this step finds filters and tests that do not exist.
        unknown = _environment().names_looked_up(tree) - set(NAMES)
    except TemplateSyntaxError as error:
        reason = (error.message or "this is not a template").rstrip(".")
        raise PromptError(f"{file}, line {error.lineno}: {reason}; fix the template.") from error
    except (RecursionError, ValueError) as error:  # too many brackets, or too many digits
        raise PromptError(f"{file} is not a template: {error}; simplify it.") from error
    _ensure_known_names(unknown | {"self"}, tree, file)
    _try_out(text, file, compile_text or compile_template)


def ensure_uses_artist(text: str, file: str) -> None:
    """Check that a template uses at least one variable; otherwise every row would pay for the same answer.

    Raises:
        PromptError: with the remedy, if it uses none.

    """
    if not _environment().names_looked_up(_environment().parse(text)) & set(NAMES):
        raise PromptError(
            f"{file} asks the same for every row; write {{{{ artist_name }}}} where the name of the artist goes."
        )


def uses_artist_data(text: str) -> bool:
    """Return True if a checked template uses ``artist_data``, so that the data is part of the request."""
    return "artist_data" in _environment().names_looked_up(_environment().parse(text))


def is_quick(text: str, name: str, data: str) -> bool:
    """Return True if a checked template is rendered for a row in no noticeable time."""
    return len(name) + len(data) <= QUICK_ROW_LENGTH and _is_quick_text(text)


@lru_cache(maxsize=64)
def _is_quick_text(text: str) -> bool:
    """Return True if a template is short and has no loops, calls or variables of its own.

    Its rendering then takes a time in proportion to the row.
    """
    tree = [*_environment().parse(text).find_all(nodes.Node)]
    return len(tree) <= QUICK_NODES and all(map(_is_quick_node, tree))


@lru_cache(maxsize=64)
def compile_template(text: str) -> Render:
    """Return a checked template as a function of name and data.

    That function raises PromptError if the template cannot be rendered for a row.
    """
    try:
        template = _environment().from_string(text)
    except (RecursionError, MemoryError, SyntaxError, ValueError) as error:
        raise PromptError(f"the template cannot be compiled: {_reason(error)}") from error

    def render(name: str, data: str) -> str:
        try:
            # A template may contain an escaped lone surrogate, which cannot be encoded as UTF-8.
            return clean_text("".join(_bounded(template.generate(artist_name=name, artist_data=data))))
        except Exception as error:
            # A template is a program written by the user: it may raise anything, such as ZeroDivisionError.
            raise PromptError(f"the template cannot be filled in for this row: {_reason(error)}") from error

    return render


def _reason(error: BaseException) -> str:
    return "it needs too much memory" if isinstance(error, MemoryError) else str(error) or type(error).__name__


_QUICK_NODES = (
    nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.If, nodes.CondExpr, nodes.And, nodes.Or, nodes.Not,
    nodes.Compare, nodes.Operand, nodes.Concat,
)  # fmt: skip


_QUICK_FILTERS = frozenset(
    {
        "upper", "lower", "title", "capitalize", "trim", "default", "d", "length", "count", "string",
        "e", "escape", "safe", "first", "last",
    }
)  # fmt: skip


_QUICK_TESTS = frozenset({"defined", "undefined", "none", "string"})


def _is_quick_node(node: nodes.Node) -> bool:
    match node:
        case nodes.Filter(name=name):
            return name in _QUICK_FILTERS
        case nodes.Test(name=name):
            return name in _QUICK_TESTS
        case _:
            return isinstance(node, _QUICK_NODES)


def _bounded(pieces: Iterable[str]) -> Iterator[str]:
    size = 0
    for piece in pieces:
        # An empty piece counts as one character, so that a loop of empty output ends too.
        size += max(1, len(piece))
        if size > MAX_TEXT_LENGTH:
            raise ValueError(TOO_MUCH)
        yield piece


@lru_cache(maxsize=1)
def _environment() -> Environment:
    return Environment()


def _ensure_known_names(unknown: set[str], tree: nodes.Template, file: str) -> None:
    for node in tree.find_all(nodes.Name):
        if node.name in unknown and node.ctx == "load":
            raise PromptError(
                f"{file}, line {node.lineno}: {node.name!r} is not known here; "
                "a template can use artist_name and artist_data."
            )


def _try_out(text: str, file: str, compile_text: Compile) -> None:
    for data in ("", "painter"):
        try:
            compile_text(text)("Frida Kahlo", data)
        except PromptError as error:
            raise PromptError(f"{file}: {str(error).rstrip('.')}; fix the template.") from error
