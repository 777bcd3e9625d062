"""Replay of spools: attempts that a database has not taken, or that a failover has forgotten, are recorded again."""

import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path

from artistjobs.core.formatting import count_text
from artistjobs.core.timestamps import to_timestamp
from artistjobs.store.models import Submission
from artistjobs.store.postgres.connection import Connection
from artistjobs.store.postgres.recording import Recorder
from artistjobs.store.postgres.spool import Owner, Spooled, orphans, read_owner, read_spool, read_submissions
from artistjobs.store.postgres.statements import Db, execute

log = logging.getLogger(__name__)

AT_ONCE = 200
"""Attempts of one transaction."""


def replay_orphans(connection: Connection, folder: Path, worker: int) -> None:
    """Record the spools of processes that are gone, under the number of another worker, and remove them."""
    for path in orphans(folder):
        owner = read_owner(path)
        if owner is None:
            path.unlink()
            continue
        found, left = replay(connection, read_spool(path), owner, worker)
        replay_submissions(connection, read_submissions(path), owner)
        if found:
            log.info("stored %s of a worker that was cut off from the database", count_text(found, "attempt"))
        if left:
            log.warning("%s has %s for jobs that the database does not have", path, count_text(left, "attempt"))
        else:
            with suppress(OSError):
                path.unlink()


def replay(connection: Connection, spooled: Sequence[Spooled], owner: Owner, worker: int) -> tuple[int, int]:
    """Record what the database does not have of a spool.

    Args:
        connection: Connection to the database.
        spooled: Everything in the spool, the oldest first.
        owner: The worker that wrote it.
        worker: The number of the worker under which it is recorded.

    Returns:
        The number of attempts that were recorded, and of those whose jobs the database does not have.

    """
    row = connection.row("exchanges", {"worker": owner.worker, "token": owner.token})
    missing = [one for one in spooled if row is None or one.number > row["exchanges"]]
    recorded = left = 0
    for at in range(0, len(missing), AT_ONCE):
        group = missing[at : at + AT_ONCE]
        done, other = connection.in_transaction(
            partial(_replay, connection=connection, spooled=group, owner=owner, worker=worker)
        )
        recorded, left = recorded + done, left + other
    return recorded, left


def replay_submissions(connection: Connection, submissions: Sequence[Submission], owner: Owner) -> None:
    """Store the ids of responses in the background that the database does not have, for whoever claims their jobs."""
    rows = [{**submission_row(one, connection), "former": owner.worker} for one in submissions]
    connection.in_transaction(lambda db: [execute(db, "submit_again", row) for row in rows])


def submission_row(submission: Submission, connection: Connection) -> dict[str, object]:
    """Return a response in the background as parameters, with the time of the server."""
    at = to_timestamp(connection.to_server(submission.submitted_at))
    return {**asdict(submission), "submitted_at": at}


def _replay(db: Db, connection: Connection, spooled: Sequence[Spooled], owner: Owner, worker: int) -> tuple[int, int]:
    attempts = [one.attempt for one in spooled]
    claims = [attempt.claim for attempt in attempts]
    same = {
        row["job"]
        for row in execute(
            db,
            "same_jobs",
            {
                "job": [claim.job for claim in claims],
                "artist_name": [claim.artist_name for claim in claims],
                "artist_data": [claim.artist_data for claim in claims],
            },
        )
    }
    recorder = Recorder(connection, worker)
    known = recorder.known_responses(db, attempts)
    wanted = [
        attempt
        for attempt in attempts
        if attempt.claim.job in same and (attempt.answer is None or attempt.answer.response_id not in known)
    ]
    if wanted:
        recorder.adopt(db, wanted, owner.worker)
        number = execute(db, "exchanges_of", {"worker": worker}).fetchone()
        recorder.record(db, wanted, number["exchanges"] if number else 0)
        execute(db, "end_submissions", {"jobs": [attempt.claim.job for attempt in wanted if attempt.calls]})
    last = {"worker": owner.worker, "token": owner.token, "exchanges": spooled[-1].number}
    execute(db, "note_exchanges", last)
    return len(wanted), sum(claim.job not in same for claim in claims)
