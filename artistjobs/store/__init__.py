"""Storage of jobs, attempts and answers: the protocols of a store, their values, and the SQLite implementation.

``interface`` holds the protocols, ``models`` and ``overview`` the values, ``database`` opens a store by its path.
``sqlite`` is the only implementation. Decisions about retries and costs belong in ``core``, calls in ``api``, which
this room does not know. It may import ``core`` and ``errors``.
"""
