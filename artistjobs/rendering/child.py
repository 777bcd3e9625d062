"""Child process that renders templates within limits that the operating system enforces.

It writes ``READY``, reads one request per line, ``[template, name, data, columns]`` as JSON, and writes one line for
each: ``{"text": …}`` or ``{"error": …}``. A template that takes too long ends the process: no code of Python has to
cooperate for that. The process also ends after an error for lack of memory, since its heap may stay too full for the
next row.
"""

import json
import resource
import signal
import sys
from contextlib import suppress

from artistjobs.core.template import compile_template
from artistjobs.errors import PromptError
from artistjobs.rendering.protocol import IGNORED_SIGNALS, MEMORY_BYTES, READY, TIME_SIGNAL


def main() -> None:
    """Render what stdin asks for, until stdin ends; the argument is the CPU time for one rendering in seconds."""
    cpu_seconds = float(sys.argv[1])
    for number in IGNORED_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    signal.signal(TIME_SIGNAL, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [TIME_SIGNAL, *IGNORED_SIGNALS])
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_AS, MEMORY_BYTES)
    _write(READY)
    for line in sys.stdin.buffer:
        reply, is_out_of_memory = _reply(line, cpu_seconds)
        _write(reply)
        if is_out_of_memory:
            return


def _write(line: bytes) -> None:
    sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()


def _limit(kind: int, wanted: int) -> None:
    _, hard = resource.getrlimit(kind)
    limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    with suppress(OSError, ValueError):  # not every system has every limit
        resource.setrlimit(kind, (limit, hard))


def _reply(line: bytes, cpu_seconds: float) -> tuple[bytes, bool]:
    """Return the reply to a request, and True if the memory was not enough for it."""
    template, name, data, columns = json.loads(line)
    is_out_of_memory = False
    signal.setitimer(signal.ITIMER_PROF, cpu_seconds)
    try:
        reply = {"text": compile_template(template)(name, data, columns)}
    except PromptError as error:
        reply = {"error": str(error)}
        is_out_of_memory = isinstance(error.__cause__, MemoryError)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return json.dumps(reply).encode() + b"\n", is_out_of_memory
