"""Access to the API of a command: the real API, or a simulated API for a rehearsal."""

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

    # Each rehearsal has another seed: with the same faults again, the same jobs would use up their attempts.
    with rehearsal(working.scenario, seed=secrets.randbits(32), detail=Detail.TOTALS) as api:
        yield ApiConfig(api_key="rehearsal", base_url=api.base_url, timeout_seconds=working.timeout_seconds)
