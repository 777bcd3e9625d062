"""PostgreSQL implementation of the store: connections, liveness, migrations, and one file per SQL statement.

Only this package imports ``psycopg``; its exceptions are translated here. The statements are in ``sql/``, the
migrations in ``migrations/postgres`` of the repository. Other rooms use the protocols of ``store.interface``. This
package may import the rest of ``store`` except ``sqlite``, ``core`` and ``errors``.
"""
