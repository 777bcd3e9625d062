"""Queries about ingests: an earlier one of the same file, its bad lines, and artists that were asked about before."""

from collections.abc import Sequence
from typing import NamedTuple

from artistjobs.core.job import BadLine
from artistjobs.core.prompt import Prompt
from artistjobs.store.address import Address
from artistjobs.store.models import AskedBefore, Source
from artistjobs.store.queries.connection import ReadConnection, RowMapping
from artistjobs.store.queries.rows import counts_of


class SameIngest(NamedTuple):
    """Earlier ingest of a file with the same prompt: the counts of another ingest, and the jobs that they share."""

    prompt: int
    counts: dict[str, int]
    span: dict[str, int | None]


def same_ingest(connection: ReadConnection, source: Source, prompt: Prompt) -> SameIngest | None:
    """Return the latest ingest of the same content with the same prompt configuration, None if there is none."""
    known = connection.row("find_prompt", {"key": prompt.key})
    content = {"sha256": source.sha256, "read_as": source.read_as}
    same = known and connection.row("same_ingest", {**content, "prompt": known["id"]})
    if not same or not known:
        return None
    counts = {name: same[name] for name in ("lines", "good", "duplicates", "bad")}
    counts |= {"added": 0, "known": same["added"] + same["known"]}
    span = {name: same[name] for name in ("first_job", "last_job", "header")} | {"lines_of": same["id"]}
    return SameIngest(known["id"], counts, span)


def first_bad_lines(connection: ReadConnection, ingest: int, limit: int) -> list[BadLine]:
    """Return the first ``limit`` bad lines of an ingest."""
    scope = connection.row("ingest_scope", {"ingest": ingest})
    rows = connection.rows("bad_lines", {"ingest": scope["ingest"] if scope else 0, "limit": limit})
    return [BadLine(row["line"], row["reason"], row["beginning"]) for row in rows]


def asked_before_of(database: Address, artists: int, rows: Sequence[RowMapping]) -> AskedBefore:
    """Return the jobs of other prompt configurations, counted by rows of the statement ``asked_before``."""
    counts = [counts_of(row) for row in rows]
    return AskedBefore(
        database=database,
        artists=artists,
        done=sum(one.done for one in counts),
        failed=sum(one.failed for one in counts),
        pending=sum(one.pending + one.running for one in counts),
        prompts=[row["prompt"] for row in rows],
    )
