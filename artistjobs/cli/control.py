"""Commands ``pause``, ``resume`` and ``set``: control of running workers from another terminal."""

import click

from artistjobs.cli.help import command
from artistjobs.cli.options import POSITIVE, USD, Settings


class _OrNone(click.ParamType[str | float]):
    """Parameter type that accepts the values of another type, and ``none`` to remove a limit."""

    def __init__(self, kind: click.ParamType[float], *, zero_is_none: bool) -> None:
        self.name = f"{kind.name}|none"
        self._kind = kind
        self._none = {"none", "0"} if zero_is_none else {"none"}

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str | float:
        """Return the number or the word "none"; click uses None for an option that is not given."""
        return "none" if str(value).lower() in self._none else float(self._kind.convert(value, param, ctx))


_LIMIT, _CAP = _OrNone(POSITIVE, zero_is_none=True), _OrNone(USD, zero_is_none=False)


@command()
@click.pass_obj
def pause(settings: Settings) -> None:
    """Pause running workers: no new calls until `resume`.

    Calls in flight finish and are stored.

    The pause applies to the database: a worker that starts meanwhile reports it and waits.

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
    """End a pause: workers make calls again.

    Example: artistjobs resume
    """
    from artistjobs.cli.options import existing_database_option
    from artistjobs.commands.control import resume_workers
    from artistjobs.terminal.escape import escape_controls
    from artistjobs.terminal.streams import print_message

    with existing_database_option(settings).open() as store:
        print_message(escape_controls(resume_workers(store)))


@command(name="set")
@click.option("--max-workers", type=POSITIVE, metavar="N", help="Maximum calls in flight of each `work` or `run`.")
@click.option("--rpm", type=_LIMIT, metavar="N|none", help="Requests per minute; none: limit of the API.")
@click.option("--tpm", type=_LIMIT, metavar="N|none", help="Tokens per minute; none: limit of the API.")
@click.option("--max-cost", type=_CAP, metavar="USD|none", help="Stop before the total cost could exceed this amount.")
@click.pass_obj
def tune(settings: Settings, /, **options: float | str | None) -> None:
    """Change settings of running workers, within a second.

    The change applies to all workers that are running now. A worker that starts later uses its own options.

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
