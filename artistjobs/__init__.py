"""One prompt, many artists: ask the OpenAI Responses API about every row of a file.

The Python API: ``Database`` has the commands of the program as methods, and the exceptions are those of ``errors``.
What is in ``__all__`` follows Semantic Versioning together with the command line; all other modules are internal.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from artistjobs.errors import (
        ArtistjobsError,
        InputError,
        NoDatabaseError,
        OutputError,
        PromptError,
        RunStoppedError,
        ServiceAwayError,
        StoreError,
        WrongUseError,
    )
    from artistjobs.library.database import Database
    from artistjobs.library.results import DatabaseStatus, IngestSummary, JobCounts, RunSummary

__version__ = "0.2.0"


__all__ = [
    "ArtistjobsError",
    "Database",
    "DatabaseStatus",
    "IngestSummary",
    "InputError",
    "JobCounts",
    "NoDatabaseError",
    "OutputError",
    "PromptError",
    "RunStoppedError",
    "RunSummary",
    "ServiceAwayError",
    "StoreError",
    "WrongUseError",
    "__version__",
]


_RESULTS = frozenset({"DatabaseStatus", "IngestSummary", "JobCounts", "RunSummary"})


def __getattr__(name: str) -> object:
    """Import a public name when it is used, so that the import of a submodule, as for ``--help``, stays fast."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    place = "library.database" if name == "Database" else "library.results" if name in _RESULTS else "errors"
    value: object = getattr(import_module(f"{__name__}.{place}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the public names."""
    return sorted(__all__)
