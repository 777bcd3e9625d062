"""A worker: a process that claims jobs, makes the calls for them and stores the outcomes.

``launch.py`` starts a run with the OpenAI SDK, and ``run.py`` builds its parts. ``worker.py`` and ``active_job.py``
attempt jobs in the event loop; ``store_client.py`` and ``store_thread.py`` are the two sides of the thread that writes
to the store. ``limits`` holds calls to the limits of the account and of the user, ``progress`` counts and displays, and
``processes`` runs several workers as one run. The meaning of a reply is in ``api``, the SQL in ``store``, and the
decision to retry in ``core``. May import ``api``, ``store``, ``terminal`` and ``core``; only ``launch.py`` and
``processes/child.py`` import implementations of the API and of the store.
"""
