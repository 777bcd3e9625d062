"""Main function of the program: reads .env, handles SIGTERM, and reports errors outside of any command."""

import os
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

from artistjobs.cli.group import EXIT_INTERRUPTED, EXIT_NO_READER, EXIT_TERMINATED, cli, print_error
from artistjobs.errors import OutputError, StoreError, WrongUseError

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
    _open_streams()
    code: str | int | None = 0
    try:
        _load_env_file()
        cli(prog_name="artistjobs")
    except SystemExit as end:
        code = end.code
    except KeyboardInterrupt:
        code = EXIT_INTERRUPTED  # interrupted before a command started
    except OutputError as error:
        code = error.exit_code
        print_error(error)
    except OSError as error:
        from artistjobs.terminal.streams import print_message

        print_message(f"artistjobs: {error.strerror or error}; fix the cause and run the same command again.")
        code = StoreError.exit_code
    sys.exit(_flushed(code))


def _open_streams() -> None:
    # Python sets the streams to None if the process was started with closed descriptors.
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115, PTH123
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123
        return
    from artistjobs.terminal.complete_writer import complete_stdout

    sys.stdout = complete_stdout()


def _flushed(code: str | int | None) -> str | int | None:
    """Flush stdout and return the exit code, which is another one if that fails."""
    if code in (EXIT_INTERRUPTED, EXIT_TERMINATED):
        # The user does not wait for a reader that has stopped reading.
        _forget_stdout()
        return code
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _forget_stdout()
        return EXIT_NO_READER
    except OutputError as error:
        print_error(error)
        return error.exit_code
    return code


def _forget_stdout() -> None:
    from artistjobs.terminal.streams import forget_stdout

    forget_stdout()
