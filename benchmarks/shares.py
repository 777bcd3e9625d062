"""Profile of a job by the samples of py-spy; left out if py-spy is not installed."""

import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.measure import PYTHON, ROOT, Bench, LeftOut, MeasureError, Result, Section, run
from benchmarks.program import pending, server, work_command

OURS = str(ROOT / "artistjobs")
IN_FLIGHT = 64

PACKAGES = {
    "openai": "the SDK", "httpx2": "the SDK", "httpcore2": "the SDK", "httpx_aiohttp": "the SDK",
    "pydantic": "the SDK", "anyio": "the SDK", "aiohttp": "aiohttp", "yarl": "aiohttp", "multidict": "aiohttp",
}  # fmt: skip
"""Owner of the work of each package; the work of any other package belongs to its caller."""

STORE, OUR_CODE, LOOP, START = "the store and SQLite", "our own code", "the event loop", "starting up"


def measure(bench: Bench) -> Iterator[Result]:
    """Yield the shares of a run against an API that answers at once."""
    what = "Where the remaining time goes"
    beside = Path(PYTHON).with_name("py-spy")
    sampler = shutil.which(str(beside)) or shutil.which("py-spy")
    if sampler is None:
        yield LeftOut(what, "py-spy is not installed")
        return
    bench.say("where the time goes")
    rows = bench.size(10_000, 300)
    with server() as api, pending(bench, rows) as folder:
        record = [sampler, "record", "--format", "raw", "--full-filenames", "--rate", "200", "--output", "stacks", "--"]
        try:
            run([*record, *work_command(IN_FLIGHT)], folder, {"OPENAI_BASE_URL": api.base_url})
        except MeasureError as error:
            yield LeftOut(what, f"py-spy did not work here: {str(error).splitlines()[-1][:100]}")
            return
        shares = shares_of((folder / "stacks").read_text().splitlines())
    lines = [f"| {name} | {share:.0%} |" for name, share in shares.items()]
    text = (
        f"Samples of both threads of a run of {rows:,} jobs, {IN_FLIGHT} in flight, API that answers at once; "
        "each belongs to whoever called last, the standard library to its callers.\n\n"
    )
    yield Section(what, text + "\n".join(["| whose work | share |", "|---|---|", *lines]))


def shares_of(stacks: Sequence[str]) -> dict[str, float]:
    """Return the share of each owner from 0 to 1, the largest first, without the start-up."""
    counted: Counter[str] = Counter()
    for line in stacks:
        frames, _, count = line.rpartition(" ")
        counted[whose(frames.split(";"))] += int(count)
    del counted[START]
    return {name: count / counted.total() for name, count in counted.most_common()}


def whose(frames: Sequence[str]) -> str:
    """Return the owner of the work in a stack, whose outermost frame comes first."""
    if any("<frozen importlib" in frame for frame in frames):
        return START
    for frame in reversed(frames):
        owner = _owner(frame.partition(" (")[2])
        if owner:
            return owner
    return OUR_CODE


def _owner(path: str) -> str | None:
    if path.startswith(OURS + "/store/"):
        return STORE
    if path.startswith(OURS):
        return OUR_CODE
    if "/site-packages/" in path:
        package = path.rpartition("/site-packages/")[2].partition("/")[0]
        return PACKAGES.get(package)
    return LOOP if "/asyncio/" in path or "/selectors.py" in path else None
