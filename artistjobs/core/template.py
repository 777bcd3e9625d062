"""Prompt templates: Jinja2 in its sandbox, with the columns of a row as variables.

A template contains ``{{ artist_name }}``, ``{{ artist_data }}`` and other columns of its file; text pasted from
OpenAI's prompt editor works as it is. A template with any other variable is rejected before anything is stored.

A template is a program of the user, and may be slow for one row. ``is_quick`` recognizes the templates whose
rendering takes no noticeable time for a row; all others are rendered by ``rendering``, which limits time and memory.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from typing import Protocol

from jinja2 import TemplateSyntaxError, nodes

from artistjobs.core.columns import NO_COLUMNS, Columns
from artistjobs.core.json_values import clean_text
from artistjobs.core.template_guard import MAX_TEXT_LENGTH, TOO_MUCH, Environment
from artistjobs.errors import PromptError

NAMES = ("artist_name", "artist_data")


QUICK_NODES = 100
"""Largest syntax tree of a quick template, in nodes."""


QUICK_ROW_LENGTH = 100_000
"""Longest row for which a template is quick, in characters."""


class Render(Protocol):
    """Function that renders a template for the name, the data (empty if there is none) and used columns of a row."""

    def __call__(self, name: str, data: str, columns: Columns = NO_COLUMNS, /) -> str:
        """Return the text to send. Raises PromptError if the template cannot be rendered for the row."""


Compile = Callable[[str], Render]
"""Returns a template as a function."""


EXAMPLES = ("1907", "", "Mexico City, Mexico; 1907-07-06")
"""Values of columns for which a template is tried out; a template for real values may fail for some of them."""


def check_template(text: str, file: str, compile_text: "Compile | None" = None) -> None:
    """Check that a template can be rendered for rows that have a name and perhaps data, and no other columns.

    Raises PromptError as ``columns_used`` and ``ensure_known_columns`` do.
    """
    columns_used(text, file, compile_text, lambda: ensure_known_columns(text, file, NAMES))


def columns_used(
    text: str, file: str, compile_text: "Compile | None" = None, check: Callable[[], None] | None = None
) -> tuple[str, ...]:
    """Check that a template can be rendered for a row with data and for one without.

    Args:
        text: The template.
        file: Its name for messages.
        compile_text: Renders it for the check, ``compile_template`` by default, which does not limit the time.
        check: Checks more before the template is rendered, and raises PromptError.

    Returns:
        The other columns of a row that it uses, sorted. ``ensure_known_columns`` checks them against a file.

    Raises:
        PromptError: with file and line, if the text is empty or is not a template.

    """
    if not text.strip():
        raise PromptError(f"{file} is empty; write the prompt into it, with {{{{ artist_name }}}} where the name goes.")
    try:
        tree = _environment().parse(text)
        # Only this step finds filters and tests that do not exist.
        names = _environment().names_looked_up(tree)
    except TemplateSyntaxError as error:
        reason = (error.message or "this is not a template").rstrip(".")
        raise PromptError(f"{file}, line {error.lineno}: {reason}; fix the template.") from error
    except (RecursionError, ValueError) as error:  # too many brackets, or too many digits
        raise PromptError(f"{file} is not a template: {error}; simplify it.") from error
    _ensure_known_names({"self"}, NAMES, tree, file)
    if check is not None:
        check()
    used = tuple(sorted(names.difference(NAMES)))
    _try_out(text, file, compile_text or compile_template, used)
    return used


def ensure_known_columns(text: str, file: str, columns: Sequence[str], source: str = "") -> None:
    """Check that all variables of a checked template are columns of a file.

    Args:
        text: The template.
        file: Its name for messages.
        columns: All columns of the file.
        source: The name of the file for messages, empty if there is none.

    Raises:
        PromptError: with file and line, and the columns that there are, if a variable is none of them.

    """
    tree = _environment().parse(text)
    unknown = _environment().names_looked_up(tree).difference(columns, NAMES)
    _ensure_known_names(unknown, columns, tree, file, source)


def ensure_uses_artist(text: str, file: str) -> None:
    """Check that a template uses at least one variable; otherwise every row would pay for the same answer.

    Raises:
        PromptError: with the remedy, if it uses none.

    """
    if not _environment().names_looked_up(_environment().parse(text)):
        raise PromptError(
            f"{file} asks the same for every row; write {{{{ artist_name }}}} where the name of the artist goes."
        )


def uses_artist_data(text: str) -> bool:
    """Return True if a checked template uses ``artist_data``, so that the data is part of the request."""
    return "artist_data" in _environment().names_looked_up(_environment().parse(text))


def is_quick(text: str, name: str, data: str, columns: Columns = NO_COLUMNS) -> bool:
    """Return True if a checked template is rendered for a row in no noticeable time."""
    length = len(name) + len(data) + (sum(map(len, columns.values())) if columns else 0)
    return length <= QUICK_ROW_LENGTH and _is_quick_text(text)


@lru_cache(maxsize=64)
def _is_quick_text(text: str) -> bool:
    """Return True if a template is short and has no loops, calls or variables of its own.

    Its rendering then takes a time in proportion to the row.
    """
    tree = [*_environment().parse(text).find_all(nodes.Node)]
    return len(tree) <= QUICK_NODES and all(map(_is_quick_node, tree))


@lru_cache(maxsize=64)
def compile_template(text: str) -> Render:
    """Return a checked template as a function of the fields of a row."""
    try:
        template = _environment().from_string(text)
    except (RecursionError, MemoryError, SyntaxError, ValueError) as error:
        raise PromptError(f"the template cannot be compiled: {_reason(error)}") from error
    # There are none. Jinja's own mapping of none is copied for each row, which takes a third of the time.
    template.globals = {}

    def render(name: str, data: str, columns: Columns = NO_COLUMNS, /) -> str:
        fields = {**columns, "artist_name": name, "artist_data": data}
        try:
            # A template may contain an escaped lone surrogate, which cannot be encoded as UTF-8.
            # ``Template.generate`` yields the same pieces, and hands on each of them.
            return clean_text(_joined(template.root_render_func(template.new_context(fields))))
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


PIECES_AT_ONCE = 16
"""Pieces of a rendered template whose size is checked together; each is limited by the sandbox."""


def _joined(pieces: Iterator[str]) -> str:
    """Return the text of pieces. Raises ValueError as soon as they have too many characters, or are too many."""
    texts, size = list[str](), 0
    while some := list(islice(pieces, PIECES_AT_ONCE)):
        # Empty pieces count as characters, so that a loop of empty output ends too.
        size += max(len(some), sum(map(len, some)))
        if size > MAX_TEXT_LENGTH:
            raise ValueError(TOO_MUCH)
        texts += some
    return "".join(texts)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    return Environment()


def _ensure_known_names(
    unknown: set[str], known: Sequence[str], tree: nodes.Template, file: str, source: str = ""
) -> None:
    for node in tree.find_all(nodes.Name):
        if node.name in unknown and node.ctx == "load":
            names = ", ".join(known)
            there = f"{source} has the columns {names}" if source else f"a template can use {' and '.join(known)}"
            raise PromptError(f"{file}, line {node.lineno}: {node.name!r} is not known here; {there}.")


def _try_out(text: str, file: str, compile_text: Compile, used: Sequence[str]) -> None:
    for data in ("", "painter"):
        examples = EXAMPLES if used else EXAMPLES[:1]
        faults = [_fault(compile_text, text, data, dict.fromkeys(used, example)) for example in examples]
        if all(faults):
            raise PromptError(f"{file}: {str(faults[0]).rstrip('.')}; fix the template.") from faults[0]


def _fault(compile_text: Compile, text: str, data: str, columns: Columns) -> PromptError | None:
    try:
        compile_text(text)("Frida Kahlo", data, columns)
    except PromptError as error:
        return error
    return None
