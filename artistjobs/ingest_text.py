"""What an ingest came to, in words and as JSON."""

from artistjobs.reply import Json
from artistjobs.store import Ingested
from artistjobs.terminal import counted


def ingest_sentence(ingested: Ingested) -> str:
    """Return what an ingest came to, in one line."""
    known = " (the same file as before)" if ingested.unchanged else ""
    return (
        f"ingest {ingested.ingest}: {counted(ingested.lines, 'line')} read, {counted(ingested.added, 'job')} added, "
        f"{ingested.known:,} already known, {counted(ingested.duplicates, 'duplicate')}, {ingested.bad:,} bad{known}"
    )


def ingest_json(ingested: Ingested) -> dict[str, Json]:
    """Return the same as JSON."""
    return {
        "ingest": ingested.ingest,
        "lines": ingested.lines,
        "added": ingested.added,
        "known": ingested.known,
        "duplicates": ingested.duplicates,
        "bad": ingested.bad,
    }
