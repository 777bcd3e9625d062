"""The program itself with a few rows, through its Python API."""

import tempfile
from collections.abc import AsyncIterator
from dataclasses import asdict
from pathlib import Path

from artistjobs import ArtistjobsError, Database
from benchmarks.live.probe import MAX_OUTPUT_TOKENS, Probe
from benchmarks.live.receipt import Finding, Verdict, finding

ARTISTS = (
    "Frida Kahlo",
    "Nina Simone",
    "Sofonisba Anguissola",
    "Hokusai",
    "Björk",
    "Miriam Makeba",
    "Paul Klee",
    "Umm Kulthum",
)


async def try_program(probe: Probe, *, is_rehearsal: bool) -> AsyncIterator[Finding]:
    """Run the program with eight rows, within what the cap leaves."""
    claims = ("the program answers eight rows", "each answer is in its export", "it computes what they cost")
    with tempfile.TemporaryDirectory(prefix="artistjobs-live-") as folder:
        file, database = Path(folder) / "artists.csv", Database(Path(folder) / "live.db", rehearse=is_rehearsal)
        file.write_text("".join(f"{name}\n" for name in ARTISTS), "utf-8")
        try:
            result = database.run(
                file, prompt="Write one sentence about {{ artist_name }}.", model=probe.model,
                params={"max_output_tokens": MAX_OUTPUT_TOKENS}, max_workers=4, patience=60.0,
                max_cost=max(0.0, probe.ledger.cap_usd - probe.ledger.spent_usd),
            )  # fmt: skip
        except ArtistjobsError as error:
            yield Finding(claims[0], Verdict.FAILS, {"exit_code": error.exit_code, "message": str(error)})
            return
        probe.calls += result.calls
        probe.ledger.billed += result.done
        probe.ledger.spent_usd += result.cost_usd
        records = list(database.export())
    yield finding(claims[0], result.done == len(ARTISTS), {**asdict(result)})
    names = [record["artist_name"] for record in records if record["response_text"]]
    yield finding(claims[1], names == list(ARTISTS), len(names))
    yield finding(claims[2], result.unpriced_answers == 0, result.cost_usd)
