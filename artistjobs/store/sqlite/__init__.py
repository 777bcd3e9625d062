"""SQLite implementation of the store: connections, locks, migrations, queries, and one file per SQL statement.

Only this package imports ``sqlite3`` and ``sqlite-utils``; their exceptions are translated here. The statements are in
``sql/``, the migrations in ``migrations/sqlite`` of the repository. Other rooms use the protocols of
``store.interface``. This package may import the rest of ``store``, ``core`` and ``errors``.
"""
