"""The measured program, run as a user runs it, against an API in a process of its own."""

import json
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measure import PYTHON, Bench, MeasureError, Used, environ, reap, run

ARTISTJOBS = [PYTHON, "-m", "artistjobs", "-q"]
PROMPT = (
    "Write two sentences about {{ artist_name }}.\n{% if artist_data %}What we know: {{ artist_data }}{% endif %}\n"
)
HAS_LEFT_JOBS = 4
"""Exit code of `work` if jobs are pending, as after --limit."""

NO_SERVER = "http://127.0.0.1:9/v1"


@dataclass(frozen=True)
class Server:
    """The benchmark server: its address, and its counters."""

    base_url: str
    process: "subprocess.Popen[bytes]"

    def seen(self) -> dict[str, float]:
        return self._ask("/seen")

    def busy(self, skip: float) -> dict[str, float]:
        return self._ask(f"/busy?skip={skip}")

    def load(self) -> dict[str, Any]:
        """Return what a server with a capacity saw in each tenth of a second."""
        return self._ask("/load")

    def _ask(self, path: str) -> dict[str, Any]:
        address = self.base_url.removesuffix("/v1") + path
        with urllib.request.urlopen(address, timeout=60) as reply:
            found: dict[str, Any] = json.load(reply)
            return found


@contextmanager
def server(latency: float = 0.0, sigma: float = 0.0, *options: object) -> Iterator[Server]:
    """Run the server in a process of its own."""
    command = [PYTHON, "-m", "benchmarks.server", "--latency", str(latency), "--sigma", str(sigma), *map(str, options)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environ()) as process:
        assert process.stdout is not None
        try:
            yield Server(process.stdout.readline().decode().strip(), process)
        finally:
            process.terminate()


def write_rows(path: Path, rows: int) -> Path:
    """Write a file of different artists, each with data."""
    with path.open("w") as file:
        file.write("artist_name,artist_data\n")
        file.writelines(f"Artist {number},painter and printmaker; born {number} days ago\n" for number in range(rows))
    return path


def ingest(folder: Path, rows: int) -> Used:
    """Create a database of pending jobs in ``folder``, and return the resource usage."""
    return ingest_again(folder, prepare_rows(folder, rows))


def prepare_rows(folder: Path, rows: int) -> Path:
    """Write a file of rows and a prompt file beside it; return the path of the former."""
    (folder / "prompt.txt").write_text(PROMPT)
    return write_rows(folder / "artists.csv", rows)


def ingest_again(folder: Path, file: Path, environment: Mapping[str, str] | None = None) -> Used:
    return run([*ARTISTJOBS, "ingest", file.name, "--prompt-file", "prompt.txt"], folder, environment)


@contextmanager
def pending(bench: Bench, rows: int) -> Iterator[Path]:
    """Yield a folder with a database of ``rows`` pending jobs. It is ingested once and then copied."""
    template = bench.folder / f"pending-{rows}"
    if not template.exists():
        template.mkdir()
        ingest(template, rows)
    with bench.place("work") as folder:
        shutil.copy(template / "artistjobs.db", folder)
        yield folder


def work(folder: Path, api: Server, workers: int, *options: object) -> Used:
    """Work until no job is left."""
    return run(work_command(workers, *options), folder, {"OPENAI_BASE_URL": api.base_url})


def work_command(workers: int | str, *options: object) -> list[object]:
    return [*ARTISTJOBS, "work", "--max-workers", workers, *options]


def start(command: list[object], folder: Path, api: Server) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [str(part) for part in command], cwd=folder, env=environ({"OPENAI_BASE_URL": api.base_url}),
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def first_call_seconds(folder: Path, api: Server, workers: int, *options: object) -> float:
    """Return the seconds from the start of `work` until the first call reached the API."""
    started = time.monotonic()
    used = reap(start(work_command(workers, *options), folder, api), started)
    first = api.seen()["first"]
    if used.code not in {0, HAS_LEFT_JOBS} or first is None:
        raise MeasureError(f"work ended with {used.code} and called {'never' if first is None else 'the API'}")
    return first - started


def has_option(folder: Path, option: str) -> bool:
    """Return True if `work` has an option."""
    found = subprocess.run(
        [*map(str, ARTISTJOBS), "work", "--help"], cwd=folder, env=environ(), capture_output=True, check=True
    )
    return option.encode() in found.stdout
