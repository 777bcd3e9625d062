"""Progress of a run: what is counted while it works, and how that is displayed.

``counters.py`` counts the attempts of this process, ``throughput.py`` measures rate and latency, and ``job_counts.py``
counts the jobs in the database. ``snapshot.py`` holds the state of a run as one value; ``display.py`` and
``live_view.py`` show it. Taking a snapshot of the running parts is left to ``worker/observer.py``, redrawing lines to
``terminal/live_block.py``. May import ``core``, ``store.models``, ``terminal`` and ``worker/limits``.
"""
