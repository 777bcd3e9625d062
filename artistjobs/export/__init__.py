"""Export of completed jobs: JSON Lines, CSV and Parquet files, written atomically.

``export.py`` chooses the format and the target. ``records.py`` builds the record of a job; ``jsonl.py``, ``csv.py`` and
``parquet.py`` write one format each. ``atomic_file.py`` and ``write_behind.py`` write files. The queries that read jobs
are in ``store``, and the options in ``cli``. May import ``store``, ``terminal``, ``core`` and ``errors``.
"""
