"""What is changed, and by which tests each change has to be noticed."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from benchmarks.mutants import python_mutants, sql_mutants
from benchmarks.mutants.mutant import ROOT, Mutant

SLOW = (
    "never_exceed", "cost_does_not_grow", "text_read_back", "little_larger", "json_can_express", "two_ingests",
    "reader_sees", "jobs_per_minute", "rows_are_stored", "learns_of_room",
)  # fmt: skip
"""Words from the names of tests that take long and look at something else."""

SQLITE = ("-k", " and ".join(f"not {word}" for word in ("postgres", *SLOW)))

STORE = (
    "tests/store/test_store.py", "tests/store/test_batches.py", "tests/unit/worker/test_reservations.py",
    "tests/store/test_sqlite.py", "tests/program/test_sample.py::test_every_row_has_a_chance", *SQLITE,
)  # fmt: skip
LOCKS_AND_STORE = ("tests/store/test_lock_files.py", "tests/store/test_liveness.py", *STORE)
CLASSIFY = (
    "tests/unit/api/test_classify.py", "tests/unit/api/test_error_kind.py", "tests/unit/api/test_responses.py",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Target:
    """Files of the program, and the tests that have to notice each change of them."""

    name: str
    files: Sequence[str]
    tests: Sequence[str]

    def mutants(self) -> Iterator[Mutant]:
        """Yield the mutants of all files."""
        for name in self.files:
            file, seen = ROOT / name, Counter[tuple[str, str]]()
            for mutant in (python_mutants if file.suffix == ".py" else sql_mutants).mutants(file):
                key = (mutant.kind, mutant.change())
                yield replace(mutant, number=seen[key])
                seen[key] += 1


def _statements(*names: str) -> Sequence[str]:
    return [f"artistjobs/store/sqlite/sql/{name}.sql" for name in names]


TARGETS = (
    Target(
        "budget",
        ["artistjobs/worker/limits/budget.py"],
        ["tests/unit/worker/limits/test_budget.py"],
    ),
    Target(
        "reservations",
        ["artistjobs/worker/reservations.py"],
        ["tests/unit/worker/test_reservations.py", *SQLITE],
    ),
    Target("classify", ["artistjobs/api/classify.py"], CLASSIFY),
    Target("error_kind", ["artistjobs/api/error_kind.py"], CLASSIFY),
    Target("rows", ["artistjobs/store/queries/rows.py"], ["tests/unit/store/queries/test_rows.py", *STORE]),
    Target("queue", ["artistjobs/store/sqlite/queue.py"], LOCKS_AND_STORE),
    Target(
        "claim",
        _statements("claim", "claimable", "claimable_picks", "random_pending", "next_available", "held_elsewhere"),
        STORE,
    ),
    Target(
        "settle",
        _statements(
            "settle", "held_claims", "keep_answers", "record_attempts", "mark_late", "count_work", "submit",
            "submission", "count_submissions", "end_submissions",
        ),
        STORE,
    ),
    Target(
        "rescue",
        _statements(
            "rescue", "record_deaths", "free_submitted", "holders", "ended_workers", "end_worker", "leave_batches",
            "register_worker", "stop_worker", "note_bound",
        ),
        LOCKS_AND_STORE,
    ),
    Target("money", _statements("reserve", "free", "sum_money", "write_off_attempts", "write_off_workers"), STORE),
    Target("retry and drop", _statements("retry", "failed_prompts", "drop_failed", "drop_pending"), STORE),
)  # fmt: skip
