"""The command line: it parses, calls one function, says what came of it and sets the exit code.

What is heavy is imported by the commands that need it, so that ``--help`` and completion are quick.
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
