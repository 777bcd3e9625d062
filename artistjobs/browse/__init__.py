"""Read-only browsing of a database in Datasette, also while workers write; needs the extra ``browse``.

``server.py`` runs Datasette on the loopback interface, ``metadata.py`` describes tables, queries and charts to it. The
views that Datasette shows are in the migrations of ``store``, the command in ``cli``. May import only ``errors``.
"""
