"""The page about monitoring has every metric; test_commands_shown.py runs its command."""

import re

from paths import ROOT


def test_every_metric_of_the_program_is_in_the_table_with_its_type():
    text = (ROOT / "docs" / "monitoring.md").read_text()
    source = (ROOT / "artistjobs" / "commands" / "status_prometheus.py").read_text()
    names = re.findall(r'(?:Metric|_single)\(\s*"(\w+)", "(gauge|counter)"', source)

    table = re.findall(r"^\| `(artistjobs_\w+)` \| (\w+) \|", text, re.MULTILINE)
    assert names
    assert [(f"artistjobs_{name}", kind) for name, kind in names] == table
