"""Selection of the jobs of an ingest."""

from artistjobs.core.job import EVERYTHING, Scope
from artistjobs.errors import WrongUseError
from artistjobs.store.interface import OpenDatabase


def ingest_scope(store: OpenDatabase, ingest: object) -> Scope:
    """Return the jobs of an ingest, given by its number or as ``latest``; all jobs for None. Raises WrongUseError."""
    if not isinstance(ingest, str):
        return EVERYTHING
    if ingest != "latest" and not ingest.isdecimal():
        raise WrongUseError(
            f"--ingest {ingest!r} is neither a number nor latest; artistjobs ingests lists all numbers."
        )
    return store.records.scope(None if ingest == "latest" else int(ingest))
