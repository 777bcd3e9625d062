"""Jinja's sandbox with a limit on the size of every value that a template computes.

The estimated size of a result is checked before the operation, wherever one small argument can make a large result:
products and powers, ``replace``, ``join``, ``ljust`` and its relatives, wide fields of ``%`` and ``format``. The
actual size of a result is checked after every filter, call and ``~``. Nothing is computed when a template is compiled.

The checks limit single steps. The total time and memory are limited by ``rendering``.
"""

import math
import re
import types
from collections.abc import Callable, Iterable, Mapping, Sequence, Sized
from functools import update_wrapper, wraps
from typing import Any

from jinja2 import StrictUndefined, Undefined, nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.meta import TrackingCodeGenerator
from jinja2.runtime import Context, str_join
from jinja2.sandbox import ImmutableSandboxedEnvironment, SandboxedEscapeFormatter, SandboxedFormatter
from markupsafe import Markup

MAX_TEXT_LENGTH = 10 * 2**20
"""Largest rendered template, in characters or pieces: the API accepts no longer input (November 2026)."""


MAX_NUMBER = 2.0**53
"""Largest result of a multiplication or a power in a template."""


TOO_MUCH = "the result is longer than the API accepts"


class _ComputesNothing(CodeGenerator):
    """Code generator that leaves every expression to be computed when the template is rendered.

    Jinja computes constant expressions while it compiles, such as ``'x'|center(1000000000)``.
    """

    def _output_child_to_const(self, node: nodes.Expr, frame: Frame, finalize: CodeGenerator._FinalizeInfo) -> str:
        if not isinstance(node, nodes.TemplateData):
            raise nodes.Impossible
        return super()._output_child_to_const(node, frame, finalize)

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:  # noqa: N802
        """Write a call of ``Environment.joined`` for ``~``."""
        self.write("environment.joined((")
        for part in node.nodes:
            self.visit(part, frame)
            self.write(", ")
        self.write("))")


class _FindsNames(_ComputesNothing, TrackingCodeGenerator):
    """Code generator that collects the names that a template looks up, and computes nothing."""


class _Formatter(SandboxedFormatter):
    """Formatter of ``str.format`` that rejects wide fields and long results."""

    def format_field(self, value: Any, format_spec: str) -> Any:  # noqa: ANN401
        """Return one formatted field. Raises ValueError if it would be too wide."""
        if _WIDE_SPEC.search(format_spec):
            raise ValueError(TOO_MUCH)
        return super().format_field(value, format_spec)


class _EscapeFormatter(_Formatter, SandboxedEscapeFormatter):
    """The same for texts that are marked as HTML."""


class Environment(ImmutableSandboxedEnvironment):
    """Sandbox that limits the size of every computed value."""

    code_generator_class = _ComputesNothing
    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def __init__(self) -> None:
        super().__init__(undefined=StrictUndefined, autoescape=False, optimized=False)
        self.globals.clear()
        self.filters = {name: _guarded(name, function) for name, function in self.filters.items()}

    def names_looked_up(self, tree: nodes.Template) -> set[str]:
        """Return the variables that a template reads. Raises TemplateSyntaxError for unknown filters and tests."""
        generator = _FindsNames(self)
        generator.visit(tree)
        return generator.undeclared_identifiers

    def joined(self, parts: Sequence[object]) -> str:
        """Return the parts as one text, for the operator ``~``. Raises ValueError if it would be too long."""
        texts = [part if isinstance(part, str) else str(part) for part in parts]
        _ensure_size(sum(map(len, texts)))
        return str_join(texts)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:  # noqa: ANN401
        """Return the result of the operator. Raises ValueError if it would be too large."""
        if _is_too_much(operator, left, right):
            raise ValueError(TOO_MUCH)
        return _checked(super().call_binop(context, operator, left, right))

    def call(self, context: Context, called: Any, /, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        """Return the result of a call. Raises ValueError if it would be too large."""
        if isinstance(called, types.BuiltinMethodType) and isinstance(called.__self__, str | bytes | int):
            args = tuple(map(_sized, args)) if called.__name__ == "join" else args
            _ensure_estimate(called.__name__, [called.__self__, *args], kwargs)
        return _checked(super().call(context, called, *args, **kwargs))

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:  # noqa: ANN401
        """Return a replacement for ``str.format`` and ``str.format_map``, None for any other value."""
        if super().wrap_str_format(value) is None:
            return None
        text: str = value.__self__
        is_map = value.__name__ == "format_map"
        formatter = _EscapeFormatter(self, escape=text.escape) if isinstance(text, Markup) else _Formatter(self)

        def formatted(*args: Any, **kwargs: Any) -> str:  # noqa: ANN401
            if is_map:
                (kwargs,) = args
                args = ()
            return type(text)(formatter.vformat(text, args, kwargs))

        return update_wrapper(formatted, value)


def _guarded(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a filter that checks the size of its result."""
    # Some filters take the environment or the context as the first argument, before the value.
    before = 0 if getattr(function, "jinja_pass_arg", None) is None else 1

    # wraps() copies the attributes by which Jinja knows the kind of the first argument.
    @wraps(function)
    def guarded(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        head, values = args[:before], [*args[before:]]
        if name == "join" and values:
            values[0] = _sized(values[0])
        _ensure_estimate(name, values, kwargs)
        return _checked(function(*head, *values, **kwargs))

    return guarded


def _sized(value: object) -> object:
    """Return a value with a length, so that it can be read twice."""
    return list(value) if isinstance(value, Iterable) and not isinstance(value, Sized) else value


def _ensure_estimate(name: str, values: Sequence[object], kwargs: Mapping[str, object]) -> None:
    """Raise ValueError if a filter or method would return too much for a value and further arguments."""
    estimate = _ESTIMATES.get(name)
    if estimate is not None and values:
        _ensure_size(estimate(values[0], [*values[1:], *kwargs.values()]))


def _width(_value: object, args: Sequence[object]) -> float:
    """Estimate the result of an operation that fills up to a width."""
    return max(map(_size, args), default=0)


def _per_line(value: object, args: Sequence[object]) -> float:
    """Estimate the result of an operation that inserts something at line breaks and tabs."""
    text = str(value)
    return (1 + text.count("\n") + text.count("\t")) * _width(value, args)


def _per_character(value: object, args: Sequence[object]) -> float:
    """Estimate the result of an operation that inserts one of its texts at most once per character."""
    longest = max((_longest_text(arg) for arg in args), default=0)
    return longest * (1 + _size(value))


def _replaced(value: object, args: Sequence[object]) -> float:
    """Estimate the result of replacing one text by another."""
    text, (old, new) = _as_text(value), map(_as_text, args[:2])
    return len(text) + text.count(old) * len(new)


def _separators(value: object, args: Sequence[object]) -> float:
    """Estimate the separators of a ``join``, as a method of the separator or as a filter of the list."""
    pieces = args[0] if isinstance(value, str | bytes) and args else value
    separator = value if pieces is not value else args[0] if args else ""
    return _size(pieces) * _size(separator)


def _fields(value: object, _args: Sequence[object]) -> float:
    """Return infinity for a text with a field for ``%`` that is too wide."""
    return math.inf if _WIDE_FIELD.search(_as_text(value)) else 0


_ESTIMATES: Mapping[str, Callable[[object, Sequence[object]], float]] = {
    **dict.fromkeys(("center", "ljust", "rjust", "zfill", "to_bytes", "batch", "slice", "round", "tojson"), _width),
    **dict.fromkeys(("indent", "expandtabs"), _per_line),
    **dict.fromkeys(("wordwrap", "translate"), _per_character),
    "format": _fields,
    "join": _separators,
    "replace": _replaced,
}
"""Filters and methods of texts and numbers whose result may be much larger than the value, and their estimates."""


def _size(value: object) -> float:
    """Return a number as it is, the length of a text or a list, 0 for anything else."""
    if isinstance(value, int | float):
        return abs(value)
    return len(value) if isinstance(value, Sized) else 0


def _longest_text(value: object) -> float:
    values = value.values() if isinstance(value, Mapping) else [value]
    return max((len(text) for text in values if isinstance(text, str)), default=0)


def _as_text(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _checked(value: Any) -> Any:  # noqa: ANN401
    """Return a computed value. Raises ValueError if it is too long."""
    # An undefined value has a length in name only.
    if isinstance(value, Sized) and not isinstance(value, Undefined):
        _ensure_size(len(value))
    return value


def _ensure_size(size: float) -> None:
    if size > MAX_TEXT_LENGTH:
        raise ValueError(TOO_MUCH)


_WIDE_FIELD = re.compile(r"%(\([^)]*\))?[^a-zA-Z%]*(\*|\d{7})")


_WIDE_SPEC = re.compile(r"\d{7}")


def _is_too_much(operator: str, left: object, right: object) -> bool:
    if operator == "%":
        return isinstance(left, str | bytes) and _fields(left, ()) > 0
    if operator == "**":
        return isinstance(left, int | float) and isinstance(right, int | float) and _power(left, right) > MAX_NUMBER
    is_sized = isinstance(left, Sized) or isinstance(right, Sized)
    if operator == "+":
        return is_sized and _size(left) + _size(right) > MAX_TEXT_LENGTH
    return _size(left) * _size(right) > (MAX_TEXT_LENGTH if is_sized else MAX_NUMBER)


def _power(base: float, exponent: float) -> float:
    try:
        return math.pow(abs(base), exponent)
    except (OverflowError, ValueError):
        return MAX_NUMBER * 2
