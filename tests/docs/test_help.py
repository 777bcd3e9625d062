"""Help texts, completion, and options before and after the command."""

import json

import click
import pytest
from conftest import write_artists

from artistjobs.cli import cli as commands
from artistjobs.cli.help import GROUPS, Command


@pytest.mark.parametrize("name", list(commands.commands))
def test_every_command_has_a_short_help_and_an_example(cli, name):
    command = commands.commands[name]

    short = command.get_short_help_str(limit=62)

    assert isinstance(command, Command)
    assert not short.endswith("..."), short
    assert f"Example: artistjobs {name}" in cli(name, "--help").stdout


@pytest.mark.parametrize("name", ["run", "ingest", "work", "check"])
def test_options_are_grouped_and_each_is_listed_once(cli, name):
    text = cli(name, "--help").stdout
    own = [param for param in commands.commands[name].params if not isinstance(param, click.Argument)]

    shown = [param for param in own for line in text.splitlines() if line.startswith(f"  {param.opts[0]}")]
    assert {param.opts[0] for param in shown} == {param.opts[0] for param in own}
    assert "\nOther options:\n" not in text, "an option of no group; name it in GROUPS"
    assert [line[:-1] for line in text.splitlines() if line[:-1] in GROUPS] == [
        title for title in GROUPS if f"\n{title}:\n" in text
    ]


def test_all_commands_are_listed_once(cli):
    lines = cli("--help").stdout.splitlines()

    for name in commands.commands:
        assert sum(line.split()[:1] == [name] for line in lines) == 1, name


def test_the_program_without_a_command_shows_the_steps(cli):
    result = cli()

    assert result.exit_code == 0
    places = [result.stdout.index(f"artistjobs {step}") for step in ("ingest", "work", "status", "export", "run")]
    assert places == sorted(places)


def test_global_options_may_follow_the_command(cli, folder):
    write_artists(folder / "a.csv", 1)

    cli("run", "a.csv", "--db", "other.db", "-q", "--log-file", "run.log")
    status = cli("status", "--json", "--db", "other.db")

    assert sorted(path.suffix for path in folder.iterdir() if "lock" not in path.name) == [
        ".csv",
        ".db",
        ".jsonl",
        ".log",
    ]
    assert json.loads(status.stdout)["jobs"]["done"] == 1
    assert cli("--db", "elsewhere.db", "status", "--db", "other.db").exit_code == 0, "what stands after it wins"
    for both in (["-v", "status", "-q"], ["status", "-v", "-q"]):
        assert cli(*both).exit_code == 2


@pytest.mark.parametrize(
    ("typed", "meant"), [("wrok", "work"), ("fialures", "failures"), ("stats", "status"), ("shwo", "show")]
)
def test_a_misspelt_command_gets_the_right_one_suggested(cli, typed, meant):
    assert f"'{meant}'" in cli(typed).stderr


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("--rehearse run a.csv", "--rehearse goes after the command: artistjobs run --rehearse"),
        ("--watch status", "--watch goes after the command: artistjobs status --watch"),
        ("--limit 3", "--limit goes after the command: artistjobs run --limit"),
        ("--verbos status", "No such option '--verbos'"),
    ],
)
def test_an_option_of_a_command_before_it_is_refused_with_its_place(cli, typed, meant):
    result = cli(*typed.split())

    assert result.exit_code == 2
    assert meant in result.stderr


def test_a_scenario_after_rehearse_is_refused_with_the_right_option(cli):
    wrong = cli("run", "a.csv", "--rehearse=busy")

    assert wrong.exit_code == 2
    assert "--scenario busy" in wrong.stderr


def test_the_help_names_the_values_of_an_option(cli):
    for name in commands.commands:
        assert " INTEGER" not in cli(name, "--help").stdout, name
    assert "retry [OPTIONS] [JOB]" in cli("retry", "--help").stdout


@pytest.mark.parametrize(
    ("shell", "environment"),
    [
        ("bash", {"COMP_WORDS": "artistjobs fai", "COMP_CWORD": "1"}),
        ("zsh", {"COMP_WORDS": "artistjobs fai", "COMP_CWORD": "1"}),
        ("fish", {"COMP_WORDS": "artistjobs fai", "COMP_CWORD": "fai"}),
    ],
)
def test_completion_suggests_commands_and_options(program, shell, environment):
    import subprocess
    import sys

    script = "import sys; sys.argv = ['artistjobs']; from artistjobs.cli import main; main()"
    environment = program.environment | environment | {"_ARTISTJOBS_COMPLETE": f"{shell}_complete"}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)

    assert "failures" in done.stdout
