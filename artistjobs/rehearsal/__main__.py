"""Simulated API as a separate process: ``python -m artistjobs.rehearsal``.

It prints its base URL as the first line and serves until SIGTERM or SIGINT. The journal file records all calls, so
that a test can kill clients and count the calls afterwards.
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
    """Serve until SIGINT or SIGTERM; return the exit code."""
    options = _parse(arguments)
    # Blocked before the first thread starts: all threads inherit the mask, and only sigwait receives the signals.
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
        prog="python -m artistjobs.rehearsal", description="A simulated Responses API on the loopback interface."
    )
    parser.add_argument("--scenario", default="calm", help=f"one of {', '.join(SCENARIOS)} (default: calm)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the random sampling (default: 0)")
    parser.add_argument("--port", type=int, default=0, help="the port to listen on (default: any free one)")
    parser.add_argument("--journal", type=Path, help="append each call to this file as one line of JSON")
    parser.add_argument(
        "--detail", choices=list(Detail), default=Detail.KEYS, help="calls writes bodies, totals only counts"
    )
    parser.add_argument("--latency", type=float, metavar="SECONDS", help="latency of every answer")
    parser.add_argument("--rpm", type=int, metavar="N", help="refuse more than N requests per minute")
    parser.add_argument("--tpm", type=int, metavar="N", help="refuse more than N tokens per minute")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
