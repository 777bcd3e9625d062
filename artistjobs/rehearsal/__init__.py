"""A simulated Responses API on the loopback interface, for ``--rehearse`` and for the test suite.

    with rehearsal("storm", seed=1) as api:
        client = openai.AsyncOpenAI(base_url=api.base_url, api_key="any", max_retries=0)

The names of the scenarios can be had without loading a web server: that is imported by ``rehearsal``.
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
    """Return a simulated API that serves once it is entered; an unknown scenario is a WrongUseError.

    Faults, latencies and texts follow from ``seed``, each request and how often it was seen. A ``script``
    takes the place of the scenario's faults: it is given each body and how often it was seen.
    """
    from artistjobs.rehearsal.server_thread import Rehearsal

    chosen = find_scenario(scenario) if isinstance(scenario, str) else scenario
    journal = Journal(journal_path, detail=detail)
    return Rehearsal(chosen, seed=seed, port=port, journal=journal, script=script)
