"""Commands: the functions that carry out each command of the program, without command line parsing.

A command opens the database, calls ``ingest``, ``worker``, ``export`` or ``api``, and returns a result. Modules named
``*_text`` and ``summary`` convert results to text and to JSON with stable keys. Options, help and exit are in ``cli``;
SQL is in ``store``, and the work on jobs is in ``worker``. May import ``worker``, ``ingest``, ``export``,
``rehearsal``, ``api``, ``store``, ``terminal``, ``core`` and ``errors``; only ``cli`` imports ``commands``.
"""
