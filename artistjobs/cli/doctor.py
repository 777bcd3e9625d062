"""Command ``doctor``: examines this machine, the environment and a database before something goes wrong."""

import click
from click.exceptions import Exit

from artistjobs.cli.help import command
from artistjobs.cli.options import Settings


@command()
@click.option("--deep", is_flag=True, help="Read the whole database and check its integrity.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def doctor(settings: Settings, /, *, deep: bool, as_json: bool) -> None:
    """Examine this machine, the environment and the database.

    Shows versions, the file system, locks, disk, file handles, clock, proxy, TLS, .env and the database, each as
    ok, warn or fail with the remedy. It sends nothing and needs no key; no secret is shown.

    Example: artistjobs doctor --deep
    """
    from artistjobs.cli.options import chosen_database
    from artistjobs.commands.doctor import diagnose, doctor_json, doctor_lines
    from artistjobs.core.findings import exit_code_of
    from artistjobs.library.api_environment import environment_of
    from artistjobs.terminal.streams import print_json, print_result

    findings = diagnose(chosen_database(settings), environment_of(settings.env_file), deep=deep)
    if as_json:
        print_json(doctor_json(findings))
    else:
        print_result("\n".join(doctor_lines(findings)))
    raise Exit(exit_code_of(findings))
