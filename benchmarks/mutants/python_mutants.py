"""Mutants of Python modules: operators of cosmic-ray, and values and statements left out."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator

from benchmarks.mutants.mutant import Mutant

OPERATORS: Final = (
    "AddNot", "Delete_Not", "ExceptionReplacer", "NumberReplacer", "RemoveDecorator", "ReplaceAndWithOr",
    "ReplaceBinaryOperator_Add_Sub", "ReplaceBinaryOperator_Div_Mul", "ReplaceBinaryOperator_Mul_Div",
    "ReplaceBinaryOperator_Sub_Add", "ReplaceBreakWithContinue", "ReplaceComparisonOperator_Eq_NotEq",
    "ReplaceComparisonOperator_GtE_Gt", "ReplaceComparisonOperator_GtE_Lt", "ReplaceComparisonOperator_Gt_GtE",
    "ReplaceComparisonOperator_Gt_LtE", "ReplaceComparisonOperator_IsNot_Is", "ReplaceComparisonOperator_Is_IsNot",
    "ReplaceComparisonOperator_LtE_Gt", "ReplaceComparisonOperator_LtE_Lt", "ReplaceComparisonOperator_Lt_GtE",
    "ReplaceComparisonOperator_Lt_LtE", "ReplaceComparisonOperator_NotEq_Eq", "ReplaceContinueWithBreak",
    "ReplaceFalseWithTrue", "ReplaceOrWithAnd", "ReplaceTrueWithFalse", "ReplaceUnaryOperator_Delete_Not",
    "ReplaceUnaryOperator_Delete_USub", "ZeroIterationForLoop",
)  # fmt: skip
"""Operators of cosmic-ray. Those on ``|`` change annotations, and of each comparison two replacements suffice."""


def mutants(file: Path) -> Iterator[Mutant]:
    """Yield the mutants of a module, each text once."""
    source, seen = file.read_text("utf-8"), set[str]()
    for kind, text in (*_by_operators(source), *_by_edits(source)):
        if text not in seen and text != source and not _is_decorator(source, text):
            seen.add(text)
            yield Mutant(file, text, kind)


def _by_operators(source: str) -> Iterator[tuple[str, str]]:
    nodes = list(ast_nodes(get_ast(source)))
    for name in OPERATORS:
        try:
            operator = get_operator(f"core/{name}")()
        except KeyError:
            continue
        count = sum(len(list(operator.mutation_positions(node))) for node in nodes)
        for occurrence in range(count):
            text = mutate_code(source, operator, occurrence)
            if text is not None and not _is_noise(name, source, text):
                yield name, text


def _is_noise(name: str, source: str, text: str) -> bool:
    """Return True for a changed marker of arguments, and for a number in a set, which ``ElementOut`` changes."""
    line = _changed_line(source, text)
    return (name.endswith("Mul_Div") and "def " in line) or (name == "NumberReplacer" and "frozenset({" in line)


def _is_decorator(source: str, text: str) -> bool:
    """Return True if a decorator of a dataclass differs: whether it is frozen or has slots is no behaviour."""
    return _changed_line(source, text).startswith("@dataclass")


def _changed_line(source: str, text: str) -> str:
    """Return the first line that differs, blank lines aside."""
    lines = ([line for line in part.splitlines() if line] for part in (source, text))
    return next((before for before, after in zip(*lines, strict=False) if before != after), "")


def _by_edits(source: str) -> Iterator[tuple[str, str]]:
    lines = source.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line.encode()))
    data = source.encode()
    for node in ast.walk(ast.parse(source)):
        for kind, part, new in _edits(node):
            begin = starts[part.lineno - 1] + part.col_offset
            assert part.end_lineno is not None
            assert part.end_col_offset is not None
            end = starts[part.end_lineno - 1] + part.end_col_offset
            yield kind, (data[:begin] + new.encode() + data[end:]).decode()


def _edits(node: ast.AST) -> Iterator[tuple[str, ast.stmt | ast.expr, str]]:
    """Yield what to replace in a node, and by what."""
    if (
        (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call))
        or isinstance(node, ast.AugAssign)
        or (isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute | ast.Subscript))
    ):
        yield "RemoveStatement", node, "pass"
    elif isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple):
        yield from (("ValueToNone", value, "None") for value in node.value.elts if not _is_constant(value))
    elif isinstance(node, ast.Dict):
        yield from (("ValueToNone", value, "None") for value in node.values if not _is_constant(value))
    elif isinstance(node, ast.Set):
        yield from (("ElementOut", value, _another(value)) for value in node.elts)
    elif isinstance(node, ast.Call):
        yield from (
            ("ValueToNone", one.value, "None") for one in node.keywords if one.arg and not _is_constant(one.value)
        )
    elif isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In | ast.NotIn) and len(node.ops) == 1:
        word = "not in" if isinstance(node.ops[0], ast.In) else "in"
        yield "InToNotIn", node, f"({ast.unparse(node.left)} {word} {ast.unparse(node.comparators[0])})"


def _is_constant(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant)


def _another(value: ast.expr) -> str:
    return f"{value.value + '_'!r}" if isinstance(value, ast.Constant) and isinstance(value.value, str) else "-1"
