"""Write the generated parts of the pages: what the program itself can say about its commands, tables, codes and names.

    python docs/generate.py

A part stands between ``<!-- generated: NAME -->`` and ``<!-- end -->``. A test fails if a page is not as this script
would write it. What the program cannot say, such as the meaning of a code, is in ``meanings.py``, which has to have an
entry for each name that the program has, and no other one.
"""

import re
import sqlite3
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

DOCS = Path(__file__).parent
sys.path[:0] = [str(DOCS.parent), str(DOCS)]

import click  # noqa: E402 - the modules of this project are found only now
import meanings  # noqa: E402

from artistjobs.cli import cli  # noqa: E402
from artistjobs.cli.exit_codes import EXIT_INTERRUPTED, EXIT_NO_READER, EXIT_TERMINATED  # noqa: E402
from artistjobs.cli.group import SECTIONS  # noqa: E402
from artistjobs.cli.help import GROUPS, OTHERS, PROGRAM  # noqa: E402
from artistjobs.commands.summary import _EXIT_CODES, EXIT_DONE, EXIT_SOME_FAILED  # noqa: E402
from artistjobs.core.bound import NAMES, REMEDIES, Bound  # noqa: E402
from artistjobs.errors import ArtistjobsError  # noqa: E402
from artistjobs.export.columns import CITATIONS, COLUMNS, COLUMNS_IN_FULL, WHOLE_PARTS, ExportColumn  # noqa: E402
from artistjobs.ingest.input_format import _ENDINGS, InputFormat  # noqa: E402
from artistjobs.library.env_file import ONLY_EXPORTED, OWN_NAMES  # noqa: E402
from artistjobs.rehearsal.scenarios import SCENARIOS  # noqa: E402
from artistjobs.store.migration_files import files_of  # noqa: E402
from artistjobs.store.sqlite.migrations import _statements  # noqa: E402

PART = re.compile(r"(<!-- generated: ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def main() -> None:
    for path in sorted(DOCS.glob("*.md")):
        before = path.read_text("utf-8")
        if (after := with_parts(before)) != before:
            path.write_text(after, "utf-8")
            print(path)


def with_parts(text: str) -> str:
    """Return the text of a page with its generated parts written anew."""
    return PART.sub(lambda found: f"{found[1]}\n{PARTS[found[2]]().strip()}\n\n{found[3]}", text)


def table(head: str, rows: Iterable[tuple[str, ...]]) -> str:
    """Return a Markdown table; the names of its columns are separated by bars."""
    names = head.split("|")
    lines = [f"| {' | '.join(cells)} |".replace("|  |", "| |") for cells in rows]
    return "\n".join([f"| {' | '.join(names)} |", "|---" * len(names) + "|", *lines]) + "\n"


def meant(names: Iterable[str], known: Mapping[str, str], what: str) -> Iterator[tuple[str, str]]:
    """Return each name with its meaning. Raises KeyError if one of the two has a name that the other lacks."""
    names = list(names)
    if differing := set(names) ^ set(known):
        raise KeyError(f"{what}: docs/meanings.py and the program differ in {sorted(differing)}")
    return ((name, known[name]) for name in names)


def marked(text: str) -> str:
    """Return a sentence of a help text in Markdown: options, templates and assignments are code."""
    text = re.sub(r"(?<![\w`-])(--[a-z][a-z-]*|\{\{ \w+ \}\}|[\w.]+=[@\w.]*\w)", r"`\1`", text)
    return re.sub(r"\s+", " ", text).replace("|", "\\|").strip()


# Commands


def commands() -> str:
    placed = [name for names in SECTIONS.values() for name in names]
    rest = tuple(name for name in cli.commands if name not in placed)
    sections = {**SECTIONS, "More": rest} if rest else SECTIONS
    overview = table("section|commands", ((title, links(names)) for title, names in sections.items()))
    return "\n".join([overview, *(of_command(name) for names in sections.values() for name in names)])


def links(names: Iterable[str]) -> str:
    return ", ".join(f"[{name}](#{name})" for name in names)


def of_command(name: str) -> str:
    command = cli.commands[name]
    context = click.Context(command, info_name=f"artistjobs {name}")
    usage = command.collect_usage_pieces(context)
    lines = [f"## {name}\n", *described(command.help or ""), f"Usage: `artistjobs {' '.join([name, *usage])}`\n"]
    return "\n".join([*lines, *options_of(command, context)])


def described(text: str) -> Iterator[str]:
    """Return the paragraphs of a help text; the example is a block, and so is tried by a test."""
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        line = re.sub(r"\s+", " ", paragraph).strip()
        if line.startswith("Example: "):
            yield f"```sh\n{line.removeprefix('Example: ')}\n```\n"
        else:
            yield marked(line).replace(". ", ".\n") + "\n"


def options_of(command: click.Command, context: click.Context) -> Iterator[str]:
    grouped: dict[str, list[click.Option]] = {name: [] for name in (*GROUPS, OTHERS)}
    for param in command.params:
        if isinstance(param, click.Option) and not (param.name or "").startswith("program_"):
            title = next((title for title, names in GROUPS.items() if param.name in names), OTHERS)
            grouped[title].append(param)
    for title, options in grouped.items():
        if options:
            yield option_table(title, options, context)


def option_table(title: str, options: Iterable[click.Option], context: click.Context) -> str:
    return table(f"{title}|meaning", (row_of(option, context) for option in options))


def row_of(option: click.Option, context: click.Context) -> tuple[str, str]:
    """Return the names of an option with its value, and its meaning with its default."""
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    is_choice = isinstance(option.type, click.Choice)
    if not is_choice and not option.is_flag:
        names += f" `{option.make_metavar(context)}`".replace("|", "\\|")
    text, _, default = (option.help or "").partition("[default:")
    facts = [marked(text)]
    if isinstance(option.type, click.Choice):
        facts.append("One of " + ", ".join(f"`{choice}`" for choice in option.type.choices) + ".")
    if default:
        facts.append(f"Default: {marked(default.rstrip('] '))}.")
    elif isinstance(option.default, int | str) and not isinstance(option.default, bool):
        facts.append(f"Default: {option.default}.")
    if option.envvar:
        facts.append(f"In the environment: `{option.envvar}`.")
    return names, " ".join(facts)


def program_options() -> str:
    context = click.Context(cli, info_name="artistjobs")
    return option_table(PROGRAM, [param for param in cli.params if isinstance(param, click.Option)], context)


# Environment


def variables() -> str:
    rows = [(f"`{name}`", users, "yes") for name, users in sorted(option_variables().items())]
    others = OWN_NAMES - option_variables().keys()
    known = dict(meant(sorted(others | ONLY_EXPORTED | meanings.OUTSIDE), meanings.VARIABLES, "variables"))
    rows += [(f"`{name}`", text, "yes" if name in OWN_NAMES else "no") for name, text in known.items()]
    return table("variable|meaning|read from `.env`", rows)


def option_variables() -> dict[str, str]:
    """Return the meaning of each variable that stands for an option."""
    users: dict[str, list[str]] = {}
    option_names: dict[str, str] = {}
    for name, command in [("", cli), *cli.commands.items()]:
        for param in command.params:
            if isinstance(param.envvar, str):
                option_names[param.envvar] = param.opts[0]
                users.setdefault(param.envvar, []).append(name)
    return {
        variable: f"`{option_names[variable]}` of " + (", ".join(names) if all(names) else "all commands")
        for variable, names in users.items()
    }


# Codes and formats


def exit_codes() -> str:
    reasons: dict[int, list[str]] = {}
    for reason, code in _EXIT_CODES.items():
        reasons.setdefault(code, []).append(f"`{reason.value}`")
    codes = {EXIT_DONE, EXIT_SOME_FAILED, EXIT_INTERRUPTED, EXIT_TERMINATED, EXIT_NO_READER, *reasons, *error_codes()}
    rows = meant(map(str, sorted(codes)), meanings.EXIT_CODES, "exit codes")
    return table("code|meaning|`stopped`", ((code, text, ", ".join(reasons.get(int(code), []))) for code, text in rows))


def error_codes() -> set[int]:
    return {error.exit_code for error in subclasses(ArtistjobsError)}


def subclasses(error: type[ArtistjobsError]) -> Iterator[type[ArtistjobsError]]:
    for subclass in error.__subclasses__():
        yield subclass
        yield from subclasses(subclass)


def scenarios() -> str:
    rows = meant(SCENARIOS, meanings.SCENARIOS, "scenarios")
    return table("scenario|simulates", ((f"`{name}`", text) for name, text in rows))


def input_formats() -> str:
    endings: dict[str, list[str]] = {}
    for ending, name in _ENDINGS.items():
        endings.setdefault(name, []).append(f"`{ending}`")
    rows = meant(list(InputFormat), meanings.INPUT_FORMATS, "input formats")
    return table(
        "format|file ending|`--input-format`",
        ((text, ", ".join(endings.get(name, ["any other"])), f"`{name}`") for name, text in rows),
    )


def export_columns() -> str:
    def names(columns: Iterable[ExportColumn]) -> str:
        return ", ".join(f"`{column.name}`" for column in columns)

    rows = [
        ("always", names(COLUMNS)),
        ("with `--full`", names(COLUMNS_IN_FULL)),
        ("with `--full`, where the request has tools", f"`{CITATIONS.name}`"),
        ("only if `--columns` names it", names(part for part in WHOLE_PARTS if part != CITATIONS)),
    ]
    return table("when|columns", rows)


def bounds() -> str:
    return table(
        "`bounded_by`|what kept the run from being faster|what helps",
        ((f"`{bound}`", NAMES[bound], marked(REMEDIES[bound])) for bound in Bound),
    )


# Tables


def tables() -> str:
    database = sqlite3.connect(":memory:")
    for file in files_of("sqlite"):
        for statement in _statements(file.read_text("utf-8")):
            database.execute(statement)
    kinds = dict(database.execute("SELECT name, type FROM sqlite_master WHERE type IN ('table', 'view')").fetchall())
    names = sorted(name for name in kinds if not name.startswith("sqlite_"))
    known = {f"{name}.{column[1]}" for name in names for column in columns_of(database, name)}
    if strange := meanings.COLUMNS.keys() - known:
        raise KeyError(f"docs/meanings.py explains columns that do not exist: {sorted(strange)}")
    explained = sorted(meant(names, meanings.TABLES, "tables"), key=lambda pair: kinds[pair[0]])
    return "\n".join(of_table(database, name, kinds[name], meaning) for name, meaning in explained)


def columns_of(database: sqlite3.Connection, name: str) -> list[tuple[object, ...]]:
    return database.execute(f"PRAGMA table_xinfo({name})").fetchall()


def of_table(database: sqlite3.Connection, name: str, kind: str, meaning: str) -> str:
    (sql,) = database.execute("SELECT sql FROM sqlite_master WHERE name = ?", (name,)).fetchone()
    targets = {row[3]: f"`{row[2]}`" for row in database.execute(f"PRAGMA foreign_key_list({name})")}
    rows = []
    for _, column, type_name, not_null, _, is_key, _ in columns_of(database, name):
        can_be_null = kind == "table" and not (not_null or is_key)
        shown = str(type_name).lower() + (", or null" if can_be_null else "")
        facts = [meanings.COLUMNS.get(f"{name}.{column}", ""), allowed(sql, str(column))]
        facts.append(f"id in {targets[column]}" if column in targets else "")
        rows.append((f"`{column}`", shown, "; ".join(fact for fact in facts if fact)))
    if kind == "view":
        rows = [(column, text) for column, _, text in rows]
        return f"## {name}, a view\n\n{meaning}\n\n" + table("column|meaning", rows)
    return f"## {name}\n\n{meaning}\n\n" + table("column|type|meaning", rows)


def allowed(sql: str, column: str) -> str:
    """Return the values that a check of the table allows for a column."""
    found = re.search(rf"\b{column}\s[^\n]*CHECK \({column} IN \((.*?)\)\)", sql, re.DOTALL)
    return ", ".join(f"`{value}`" for value in re.findall(r"'(\w+)'", found[1])) if found else ""


PARTS: dict[str, Callable[[], str]] = {
    "commands": commands,
    "global-options": program_options,
    "variables": variables,
    "exit-codes": exit_codes,
    "scenarios": scenarios,
    "bounds": bounds,
    "input-formats": input_formats,
    "export-columns": export_columns,
    "tables": tables,
}
"""The function that writes each part, by the name of the part."""


if __name__ == "__main__":
    main()
