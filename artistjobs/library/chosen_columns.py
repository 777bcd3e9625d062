"""Parsing of ``--column NAME=COLUMN``: the columns of a file that are read as the name and the data of an artist."""

from collections.abc import Iterable

from artistjobs.errors import WrongUseError
from artistjobs.ingest.columns import ChosenColumns
from artistjobs.ingest.header import DATA, NAME


def chosen_columns(assignments: Iterable[str]) -> ChosenColumns:
    """Return the chosen columns. Raises WrongUseError if a text does not choose one, or chooses one twice."""
    chosen = dict[str, str]()
    for assignment in assignments:
        name, _, column = assignment.partition("=")
        if name not in (NAME, DATA) or not column.strip():
            raise WrongUseError(
                f"--column {assignment} is not understood; write --column {NAME}=COLUMN or --column {DATA}=COLUMN."
            )
        if name in chosen:
            raise WrongUseError(f"--column {name} is given twice; use one column.")
        chosen[name] = column.strip()
    return ChosenColumns(chosen.get(NAME), chosen.get(DATA))
