"""Arguments of the Python API: their types, and their conversion to the options of the command line.

Each argument has the name of its option, and the values that the option takes, as Python values.
"""

import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, Literal, TypeAlias, TypedDict, get_args

from artistjobs.core.json_values import Json
from artistjobs.errors import WrongUseError

StrPath: TypeAlias = str | os.PathLike[str]


Scenario = Literal[
    "calm", "busy", "storm", "outage", "no-credit", "background-storm", "batch-calm", "batch-storm", "batch-expires",
    "batch-queue-full",
]  # fmt: skip


InputFormatName = Literal["csv", "tsv", "semicolon", "jsonl", "xlsx", "parquet"]


ExportFormatName = Literal["jsonl", "csv", "tsv", "parquet"]


Tier = Literal["auto", "default", "flex", "priority"]


Window = Literal["2h", "8h"]


AUTO: Final = "auto"
"""Value of max_workers with which a run finds the number of calls in flight."""


MAX_COUNT: Final = 2**53
"""Maximum of a count, as on the command line."""


MAX_SECONDS: Final = 10**9
"""Maximum of a time in seconds, as on the command line."""


class IngestArguments(TypedDict, total=False):
    """Arguments about the input file, the prompt and the request, each as the option of the same name.

    ``prompt`` is the text of a template, ``prompt_file`` a file with one. ``columns`` maps ``artist_name`` and
    ``artist_data`` to columns of the file. ``params`` are further fields of the request, ``schema`` is a file with a
    JSON Schema or the schema itself.
    """

    input_format: InputFormatName
    columns: Mapping[str, str]
    encoding: str
    strict: bool
    prompt: str
    prompt_file: StrPath
    prompt_id: str
    prompt_version: str
    variables: Sequence[str]
    instructions_file: StrPath
    model: str
    params: Mapping[str, Json]
    schema: StrPath | Mapping[str, Json]
    service_tier: Tier
    store: bool
    metadata: Mapping[str, str]


class WorkArguments(TypedDict, total=False):
    """Arguments about calls, limits and cost, each as the option of the same name.

    ``timeout`` and ``patience`` are in seconds, ``live_after`` in hours. ``max_cost`` is in dollars, ``price_input``
    and ``price_output`` in dollars per million tokens, and ``warn_cost`` is a share of ``max_cost`` from 0 to 1.
    """

    max_workers: int | Literal["auto"]
    processes: int
    max_attempts: int
    corrections: int
    timeout: float
    rpm: int
    tpm: int
    max_cost: float
    soft_cap: bool
    price_input: float
    price_output: float
    flex_fallback: int
    warn_cost: float
    limit: int
    sample: bool
    patience: float
    retry_failed: bool
    background: bool
    window: Window
    batch: bool
    no_wait: bool
    live_after: float


class RunArguments(IngestArguments, WorkArguments, total=False):
    """Arguments of ``Database.run``: those of an ingest and those of work."""


State = Literal["done", "failed", "all"]


class ExportArguments(TypedDict, total=False):
    """Choice of finished jobs: by state, ``done`` if it is left out, by ingest, which may be ``latest``, and by prompt.

    ``full`` adds usage, cost and the whole response to each record.
    """

    state: State
    ingest: int | Literal["latest"] | None
    prompt: int | None
    full: bool


Options: TypeAlias = dict[str, object]
"""Options under the names of the command line, all of them, None for one that was not given."""


Convert: TypeAlias = Callable[[str, object], object]
"""Returns the value of an option for the value of an argument with its name. Raises WrongUseError if it is none."""


INGEST_DEFAULTS: Final[Mapping[str, object]] = {
    "file": None, "input_file": None, "input_format": None, "columns": (), "encoding": None, "strict": False,
    "template": None, "prompt_id": None, "prompt_file": None, "instructions_file": None, "prompt_version": None,
    "variables": (), "model": None, "params": (), "schema": None, "service_tier": None, "store": None, "metadata": (),
}  # fmt: skip
"""Options of an ingest that were not given, as on the command line; ``template`` is only here."""


WORK_DEFAULTS: Final[Mapping[str, object]] = {
    "max_workers": AUTO, "processes": 1, "max_attempts": 5, "corrections": 1, "timeout": None, "rpm": None, "tpm": None,
    "max_cost": None, "soft_cap": False, "price_input": None, "price_output": None, "flex_fallback": None,
    "warn_cost": None, "limit": None, "sample": False, "patience": None, "retry_failed": False, "background": False,
    "window": None, "uses_batches": False, "no_wait": False, "live_after": None,
}  # fmt: skip
"""Options of work that were not given, as on the command line."""


def options_of(arguments: Mapping[str, object], defaults: Mapping[str, object]) -> Options:
    """Return the options for the arguments of a call; None stands for an argument that was not given.

    Raises:
        TypeError: if there is no argument of that name.
        WrongUseError: if a value cannot be used.

    """
    options = dict(defaults)
    for name, value in arguments.items():
        option = _OPTION_NAMES.get(name, name)
        if name not in _CONVERT or option not in defaults:
            raise TypeError(f"there is no argument {name!r}; use one of {', '.join(sorted(_names(defaults)))}")
        if value is not None:
            options[option] = _CONVERT[name](name, value)
    if isinstance(schema := options.get("schema"), str):  # a schema itself, as an assignment
        options["schema"] = None
        options["params"] = (*_texts_of(options["params"]), schema)
    return options


def seconds_of(name: str, value: object) -> float:
    """Return the value of an argument in seconds. Raises WrongUseError if it cannot be used."""
    return _SECONDS(name, value)


def _names(defaults: Mapping[str, object]) -> list[str]:
    return [name for name in _CONVERT if _OPTION_NAMES.get(name, name) in defaults]


def _texts_of(value: object) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else ()


def _fail(name: str, value: object, remedy: str) -> WrongUseError:
    return WrongUseError(f"{name} cannot be {value!r:.100}; use {remedy}.")


def _text(name: str, value: object) -> str:
    if not isinstance(value, str) or not value:
        raise _fail(name, value, "a text")
    return value


def _flag(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise _fail(name, value, "True or False")
    return value


def _path(name: str, value: object) -> Path:
    if not isinstance(value, str | os.PathLike) or not value:
        raise _fail(name, value, "the path of a file")
    return Path(value)


def _count(minimum: int) -> Convert:
    def convert(name: str, value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not minimum <= value <= MAX_COUNT:
            raise _fail(name, value, f"a whole number from {minimum} to {MAX_COUNT}")
        return value

    return convert


def _number(minimum: float, maximum: float, remedy: str, *, is_open: bool = False) -> Callable[[str, object], float]:
    def convert(name: str, value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not minimum <= value <= maximum:
            raise _fail(name, value, remedy)
        if not math.isfinite(value) or (is_open and value == minimum):
            raise _fail(name, value, remedy)
        return float(value)

    return convert


def _choice(choices: Sequence[str]) -> Convert:
    def convert(name: str, value: object) -> str:
        if value not in choices:
            raise _fail(name, value, " or ".join(choices))
        return str(value)

    return convert


def _names_given(name: str, value: object) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise _fail(name, value, "a list of names")
    return tuple(_text(name, one) for one in value)


def _pairs(name: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, Mapping) or not all(isinstance(one, str) for pair in value.items() for one in pair):
        raise _fail(name, value, "a dictionary of texts")
    if bad := next((key for key in value if "=" in key), None):
        raise _fail(name, bad, "keys without =")
    return tuple(f"{key}={text}" for key, text in value.items())


def _fields(name: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, Mapping):
        raise _fail(name, value, "a dictionary of fields of the request")
    return tuple(f"{key}={_json(name, field)}" for key, field in value.items())


def _schema(name: str, value: object) -> Path | str:
    return f"text.format={_json(name, value)}" if isinstance(value, Mapping) else _path(name, value)


def _json(name: str, value: object) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise _fail(name, value, f"values that JSON has ({error})") from error


_ONE_OR_MORE, _ZERO_OR_MORE = _count(1), _count(0)


def _workers(name: str, value: object) -> object:
    return AUTO if value == AUTO else _ONE_OR_MORE(name, value)


_USD = _number(0, math.inf, "an amount in dollars")


_SECONDS = _number(0, MAX_SECONDS, "a number of seconds")


_TIME = _number(0, MAX_SECONDS, "a time above 0", is_open=True)


_OPTION_NAMES: Final = {"prompt": "template", "batch": "uses_batches"}
"""Options with another name than the argument."""


_CONVERT: Final[Mapping[str, Convert]] = {
    "input_format": _choice(get_args(InputFormatName)),
    "columns": _pairs,
    "encoding": _text,
    "strict": _flag,
    "prompt": _text,
    "prompt_file": _path,
    "prompt_id": _text,
    "prompt_version": _text,
    "variables": _names_given,
    "instructions_file": _path,
    "model": _text,
    "params": _fields,
    "schema": _schema,
    "service_tier": _choice(get_args(Tier)),
    "store": _flag,
    "metadata": _pairs,
    "max_workers": _workers,
    "processes": _ONE_OR_MORE,
    "max_attempts": _ONE_OR_MORE,
    "corrections": _ZERO_OR_MORE,
    "timeout": _TIME,
    "rpm": _ONE_OR_MORE,
    "tpm": _ONE_OR_MORE,
    "max_cost": _USD,
    "soft_cap": _flag,
    "price_input": _USD,
    "price_output": _USD,
    "flex_fallback": _ONE_OR_MORE,
    "warn_cost": _number(0, 1, "a share above 0 and up to 1", is_open=True),
    "limit": _ONE_OR_MORE,
    "sample": _flag,
    "patience": _SECONDS,
    "retry_failed": _flag,
    "background": _flag,
    "window": _choice(get_args(Window)),
    "batch": _flag,
    "no_wait": _flag,
    "live_after": _TIME,
}
"""Conversion of each argument."""
