"""Queries that are the same for every SQL database: counts, exports, single jobs, reports and settings.

Each query names a statement; every store has a file of that name in its own ``sql/``, with the same parameters and
columns. ``connection`` is the protocol of what a store has to provide, ``rows`` converts between values and rows.
No module here knows a dialect or a driver. This package may import the rest of ``store``, ``core`` and ``errors``.
"""
