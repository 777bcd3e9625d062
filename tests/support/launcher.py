"""Runs the program in forks of one process that has imported everything, with injected faults.

It reads one command per line as JSON, and answers each with one line: ``start`` returns a process id, ``poll``
the exit code once there is one. A fork takes a tenth of the time of a new interpreter. The faults (``wrong`` of
``start``) are all injected from outside the production code:

    kill       [step, nth]: SIGKILL at the nth occurrence of "before settle", "after commit of claim", "after fsync" …
    disk_kill  [operation, suffix, nth]: SIGKILL within an operation of SQLite, see shim.c
    watch      [folder, image]: keep an image of the folder as a power cut would leave it, see shim.c
    fail       [folder, operation, nth, errno, mark]: an operation fails, see shim.c
    set        {"artistjobs.store.sqlite.connection.BUSY_SECONDS": 0.5}: another value for a name
    pragmas    statements for every connection, once it is open
    read_only  true: SQLite opens databases read-only
    limits     {"FSIZE": bytes, "NOFILE": count}
    stdout     a path to open as stdout, such as /dev/full
    user       the id of another user, to which the process switches after the imports
    clock      [seconds ahead, seconds of a jump, number of readings before the jump]
    script     Python code to run in place of the program
"""

import codecs
import ctypes
import importlib
import inspect
import json
import os
import re
import resource
import signal
import sqlite3
import sys
import time
import traceback
from pathlib import Path

_real_time = time.time
_clock = {"ahead": 0.0, "jump": 0.0, "readings": -1}


def _time() -> float:
    _clock["readings"] -= 1
    if _clock["readings"] == 0:
        _clock["ahead"] += _clock["jump"]
    return _real_time() + _clock["ahead"]


time.time = _time  # before another module imports it by name

for name in (
    "api.responses",
    "export.export",
    "library.arguments",
    "commands.run",
    "commands.status",
    "terminal.streams",
    "store.sqlite.connection",
    "commands.summary",
    "worker.batch.loop",
    "worker.worker",
    "commands.check",
    "commands.failures",
    "commands.show",
    "commands.status_text",
    "report",
    "store.sqlite.dry_run",
    "store.queries.report_queries",
    "store.sqlite.reader",
):
    importlib.import_module(f"artistjobs.{name}")

import planted_bugs  # noqa: E402

from artistjobs.api.prices import usage_cost  # noqa: E402
from artistjobs.api.responses import AsyncOpenAI  # noqa: E402
from artistjobs.cli import main  # noqa: E402
from artistjobs.cli.group import COMMANDS  # noqa: E402
from artistjobs.core.attempt import Usage  # noqa: E402
from artistjobs.store.sqlite import connection  # noqa: E402

# Data that is loaded at its first use is loaded here, once for all forks: another user may not read Python's files.
for codec in ("ascii", "utf-8-sig", "unicode-escape"):
    codecs.lookup(codec)
for name in COMMANDS.values():
    importlib.import_module(f"artistjobs.cli.{name.partition('.')[0]}")
usage_cost("gpt-5", None, Usage(input_tokens=1, output_tokens=1))
_client = AsyncOpenAI(api_key="none")
_ = _client.responses.with_raw_response, _client.models.with_raw_response

SQL = Path(connection.__file__).parent / "sql"
planted_bugs.plant()
STATEMENTS = {file.read_text(encoding="utf-8"): file.stem for file in SQL.iterdir()}


def name_of(statement: str) -> str | None:
    """Return the name of a statement; a statement for several rows has the name of that for a single row."""
    return STATEMENTS.get(_ROWS.sub(r"\1", statement))


_ROWS = re.compile(r"(\([?, ]+\))(?:, \1)+")


FUNCTIONS = {
    "judge": "artistjobs.worker.active_job.classify",
    "record": "artistjobs.export.jsonl.JsonLinesWriter.add",
    "fsync": "os.fsync",
    "replace": "pathlib.Path.replace",
    "sign of life": "artistjobs.store.sqlite.queue.LivenessLock",
    "call": "artistjobs.api.responses.ResponsesApi.create",
    "fetch": "artistjobs.api.responses.ResponsesApi.retrieve",
    "upload": "artistjobs.api.batches.BatchesApi.upload",
    "creation": "artistjobs.api.batches.BatchesApi.create",
    "look": "artistjobs.api.batches.BatchesApi.retrieve",
    "download": "artistjobs.api.batches.BatchesApi.download",
    "deletion": "artistjobs.api.batches.BatchesApi.delete_file",
    "cancellation": "artistjobs.api.batches.BatchesApi.cancel",
    "end of life": "artistjobs.store.sqlite.liveness.LivenessLock.end",
}


class Steps:
    """Counter of the steps of a process, which kills the process at one of them."""

    def __init__(self, step: str = "", nth: int = 0) -> None:
        self._step, self._left = step, nth

    def kind(self, step: str) -> None:
        if step == self._step:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def wrap(self, name: str, dotted: str) -> None:
        if not self._step.endswith(f" {name}"):
            return
        owner, attribute = _resolve(dotted)
        function = getattr(owner, attribute)

        def wrapped(*arguments, **options):
            self.kind(f"before {name}")
            result = function(*arguments, **options)
            self.kind(f"after {name}")
            return result

        async def wrapped_coroutine(*arguments, **options):
            self.kind(f"before {name}")
            result = await function(*arguments, **options)
            self.kind(f"after {name}")
            return result

        setattr(owner, attribute, wrapped_coroutine if inspect.iscoroutinefunction(function) else wrapped)


steps = Steps()
pragmas: list[str] = []
is_read_only = False


class Watched(sqlite3.Connection):
    """A connection whose statements are steps; a commit has the names of the statements in its transaction."""

    def __init__(self, *arguments, **options) -> None:
        super().__init__(*arguments, **options)
        self.written: list[str] = []
        for statement in pragmas:
            super().execute(f"PRAGMA {statement}").fetchall()

    def execute(self, statement, *parameters):
        if statement.startswith("BEGIN"):
            self.written = []
        names = self._names(statement)
        for name in names:
            steps.kind(f"before {name}")
        cursor = super().execute(statement, *parameters)
        for name in names:
            steps.kind(f"after {name}")
        self.written += names
        return cursor

    def executemany(self, statement, rows):
        name = name_of(statement) or "many"
        steps.kind(f"before {name}")
        cursor = super().executemany(statement, rows)
        steps.kind(f"after {name}")
        self.written.append(name)
        return cursor

    def _names(self, statement: str) -> list[str]:
        if statement.startswith("COMMIT"):
            return [f"commit of {name}" for name in dict.fromkeys(self.written)]
        if statement.startswith(("CREATE TABLE", "CREATE INDEX", "CREATE VIEW", "CREATE TRIGGER")):
            return ["migration"]
        return [name_of(statement) or statement.partition(" ")[0]]


def _connect(path, **options):
    if is_read_only:
        return _real_connect(f"file:{path}?mode=ro", **options, uri=True, factory=Watched)
    return _real_connect(path, **options, factory=Watched)


_real_connect = sqlite3.connect


def arrange(wrong: dict) -> None:
    """Inject the faults into this process."""
    global steps, is_read_only  # noqa: PLW0603 - a process of its own
    steps = Steps(*wrong.get("kill", ()))
    for name, dotted in FUNCTIONS.items():
        steps.wrap(name, dotted)
    pragmas.extend(wrong.get("pragmas", ()))
    is_read_only = wrong.get("read_only", False)
    sqlite3.connect = _connect
    for dotted, value in wrong.get("set", {}).items():
        owner, attribute = _resolve(dotted)
        owner.update({attribute: value}) if isinstance(owner, dict) else setattr(owner, attribute, value)
    if "watch" in wrong:
        ctypes.CDLL(None).disk_watch(*(path.encode() for path in wrong["watch"]))
    if "disk_kill" in wrong:
        operation, suffix, nth = wrong["disk_kill"]
        ctypes.CDLL(None).disk_kill_at(operation.encode(), suffix.encode(), ctypes.c_long(nth))
    if "fail" in wrong:
        folder, operation, nth, error, mark = wrong["fail"]
        fail_at = ctypes.CDLL(None).disk_fail_at
        fail_at(folder.encode(), operation.encode(), ctypes.c_long(nth), error, mark.encode())
    if "clock" in wrong:
        _clock["ahead"], _clock["jump"], _clock["readings"] = wrong["clock"]
    for name, value in wrong.get("limits", {}).items():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (value, value))
    if "user" in wrong:
        os.setgroups([])
        os.setgid(wrong["user"])
        os.setuid(wrong["user"])


def _resolve(dotted: str) -> tuple[object, str]:
    """Return the module, the class or the mapping that contains a dotted name, and the last part of the name."""
    path, _, attribute = dotted.rpartition(".")
    try:
        return importlib.import_module(path), attribute
    except ModuleNotFoundError:
        owner, name = _resolve(path)
        return getattr(owner, name), attribute


def live(order: dict) -> int:
    """Run the requested program in this process; return its exit code."""
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["environment"])
    sys.argv = ["artistjobs", *order["arguments"]]
    try:
        arrange(order["wrong"])
        if "script" in order["wrong"]:
            exec(compile(order["wrong"]["script"], "script", "exec"), {"__name__": "__main__"})
            return 0
        main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - shown as the interpreter would
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def start(order: dict) -> int:
    """Fork the requested process, and return its id."""
    pid = os.fork()
    if pid:
        return pid
    out, err = order["said"]
    for number, said in enumerate([order["wrong"].get("stdout", out), err], 1):
        file = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(file, number)
        os.close(file)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    code = 1
    try:
        code = live(order)
    finally:
        os._exit(code)


def poll(pid: int) -> int | None:
    """Return the exit code of a process, None while it runs."""
    ended, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if ended else None


def serve() -> None:
    """Execute the commands on stdin until it ends; kill the processes that still run."""
    living: set[int] = set()
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        order = json.loads(line)
        if "poll" in order:
            answer = poll(order["poll"])
            living -= {order["poll"]} if answer is not None else set()
        else:
            answer = start(order)
            living.add(answer)
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
    for pid in living:
        os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    serve()
