"""Which way imports point: down, never across, never back."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "artistjobs"

FLOORS = [
    {"errors", "options", "block", "finding"},
    {"moment", "terminal", "pace", "paint", "existing", "interpreter", "behind", "loop"},
    {"table"},
    {"reply", "job", "whole_file"},
    {"outcome", "overview", "params", "template", "stop", "window", "control", "slots"},
    {"prompt", "judge", "retry", "pricing", "source", "trouble"},
    {"config", "limiter", "budget", "breaker", "artists", "asking", "estimate"},
    {"store", "api", "rehearsal", "suspicion"},
    {"till", "hearing", "standing", "tally"},
    {"desk", "record", "log", "stdio"},
    {"writer"},
    {"screen", "remote", "lines", "sheet", "database", "ingest_text"},
    {"parquet"},
    {"browse", "worker", "preflight", "ingest", "export", "report", "status", "view", "signals", "failures", "dossier"},
    {"look", "picture", "check", "status_text", "delivery"},
    {"runner"},
    {"progress", "summary", "calling"},
    {"crew"},
    {"session"},
    {"given"},
    {"cli"},
    {"__main__"},
]
"""What stands on which floor: a module may import what is on a lower one."""

CORE = {
    "control",
    "trouble",
    "job",
    "outcome",
    "reply",
    "judge",
    "retry",
    "pricing",
    "prompt",
    "params",
    "template",
    "moment",
    "errors",
    "estimate",
}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def part_of(path: Path) -> str:
    """Return the module of a file, or the subpackage that it belongs to."""
    relative = path.relative_to(PACKAGE)
    return relative.parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    """Return all modules that a file imports, wherever in the file it does."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


def own_imports(path: Path) -> set[str]:
    return {name.split(".")[1] for name in imported(path) if name.startswith("artistjobs.")}


def floor_of(part: str) -> int:
    return next(number for number, floor in enumerate(FLOORS) if part in floor)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path):
    part = part_of(path)
    if part == "__init__":
        return
    for other in own_imports(path) - {part}:
        assert floor_of(other) < floor_of(part), f"{part} imports {other}"


def test_every_module_has_its_floor():
    parts = {part_of(path) for path in modules()} - {"__init__"}

    assert parts == set().union(*FLOORS)


def test_store_and_api_do_not_know_each_other():
    for path in modules():
        if part_of(path) == "store":
            assert not own_imports(path) & {"api", "rehearsal"}
        if part_of(path) in ("api", "rehearsal"):
            assert not own_imports(path) & {"store"}


def test_nothing_above_the_edges_names_their_exceptions():
    for path in modules():
        names = {name.split(".")[0] for name in imported(path)}
        if part_of(path) != "store":
            assert not names & {"sqlite3", "sqlite_utils"}, path
        if part_of(path) != "api":
            assert not names & {"openai", "httpx2"}, path


def test_the_core_opens_nothing_reads_no_clock_and_draws_no_lots():
    forbidden = {"time", "socket", "os", "sqlite3", "asyncio", "threading", "subprocess", "secrets"}
    for path in modules():
        if part_of(path) in CORE:
            assert not imported(path) & forbidden, path


def test_only_the_command_line_reads_the_environment():
    readers = {part_of(path) for path in modules() if "os.environ" in path.read_text()}

    assert readers <= {"given", "block", "screen"}


def test_workers_know_protocols_and_not_their_makers():
    for name in ("worker", "writer", "runner"):
        makers = {module for module in imported(PACKAGE / f"{name}.py") if module.startswith("artistjobs.")}

        assert not makers & {"artistjobs.store.sqlite", "artistjobs.api.responses", "artistjobs.rehearsal"}
