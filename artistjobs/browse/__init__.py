"""Browsing: the database in Datasette, read-only, also while workers write. It needs the extra ``browse``."""
