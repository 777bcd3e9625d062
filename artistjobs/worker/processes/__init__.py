"""One run in several processes, for more calls than one CPU core can make.

``parent.py`` is the process that the user started: it makes no calls, but starts the child processes, shows them as
one run and tells them when to stop. ``child.py`` is a child process, which is a worker on the database like any other
and shares jobs, limits and money with the others through the database. ``messages.py`` defines the messages between
them: lines of JSON on pipes. A run in one process is in ``worker/run.py``. May import every other module of ``worker``
and what these may import.
"""
