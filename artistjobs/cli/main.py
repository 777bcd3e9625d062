"""Main function of the program: reads .env, handles SIGTERM, and reports errors outside of any command."""

import os
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

from artistjobs.api.core_dumps import limit_core_dumps
from artistjobs.cli.group import EXIT_INTERRUPTED, EXIT_TERMINATED, cli
from artistjobs.errors import StoreError, WrongUseError

if TYPE_CHECKING:
    from collections.abc import Callable

    from dotenv.parser import Original


def _load_env_file() -> None:
    """Load settings from .env into the environment; variables that are already set win."""
    if not os.path.isfile(".env"):  # noqa: PTH113 - importing pathlib takes longer than this whole function
        return
    from artistjobs.terminal.streams import print_message

    try:
        _take_env_file(print_message)
    except (OSError, UnicodeDecodeError) as error:
        print_message(f"artistjobs: .env cannot be read ({error}); fix or remove it.")
        sys.exit(WrongUseError.exit_code)


def _take_env_file(report_error: "Callable[[str], None]") -> None:
    import logging

    from dotenv import load_dotenv
    from dotenv.parser import parse_stream

    # dotenv would log a warning for each invalid line whenever it reads the file.
    logging.getLogger("dotenv.main").disabled = True
    load_dotenv(".env")
    with open(".env", encoding="utf-8") as file:  # noqa: PTH123
        strange = [_line(binding.original) for binding in parse_stream(file) if binding.error]
    if strange:
        which = f"line {strange[0]}" if len(strange) == 1 else f"lines {', '.join(strange[:10])}"
        report_error(f"artistjobs: .env, {which}: ignored; write NAME=value, or # before a comment.")


def _line(place: "Original") -> str:
    """Return the line number as text; the position that the parser reports includes blank lines before the line."""
    before = place.string[: len(place.string) - len(place.string.lstrip())]
    return str(place.line + before.count("\n"))


def _terminate(_signal: int, _frame: object) -> NoReturn:
    from artistjobs.cli.console import same_command
    from artistjobs.terminal.streams import print_message

    print_message("terminated; continue with: " + same_command())
    sys.exit(EXIT_TERMINATED)


def main() -> None:
    """Run the program. Raises SystemExit with the exit code."""
    signal.signal(signal.SIGTERM, _terminate)
    limit_core_dumps()
    # Python sets the streams to None if the process was started with closed descriptors.
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115, PTH123
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115, PTH123
    try:
        _load_env_file()
        cli(prog_name="artistjobs")
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)  # interrupted before a command started
    except OSError as error:
        from artistjobs.terminal.streams import print_message

        print_message(f"artistjobs: {error.strerror or error}; fix the cause and run the same command again.")
        sys.exit(StoreError.exit_code)
