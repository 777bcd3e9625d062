"""The files for other people's tools can be read by them, and name only what exists."""

import ast
import re
import subprocess
import tomllib

import pytest
import yaml
from paths import ROOT

import artistjobs
from artistjobs.cli.group import cli as program

YAML = sorted([*(ROOT / ".github").rglob("*.yml"), ROOT / ".pre-commit-config.yaml", ROOT / "CITATION.cff"])


def text_of(name: str) -> str:
    return (ROOT / name).read_text()


@pytest.mark.parametrize("path", YAML, ids=lambda path: path.name)
def test_each_yaml_file_is_a_mapping_without_repeated_keys(path):
    class Strict(yaml.SafeLoader):
        pass

    def mapping(loader, node):
        keys = [loader.construct_object(key) for key, _ in node.value]
        assert len(keys) == len(set(keys)), (path, keys)
        return yaml.SafeLoader.construct_mapping(loader, node, deep=True)

    Strict.add_constructor("tag:yaml.org,2002:map", mapping)

    assert isinstance(yaml.load(path.read_text(), Strict), dict)


def test_ci_calls_the_script_on_both_systems_with_every_python_that_is_supported():
    workflow = yaml.safe_load(text_of(".github/workflows/ci.yml"))
    job = workflow["jobs"]["checks"]
    project = tomllib.loads(text_of("pyproject.toml"))["project"]

    assert job["strategy"]["matrix"] == {
        "system": ["ubuntu-latest", "macos-latest"],
        "python": ["3.11", "3.12", "3.13", "3.14"],
    }
    assert project["requires-python"] == ">=3.11"
    assert job["steps"][-1] == {"run": "bash .ci/run"}
    assert (ROOT / ".ci" / "run").is_file()


def test_workflows_may_only_read_except_for_the_job_that_publishes():
    for path in (ROOT / ".github" / "workflows").iterdir():
        workflow = yaml.safe_load(path.read_text())
        assert workflow["permissions"] == {"contents": "read"}
        extra = {name: job["permissions"] for name, job in workflow["jobs"].items() if "permissions" in job}
        assert extra == ({"publish": {"id-token": "write"}} if path.name == "release.yml" else {})
        assert "secrets." not in path.read_text()


def test_the_release_workflow_is_the_one_that_the_documentation_describes():
    workflow, text = yaml.safe_load(text_of(".github/workflows/release.yml")), text_of("docs/releasing.md")
    runs = "\n".join(step.get("run", "") for step in workflow["jobs"]["build"]["steps"])

    for step in ("python -m build", "python -m twine check --strict dist/*"):
        assert step in runs
        assert step in text
    assert workflow["jobs"]["publish"]["environment"] == "pypi"
    assert "environment `pypi`" in text
    assert "`release.yml`" in text


def test_every_job_has_a_time_limit():
    for path in (ROOT / ".github" / "workflows").iterdir():
        assert all("timeout-minutes" in job for job in yaml.safe_load(path.read_text())["jobs"].values())


def test_the_image_has_two_stages_no_root_and_a_folder_as_its_volume():
    lines = [line for line in text_of("Dockerfile").splitlines() if not line.startswith("#")]
    commands = re.findall(r"^([A-Z]+) (.*)$", "\n".join(lines), re.MULTILINE)
    names = [name for name, _ in commands]

    assert names.count("FROM") == 2
    assert dict(commands)["USER"] == "10001"
    assert names.index("USER") < names.index("ENTRYPOINT")
    assert dict(commands)["VOLUME"] == '["/data"]'
    assert dict(commands)["ENTRYPOINT"] == '["artistjobs"]'
    assert not re.search(r"KEY|PASSWORD|\.env", "\n".join(lines))
    extras = tomllib.loads(text_of("pyproject.toml"))["project"]["optional-dependencies"]
    assert re.search(r"^ARG EXTRAS=(\w+)$", text_of("Dockerfile"), re.MULTILINE)[1] in extras


def test_the_build_of_the_image_gets_what_it_copies_and_nothing_else():
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", text_of("Dockerfile"), re.MULTILINE)
    sources = {source for line in copied for source in line.split()}
    allowed = {line[1:] for line in text_of(".dockerignore").splitlines() if line.startswith("!")}

    assert sources == allowed
    assert "\n*\n" in text_of(".dockerignore")
    assert all((ROOT / source).exists() for source in sources)


def test_hooks_use_the_versions_and_the_files_of_the_project():
    (local,) = yaml.safe_load(text_of(".pre-commit-config.yaml"))["repos"]
    for hook in local["hooks"]:
        for package in hook.get("additional_dependencies", []):
            assert f"'{package}'" in text_of(".ci/run")
        for name in re.findall(r"\S+\.py", hook["entry"]):
            assert (ROOT / name).is_file()


def test_just_has_five_commands_whose_files_and_modules_exist():
    recipes = dict(re.findall(r"^(\w+)(?: \*ARGS)?:\n    (.*)$", text_of("justfile"), re.MULTILINE))

    assert list(recipes) == ["setup", "test", "check", "bench", "ci"]
    assert len(re.findall(r"^# .*\n\w", text_of("justfile"), re.MULTILINE)) == 5
    assert recipes["ci"] == "bash .ci/run"
    for requirement in re.findall(r"'((?:ruff|mypy)[^']*)'", recipes["setup"]):
        assert f"'{requirement}'" in text_of(".ci/run")
    assert recipes["bench"].removeprefix("python -m ") in text_of(".ci/run")


def test_the_version_and_its_day_are_the_same_everywhere():
    citation = yaml.safe_load(text_of("CITATION.cff"))
    headings = re.findall(r"^## \[(\d\S*)\] - (\S+)$", text_of("CHANGELOG.md"), re.MULTILINE)

    assert citation["version"] == artistjobs.__version__
    if headings:  # before the first release there is none
        assert (citation["version"], citation["date-released"]) == headings[0]
    assert citation["cff-version"] == "1.2.0"
    assert {"message", "title", "authors", "license", "type"} <= citation.keys()


@pytest.mark.parametrize(
    "name", ["llms.txt", "SECURITY.md", *sorted(f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md"))]
)
def test_every_file_that_is_linked_exists(name):
    path = ROOT / name
    links = re.findall(r"\]\((?!https?://|#)([^)#\s]+)", path.read_text())

    assert [link for link in links if not (path.parent / link).exists()] == []


def test_llms_txt_has_the_form_of_its_proposal():
    lines = text_of("llms.txt").splitlines()
    entries = [line for line in lines if line.startswith("- ")]

    assert lines[0] == "# artistjobs"
    assert lines[2].startswith("> ")
    assert all(re.fullmatch(r"- \[[^]]+\]\([^)]+\): .+", entry) for entry in entries)
    assert [line for line in lines if line.startswith("## ")] == ["## Use", "## Change", "## Optional"]


def test_the_script_that_tries_a_release_can_be_read_and_needs_an_archive(tmp_path):
    script = ROOT / "docs" / "try_release.sh"

    assert subprocess.run(["sh", "-n", script], capture_output=True).stderr == b""
    (tmp_path / "a.whl").touch()
    assert subprocess.run(["sh", script, tmp_path, "no-such-python"], capture_output=True).returncode == 1


def test_commands_in_the_new_pages_have_options_that_exist(cli):
    for name in ("docs/docker.md", "docs/releasing.md", "docs/agents.md", "docs/monitoring.md", "llms.txt"):
        for line in re.findall(r"\bartistjobs ((?:-q )?[a-z]+ [^`\n|>&]*--[^`\n|>&]*)", text_of(name)):
            words = line.removeprefix("-q ").split()
            known = {option for param in program.get_command(None, words[0]).params for option in param.opts}
            assert {word for word in words if word.startswith("--")} <= known, line


def test_release_archives_have_what_a_stranger_needs():
    include = tomllib.loads(text_of("pyproject.toml"))["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]

    assert {"/artistjobs", "/migrations", "/tests", "/README.md", "/LICENSE", "/SECURITY.md", "/CITATION.cff"} <= set(
        include
    )
    assert all((ROOT / name.removeprefix("/")).exists() for name in include)
    assert ast.parse(text_of("artistjobs/__init__.py"))
