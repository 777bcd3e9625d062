"""Mutants of SQL statements: conditions left out or inverted, other bounds, columns that are not set, and so on."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.mutants.mutant import Mutant

_TOKEN: Final = re.compile(
    r"--[^\n]*|'(?:[^']|'')*'|\d+(?:\.\d+)?(?:e[+-]?\d+)?|[:@]?[A-Za-z_]\w*|%\(\w+\)s|%s|::"
    r"|<>|<=|>=|!=|\|\||->>|->|\S"
)

_OTHER: Final[dict[str, Sequence[str]]] = {
    "=": ("<>",), "<>": ("=",), "<": ("<=", ">="), "<=": ("<", ">"), ">": (">=", "<="), ">=": (">", "<"),
    "+": ("-",), "-": ("+",), "/": ("*",), "MAX": ("min",), "MIN": ("max",),
}  # fmt: skip

_STARTS: Final = frozenset({"WHERE", "ON", "WHEN", "HAVING", "AND", "OR"})
_BOUNDS: Final = _STARTS | {
    "SELECT", "SET", "FROM", "ORDER", "LIMIT", "GROUP", "RETURNING", "THEN", "ELSE", "AS", "UNION", "JOIN", "NOT",
    "VALUES", ",", "DO", "OVER", "FOR",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Token:
    word: str
    begin: int
    end: int
    depth: int


def mutants(file: Path) -> Iterator[Mutant]:
    """Yield the mutants of a statement, each text once."""
    source, seen = file.read_text("utf-8"), set[str]()
    tokens = _tokens(source)
    for kind, begin, end, new in _edits(source, tokens):
        text = source[:begin] + new + source[end:]
        if text not in seen and text != source:
            seen.add(text)
            yield Mutant(file, text, kind)


def _tokens(source: str) -> list[_Token]:
    tokens, depth = list[_Token](), 0
    for found in _TOKEN.finditer(source):
        word = found[0]
        if word.startswith("--"):
            continue
        upper = word.upper()
        depth -= word == ")" or upper == "END"
        tokens.append(_Token(word if word[0] in "':" else upper, found.start(), found.end(), depth))
        depth += word == "(" or upper == "CASE"
    return tokens


Edit = tuple[str, int, int, str]


def _edits(source: str, tokens: Sequence[_Token]) -> Iterator[Edit]:
    between = _ands_of_between(tokens)
    for at, token in enumerate(tokens):
        yield from _word(tokens, at)
        if token.word in {"AND", "OR"} and at not in between:
            yield "AndOr", token.begin, token.end, "OR" if token.word == "AND" else "AND"
            yield _condition(tokens, _left(tokens, at, between), at - 1, token.word)
            yield _condition(tokens, at + 1, _right(tokens, at, between), token.word)
        elif token.word in {"WHERE", "ON", "WHEN", "HAVING"} and tokens[at + 1].word != "CONFLICT":
            end = _right(tokens, at, between)
            yield _condition(tokens, at + 1, end, "AND")
            if token.word == "WHEN":
                yield _condition(tokens, at + 1, end, "OR")
        elif token.word == "BETWEEN":
            yield from _bounds(source, tokens, at, between)
        elif token.word == "SET":
            yield from _assignments(source, tokens, at)
        elif token.word == "COALESCE":
            yield from _first_of(source, tokens, at)
        elif token.word == "ORDER":
            yield from _order(tokens, at)
    if any(token.word == "INSERT" for token in tokens):
        yield from _inserted(tokens)


def _word(tokens: Sequence[_Token], at: int) -> Iterator[Edit]:
    token = tokens[at]
    following = tokens[at + 1].word if at + 1 < len(tokens) else ""
    is_assignment = token.word == "=" and _is_assignment(tokens, at)
    if token.word in _OTHER and not is_assignment and (token.word not in {"MAX", "MIN"} or following == "("):
        for new in _OTHER[token.word]:
            yield "Operator", token.begin, token.end, new
    elif token.word == "IS" and following != "TEXT":
        negated = following == "NOT"
        yield "Is", token.begin, tokens[at + 1].end if negated else token.end, "IS" if negated else "IS NOT"
    elif token.word == "NOT" and following in {"IN", "EXISTS"}:
        yield "Not", token.begin, token.end, ""
    elif token.word in {"IN", "EXISTS"} and tokens[at - 1].word != "NOT":
        yield "Not", token.begin, token.end, f"NOT {token.word}"
    elif token.word == "INDEXED":
        yield "NoIndex", token.begin, tokens[at + 2].end, ""
    elif token.word == "DISTINCT":
        yield "NoDistinct", token.begin, token.end, ""
    elif token.word[0].isdigit() and tokens[at - 1].word != "SELECT":
        yield "Number", token.begin, token.end, "0" if "." in token.word or "E" in token.word else f"({token.word} + 1)"
    elif token.word[0] == "'":
        yield "Text", token.begin, token.end, f"{token.word[:-1]}_'"


def _is_assignment(tokens: Sequence[_Token], at: int) -> bool:
    """Return True if an ``=`` assigns: the last word of its depth that begins a part is SET."""
    depth = tokens[at].depth
    for token in reversed(tokens[:at]):
        if token.depth < depth:
            return False
        if token.depth == depth and token.word in {"WHERE", "ON", "WHEN", "AND", "OR", "HAVING", "SELECT"}:
            return False
        if token.depth == depth and token.word == "SET":
            return True
    return False


def _ands_of_between(tokens: Sequence[_Token]) -> set[int]:
    found = set()
    for at, token in enumerate(tokens):
        if token.word == "BETWEEN":
            found.add(
                next(n for n in range(at, len(tokens)) if tokens[n].word == "AND" and tokens[n].depth == token.depth)
            )
    return found


def _left(tokens: Sequence[_Token], at: int, between: set[int]) -> int:
    depth, first = tokens[at].depth, at - 1
    while first > 0:
        before = tokens[first - 1]
        is_bound = before.word in _BOUNDS and first - 1 not in between and before.depth == depth
        is_bound = is_bound and not (before.word == "NOT" and _belongs_to_comparison(tokens, first - 1))
        if before.depth < depth or is_bound or (before.word == "=" and _is_assignment(tokens, first - 1)):
            break
        first -= 1
    return first


def _belongs_to_comparison(tokens: Sequence[_Token], at: int) -> bool:
    """Return True for the NOT of IS NOT and of NOT IN."""
    return tokens[at - 1].word == "IS" or tokens[at + 1].word == "IN"


def _right(tokens: Sequence[_Token], at: int, between: set[int]) -> int:
    depth, last = tokens[at].depth, at + 1
    while last + 1 < len(tokens):
        after = tokens[last + 1]
        is_bound = after.word in _BOUNDS - {"NOT"} and last + 1 not in between and after.depth == depth
        if after.depth < depth or is_bound:
            break
        last += 1
    return last


def _condition(tokens: Sequence[_Token], first: int, last: int, word: str) -> Edit:
    return "NoCondition", tokens[first].begin, tokens[last].end, "true" if word == "AND" else "false"


def _bounds(source: str, tokens: Sequence[_Token], at: int, between: set[int]) -> Iterator[Edit]:
    middle = min(n for n in between if n > at)
    end = _right(tokens, middle, between)
    begin = _left(tokens, at, between)
    left = source[tokens[begin].begin : tokens[at].begin]
    yield (
        "Bound",
        tokens[begin].begin,
        tokens[end].end,
        f"{left}>= {source[tokens[at + 1].begin : tokens[middle].begin]}",
    )
    yield (
        "Bound",
        tokens[begin].begin,
        tokens[end].end,
        f"{left}<= {source[tokens[middle + 1].begin : tokens[end].end]}",
    )


def _parts(tokens: Sequence[_Token], first: int, ends: frozenset[str]) -> Iterator[tuple[int, int]]:
    """Yield the first and last token of each part of a list that is separated by commas."""
    depth, begin, at = tokens[first].depth, first, first
    while (
        at < len(tokens) and tokens[at].depth >= depth and not (tokens[at].depth == depth and tokens[at].word in ends)
    ):
        if tokens[at].word == "," and tokens[at].depth == depth:
            yield begin, at - 1
            begin = at + 1
        at += 1
    yield begin, at - 1


def _assignments(source: str, tokens: Sequence[_Token], at: int) -> Iterator[Edit]:
    for first, last in _parts(tokens, at + 1, frozenset({"WHERE", "FROM", "RETURNING", ";"})):
        name = source[tokens[first].begin : tokens[first].end]
        yield "NotSet", tokens[first].begin, tokens[last].end, f"{name} = {name}"


def _first_of(source: str, tokens: Sequence[_Token], at: int) -> Iterator[Edit]:
    """Leave the alternatives of a coalesce out, and the first one."""
    parts = list(_parts(tokens, at + 2, frozenset()))
    end = tokens[parts[-1][1] + 1].end
    for first, last in (parts[0], parts[-1]):
        yield "Coalesce", tokens[at].begin, end, source[tokens[first].begin : tokens[last].end]


def _order(tokens: Sequence[_Token], at: int) -> Iterator[Edit]:
    parts = list(_parts(tokens, at + 2, frozenset({"LIMIT", "FOR", "ROWS", "RETURNING"})))
    yield "NoOrder", tokens[at].begin, tokens[parts[-1][1]].end, ""
    for _, last in parts:
        if tokens[last].word == "DESC":
            yield "Order", tokens[last].begin, tokens[last].end, ""
        elif tokens[last].word != ")":
            yield "Order", tokens[last].end, tokens[last].end, " DESC"


def _inserted(tokens: Sequence[_Token]) -> Iterator[Edit]:
    """Replace each inserted value by NULL."""
    begins = [at for at, token in enumerate(tokens) if token.word in {"VALUES", "SELECT"} and not token.depth]
    for at in begins:
        first = at + 2 if tokens[at].word == "VALUES" else at + 1
        ends = frozenset({"FROM", "WHERE", "ON", "RETURNING"})
        for begin, end in _parts(tokens, first, ends):
            if tokens[begin].word not in {"?", "NULL"}:
                yield "NotInserted", tokens[begin].begin, tokens[end].end, "NULL"
