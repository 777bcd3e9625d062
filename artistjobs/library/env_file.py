"""Settings from the file ``.env`` in the working directory.

The file may have come with somebody else's folder. So only the settings of this program are read from it, as they are
written and without interpolation, and none of them is put into the environment, which child processes inherit.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from artistjobs.errors import WrongUseError

if TYPE_CHECKING:
    from dotenv.parser import Binding

PATH = ".env"


MAX_BYTES = 1 << 20
"""Maximum size of the file. A larger one is another file by mistake."""


OWN_NAMES = frozenset(
    {
        "OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_PROMPT_ID",
    }
)  # fmt: skip
"""Names that are read, besides all that begin with ``OWN_PREFIX``."""


OWN_PREFIX = "ARTISTJOBS_"


ONLY_EXPORTED = frozenset(
    {"ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "OPENAI_CUSTOM_HEADERS", "SSL_CERT_DIR", "SSL_CERT_FILE"}
)
"""Names that have an effect in the environment. They are not read from the file, because they redirect calls."""


@dataclass(frozen=True, slots=True)
class EnvFile:
    """Settings of a file; ``ignored`` holds the names in it that are read from the environment only."""

    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    ignored: tuple[str, ...] = ()


NO_ENV_FILE = EnvFile()


def read_env_file(report: Callable[[str], None]) -> EnvFile:
    """Return the settings of the file, empty if there is none; lines that are no settings are passed to ``report``.

    Raises:
        WrongUseError: if the file cannot be read or is not UTF-8 text.

    """
    if not os.path.isfile(PATH):  # noqa: PTH113 - importing pathlib takes longer than this whole function
        return NO_ENV_FILE
    from io import StringIO

    from dotenv.parser import parse_stream

    bindings = list(parse_stream(StringIO(_text(_content()))))
    if strange := [_line(binding) for binding in bindings if binding.error]:
        which = f"line {strange[0]}" if len(strange) == 1 else f"lines {', '.join(strange[:10])}"
        report(f"{PATH}, {which}: ignored; write NAME=value, or # before a comment.")
    found = {binding.key: binding.value for binding in bindings if binding.key and binding.value is not None}
    own = {name: value for name, value in found.items() if name in OWN_NAMES or name.startswith(OWN_PREFIX)}
    return EnvFile(own, tuple(sorted(name for name in found if name.upper() in ONLY_EXPORTED)))


def _content() -> bytes:
    try:
        with open(PATH, "rb") as file:  # noqa: PTH123
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise WrongUseError(f"{PATH} cannot be read ({error.strerror or error}); fix or remove it.") from error
    if len(content) > MAX_BYTES:
        raise WrongUseError(f"{PATH} is larger than 1 MiB, so it is no file of settings; fix or remove it.")
    return content


def _text(content: bytes) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise WrongUseError(f"{PATH} is not UTF-8 text; save it as UTF-8, or remove it.") from error
    if "\0" in text:
        raise WrongUseError(f"{PATH} has NUL characters, so it is UTF-16 or damaged; save it as UTF-8, or remove it.")
    return text


def _line(binding: "Binding") -> str:
    """Return the line number as text; the position that the parser reports includes blank lines before the line."""
    text = binding.original.string
    before = text[: len(text) - len(text.lstrip())]
    return str(binding.original.line + before.count("\n"))
