"""The commands that act on workers that run already, from another terminal: pause, resume, set."""

import click

from artistjobs.cli.help import command
from artistjobs.cli.options import POSITIVE, USD, Settings


class _OrNone(click.ParamType[str | float]):
    """What another type takes, or ``none`` to take a limit away."""

    def __init__(self, kind: click.ParamType[float], *, zero_is_none: bool) -> None:
        self.name = f"{kind.name}|none"
        self._kind = kind
        self._none = {"none", "0"} if zero_is_none else {"none"}

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str | float:
        """Return the number, or the word none: to click, None is what was not given."""
        return "none" if str(value).lower() in self._none else float(self._kind.convert(value, param, ctx))


_LIMIT, _CAP = _OrNone(POSITIVE, zero_is_none=True), _OrNone(USD, zero_is_none=False)


@command()
@click.pass_obj
def pause(settings: Settings) -> None:
    """Have running workers make no new call until `resume`.

    Calls in flight finish, and are stored.

    The database is paused until `resume`: who begins to work meanwhile waits, and says so.

    Example: artistjobs pause
    """
    from artistjobs.cli.options import existing_database_option
    from artistjobs.commands.control import pause_workers
    from artistjobs.terminal.escape import escape_controls
    from artistjobs.terminal.streams import print_message

    with existing_database_option(settings).open() as store:
        print_message(escape_controls(pause_workers(store)))


@command()
@click.pass_obj
def resume(settings: Settings) -> None:
    """Undo `pause`: workers that wait make calls again.

    Example: artistjobs resume
    """
    from artistjobs.cli.options import existing_database_option
    from artistjobs.commands.control import resume_workers
    from artistjobs.terminal.escape import escape_controls
    from artistjobs.terminal.streams import print_message

    with existing_database_option(settings).open() as store:
        print_message(escape_controls(resume_workers(store)))


@command(name="set")
@click.option("--max-workers", type=POSITIVE, metavar="N", help="Calls in flight at most, for each `work` or `run`.")
@click.option("--rpm", type=_LIMIT, metavar="N|none", help="Requests a minute; none: what the API says.")
@click.option("--tpm", type=_LIMIT, metavar="N|none", help="Tokens a minute; none: what the API says.")
@click.option("--max-cost", type=_CAP, metavar="USD|none", help="Stop before all that is spent could pass this.")
@click.pass_obj
def tune(settings: Settings, /, **options: float | str | None) -> None:
    """Have running workers work otherwise, within a second.

    It is said to all workers that run now. One that starts later goes by its own options.

    Example: artistjobs set --max-workers 64 --max-cost none
    """
    from artistjobs.cli.options import existing_database_option
    from artistjobs.commands.control import tune_workers
    from artistjobs.core.controls import Control
    from artistjobs.terminal.escape import escape_controls
    from artistjobs.terminal.streams import print_message

    names = {"max_workers": Control.MAX_WORKERS, "rpm": Control.RPM, "tpm": Control.TPM, "max_cost": Control.MAX_COST}
    arguments = {names[name]: value for name, value in options.items() if value is not None}
    with existing_database_option(settings).open() as store:
        values = {control: None if isinstance(value, str) else value for control, value in arguments.items()}
        print_message(escape_controls(tune_workers(store, values)))
