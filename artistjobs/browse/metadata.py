"""Datasette metadata of a database: titles, descriptions, facets, canned queries and a dashboard.

A sum over a million jobs takes about a second. So tables have facets only where they are cheap or useful enough,
and are sorted only by indexed columns.
"""

from collections.abc import Mapping
from typing import TypeAlias

Metadata: TypeAlias = dict[str, object]


NAME = "artistjobs"
"""Name of the database and of its dashboard in URLs."""


SETTINGS: Mapping[str, object] = {
    "default_page_size": 50,
    "truncate_cells_html": 200,
    "sql_time_limit_ms": 10_000,  # the query for the slowest answers scans all of them
    "facet_time_limit_ms": 3_000,
    "suggest_facets": False,  # a suggestion takes as long as a facet, for each column
    "allow_download": False,  # a copy of a file during writes would be corrupt
}


_HIDDEN = ("about", "texts", "_sqlite_migrations", "sqlite_sequence")


_TABLES: Mapping[str, Metadata] = {
    "results": {"description": "Completed jobs with their answers.", "facets": ["model", "prompt"], "size": 25},
    "failures": {
        "description": "Failed jobs with the error of their last attempt.",
        "facets": ["error_code", "http_status"],
    },
    "progress": {"description": "Jobs by state for each prompt configuration."},
    "spending": {"description": "Cost by model and service tier; unpriced counts answers of unknown price."},
    "jobs": {
        "description": "One row per distinct request, with its state.",
        "facets": ["state", "prompt"],
        "label_column": "artist_name",
        "sort_desc": "id",
    },
    "attempts": {
        "description": "One row per attempt at a job.", "facets": ["outcome", "error_code"], "sort_desc": "id",
    },
    "answers": {
        "description": "All answers received, including late and incomplete ones.",
        "facets": ["model", "service_tier", "way", "status"], "sort_desc": "id", "size": 20,
        "label_column": "response_id",
    },
    "prompts": {"description": "Distinct prompt configurations.", "label_column": "model"},
    "workers": {
        "description": "Worker processes.", "facets": ["ending"], "sort_desc": "id", "label_column": "host",
    },
    "batches": {
        "description": "Batches at the service; each has the number of the worker that holds its jobs.",
        "facets": ["state", "ending"], "sort_desc": "id", "label_column": "batch_id",
    },
    "submissions": {"description": "Responses in the background that are not fetched yet."},
    "controls": {"description": "Settings sent to running workers."},
    "ingests": {"description": "Ingested files.", "sort_desc": "id", "label_column": "source"},
    "headers": {"description": "The names of the other columns of files, as a JSON array."},
    "job_columns": {"description": "The values of the other columns of each job."},
    "ingest_lines": {"description": "The job of each valid line of a file."},
    "bad_lines": {"description": "Skipped lines with the reason.", "facets": ["reason"]},
}  # fmt: skip


_GUIDE = "Start with {}, or the {}.".format(
    ", ".join(f'<a href="/{NAME}/{view}">{view}</a>' for view in ("results", "failures", "progress", "spending")),
    f'<a href="/-/dashboards/{NAME}">dashboard</a>',
)


_LARGE_JOBS = 200_000
"""Number of jobs from which tables of answers have no facets, because a facet would add seconds to each page."""


_WITH_ANSWERS = ("results", "answers")


_QUERIES: Mapping[str, Metadata] = {
    "failures_by_code": {
        "title": "Failures by code",
        "description": "Error codes, the most frequent first, with an example of each.",
        "sql": (
            "SELECT code, jobs, failures.artist_name AS example, failures.error_message, failures.http_status\n"
            "  FROM (SELECT error_code AS code, count(*) AS jobs, min(id) AS first\n"
            "          FROM jobs INDEXED BY jobs_failed\n"
            "         WHERE state = 'failed' AND error_code <> 'user:dropped'\n"
            "         GROUP BY error_code) AS codes\n"
            "  JOIN failures ON failures.job = codes.first\n ORDER BY jobs DESC"
        ),
    },
    "slowest": {
        "title": "Slowest answers",
        "description": "The 100 answers with the highest latency.",
        "sql": (
            "SELECT answers.job, jobs.artist_name, slow.seconds, answers.output_tokens, answers.model,\n"
            "       answers.received_at\n"
            "  FROM (SELECT id, seconds FROM answers ORDER BY seconds DESC LIMIT 100) AS slow\n"
            "  JOIN answers ON answers.id = slow.id\n  JOIN jobs ON jobs.id = answers.job\n ORDER BY slow.seconds DESC"
        ),
    },
    "dearest": {
        "title": "Most expensive answers",
        "description": "The 100 answers with the highest cost.",
        "sql": (
            "SELECT answers.job, jobs.artist_name, dear.cost_usd, answers.input_tokens, answers.output_tokens,\n"
            "       answers.model, answers.service_tier\n"
            "  FROM (SELECT id, cost_usd FROM answers ORDER BY cost_usd DESC LIMIT 100) AS dear\n"
            "  JOIN answers ON answers.id = dear.id\n  JOIN jobs ON jobs.id = answers.job\n ORDER BY dear.cost_usd DESC"
        ),
    },
    "answers_a_minute": {
        "title": "Answers per minute",
        "description": "The latest 1,000 minutes (UTC) in which an attempt ended.",
        "sql": (
            "SELECT substr(ended_at, 1, 16) AS minute, sum(outcome = 'done') AS answers,\n"
            "       sum(outcome IN ('failed', 'died')) AS failed\n"
            "  FROM attempts\n GROUP BY minute\n ORDER BY minute DESC\n LIMIT 1000"
        ),
    },
    "ways": {
        "title": "Answers by way",
        "description": "Answers of live calls, of batches and of the background: their number, cost and cached input.",
        "sql": (
            "SELECT way, sum(answers) AS answers, sum(cost_usd) AS cost_usd, sum(unpriced) AS unpriced,\n"
            "       round(100.0 * sum(cached_tokens) / sum(input_tokens), 1) AS cached_percent\n"
            "  FROM spending\n GROUP BY way\n ORDER BY answers DESC"
        ),
    },
    "open_batches": {
        "title": "Open batches",
        "description": "Batches that are not closed: what the service is done with, what is settled, and their age.",
        "sql": (
            "SELECT batches.id AS batch, batches.model, batches.state, batches.service_status, batches.lines,\n"
            "       batches.service_completed, batches.service_failed, workers.done, workers.failed,\n"
            "       round(24 * (julianday('now') - julianday(batches.created_at)), 2) AS hours\n"
            "  FROM batches\n  JOIN workers ON workers.id = batches.id\n WHERE batches.state <> 'closed'\n"
            " ORDER BY batch"
        ),
    },
    "unanswered": {
        "title": "Unanswered",
        "description": "Pending and running jobs, in the order of their ids.",
        "sql": (
            "SELECT id AS job, artist_name, artist_data, state, attempt, available_at, claimed_by AS worker\n"
            "  FROM jobs\n WHERE state = 'running' OR state = 'pending'\n ORDER BY id\n LIMIT 1000"
        ),
    },
    "find_artist": {
        "title": "Find an artist",
        "description": "Answers about artists whose name contains the text.",
        "sql": (
            "SELECT job, artist_name, text, model, cost_usd\n  FROM results\n"
            " WHERE artist_name LIKE '%' || :name || '%'\n LIMIT 100"
        ),
        "params": ["name"],
    },
}


def metadata(file: str, jobs: int, *, is_rehearsal: bool) -> Metadata:
    """Return the Datasette metadata of a database; ``file`` is the name shown as its title, ``jobs`` their number."""
    title = f"{file} (rehearsal)" if is_rehearsal else file
    kind = "A simulated API gave these answers. " if is_rehearsal else ""
    tables = {**_TABLES, **{name: {"hidden": True} for name in _HIDDEN}}
    if jobs >= _LARGE_JOBS:
        tables |= {name: {**_TABLES[name], "facets": []} for name in _WITH_ANSWERS}
    return {
        "title": title,
        "description": f"{kind}Jobs, attempts and answers of artistjobs.",
        "about": "the dashboard",
        "about_url": f"/-/dashboards/{NAME}",
        "databases": {NAME: {"title": title, "description_html": _GUIDE, "queries": dict(_QUERIES), "tables": tables}},
        "plugins": {"datasette-dashboards": {NAME: _dashboard(title)}},
    }


def _dashboard(title: str) -> Metadata:
    return {
        "title": title,
        "description": "Progress, throughput and cost.",
        "layout": [
            ["done", "failed", "left", "cost"],
            ["pace", "pace", "pace", "pace"],
            ["codes", "codes", "spending", "spending"],
        ],
        "charts": {name: {"db": NAME, **chart} for name, chart in _charts().items()},
    }


def _charts() -> dict[str, Metadata]:
    return {
        # Partial indexes cover the states other than done, so done jobs are counted by subtraction.
        "done": _metric("Done", "SELECT (SELECT count(*) FROM jobs)"
            " - (SELECT count(*) FROM jobs WHERE state = 'pending')"
            " - (SELECT count(*) FROM jobs WHERE state = 'running')"
            " - (SELECT count(*) FROM jobs WHERE state = 'failed') AS number"),
        "failed": _metric("Failed", "SELECT count(*) AS number FROM jobs"
            " WHERE state = 'failed' AND error_code <> 'user:dropped'"),
        "left": _metric("Left", "SELECT (SELECT count(*) FROM jobs WHERE state = 'pending')"
            " + (SELECT count(*) FROM jobs WHERE state = 'running') AS number"),
        "cost": _metric("Cost in dollars", "SELECT round(coalesce(sum(cost_usd), 0), 2) AS number FROM workers"),
        "pace": {
            "title": "Jobs completed over time",
            # Grouped by minute, or by ten seconds while there are at most 15 minutes.
            "query": (
                "WITH latest AS (SELECT ended_at, outcome FROM attempts ORDER BY id DESC LIMIT 100000),"
                " spans AS (SELECT CASE WHEN (SELECT count(DISTINCT substr(ended_at, 1, 16)) FROM latest) > 15"
                " THEN substr(ended_at, 1, 16) ELSE substr(ended_at, 1, 18) || '0' END AS moment, outcome"
                " FROM latest WHERE outcome IN ('done', 'failed', 'died')),"
                " moments AS (SELECT DISTINCT moment FROM spans ORDER BY moment DESC LIMIT 240)"
                " SELECT replace(moment, 'T', ' ') AS moment,"
                " CASE outcome WHEN 'done' THEN 'done' ELSE 'failed' END AS came_to, count(*) AS jobs"
                " FROM spans WHERE moment IN (SELECT moment FROM moments) GROUP BY 1, 2 ORDER BY 1"
            ),
            "library": "vega-lite",
            "display": {
                "mark": {"type": "bar", "tooltip": True},
                "encoding": {
                    # Ordinal rather than temporal: a night between two runs would fill most of the chart.
                    "x": {"field": "moment", "type": "ordinal", "title": "UTC",
                          "scale": {"paddingInner": 0, "paddingOuter": 0},
                          "axis": {"labelOverlap": "greedy", "labelAngle": 0, "labelSeparation": 20, "ticks": False,
                                   "labelExpr": "slice(datum.value, 5)"}},
                    "y": {"field": "jobs", "type": "quantitative", "title": "jobs"},
                    "color": {"field": "came_to", "type": "nominal", "title": None,
                              "scale": {"domain": ["done", "failed"], "range": ["#1f6391", "#a93c30"]}},
                },
            },
        },
        "codes": _bars(
            "Failures by code", "SELECT error_code AS what, count(*) AS number FROM jobs INDEXED BY jobs_failed"
            " WHERE state = 'failed' AND error_code <> 'user:dropped'"
            " GROUP BY error_code ORDER BY number DESC LIMIT 12", "failed jobs", "#a93c30",
        ),
        "spending": _bars(
            "Cost by model and tier of the latest 100,000 answers",
            "SELECT coalesce(model, 'unknown') || ', ' || coalesce(service_tier, 'no tier') AS what,"
            " round(sum(cost_usd), 4) AS number FROM (SELECT model, service_tier, cost_usd FROM answers"
            " ORDER BY id DESC LIMIT 100000) GROUP BY what ORDER BY number DESC LIMIT 12", "dollars", "#1f6391",
        ),
    }  # fmt: skip


def _metric(title: str, query: str) -> Metadata:
    return {"title": title, "query": query, "library": "metric", "display": {"field": "number"}}


def _bars(title: str, query: str, unit: str, colour: str) -> Metadata:
    return {
        "title": title,
        "query": query,
        "library": "vega-lite",
        "display": {
            "mark": {"type": "bar", "color": colour, "tooltip": True},
            "encoding": {
                "y": {"field": "what", "type": "nominal", "sort": "-x", "title": None, "axis": {"labelLimit": 260}},
                "x": {"field": "number", "type": "quantitative", "title": unit},
            },
        },
    }
