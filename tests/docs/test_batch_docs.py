"""The states of a batch in docs/batch.md are those of the program."""

import re

from paths import ROOT

from artistjobs.core.batch import BATCH_MOVES, BatchState

TEXT = (ROOT / "docs" / "batch.md").read_text("utf-8")


def test_the_states_shown_are_those_of_a_batch_in_order():
    shown = re.search(r"^prepared → .*$", TEXT, re.MULTILINE)[0].split(" → ")

    assert shown == [state.value for state in BatchState]
    for state, later in zip(BatchState, list(BatchState)[1:], strict=False):
        assert later in BATCH_MOVES[state]


def test_the_database_refuses_the_moves_that_the_program_does_not_know():
    migration = (ROOT / "migrations" / "sqlite" / "0013_add_batches.sql").read_text("utf-8")
    allowed = {
        state: set(re.findall(r"'(\w+)'", moves))
        for state, moves in re.findall(r"OLD\.state = '(\w+)' AND NEW\.state (?:IN|=) (\(.*?\)|'\w+')\)", migration)
    }

    assert allowed == {str(state): {str(move) for move in moves} for state, moves in BATCH_MOVES.items() if moves}
