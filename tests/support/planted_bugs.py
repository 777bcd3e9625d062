"""Bugs that break a promise, planted to check that the tests notice them.

As a program: run one test with each bug, and print the exit codes and outputs of pytest as JSON. The tests run in forks
of a process that has imported the program. ``launcher.py`` plants the bug of the environment in what it starts.
"""

import json
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

VARIABLE = "PLANTED_BUG"


def no_fence() -> None:
    """Settle a job although another worker holds it."""
    from artistjobs.store.sqlite.queue import SqliteQueue

    SqliteQueue.held_jobs = lambda self, db, attempts, holder: {one.claim.job for one in attempts}


def no_sync() -> None:
    """Count a commit as stored that is not on the disk."""
    from artistjobs.store.sqlite import read_connection

    read_connection.PRAGMAS["synchronous"] = 0


def rename_before_sync() -> None:
    """Give an export its name before its content is on the disk."""
    from artistjobs.export import atomic_file

    def put_in_place(part, file, target) -> None:
        file.flush()
        file.raw.flush()
        part.replace(target)
        folder = os.open(target.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
        os.fsync(file.fileno())

    atomic_file._put_in_place = put_in_place


def no_budget_check() -> None:
    """Grant every reservation."""
    from artistjobs.store.models import Reservation
    from artistjobs.store.sqlite.queue import SqliteQueue

    reserve = SqliteQueue.reserve

    def grant_all(self, amounts, cap_usd) -> Reservation:
        return reserve(self, amounts, 1e9)

    SqliteQueue.reserve = grant_all


def rescue_from_the_living() -> None:
    """Take every worker for dead."""
    from artistjobs.store.sqlite import liveness

    liveness.try_lock = lambda *_: True


def answers_dropped() -> None:
    """Set a job to done without its answer."""
    from artistjobs.store.sqlite.queue import SqliteQueue

    SqliteQueue._keep_answers = lambda *_: {}


def account_trouble_retried() -> None:
    """Call again after a failure that each further call would meet."""
    from artistjobs.api import classify

    rightly = classify.classify_error
    classify.classify_error = lambda reply: replace(rightly(reply), kind=classify.FailureKind.RETRYABLE)


BUGS: dict[str, Callable[[], None]] = {
    plant.__name__: plant
    for plant in (
        no_fence, no_sync, rename_before_sync, no_budget_check, rescue_from_the_living, answers_dropped,
        account_trouble_retried,
    )
}  # fmt: skip


def plant() -> None:
    """Plant the bug that the environment names, if it names one."""
    if name := os.environ.get(VARIABLE):
        BUGS[name]()


def run_test(name: str, bug: str) -> dict[str, object]:
    """Run one test in a fork, with a bug or without; return the exit code and the output of pytest."""
    import pytest

    with tempfile.TemporaryFile() as output:
        pid = os.fork()
        if not pid:
            os.environ[VARIABLE] = bug
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
            plant()
            ignored = "ignore:Module already imported:pytest.PytestAssertRewriteWarning"
            os._exit(pytest.main(["-n", "0", "-p", "no:cacheprovider", "-W", ignored, name]))
        status = os.waitpid(pid, 0)[1]
        output.seek(0)
        return {"code": os.waitstatus_to_exitcode(status), "output": output.read().decode(errors="replace")}


if __name__ == "__main__":
    sys.modules["planted_bugs"] = sys.modules["__main__"]
    sys.path.insert(0, str(Path(__file__).parent))
    import hypothesis  # noqa: F401 - loaded once for all forks

    import artistjobs.rehearsal.server
    import artistjobs.worker.run  # noqa: F401

    print(json.dumps({bug: run_test(name, bug) for bug, name in json.loads(sys.argv[1]).items()}))
