"""Benchmarks of calls: CPU per job against the bare SDK, and jobs per second against the limit set by the latency."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from benchmarks.measure import (
    PYTHON,
    Bench,
    Curve,
    Figure,
    LeftOut,
    Result,
    Section,
    alternate,
    at_least,
    at_most,
    medians,
    number,
    ratios,
    run,
)
from benchmarks.program import Server, has_option, pending, server, work

IN_FLIGHT = 64
LATENCY = 0.2
SIGMA = 0.4
MEDIAN_LATENCY = 2.0


def measure(bench: Bench) -> Iterator[Result]:
    """Yield the figures about calls."""
    yield ceiling(bench)
    yield from cpu(bench)
    yield from speed(bench)
    yield by_workers(bench)


def ceiling(bench: Bench) -> Section:
    """Return the throughput of the benchmark server, to show that the server does not limit the other results."""
    calls = bench.size(100_000, 5_000)
    with server() as api, bench.place("raw") as folder:
        used = run([PYTHON, "-m", "benchmarks.floors", "raw", api.base_url, calls, IN_FLIGHT], folder)
    return Section(
        "The API that is called",
        f"It is a process of its own on the same machine, and answers {number(round(calls / used.seconds, -2))} "
        "requests a second to a caller that does nothing but send them (sockets alone, no HTTP library). "
        "No figure of the table asks for more than 2,600.",
    )


# CPU per job


def cpu(bench: Bench) -> Iterator[Result]:
    """Yield the ratio of the CPU time of a whole job to that of a call by the SDK alone.

    Each time is the difference of two runs of different length, so that it does not contain the start-up.
    """
    few, many = bench.size(300, 100), bench.size(2_500, 300)

    def ours(rows: int) -> float:
        with server() as api, pending(bench, rows) as folder:
            return work(folder, api, IN_FLIGHT).cpu_seconds

    def floor(loop: str) -> Callable[[int], float]:
        def cost(calls: int) -> float:
            with server() as api, bench.place("floor") as folder:
                command = [PYTHON, "-m", "benchmarks.floors", loop, api.base_url, calls, IN_FLIGHT]
                return run(command, folder).cpu_seconds

        return cost

    def each(cost: Callable[[int], float]) -> Callable[[], float]:
        return lambda: (cost(many) - cost(few)) / (many - few) * 1e3

    bench.say("CPU of a job")
    found = alternate(bench.rounds, each(ours), each(floor("bare")), each(floor("post")))
    what = f"CPU of a whole job: claim, call, judge, settle, sync; API that answers at once, {IN_FLIGHT} in flight"
    shown = [number(cost) for cost in medians(found)]
    yield Figure(
        what, "a call of `AsyncOpenAI().responses.create` that stores nothing", at_most(0.70), ratios(found, 0, 1),
        f"{shown[0]} ms against {shown[1]} ms",
    )  # fmt: skip
    yield Figure(
        what, "the cheapest call through the SDK: `client.post`, reply as it came, on aiohttp", at_most(1.6),
        ratios(found, 0, 2), f"{shown[0]} ms against {shown[2]} ms",
    )  # fmt: skip


# Jobs per second


@dataclass(frozen=True)
class Pace:
    """Result of one run: the share of slots in use, once all slots are open and from the first call on."""

    share: float
    share_with_ramp: float
    jobs_a_second: float


def pace(bench: Bench, workers: int, seconds: float, latency: float, sigma: float = 0.0, processes: int = 1) -> Pace:
    """Work for about ``seconds`` at a latency, and return the share of the slots that were in use."""
    mean = latency * math.exp(sigma**2 / 2)
    rows = _rows(workers, seconds, mean)
    options = ["--processes", processes] if processes > 1 else []
    with server(latency, sigma) as api, pending(bench, rows) as folder:
        work(folder, api, workers, *options)
        return _pace(api, workers, mean)


def floor_share(bench: Bench, workers: int, seconds: float, latency: float) -> float:
    """Return the share of the slots that the barest loop through the SDK uses once all are open."""
    with server(latency) as api, bench.place("floor") as folder:
        calls = _rows(workers, seconds, latency)
        run([PYTHON, "-m", "benchmarks.floors", "reply", api.base_url, calls, workers], folder)
        return _pace(api, workers, latency).share


def _rows(workers: int, seconds: float, mean: float) -> int:
    return max(workers * 3, round(workers * seconds / mean))


def _pace(api: Server, workers: int, mean: float) -> Pace:
    plateau, whole = api.busy(2 * mean), api.busy(0.0)
    share, share_with_ramp = plateau["in_flight"] / workers, whole["in_flight"] / workers
    return Pace(share, share_with_ramp, share * workers / mean)


def speed(bench: Bench) -> Iterator[Result]:
    """Yield the ratio of jobs per second to the limit set by the latency."""
    seconds = 6.0 if not bench.is_quick else 1.0
    for workers, reach in ((64, 0.97), (256, 0.88)):
        bench.say(f"jobs a second with {workers} workers")
        yield from beside_floor(bench, workers, seconds, reach)
    yield from two_processes(bench, seconds / 2)
    bench.say("jobs a second with 1,000 workers")
    workers, seconds, middle = (1_000, 13.0, MEDIAN_LATENCY) if not bench.is_quick else (200, 1.0, LATENCY)
    paces = [pace(bench, workers, seconds, middle, SIGMA) for _ in range(bench.rounds)]
    what = f"Jobs a second, lognormal latency with median {number(middle)} s and sigma {SIGMA}, {workers:,} workers"
    yield _figure(what, 0.97, paces)


def beside_floor(bench: Bench, workers: int, seconds: float, reach: float) -> Iterator[Result]:
    """Yield the ratio of jobs per second to the limit set by the latency, and to a loop that does nothing but call."""
    paces: list[Pace] = []

    def ours() -> float:
        paces.append(pace(bench, workers, seconds, LATENCY))
        return paces[-1].share

    found = alternate(bench.rounds, ours, lambda: floor_share(bench, workers, seconds, LATENCY))
    what = f"Jobs a second, latency 200 ms, {workers} workers, one process"
    yield _figure(what, reach, paces)
    shares = [f"{share:.3f}" for share in medians(found)]
    yield Figure(
        what, "the barest loop through the SDK: `with_raw_response` on aiohttp, nothing stored", at_least(1.0),
        ratios(found), f"slots busy: {shares[0]} against {shares[1]}",
    )  # fmt: skip


def two_processes(bench: Bench, seconds: float) -> Iterator[Result]:
    """Yield the gain from a second process, if `work` has the option for it."""
    workers = bench.size(512, 64)
    what = f"Jobs a second, latency 200 ms, {workers} workers, `--processes 2`"
    if not has_option(bench.folder, "--processes"):
        yield LeftOut(what, "`work` has no `--processes` yet")
        return
    bench.say("jobs a second with two processes")
    paces: dict[int, list[Pace]] = {1: [], 2: []}

    def with_processes(processes: int) -> Callable[[], float]:
        def jobs_a_second() -> float:
            paces[processes].append(pace(bench, workers, seconds, LATENCY, processes=processes))
            return paces[processes][-1].jobs_a_second

        return jobs_a_second

    found = alternate(bench.rounds, with_processes(2), with_processes(1))
    yield _figure(what, 0.75, paces[2])
    yield Figure(what, "the same in one process", at_least(1.6), ratios(found))


def _figure(what: str, reach: float, paces: list[Pace]) -> Figure:
    middle = sorted(paces, key=lambda found: found.share)[len(paces) // 2]
    note = f"{number(middle.jobs_a_second)} a second; {middle.share_with_ramp:.3f} from the first call on"
    return Figure(what, "workers ÷ mean latency", at_least(reach), [found.share for found in paces], note)


def by_workers(bench: Bench) -> Curve:
    """Return the jobs per second by number of workers, from one run each."""
    bench.say("jobs a second by workers")
    counts = [1, 4, 16, 64, 128, 256, 512, 1_000] if not bench.is_quick else [1, 16]
    seconds = 3.0 if not bench.is_quick else 0.6
    measured = [(float(workers), pace(bench, workers, seconds, LATENCY).jobs_a_second) for workers in counts]
    return Curve(
        "workers",
        "Jobs a second by workers, one process, latency 200 ms",
        "workers",
        "jobs a second",
        {"measured": measured, "workers ÷ latency": [(float(workers), workers / LATENCY) for workers in counts]},
        "Straight for as long as one core can do the work of the calls, then flat: "
        "a process makes about as many calls a second as one core has time for.",
        log_y=True,
    )
