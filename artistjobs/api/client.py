"""Opens the API client of a configuration; only this module names the implementation."""

from contextlib import AbstractAsyncContextManager

from artistjobs.api.config import ApiConfig
from artistjobs.api.core_dumps import forbid_core_dumps
from artistjobs.api.interface import Api


def open_api(config: ApiConfig) -> AbstractAsyncContextManager[Api]:
    """Return the client as a context manager.

    The SDK is imported in this call, and not at the start, because that takes longer than all other imports. From now
    on this process leaves no core dump.

    Raises:
        WrongUseError: if the address of the configuration is not one.

    """
    from artistjobs.api.responses import open_responses_api

    forbid_core_dumps()
    return open_responses_api(config)
