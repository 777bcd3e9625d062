"""What Datasette is told about a database: titles, descriptions, facets, queries and a dashboard.

Sums over all jobs take a second or so on a million of them, so facets stand only where they are
cheap or worth it, and nothing is sorted that has no index.
"""

from collections.abc import Mapping
from typing import TypeAlias

Metadata: TypeAlias = dict[str, object]


NAME = "artistjobs"
"""What the database is called in addresses, and its dashboard too."""


SETTINGS: Mapping[str, object] = {
    "default_page_size": 50,
    "truncate_cells_html": 200,
    "sql_time_limit_ms": 10_000,  # the slowest of a million answers are found by reading them all
    "facet_time_limit_ms": 3_000,
    "suggest_facets": False,  # a guess costs as much as a facet, for each column
    "allow_download": False,  # a copy of a file that is being written would be a broken one
}


_HIDDEN = ("about", "texts", "_sqlite_migrations", "sqlite_sequence")


_TABLES: Mapping[str, Metadata] = {
    "results": {"description": "What came of each completed job.", "facets": ["model", "prompt"], "size": 25},
    "failures": {
        "description": "What went wrong, with the attempt that ended each failed job.",
        "facets": ["error_code", "http_status"],
    },
    "progress": {"description": "How far each way of asking is."},
    "spending": {"description": "What was spent, by model and service tier. unpriced have no known price."},
    "jobs": {
        "description": "One row for each distinct request, and its state.",
        "facets": ["state", "prompt"],
        "label_column": "artist_name",
        "sort_desc": "id",
    },
    "attempts": {
        "description": "One row for each try at a job.", "facets": ["outcome", "error_code"], "sort_desc": "id",
    },
    "answers": {
        "description": "Whatever was answered, late and incomplete answers too.",
        "facets": ["model", "service_tier", "status"], "sort_desc": "id", "size": 20, "label_column": "response_id",
    },
    "prompts": {"description": "Distinct ways of asking.", "label_column": "model"},
    "workers": {
        "description": "Processes that worked.", "facets": ["ending"], "sort_desc": "id", "label_column": "host",
    },
    "controls": {"description": "What workers were told from another terminal."},
    "ingests": {"description": "Files read.", "sort_desc": "id", "label_column": "source"},
    "ingest_lines": {"description": "Which job each good line of a file asks for."},
    "bad_lines": {"description": "Lines skipped, and why.", "facets": ["reason"]},
}  # fmt: skip


_GUIDE = "Begin with {}, or the {}.".format(
    ", ".join(f'<a href="/{NAME}/{view}">{view}</a>' for view in ("results", "failures", "progress", "spending")),
    f'<a href="/-/dashboards/{NAME}">dashboard</a>',
)


_LARGE_JOBS = 200_000
"""From so many jobs on nothing is counted through all answers unasked: that is seconds for each page."""


_WITH_ANSWERS = ("results", "answers")


_QUERIES: Mapping[str, Metadata] = {
    "failures_by_code": {
        "title": "Failures by code",
        "description": "What went wrong, the most frequent first, with an example.",
        "sql": (
            "SELECT code, jobs, failures.artist_name AS example, failures.error_message, failures.http_status\n"
            "  FROM (SELECT error_code AS code, count(*) AS jobs, min(id) AS first\n"
            "          FROM jobs INDEXED BY jobs_failed\n         WHERE state = 'failed'\n"
            "         GROUP BY error_code) AS codes\n"
            "  JOIN failures ON failures.job = codes.first\n ORDER BY jobs DESC"
        ),
    },
    "slowest": {
        "title": "Slowest answers",
        "description": "The hundred calls that took longest.",
        "sql": (
            "SELECT answers.job, jobs.artist_name, slow.seconds, answers.output_tokens, answers.model,\n"
            "       answers.received_at\n"
            "  FROM (SELECT id, seconds FROM answers ORDER BY seconds DESC LIMIT 100) AS slow\n"
            "  JOIN answers ON answers.id = slow.id\n  JOIN jobs ON jobs.id = answers.job\n ORDER BY slow.seconds DESC"
        ),
    },
    "dearest": {
        "title": "Dearest answers",
        "description": "The hundred answers that cost most.",
        "sql": (
            "SELECT answers.job, jobs.artist_name, dear.cost_usd, answers.input_tokens, answers.output_tokens,\n"
            "       answers.model, answers.service_tier\n"
            "  FROM (SELECT id, cost_usd FROM answers ORDER BY cost_usd DESC LIMIT 100) AS dear\n"
            "  JOIN answers ON answers.id = dear.id\n  JOIN jobs ON jobs.id = answers.job\n ORDER BY dear.cost_usd DESC"
        ),
    },
    "answers_a_minute": {
        "title": "Answers a minute",
        "description": "The latest thousand minutes in which anything ended, in UTC.",
        "sql": (
            "SELECT substr(ended_at, 1, 16) AS minute, sum(outcome = 'done') AS answers,\n"
            "       sum(outcome IN ('failed', 'died')) AS failed\n"
            "  FROM attempts\n GROUP BY minute\n ORDER BY minute DESC\n LIMIT 1000"
        ),
    },
    "unanswered": {
        "title": "Unanswered",
        "description": "Jobs that are waiting or being asked about, the next ones first.",
        "sql": (
            "SELECT id AS job, artist_name, artist_data, state, attempt, available_at, claimed_by AS worker\n"
            "  FROM jobs\n WHERE state = 'running' OR state = 'pending'\n ORDER BY id\n LIMIT 1000"
        ),
    },
    "find_artist": {
        "title": "Find an artist",
        "description": "Answers about artists with this in their name.",
        "sql": (
            "SELECT job, artist_name, text, model, cost_usd\n  FROM results\n"
            " WHERE artist_name LIKE '%' || :name || '%'\n LIMIT 100"
        ),
        "params": ["name"],
    },
}


def metadata(file: str, jobs: int, *, is_rehearsal: bool) -> Metadata:
    """Return all that Datasette is told about a database; ``file`` is what people know it by."""
    title = f"{file} (rehearsal)" if is_rehearsal else file
    kind = "A simulated API gave these answers. " if is_rehearsal else ""
    tables = {**_TABLES, **{name: {"hidden": True} for name in _HIDDEN}}
    if jobs >= _LARGE_JOBS:
        tables |= {name: {**_TABLES[name], "facets": []} for name in _WITH_ANSWERS}
    return {
        "title": title,
        "description": f"{kind}One prompt about many artists, and every answer.",
        "about": "the dashboard",
        "about_url": f"/-/dashboards/{NAME}",
        "databases": {NAME: {"title": title, "description_html": _GUIDE, "queries": dict(_QUERIES), "tables": tables}},
        "plugins": {"datasette-dashboards": {NAME: _dashboard(title)}},
    }


def _dashboard(title: str) -> Metadata:
    return {
        "title": title,
        "description": "How far, how fast, and what it cost.",
        "layout": [
            ["done", "failed", "left", "cost"],
            ["pace", "pace", "pace", "pace"],
            ["codes", "codes", "spending", "spending"],
        ],
        "charts": {name: {"db": NAME, **chart} for name, chart in _charts().items()},
    }


def _charts() -> dict[str, Metadata]:
    return {
        # Indexes hold the states that jobs pass through; those done are all the others.
        "done": _metric("Done", "SELECT (SELECT count(*) FROM jobs)"
            " - (SELECT count(*) FROM jobs WHERE state = 'pending')"
            " - (SELECT count(*) FROM jobs WHERE state = 'running')"
            " - (SELECT count(*) FROM jobs WHERE state = 'failed') AS number"),
        "failed": _metric("Failed", "SELECT count(*) AS number FROM jobs WHERE state = 'failed'"),
        "left": _metric("Left", "SELECT (SELECT count(*) FROM jobs WHERE state = 'pending')"
            " + (SELECT count(*) FROM jobs WHERE state = 'running') AS number"),
        "cost": _metric("Cost in dollars", "SELECT round(coalesce(sum(cost_usd), 0), 2) AS number FROM workers"),
        "pace": {
            "title": "Jobs that ended, over time",
            # By the minute, and by ten seconds as long as there are few minutes.
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
                    # Not as time: a night between two runs would be most of the picture.
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
            " WHERE state = 'failed' GROUP BY error_code ORDER BY number DESC LIMIT 12", "failed jobs", "#a93c30",
        ),
        "spending": _bars(
            "Dollars by model and tier, over the latest 100,000 answers",
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
