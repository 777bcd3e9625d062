"""The examples for clusters are what their programs can read, and agree with the program."""

import ast
import re
import shlex
import subprocess

import pytest
from paths import ROOT

EXAMPLES = ROOT / "examples"


def options_of(cli, command: str) -> str:
    return cli(command, "--help").stdout


def test_the_kubernetes_job_gives_its_pods_time_to_end_and_tells_exit_codes_apart(cli):
    yaml = pytest.importorskip("yaml")
    job = yaml.safe_load((EXAMPLES / "kubernetes.yaml").read_text())
    pod = job["spec"]["template"]["spec"]
    (worker,) = pod["containers"]

    timeout = float(worker["args"][worker["args"].index("--timeout") + 1])
    assert pod["terminationGracePeriodSeconds"] >= timeout
    assert pod["restartPolicy"] == "Never"  # podFailurePolicy requires it
    rules = {
        rule["action"]: rule.get("onExitCodes", {}).get("values") for rule in job["spec"]["podFailurePolicy"]["rules"]
    }
    assert rules["FailJob"] == [1, 2, 3, 4]
    assert {74, 75, 143} <= set(rules["Count"])
    for name in (word for word in worker["args"] if word.startswith("--")):
        assert name in options_of(cli, worker["args"][0])
    assert {entry["name"] for entry in worker["env"]} >= {"ARTISTJOBS_DB", "ARTISTJOBS_SPOOL", "OPENAI_API_KEY"}
    assert "password" not in str(next(entry for entry in worker["env"] if entry["name"] == "ARTISTJOBS_DB"))


def test_the_slurm_script_is_a_script_and_its_signal_leaves_time_for_a_call(cli):
    path = EXAMPLES / "workers.sbatch"
    text = path.read_text()

    assert subprocess.run(["bash", "-n", path], capture_output=True).stderr == b""
    (line,) = re.findall(r"^artistjobs (.*) &$", text, re.MULTILINE)
    words = shlex.split(line)
    assert float(re.search(r"--signal=B:TERM@(\d+)", text)[1]) >= float(words[words.index("--timeout") + 1])
    for name in (word for word in words if word.startswith("--")):
        assert name in options_of(cli, words[0])


def test_the_ray_program_is_python_and_starts_a_worker():
    tree = ast.parse((EXAMPLES / "ray_workers.py").read_text())

    lists = [node for node in ast.walk(tree) if isinstance(node, ast.List)]
    commands = [
        [item.value for item in node.elts] for node in lists if all(isinstance(i, ast.Constant) for i in node.elts)
    ]
    assert ["artistjobs", "-q", "work", "--max-workers", "16"] in commands


@pytest.mark.parametrize("path", sorted(EXAMPLES.iterdir()), ids=lambda path: path.name)
def test_every_example_is_named_in_the_documentation(path):
    assert f"examples/{path.name}" in (ROOT / "docs" / "scaling.md").read_text()
