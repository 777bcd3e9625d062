"""Simulated OpenAI Responses API on the loopback interface, for ``--rehearse`` and for the test suite.

    with rehearsal("storm", seed=1) as api:
        client = openai.AsyncOpenAI(base_url=api.base_url, api_key="any", max_retries=0)

``scenarios.py`` defines faults and scenarios, ``sampling.py`` chooses the fault of a call, and ``service.py`` plans its
reply with ``validation.py``, ``rate_limits.py``, ``faults.py`` and ``replies.py``. ``server.py`` and
``server_thread.py`` serve HTTP, ``call_log.py`` records calls. The client of the API is in ``api``. May import only
``errors``. The import of this package does not load the web server; a call of ``rehearsal`` does.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from artistjobs.rehearsal.call_log import Call, Detail, Journal, request_key
from artistjobs.rehearsal.scenarios import SCENARIOS, Fault, Scenario, find_scenario

if TYPE_CHECKING:
    from artistjobs.rehearsal.server_thread import Rehearsal
    from artistjobs.rehearsal.service import Script


__all__ = [
    "SCENARIOS",
    "Call",
    "Detail",
    "Fault",
    "Journal",
    "Scenario",
    "find_scenario",
    "rehearsal",
    "request_key",
]


def rehearsal(
    scenario: str | Scenario = "calm",
    *,
    seed: int = 0,
    port: int = 0,
    journal_path: str | Path | None = None,
    detail: Detail = Detail.CALLS,
    script: "Script | None" = None,
) -> "Rehearsal":
    """Return a simulated API that serves from ``open`` or the start of a ``with`` block.

    Faults, latencies and texts depend only on ``seed``, the request and its number of repetitions. A ``script``
    replaces the faults of the scenario: it receives the body of a request and how often it was received, from 1.
    ``port`` 0 selects a free port.

    Raises:
        WrongUseError: if there is no scenario of that name.

    """
    from artistjobs.rehearsal.server_thread import Rehearsal

    chosen = find_scenario(scenario) if isinstance(scenario, str) else scenario
    journal = Journal(journal_path, detail=detail)
    return Rehearsal(chosen, seed=seed, port=port, journal=journal, script=script)
