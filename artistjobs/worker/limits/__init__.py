"""Limits on the calls of one process: call rate, calls in flight, money, and consecutive failures.

``rate_limiter.py`` decides when a call may start; it uses ``pacing.py`` for even spacing and ``concurrency.py`` for the
calls in flight. ``budget.py`` computes what a call may cost, and ``circuit_breaker.py`` detects outages. The cost cap,
which all workers of a database share, is in ``worker/reservations.py``; waits between the calls of one job are in
``core/retry.py``. May import ``core`` and ``api.rate_limit_headers``, and nothing else of ``worker``.
"""
