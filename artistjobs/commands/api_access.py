"""The API of a run: the real one, or a simulated one."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from artistjobs.api.config import ApiConfig
from artistjobs.commands.config import CheckOptions, WorkOptions


@contextmanager
def _api(working: WorkOptions | CheckOptions) -> Iterator[ApiConfig]:
    if working.scenario is None:
        assert working.api is not None
        yield working.api
        return
    from artistjobs.rehearsal import Detail, rehearsal

    # A day is never like the last one: the same faults again would wear out the same jobs.
    with rehearsal(working.scenario, seed=secrets.randbits(32), detail=Detail.TOTALS) as api:
        yield ApiConfig(api_key="rehearsal", base_url=api.base_url, timeout_seconds=working.timeout_seconds)
