"""Main function of the program: reads .env, handles SIGTERM, and reports errors outside of any command."""

import os
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

from artistjobs.api.core_dumps import limit_core_dumps
from artistjobs.cli.env_defaults import default_map
from artistjobs.cli.exit_codes import EXIT_INTERRUPTED, EXIT_NO_READER, EXIT_TERMINATED
from artistjobs.cli.group import cli, print_error
from artistjobs.errors import OutputError, StoreError, WrongUseError
from artistjobs.library.env_file import NO_ENV_FILE, EnvFile, read_env_file

if TYPE_CHECKING:
    from collections.abc import Sequence


COMPLETE = "_ARTISTJOBS_COMPLETE"
"""Environment variable with which a shell asks for completions."""


def _env_file() -> EnvFile:
    """Return the settings of .env, none if only help is asked for. Ends the program if the file cannot be read."""
    if _asks_for_help(sys.argv[1:]):
        return NO_ENV_FILE
    from artistjobs.terminal.streams import print_message

    try:
        return read_env_file(lambda sentence: print_message(f"artistjobs: {sentence}"))
    except WrongUseError as error:
        print_message(f"artistjobs: {error}")
        sys.exit(error.exit_code)


def _asks_for_help(arguments: "Sequence[str]") -> bool:
    """Return True if the program prints only help, its version, or a shell completion."""
    is_help = not arguments or arguments[0] == "--version" or not {"-h", "--help"}.isdisjoint(arguments)
    return is_help or COMPLETE in os.environ


def _terminate(_signal: int, _frame: object) -> NoReturn:
    from artistjobs.cli.console import same_command
    from artistjobs.terminal.streams import print_message

    print_message("terminated; continue with: " + same_command())
    sys.exit(EXIT_TERMINATED)


def main() -> None:
    """Run the program. Raises SystemExit with the exit code."""
    signal.signal(signal.SIGTERM, _terminate)
    limit_core_dumps()
    _open_streams()
    code: str | int | None = 0
    try:
        env_file = _env_file()
        cli(prog_name="artistjobs", obj=env_file, default_map=default_map(cli, env_file.values))
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
