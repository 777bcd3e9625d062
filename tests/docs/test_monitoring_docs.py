"""The page about monitoring: its command works, and its table has every metric."""

import os
import re
import subprocess
import sys

from conftest import write_artists
from paths import ROOT

TEXT = (ROOT / "docs" / "monitoring.md").read_text()


def test_the_command_shown_writes_metrics_that_are_in_the_table(cli, folder):
    write_artists(folder / "a.csv", 1)
    cli("ingest", "a.csv")
    (command,) = re.findall(r"^```sh\n(.*?)\n```", TEXT, re.MULTILINE | re.DOTALL)
    program = f"{sys.executable} -m artistjobs "

    done = subprocess.run(
        ["bash", "-c", command.replace("artistjobs ", program, 1)],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
    )  # fmt: skip

    assert (done.returncode, done.stderr) == (0, "")
    types = dict(re.findall(r"^# TYPE (\w+) (\w+)$", (folder / "metrics.prom").read_text(), re.MULTILINE))
    table = dict(re.findall(r"^\| `(artistjobs_\w+)` \| (\w+) \|", TEXT, re.MULTILINE))
    assert types
    assert types.items() <= table.items()


def test_every_metric_of_the_program_is_in_the_table():
    source = (ROOT / "artistjobs" / "commands" / "status_prometheus.py").read_text()
    names = re.findall(r'(?:Metric|_single)\(\s*"(\w+)", "(gauge|counter)"', source)

    table = re.findall(r"^\| `(artistjobs_\w+)` \| (\w+) \|", TEXT, re.MULTILINE)
    assert [(f"artistjobs_{name}", kind) for name, kind in names] == table
