"""The program around the command line: settings from .env, signals, and a last line before the exit."""

import os
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

from artistjobs.cli.group import EXIT_INTERRUPTED, EXIT_TERMINATED, cli
from artistjobs.errors import StoreError, WrongUseError

if TYPE_CHECKING:
    from collections.abc import Callable

    from dotenv.parser import Original


def _load_env_file() -> None:
    """Take settings from .env, where the environment does not have them already."""
    if not os.path.isfile(".env"):  # noqa: PTH113 - pathlib takes longer than all of this
        return
    from artistjobs.terminal.streams import print_message

    try:
        _take_env_file(print_message)
    except (OSError, UnicodeDecodeError) as error:
        print_message(f"artistjobs: .env cannot be read ({error}); mend or remove it.")
        sys.exit(WrongUseError.exit_code)


def _take_env_file(report_error: "Callable[[str], None]") -> None:
    import logging

    from dotenv import load_dotenv
    from dotenv.parser import parse_stream

    # It would say so line by line, each time the file is read.
    logging.getLogger("dotenv.main").disabled = True
    load_dotenv(".env")
    with open(".env", encoding="utf-8") as file:  # noqa: PTH123
        strange = [_line(binding.original) for binding in parse_stream(file) if binding.error]
    if strange:
        which = f"line {strange[0]}" if len(strange) == 1 else f"lines {', '.join(strange[:10])}"
        report_error(f"artistjobs: .env, {which}: passed over; write NAME=value, or # before a remark.")


def _line(place: "Original") -> str:
    """Return the number of the line; blank ones before it are part of what the parser calls its place."""
    before = place.string[: len(place.string) - len(place.string.lstrip())]
    return str(place.line + before.count("\n"))


def _terminate(_signal: int, _frame: object) -> NoReturn:
    from artistjobs.cli.console import same_command
    from artistjobs.terminal.streams import print_message

    print_message("terminated; go on with: " + same_command())
    sys.exit(EXIT_TERMINATED)


def main() -> None:
    """Run the program; it ends with SystemExit."""
    signal.signal(signal.SIGTERM, _terminate)
    # Without them Python has no streams at all, and nothing could be written anywhere.
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115, PTH123
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115, PTH123
    try:
        _load_env_file()
        cli(prog_name="artistjobs")
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)  # before any command had begun
    except OSError as error:
        from artistjobs.terminal.streams import print_message

        print_message(f"artistjobs: {error.strerror or error}; mend that and run the same command again.")
        sys.exit(StoreError.exit_code)
