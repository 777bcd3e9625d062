"""The program around the command line: settings from .env, signals, and a last line before the exit."""

import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

from artistjobs.cli.group import EXIT_INTERRUPTED, cli
from artistjobs.errors import StoreError, WrongUseError

EXIT_TERMINATED = 143


def _load_env_file() -> None:
    """Take settings from .env, where the environment does not have them already."""
    if not Path(".env").is_file():
        return
    from dotenv import load_dotenv

    from artistjobs.stdio import say

    try:
        load_dotenv(".env")
    except (OSError, UnicodeDecodeError) as error:
        say(f"artistjobs: .env cannot be read ({error}); mend or remove it.")
        sys.exit(WrongUseError.exit_code)


def _terminate(_signal: int, _frame: object) -> NoReturn:
    from artistjobs.stdio import same_command, say

    say("terminated; go on with: " + same_command())
    sys.exit(EXIT_TERMINATED)


def main() -> None:
    """Run the program; never returns."""
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
        from artistjobs.stdio import say

        say(f"artistjobs: {error.strerror or error}; mend that and run the same command again.")
        sys.exit(StoreError.exit_code)
