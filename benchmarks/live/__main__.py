"""Command line of the live receipt: `python -m benchmarks.live [--yes] [--rehearse]`."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import click
import httpx2

from artistjobs.api.address import DEFAULT_BASE_URL
from artistjobs.api.prices import cost_by
from artistjobs.core.json_values import Json
from artistjobs.core.pricing import REHEARSAL_MODEL, GivenPrices
from artistjobs.rehearsal import SCENARIOS, Fault, rehearsal
from benchmarks.live.answers import try_answers, try_stored_prompt, try_tiers
from benchmarks.live.background import try_background
from benchmarks.live.batch import try_batches, try_odd_batches
from benchmarks.live.probe import TIMEOUT_SECONDS, CapError, Ledger, Probe
from benchmarks.live.program import try_program
from benchmarks.live.receipt import Finding, Verdict, finding, line_of, receipt_json
from benchmarks.live.refusals import UNKNOWN_PROMPT, try_models, try_refusals

KEY = "OPENAI_API_KEY"

CALLS = 40
"""Calls to the model, about; with the requests that look at files, batches and answers it is more requests."""


SIMULATED = replace(SCENARIOS["calm"], latency_seconds=0.0, requests_per_minute=6000, tokens_per_minute=10**9)


def _fault(body: Mapping[str, object], _nth: int) -> Fault | None:
    """Return the reply of the simulated API to requests that it would accept otherwise."""
    prompt = body.get("prompt")
    if isinstance(prompt, dict) and prompt.get("id") == UNKNOWN_PROMPT:
        return Fault.PROMPT_NOT_FOUND
    return Fault.INCOMPLETE if body.get("max_output_tokens") == 16 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Options of the command; the cap is in dollars, the waits in seconds."""

    model: str
    cap_usd: float
    prices: GivenPrices | None
    prompt_id: str | None
    wait_seconds: float
    poll_seconds: float
    is_rehearsal: bool


@click.command()
@click.option("--model", default="gpt-6-luna", show_default=True, help="Model to call; a small one is enough.")
@click.option(
    "--cap", default=0.50, show_default=True, metavar="USD", help="Most that all calls may cost, at their worst."
)
@click.option("--price", nargs=2, type=float, metavar="IN OUT", help="Prices of a million tokens, if they are unknown.")
@click.option("--prompt-id", metavar="ID", help="A stored prompt with the variables artist_name and artist_data.")
@click.option("--wait", default=900.0, show_default=True, metavar="SECONDS", help="How long to wait for a batch.")
@click.option(
    "--output", default="receipt.json", show_default=True, type=click.Path(path_type=Path), help="The receipt."
)
@click.option("--rehearse", is_flag=True, help="Use the simulated API on this machine: no key, no cost.")
@click.option("--yes", is_flag=True, help="Do not ask before money is spent.")
def main(  # noqa: PLR0913 - an argument for each option
    *, model: str, cap: float, price: tuple[float, float] | None, prompt_id: str | None, wait: float, output: Path,
    rehearse: bool, yes: bool,
) -> None:  # fmt: skip
    """Try the claims about the API on which artistjobs rests, and write a receipt without secrets.

    The exit code is 0 if no claim fails, 1 if one does, 2 for wrong use.
    """
    key = "key-of-a-rehearsal" if rehearse else os.environ.get(KEY, "")
    if not key:
        raise click.UsageError(f"{KEY} is not set; set it in the environment, or try --rehearse.")
    if not rehearse and not yes:
        click.confirm(
            f"About {CALLS} calls of {model}, which cost at most ${cap:.2f}. Make them?", abort=True, err=True
        )
    prices = GivenPrices(input_usd=price[0], output_usd=price[1]) if price else None
    options = Options(
        model=REHEARSAL_MODEL if rehearse else model, cap_usd=cap, prices=prices, prompt_id=prompt_id,
        wait_seconds=wait, poll_seconds=0.1 if rehearse else 5.0, is_rehearsal=rehearse,
    )  # fmt: skip
    receipt, code = asyncio.run(make_receipt(options, key, os.environ.get("OPENAI_BASE_URL") or DEFAULT_BASE_URL))
    output.write_text(json.dumps(receipt, indent=1, ensure_ascii=False) + "\n", "utf-8")
    spent = f"{receipt['calls']} requests, ${receipt['cost_usd']}"
    click.echo(f"{spent}; the receipt is in {output}", err=True)
    sys.exit(code)


async def make_receipt(options: Options, key: str, base_url: str) -> tuple[dict[str, Json], int]:
    """Try all claims, print what was found, and return the receipt and the exit code."""
    ledger = Ledger(options.cap_usd, cost_by(options.prices))
    secrets, findings = [key], list[Finding]()
    with rehearsal(SIMULATED, script=_fault) if options.is_rehearsal else nullcontext() as simulated:
        address = base_url if simulated is None else simulated.base_url
        async with httpx2.AsyncClient(
            base_url=f"{address.rstrip('/')}/", headers={"Authorization": f"Bearer {key}"}, timeout=TIMEOUT_SECONDS
        ) as client:
            probe = Probe(client, options.model, ledger, options.wait_seconds, options.poll_seconds, options.prompt_id)
            async for one in _all(probe, is_rehearsal=options.is_rehearsal):
                findings.append(one)
                click.echo(line_of(one, secrets))
    about: Mapping[str, Json] = {
        "is_rehearsal": options.is_rehearsal, "is_openai": address == DEFAULT_BASE_URL, "model": options.model
    }  # fmt: skip
    code = int(any(one.verdict is Verdict.FAILS for one in findings))
    return receipt_json(findings, probe.totals(), about, secrets), code


async def _all(probe: Probe, *, is_rehearsal: bool) -> AsyncIterator[Finding]:
    parts = {
        "models": try_models(probe),
        "refusals": try_refusals(probe),
        "answers": try_answers(probe),
        "tiers": try_tiers(probe),
        "the stored prompt": try_stored_prompt(probe),
        "the background": try_background(probe),
        "batches": try_batches(probe),
        "odd batches": try_odd_batches(probe),
        "the program": try_program(probe, is_rehearsal=is_rehearsal),
    }
    for name, part in parts.items():
        try:
            async for one in part:
                yield one
        except CapError as error:
            yield Finding(f"the rest about {name}", Verdict.NOT_TRIED, str(error))
        except httpx2.HTTPError as error:
            yield Finding(f"the rest about {name}", Verdict.UNCLEAR, f"{type(error).__name__}: {error}")
    yield finding("no answer cost more than its bound", probe.ledger.bounds_hold, None)


if __name__ == "__main__":
    main()
