"""Command line interface, built with click; the only room that imports click.

There is one module for each command, and ``control`` for pause, resume and set. A command parses its arguments, calls
one function of ``commands`` or another room, prints the result and sets the exit code. ``options``, ``arguments``,
``prompt`` and ``params`` parse, ``help`` and ``group`` format the help, ``main`` wraps the program. The work itself is
in ``commands`` and below. May import every room except ``__main__``; nothing but ``__main__`` imports ``cli``.

``group`` lists the commands and imports the module of a command only when it is used. Commands import expensive
modules inside their functions. Both keep ``--help`` and shell completion fast.
"""

from artistjobs.cli.group import cli
from artistjobs.cli.main import main

__all__ = ["cli", "main"]
