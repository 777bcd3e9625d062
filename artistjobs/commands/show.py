"""Command ``show``: details of one job as text and as JSON, with its request, attempts and answers."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import time

from artistjobs.core.citations import citation_text, citations_in
from artistjobs.core.columns import Columns
from artistjobs.core.command_text import command
from artistjobs.core.formatting import cost_text, truncate
from artistjobs.core.json_values import Json, scalar
from artistjobs.core.prompt import Body, Prompt, changed_fields, live_body
from artistjobs.errors import PromptError
from artistjobs.rendering.renderer import build_request
from artistjobs.store.batch_text import batch_line
from artistjobs.store.interface import Reader
from artistjobs.store.models import ArtistMatch
from artistjobs.terminal.escape import escape_controls
from artistjobs.terminal.local_time import local_time
from artistjobs.terminal.screen import Style
from artistjobs.terminal.table import TableColumn, table

Row = Mapping[str, object]


Line = tuple[Style, str]


MAX_ARTIST_MATCHES = 20
"""Maximum number of jobs listed for an ambiguous name."""


_COLUMNS = (
    TableColumn("attempt"),
    TableColumn("started", rank=1, is_number=False),
    TableColumn("duration", rank=2),
    TableColumn("outcome", is_number=False),
    TableColumn("HTTP"),
    TableColumn("error", is_number=False, may_be_cut=True),
    TableColumn("request id", rank=3, is_number=False),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDetails:
    """All data of one job. ``request`` is the body as it is sent; None if it cannot be built any more.

    ``changed`` holds the fields of the request that a retry changed, null for those that it removed.
    """

    job: Row
    prompt: Prompt
    changed: dict[str, Json]
    request: Body | None
    attempts: Sequence[Row]
    answers: Sequence[Row]


def find_job(reader: Reader, artist: str) -> int | Sequence[ArtistMatch]:
    """Return the id of the only matching job, or all matching jobs if there are several or none.

    ``artist`` is the exact name, or else the name in other case, its beginning or a part of it. A number that is
    not the name of an artist is a job id.
    """
    found = reader.job_queries.find_by_artist(artist, MAX_ARTIST_MATCHES + 1)
    is_exact = bool(found) and found[0].distance == 0
    if artist.isdecimal() and not is_exact and reader.job_queries.job(int(artist)) is not None:
        return int(artist)
    return found[0].job if len(found) == 1 else found


def load_job(reader: Reader, job: int) -> JobDetails | None:
    """Return all data of a job; None if there is no such job."""
    with reader.snapshot():
        row = reader.job_queries.job(job)
        if row is None:
            return None
        ingested = reader.records.prompt(int(str(row["prompt"])))
        prompt = reader.records.prompt(int(str(row["sent_as"]))) if row["sent_as"] is not None else ingested
        attempts, answers = reader.job_queries.attempts(job), reader.job_queries.answers(job)
    return JobDetails(
        job=row, prompt=prompt, changed=changed_fields(ingested, prompt), request=_request(prompt, row),
        attempts=attempts, answers=answers,
    )  # fmt: skip


def artist_match_lines(found: Sequence[ArtistMatch], width: int | None) -> list[str]:
    """Return the jobs that match a name as a table with a heading."""
    columns = (
        TableColumn("job"),
        TableColumn("artist", is_number=False, may_be_cut=True),
        TableColumn("state", is_number=False),
        TableColumn("data", rank=1, is_number=False, may_be_cut=True),
    )
    rows = [
        [str(one.job), escape_controls(one.artist_name), one.state, escape_controls(truncate(one.artist_data))]
        for one in found[:MAX_ARTIST_MATCHES]
    ]
    return table(columns, rows, width)


def job_details_json(details: JobDetails) -> dict[str, Json]:
    """Return a job as JSON with stable keys."""
    job = details.job
    kept = [_answer_json(answer, "late") for answer in details.answers if answer["is_kept"]]
    others = [_answer_json(answer) for answer in details.answers if not answer["is_kept"]]
    return {
        "job": scalar(job["job"]),
        "artist_name": scalar(job["artist_name"]),
        "artist_data": scalar(job["artist_data"]),
        **({"columns": {**_columns(job)}} if _columns(job) else {}),
        "state": scalar(job["state"]),
        "error_code": scalar(job["error_code"]),
        "available_at": scalar(job["available_at"]),
        "worker": scalar(job["worker"]),
        "request": details.request,
        "changed": details.changed,
        "attempts": [_plain(attempt) for attempt in details.attempts],
        "answer": kept[0] if kept else None,
        "other_answers": [{**other, "late": bool(other["late"])} for other in others],
    }


def job_details_lines(details: JobDetails, reader: Reader, width: int | None) -> list[Line]:
    """Return a job as styled lines; the text of its answer is not wrapped or truncated."""
    job = details.job
    lines: list[Line] = [(Style.TITLE, f"job {job['job']}: {escape_controls(str(job['artist_name']))}, {job['state']}")]
    if job["artist_data"]:
        lines.append((Style.PLAIN, f"  {escape_controls(str(job['artist_data']))}"))
    lines += [(Style.PLAIN, f"  {escape_controls(f'{name}: {value}')}") for name, value in _columns(job).items()]
    if job["state"] == "failed":
        lines.append((Style.COMMAND, "  " + command(reader.path, f"retry {job['job']}")))
    if job["worker"] is not None and (batch := reader.batches.batch(int(str(job["worker"])))) is not None:
        lines.append((Style.PLAIN, f"  {escape_controls(batch_line(batch, time()))}"))
    changed = ", ".join(details.changed)
    title = f"request, with {changed} changed by a retry" if changed else "request"
    lines += [(Style.PLAIN, ""), (Style.HEAD, escape_controls(title))]
    body = json.dumps(details.request, ensure_ascii=False, indent=2) if details.request else "cannot be built any more"
    lines += [(Style.PLAIN, f"  {escape_controls(line)}") for line in body.split("\n")]
    lines += _attempt_lines(details.attempts, width)
    for answer in details.answers:
        lines += _answer_lines(answer)
    return lines


def _request(prompt: Prompt, row: Row) -> Body | None:
    try:
        body = build_request(prompt, str(row["artist_name"]), str(row["artist_data"]), _columns(row))
        return live_body(body)
    except PromptError:
        return None


def _columns(row: Row) -> Columns:
    columns = row["columns"]
    return columns if isinstance(columns, dict) else {}


def _attempt_lines(attempts: Sequence[Row], width: int | None) -> list[Line]:
    if not attempts:
        return []
    head, *body = table(_COLUMNS, [_attempt_row(attempt) for attempt in attempts], width)
    return [(Style.PLAIN, ""), (Style.HEAD, head), *((Style.PLAIN, line) for line in body)]


def _attempt_row(attempt: Row) -> list[str]:
    error = " ".join(str(attempt[name]) for name in ("error_code", "error_message") if attempt[name])
    return [
        str(attempt["number"]),
        local_time(str(attempt["started_at"]), "%m-%d %H:%M:%S"),
        f"{attempt['seconds']:.1f} s",
        str(attempt["outcome"]),
        _text(attempt["status"]),
        escape_controls(" ".join(error.split())),
        escape_controls(_text(attempt["request_id"])),
    ]


def _answer_lines(answer: Row) -> list[Line]:
    cost = answer["cost_usd"]
    facts = [
        _text(answer["model"]),
        _text(answer["service_tier"]),
        _WAYS.get(answer["way"], ""),
        *(f"{answer[name]:,} tokens {way}" for name, way in _TOKENS if answer[name] is not None),
        cost_text(cost) if isinstance(cost, float) else "price unknown",
        f"{answer['seconds']} s",
        _text(answer["response_id"]),
    ]
    title = "answer" if answer["is_kept"] else "late answer" if answer["late"] else "earlier answer"
    text = escape_controls(_text(answer["text"]), keep="\n\t")
    return [
        (Style.PLAIN, ""),
        (Style.HEAD, f"{title}: " + escape_controls(", ".join(fact for fact in facts if fact))),
        *((Style.PLAIN, line) for line in text.split("\n")),
        *((Style.PLAIN, f"  {escape_controls(citation_text(one))}") for one in citations_in(str(answer["body"]))),
    ]


_TOKENS = (("input_tokens", "in"), ("output_tokens", "out"))


_WAYS: Mapping[object, str] = {"batch": "in a batch", "background": "in the background"}


def _answer_json(answer: Row, *without: str) -> dict[str, Json]:
    return {**_plain(answer, "is_kept", "body", *without), "citations": citations_in(str(answer["body"]))}


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _plain(row: Row, *without: str) -> dict[str, Json]:
    return {name: scalar(value) for name, value in row.items() if name not in without}
