"""Command ``init``: example files that work as they are, and never replace a file."""

import json
import stat

import pytest
from dotenv import dotenv_values

from artistjobs.commands.init import FILES


def test_the_example_files_work_as_they_are(cli, folder, monkeypatch):
    monkeypatch.delenv("OPENAI_PROMPT_ID")
    result = cli("init", "--json")
    rehearsed = cli("run", "artists.csv", "--prompt-file", "prompt.txt", "--rehearse", "--strict")

    assert json.loads(result.stdout) == {"folder": ".", "written": list(FILES), "kept": []}
    assert rehearsed.exit_code == 0
    assert "4 jobs: 4 done" in rehearsed.stderr


def test_the_comments_of_the_prompt_file_are_not_sent(cli, folder, monkeypatch):
    monkeypatch.delenv("OPENAI_PROMPT_ID")
    cli("init")

    shown = json.loads(cli("run", "artists.csv", "--prompt-file", "prompt.txt", "--dry-run", "--json").stdout)

    inputs = [request["input"].strip() for request in shown["requests"]]
    assert inputs[0] == "Write two sentences about Frida Kahlo.\nWhat we know: Mexican painter, born 1907"
    assert inputs[3] == "Write two sentences about Björk."


def test_an_existing_file_is_never_changed(cli, folder):
    (folder / "prompt.txt").write_text("mine")
    (folder / "artists.csv").symlink_to("nowhere.csv")

    result = cli("init")

    assert result.exit_code == 0
    assert (folder / "prompt.txt").read_text() == "mine"
    assert not (folder / "nowhere.csv").exists()
    assert "kept prompt.txt, which exists" in result.stderr
    assert (folder / ".env.example").exists()


def test_a_missing_folder_is_made_and_a_second_time_changes_nothing(cli, folder):
    cli("init", "new/project")
    before = {path.name: path.read_text() for path in (folder / "new/project").iterdir()}

    again = cli("init", "new/project", "--json")

    assert sorted(before) == sorted(FILES)
    assert json.loads(again.stdout)["written"] == []
    assert {path.name: path.read_text() for path in (folder / "new/project").iterdir()} == before


def test_a_file_in_the_place_of_the_folder_is_wrong_use(cli, folder):
    (folder / "taken").write_text("")

    assert cli("init", "taken").exit_code == 2


def test_a_folder_that_cannot_be_written_is_an_error_with_the_file(cli, folder, monkeypatch):
    (folder / "full").mkdir()
    (folder / "full" / "prompt.txt").symlink_to("x" * 300)  # exists for open("x")
    (folder / "full").chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        (folder / "full" / "probe").write_text("")
    except PermissionError:
        result = cli("init", "full")
        assert result.exit_code == 74
        assert ".env.example cannot be written" in result.stderr
    else:
        pytest.skip("this user may write everywhere")


def test_the_example_of_settings_has_only_names_that_are_read_and_no_value(cli):
    from artistjobs.library.env_file import OWN_NAMES, OWN_PREFIX

    text = FILES[".env.example"]
    names = [line.removeprefix("# ").partition("=")[0] for line in text.splitlines() if "=" in line]

    assert all(name in OWN_NAMES or name.startswith(OWN_PREFIX) for name in names)
    from io import StringIO

    assert dotenv_values(stream=StringIO(text)) == {"OPENAI_API_KEY": ""}
