"""Packages that only some input formats need."""

import shlex
import sys
from importlib.util import find_spec

from artistjobs.errors import WrongUseError


def ensure_package(what: str, package: str) -> None:
    """Raise WrongUseError with the command that installs a package, if it is not installed."""
    if find_spec(package.replace("-", "_")) is None:
        python = shlex.quote(sys.executable)
        raise WrongUseError(f"{what} need the package {package}; install it with: {python} -m pip install {package}")
