"""Trials of mutants: the tests are collected once, and run on each mutant in a fork."""

import ast
import importlib
import os
import resource
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from pathlib import Path
from types import FunctionType, ModuleType

import pytest
from _pytest.main import pytest_runtestloop

from benchmarks.mutants.mutant import ROOT, Mutant

CPU_SECONDS, TEST_SECONDS = 120, 30


class Fate(Enum):
    """What became of a mutant."""

    KILLED = "killed"
    SURVIVED = "survived"


class Trials:
    """Plugin of pytest that runs the collected tests on one mutant after the other, up to the first that fails.

    Tests that noticed other mutants run first. ``tell`` is called with each mutant and its fate.
    """

    def __init__(self, mutants: Iterator[Mutant], tell: Callable[[Mutant, Fate], None]) -> None:
        self._mutants = mutants
        self._tell = tell
        self._killers = Counter[str]()
        self._failed = ""

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Try the mutants instead of running the tests once."""
        if self._fails(session, None):
            raise pytest.UsageError(f"{self._failed} fails without a mutant")
        for mutant in self._mutants:
            fate = Fate.KILLED if self._fails(session, mutant) else Fate.SURVIVED
            self._tell(mutant, fate)
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember the test that failed."""
        if report.failed:
            self._failed = report.nodeid

    def _fails(self, session: pytest.Session, mutant: Mutant | None) -> bool:
        """Run the tests in a fork, and return True if one of them fails."""
        with tempfile.TemporaryFile() as told:
            pid = os.fork()
            if not pid:
                self._run(session, mutant, told.fileno())
            status = os.waitpid(pid, 0)[1]
            told.seek(0)
            self._failed = told.read().decode()
        if self._failed:
            self._killers[self._failed] += 1
        return status != 0

    def _run(self, session: pytest.Session, mutant: Mutant | None, told: int) -> None:
        """Run the tests in this process, and end it."""
        code = 1
        try:
            nowhere = os.open(os.devnull, os.O_RDWR)
            os.dup2(nowhere, 1)
            os.dup2(nowhere, 2)
            # A mutant may never end.
            resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
            if mutant is not None:
                plant(mutant)
            session.items.sort(key=lambda item: -self._killers[item.nodeid])
            pytest_runtestloop(session)
            os.write(told, self._failed.encode())
            code = int(session.testsfailed > 0)
        except (session.Failed, session.Interrupted):
            os.write(told, self._failed.encode())
        finally:
            os._exit(code)


def try_mutants(tests: Sequence[str], mutants: Iterator[Mutant], tell: Callable[[Mutant, Fate], None]) -> bool:
    """Run tests on each mutant; return False if they fail without one."""
    pid = os.fork()
    if not pid:
        sys.path.insert(0, str(ROOT / "tests" / "support"))
        _register_profile()
        arguments = [
            "-n", "0", "-x", "-q", "-s", "-p", "no:cacheprovider", "--hypothesis-profile=mutants", "--timeout",
            str(TEST_SECONDS), "-o", "tmp_path_retention_policy=none",
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
