"""Limits and signals on which both sides of the rendering process agree."""

import signal

CPU_SECONDS = 1.0
"""CPU time that one rendering may take. Ordinary templates take less than a millisecond."""


MEMORY_BYTES = 2**30
"""Address space of the process; the system does not enforce it everywhere."""


TIME_SIGNAL = signal.SIGPROF
"""Signal that ends the process when a rendering has used its time."""


READY = b"ready\n"
"""First line on stdout: the process has started and can render."""


IGNORED_SIGNALS = (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
"""Signals of a terminal, which reach all its processes: the parent decides when this one ends."""
