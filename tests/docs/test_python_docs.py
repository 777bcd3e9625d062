"""Every example of docs/python.md works, and its output is as shown."""

import contextlib
import csv
import io
import re
import shutil

from paths import ROOT

import artistjobs

TEXT = (ROOT / "docs" / "python.md").read_text()


def test_the_examples_print_what_is_shown(folder):
    shutil.copy(ROOT / "example_artists.csv", folder / "artists.csv")
    names: dict[str, object] = {}
    pairs = re.findall(r"^```python\n(.*?)^```(?:\n\n```text\n(.*?)^```)?", TEXT, re.MULTILINE | re.DOTALL)

    assert len(pairs) == TEXT.count("```python")
    for code, shown in pairs:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, "docs/python.md", "exec"), names)

        assert printed.getvalue() == shown, code
    with (folder / "answers.csv").open(newline="") as answers:
        assert len(list(csv.DictReader(answers))) == 9


def test_every_public_class_is_named():
    assert [name for name in artistjobs.__all__ if not name.startswith("_") and name not in TEXT] == ["JobCounts"]
