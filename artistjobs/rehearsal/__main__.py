"""``python -m artistjobs.rehearsal``: the simulated API as a process of its own.

It prints its base URL as the first line and serves until SIGTERM or SIGINT. What it was asked outlives
its clients in the journal file, so that a test can kill them and count.
"""

import argparse
import signal
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from artistjobs.errors import WrongUseError
from artistjobs.rehearsal import SCENARIOS, Detail, Scenario, find_scenario, rehearsal
from artistjobs.rehearsal.server_thread import Rehearsal

_STOPPING = (signal.SIGINT, signal.SIGTERM)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until told to stop, and return the exit code."""
    options = _parse(arguments)
    # Blocked before any thread begins, so that every thread inherits it and sigwait alone sees them.
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)
    try:
        api = _open(options)
    except (WrongUseError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    with closing(api):
        print(api.base_url, flush=True)
        signal.sigwait(_STOPPING)
    return 0


def _open(options: argparse.Namespace) -> Rehearsal:
    return rehearsal(
        _scenario(options),
        seed=options.seed,
        port=options.port,
        journal_path=options.journal,
        detail=Detail(options.detail),
    ).open()


def _scenario(options: argparse.Namespace) -> Scenario:
    scenario = find_scenario(options.scenario)
    if options.latency is not None:
        scenario = replace(scenario, latency_seconds=options.latency, latency_sigma=0.0)
    return replace(scenario, requests_per_minute=options.rpm, tokens_per_minute=options.tpm)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m artistjobs.rehearsal", description="A simulated Responses API on the loopback."
    )
    parser.add_argument("--scenario", default="calm", help=f"one of {', '.join(SCENARIOS)} (default: calm)")
    parser.add_argument("--seed", type=int, default=0, help="what chance follows from (default: 0)")
    parser.add_argument("--port", type=int, default=0, help="the port to listen on (default: any free one)")
    parser.add_argument("--journal", type=Path, help="append every call to this file as a line of JSON")
    parser.add_argument(
        "--detail", choices=list(Detail), default=Detail.KEYS, help="calls writes bodies, totals stays small"
    )
    parser.add_argument("--latency", type=float, metavar="SECONDS", help="the time of every answer")
    parser.add_argument("--rpm", type=int, metavar="N", help="refuse more than N requests a minute")
    parser.add_argument("--tpm", type=int, metavar="N", help="refuse more than N tokens a minute")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
