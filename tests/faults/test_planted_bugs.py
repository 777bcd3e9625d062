"""A bug that breaks a promise makes a test of that promise fail."""

import json
import os
import subprocess
import sys

import planted_bugs
import pytest
from paths import ROOT
from planted_bugs import BUGS

STORE, POWER = "tests/store/test_store.py", "tests/store/test_power_cut.py"
CAUGHT_BY = {
    "no_fence": f"{STORE}::test_an_attempt_at_an_older_number_is_late[sqlite]",
    "no_sync": f"{POWER}::test_jobs_reported_as_done_are_done_after_a_power_cut[1]",
    "rename_before_sync": f"{POWER}::test_a_power_cut_during_an_export_leaves_the_old_file_or_the_new_one_complete"
    "[before fsync-2-5]",
    "no_budget_check": "tests/unit/worker/test_reservations.py::test_money_is_reserved_as_far_as_the_cap_has_room",
    "rescue_from_the_living": f"{STORE}::test_a_living_workers_jobs_are_left_alone[sqlite]",
    "answers_dropped": f"{STORE}::test_the_text_read_back_is_the_text_that_was_stored[sqlite]",
    "account_trouble_retried": "tests/unit/api/test_classify.py::test_an_error_status_has_the_kind_in_the_table",
}
OTHER_SIGNS = {"no_sync": "no such table: jobs", "answers_dropped": "CHECK constraint failed: state <> 'done'"}
"""What the test reports if it is not a failed assertion."""
NEED_SHIM = {"no_sync", "rename_before_sync"}
CONTROL = {"": CAUGHT_BY["no_fence"]}


def test_every_planted_bug_is_noticed(launcher):
    bugs = {bug: CAUGHT_BY[bug] for bug in BUGS if launcher.shim is not None or bug not in NEED_SHIM}
    command = [sys.executable, planted_bugs.__file__, json.dumps(bugs | CONTROL)]

    done = subprocess.run(command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)

    found = json.loads(done.stdout.splitlines()[-1])
    assert found.pop("")["code"] == pytest.ExitCode.OK
    assert {bug: result["code"] for bug, result in found.items()} == dict.fromkeys(bugs, pytest.ExitCode.TESTS_FAILED)
    # The test failed because of what it checks, and not because the bug could not be planted.
    assert [bug for bug in bugs if OTHER_SIGNS.get(bug, "AssertionError") not in found[bug]["output"]] == []
