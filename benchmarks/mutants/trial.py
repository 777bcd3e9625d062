"""Trials of mutants: the tests are collected once, and run on each mutant in a fork."""

import ast
import importlib
import json
import os
import resource
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from enum import Enum
from pathlib import Path
from types import FrameType, FunctionType, ModuleType

import pytest
from _pytest.main import pytest_runtestloop

from benchmarks.mutants.mutant import ROOT, Mutant

PACKAGE = str(ROOT / "artistjobs")
CPU_SECONDS, TEST_SECONDS = 120, 30


class Fate(Enum):
    """What became of a mutant."""

    KILLED = "killed"
    SURVIVED = "survived"


class Trials:
    """Plugin of pytest that runs the collected tests on one mutant after the other, up to the first that fails.

    Tests that noticed other mutants run first. ``tell`` is called with each mutant and its fate.
    """

    def __init__(self, mutants: Sequence[Mutant], tell: Callable[[Mutant, Fate], None]) -> None:
        self._mutants = mutants
        self._tell = tell
        self._killers = Counter[str]()
        self._uses = dict[str, list[str]]()
        self._failed = ""

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Try the mutants instead of running the tests once."""
        fails, told = self._fork(session, None)
        if fails:
            raise pytest.UsageError(f"{told} fails without a mutant")
        self._uses = json.loads(told)
        for mutant in self._mutants:
            fails, test = self._fork(session, mutant)
            self._killers[test] += 1
            self._tell(mutant, Fate.KILLED if fails else Fate.SURVIVED)
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember the test that failed."""
        if report.failed:
            self._failed = report.nodeid

    def _fork(self, session: pytest.Session, mutant: Mutant | None) -> tuple[bool, str]:
        """Run the tests in a fork; return whether one of them fails, and which, or else what each of them uses."""
        with tempfile.TemporaryFile() as told:
            pid = os.fork()
            if not pid:
                self._run(session, mutant, told.fileno())
            status = os.waitpid(pid, 0)[1]
            told.seek(0)
            return status != 0, told.read().decode()

    def _run(self, session: pytest.Session, mutant: Mutant | None, told: int) -> None:
        """Run the tests in this process, and end it."""
        code = 1
        try:
            nowhere = os.open(os.devnull, os.O_RDWR)
            os.dup2(nowhere, 1)
            os.dup2(nowhere, 2)
            # A mutant may never end.
            resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
            uses = Uses()
            if mutant is None:
                session.config.pluginmanager.register(uses)
                uses.watch(of_functions=any(one.file.suffix == ".py" for one in self._mutants))
            else:
                plant(mutant)
                session.items = self._chosen(session.items, mutant)
            with suppress(session.Failed, session.Interrupted):
                pytest_runtestloop(session)
            code = int(session.testsfailed > 0)
            os.write(told, (self._failed or uses.text()).encode())
        finally:
            os._exit(code)

    def _chosen(self, items: Sequence[pytest.Item], mutant: Mutant) -> list[pytest.Item]:
        """Return the tests that use what a mutant changes, first those that noticed many others."""
        using = self._uses.get(mutant.place(), []) if mutant.place() else None
        chosen = [item for item in items if using is None or item.nodeid in using]
        return sorted(chosen, key=lambda item: -self._killers[item.nodeid])


class Uses:
    """Plugin of pytest that records which functions and statements each test uses."""

    def __init__(self) -> None:
        self._test = ""
        self._found = dict[str, set[str]]()

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Begin to record a test. Statements are read again, so that this is noticed."""
        from artistjobs.store.sqlite import connection, read_connection

        self._test = nodeid
        read_connection.sql.cache_clear()
        connection.sql_of_rows.cache_clear()

    def watch(self, *, of_functions: bool) -> None:
        """Begin to record, with ``of_functions`` also which functions are called."""
        read_text = Path.read_text

        def text_of(path: Path, encoding: str | None = None, errors: str | None = None) -> str:
            if path.suffix == ".sql":
                self._found.setdefault(path.name, set()).add(self._test)
            return read_text(path, encoding, errors)

        Path.read_text = text_of  # type: ignore[assignment, method-assign]
        if of_functions:
            threading.setprofile(self._note)
            sys.setprofile(self._note)

    def text(self) -> str:
        """Return the tests by what they use, as JSON."""
        return json.dumps({place: sorted(tests) for place, tests in self._found.items()})

    def _note(self, frame: FrameType, event: str, _argument: object) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(PACKAGE):
            name = frame.f_code.co_qualname.partition(".<locals>")[0]
            self._found.setdefault(f"{frame.f_code.co_filename}:{name}", set()).add(self._test)


def try_mutants(tests: Sequence[str], mutants: Sequence[Mutant], tell: Callable[[Mutant, Fate], None]) -> bool:
    """Run tests on each mutant; return False if they fail without one."""
    if not mutants:
        return True
    # A folder of its own, because pytest removes older ones of its own name.
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        pid = os.fork()
        if not pid:
            sys.path.insert(0, str(ROOT / "tests" / "support"))
            _register_profile()
            arguments = [
                "-n", "0", "-x", "-q", "-s", "-p", "no:cacheprovider", "--hypothesis-profile=mutants", "--timeout",
                str(TEST_SECONDS), "-o", "tmp_path_retention_policy=none", "--basetemp", f"{folder}/tests",
                "-W", "ignore:Module already imported:pytest.PytestAssertRewriteWarning", *tests,
            ]  # fmt: skip
            os._exit(pytest.main(arguments, plugins=[Trials(mutants, tell)]))
        return os.waitpid(pid, 0)[1] == 0


def _register_profile() -> None:
    """Let property tests try the same examples each time, and make none of them smaller: a failure is enough."""
    from hypothesis import Phase, settings

    settings.register_profile(
        "mutants", deadline=None, derandomize=True, database=None, phases=[Phase.explicit, Phase.generate]
    )


def plant(mutant: Mutant) -> None:
    """Let this process run a mutant instead of the program."""
    if mutant.file.suffix == ".py":
        _plant_module(mutant)
        return
    read_bytes, read_text = Path.read_bytes, Path.read_text

    def bytes_of(path: Path) -> bytes:
        return mutant.text.encode() if path == mutant.file else read_bytes(path)

    def text_of(path: Path, encoding: str | None = None, errors: str | None = None) -> str:
        return mutant.text if path == mutant.file else read_text(path, encoding, errors)

    Path.read_bytes = bytes_of  # type: ignore[assignment, method-assign]
    Path.read_text = text_of  # type: ignore[assignment, method-assign]


def _plant_module(mutant: Mutant) -> None:
    """Give the functions of a module the code of the mutant, and its constants their values.

    Other modules have imported them already, so they are changed where they are.
    """
    module = importlib.import_module(mutant.module)
    changed = ModuleType(mutant.module)
    changed.__file__ = module.__file__
    sys.modules[mutant.module] = changed  # for the decorators, which look their module up
    exec(compile(mutant.text, str(mutant.file), "exec"), changed.__dict__)
    sys.modules[mutant.module] = module
    names = {name for name in _assigned(mutant.text) if name in module.__dict__}
    for name, value in list(changed.__dict__.items()):
        old = module.__dict__.get(name)
        if isinstance(value, FunctionType) and isinstance(old, FunctionType) and value.__module__ == mutant.module:
            _give_code(old, value)
        elif isinstance(value, type) and isinstance(old, type) and value.__module__ == mutant.module:
            _give_methods(old, value)
        elif name in names:
            setattr(module, name, value)


def _assigned(source: str) -> Iterator[str]:
    for node in ast.parse(source).body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        yield from (target.id for target in targets if isinstance(target, ast.Name))


def _give_methods(old: type, new: type) -> None:
    for name, value in list(vars(new).items()):
        there = vars(old).get(name)
        if isinstance(value, property) and isinstance(there, property):
            there.fget.__code__ = value.fget.__code__  # type: ignore[union-attr]
        elif isinstance(value, FunctionType) and isinstance(there, FunctionType):
            _give_code(there, value)
        elif isinstance(value, FunctionType | property):
            setattr(old, name, value)


def _give_code(old: FunctionType, new: FunctionType) -> None:
    old.__code__ = new.__code__
    old.__defaults__ = new.__defaults__
    old.__kwdefaults__ = new.__kwdefaults__
