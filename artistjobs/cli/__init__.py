"""The command line: it parses, calls one function, says what came of it and sets the exit code.

What is heavy is imported by the commands that need it, so that ``--help`` and completion are quick.
"""

from artistjobs.cli.answers import export
from artistjobs.cli.ask import check, ingest, run, work
from artistjobs.cli.control import pause, resume, tune
from artistjobs.cli.dossier import show_job
from artistjobs.cli.group import cli
from artistjobs.cli.look import status
from artistjobs.cli.mend import failures, retry
from artistjobs.cli.program import main
from artistjobs.cli.show import browse, report

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
