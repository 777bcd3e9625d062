"""Settings of the file ``.env`` as defaults of the options that have an environment variable."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import click


def default_map(group: "click.Group", values: Mapping[str, str]) -> dict[str, object]:
    """Return the settings as defaults of the options of a group and its commands, by their environment variables."""
    if not values:
        return {}  # the modules of the commands are not imported
    defaults: dict[str, object] = dict(_defaults(group, values))
    for name, command in group.commands.items():
        defaults[name] = dict(_defaults(command, values))
    return defaults


def _defaults(command: "click.Command", values: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for param in command.params:
        if isinstance(param.envvar, str) and param.name and (value := values.get(param.envvar)):
            yield param.name, value
