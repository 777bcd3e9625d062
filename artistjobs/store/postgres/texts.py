"""Long texts as one array in binary form, which neither side has to escape or parse."""

import struct
from collections.abc import Sequence
from typing import Final

from psycopg.adapt import Dumper
from psycopg.pq import Format

from artistjobs.store.queries.tables import storable

_TEXT, _TEXT_ARRAY = 25, 1009
"""Ids of the types ``text`` and ``text[]``, which are fixed; see ``pg_type.dat`` of PostgreSQL."""

_NULL: Final = b"\xff\xff\xff\xff"


class Texts:
    """Texts, or None for NULL; they are stored without lone surrogates and NUL characters."""

    def __init__(self, values: Sequence[object]) -> None:
        self.values = values


class TextsDumper(Dumper):
    """Writes ``Texts`` as the server reads arrays: dimensions, then each text after its length."""

    format = Format.BINARY
    oid = _TEXT_ARRAY

    def dump(self, obj: Texts) -> bytes:
        """Return the array in binary form."""
        parts = [struct.pack("!iiiii", 1, None in obj.values, _TEXT, len(obj.values), 1)]
        for value in obj.values:
            if value is None:
                parts.append(_NULL)
            else:
                text = str(storable(value)).encode()
                parts += (struct.pack("!i", len(text)), text)
        return b"".join(parts)
