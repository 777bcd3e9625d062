"""Client of the OpenAI Responses API: calls, replies, classification of failures, and remedies for users.

Only this room imports ``openai`` and its HTTP client; their exceptions are translated here. Retries, rate limits and
budgets belong in ``worker``, storage in ``store``, the simulated API in ``rehearsal``. This room may import ``core``
and ``errors``.
"""
