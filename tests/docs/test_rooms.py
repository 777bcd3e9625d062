"""Imports between the rooms of the package follow the table in CONTRIBUTING.md."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from paths import ROOT

PACKAGE = ROOT / "artistjobs"

MAY_USE: dict[str, set[str]] = {
    "errors": set(),
    "core": {"errors"},
    "browse": {"errors"},
    "rehearsal": {"errors"},
    "api": {"core", "errors"},
    "store": {"core", "errors"},
    "terminal": {"core", "errors"},
    "rendering": {"core", "errors"},
    "ingest": {"store", "rendering", "core", "errors"},
    "export": {"store", "terminal", "core", "errors"},
    "worker": {"api", "store", "rendering", "terminal", "core", "errors"},
    "report": {"export", "store", "core", "errors"},
    "commands": {
        "worker", "ingest", "export", "rehearsal", "api", "store", "rendering", "terminal", "core", "errors",
    },
    "library": {
        "commands", "worker", "ingest", "export", "rehearsal",
        "api", "store", "rendering", "terminal", "core", "errors",
    },
    "cli": {
        "library", "commands", "worker", "ingest", "export", "report", "browse", "rehearsal",
        "api", "store", "rendering", "terminal", "core", "errors",
    },
    "__main__": {"cli", "worker", "core", "errors"},
}  # fmt: skip
"""The rooms that each room may import from. ``__init__`` holds the version, and imports the library when it is used."""

EDGES = {
    "click": "cli",
    "sqlite3": "store/sqlite",
    "sqlite_utils": "store/sqlite",
    "psycopg": "store/postgres",
    "openai": "api",
    "httpx2": "api",
}
"""Third-party modules that only one place may import: its exceptions are translated there."""

MODULES = sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path, *, for_types: bool) -> Iterator[str]:
    """Yield the dotted names of all imports in a file; ``for_types`` includes those under TYPE_CHECKING."""
    for node in _nodes(ast.parse(path.read_text()), for_types=for_types):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _nodes(tree: ast.AST, *, for_types: bool) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(tree):
        if for_types or not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            yield node
            yield from _nodes(node, for_types=for_types)


def rooms_used(path: Path, *, for_types: bool) -> set[str]:
    names = [name.split(".") for name in imports(path, for_types=for_types)]
    return {parts[1] for parts in names if parts[0] == "artistjobs" and len(parts) > 1} & set(MAY_USE)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_room_imports_only_from_its_row_of_the_table(path):
    room = room_of(path)
    if room == "__init__":
        return

    assert rooms_used(path, for_types=True) - {room} <= MAY_USE[room]


def test_every_room_has_a_row_in_the_table():
    assert {room_of(path) for path in MODULES} - {"__init__"} == set(MAY_USE)


def test_the_imports_between_rooms_have_no_cycle():
    assert set(TopologicalSorter(MAY_USE).static_order()) == set(MAY_USE)


CLOCKS_AND_FILES = {
    "now", "today", "utcnow", "localtime", "astimezone", "monotonic", "perf_counter", "time_ns",
    "open", "read_text", "read_bytes", "write_text", "write_bytes", "exists", "stat", "iterdir", "mkdir", "unlink",
    "environ", "getenv", "urandom", "token_bytes", "SystemRandom",
}  # fmt: skip
"""Names of functions and attributes that use a clock, the environment, random numbers or a file."""


def impurities(tree: ast.AST) -> set[str]:
    """Return the names in a module that make its results depend on more than its arguments."""
    names = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    names |= {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    calls = {
        node.func.value.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name)
    }
    return names & CLOCKS_AND_FILES | calls & {"random", "time"}


@pytest.mark.parametrize("path", [path for path in MODULES if room_of(path) == "core"], ids=name_of)
def test_the_core_uses_no_clock_no_file_and_no_random_numbers(path):
    modules = {name.split(".")[0] for name in imports(path, for_types=True)}

    assert not modules & {"time", "os", "socket", "sqlite3", "asyncio", "threading", "subprocess", "secrets", "io"}
    assert not impurities(ast.parse(path.read_text()))


@pytest.mark.parametrize(
    "statement",
    [
        "datetime.now(UTC)",
        "date.today()",
        "Path('x').read_text()",
        "open('x')",
        "random.random()",
        "moment.astimezone()",
    ],
)
def test_an_impure_statement_is_detected(statement):
    assert impurities(ast.parse(statement))


@pytest.mark.parametrize("module", EDGES)
def test_a_library_is_imported_at_one_place_only(module):
    users = [path for path in MODULES if module in {name.split(".")[0] for name in imports(path, for_types=True)}]

    assert users
    assert all(name_of(path).startswith(f"{EDGES[module]}/") for path in users), users


def test_store_and_api_do_not_know_each_other():
    for path in MODULES:
        used = rooms_used(path, for_types=True)
        assert room_of(path) != "store" or not used & {"api", "rehearsal"}, path
        assert room_of(path) not in ("api", "rehearsal") or "store" not in used, path


def test_only_two_modules_of_settings_and_the_terminal_read_the_environment():
    readers = {name_of(path) for path in MODULES if "os.environ" in path.read_text()}

    assert readers <= {"library/api_environment.py", "cli/main.py", "terminal/live_block.py", "terminal/screen.py"}


@pytest.mark.parametrize(
    ("maker", "door"),
    [("artistjobs.store.sqlite", "store/database.py"), ("artistjobs.api.responses", "api/client.py")],
)
def test_one_module_chooses_the_store_and_one_the_api(maker, door):
    inside = maker.removeprefix("artistjobs.").replace(".", "/")
    users = {
        name_of(path)
        for path in MODULES
        for name in imports(path, for_types=True)
        if f"{name}.".startswith(f"{maker}.") and not name_of(path).startswith(inside)
    }

    assert users == {door}
