"""Ingest of input files: opening a file, parsing its rows, warnings about bad lines, and previews for a dry run.

The rows go to the protocol ``Ingestor`` of ``store``, which adds the jobs in one transaction; this room writes no
database itself. Options of the command line belong in ``cli``. This room may import ``store``, ``core`` and ``errors``.
"""
