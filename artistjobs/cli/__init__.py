"""Command line interface, built with click; the only room that imports click.

There is one module for each command, and ``control`` for pause, resume and set. A command parses its arguments, calls
one function of ``commands`` or another room, prints the result and sets the exit code. ``options``, ``arguments``,
``prompt`` and ``params`` parse, ``help`` and ``group`` format the help, ``main`` wraps the program. The work itself is
in ``commands`` and below. May import every room except ``__main__``; nothing but ``__main__`` imports ``cli``.

Commands import expensive modules inside their functions, so that ``--help`` and shell completion are fast.
"""

from artistjobs.cli.browse import browse
from artistjobs.cli.check import check
from artistjobs.cli.control import pause, resume, tune
from artistjobs.cli.export import export
from artistjobs.cli.failures import failures
from artistjobs.cli.group import cli
from artistjobs.cli.ingest import ingest
from artistjobs.cli.main import main
from artistjobs.cli.report import report
from artistjobs.cli.retry import retry
from artistjobs.cli.run import run
from artistjobs.cli.show import show_job
from artistjobs.cli.status import status
from artistjobs.cli.work import work

__all__ = ["cli", "main"]


for command in (
    check,
    ingest,
    work,
    run,
    export,
    status,
    failures,
    show_job,
    retry,
    report,
    browse,
    pause,
    resume,
    tune,
):
    cli.add_command(command)
