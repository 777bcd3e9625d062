"""Header rows of an input file: the header ``artist_name,artist_data``, tables, and rows that look like a header."""

import re
import shlex
from collections.abc import Sequence

NAME, DATA = "artist_name", "artist_data"


COLUMN_LENGTH = len(NAME)
"""Length of both names."""


COLUMN_SPELLINGS = frozenset(name.replace("_", space) for name in (NAME, DATA) for space in "_ ")
"""The names of both columns as they may be written, in lower case."""


def is_plain_header(fields: Sequence[str]) -> bool:
    """Return True for a row that is just ``artist_name``, perhaps with ``artist_data``; empty fields may follow."""
    return _columns(fields) in ([NAME], [NAME, DATA])


def is_table_header(fields: Sequence[str]) -> bool:
    """Return True for a row with the field ``artist_name`` and others: it gives the fields of a row other meanings."""
    columns = _columns(fields)
    return NAME in columns and not is_plain_header(fields)


def looks_like_header(fields: Sequence[str]) -> bool:
    """Return True for a row that is probably a header with other names, such as ``name,data`` or ``Artist,Country``.

    Either the first field is a word for artists and all others look like labels, or all fields are usual names of
    columns and one of them is a word for artists.
    """
    labels = [_words(field) for field in fields if field.strip()]
    if not labels or NAME in _columns(fields):
        return False
    first, *others = labels
    return (_is_for_artists(first) and all(map(_is_label, others))) or (
        any(map(_is_for_artists, labels)) and all(words <= _COLUMN_WORDS for words in map(frozenset, labels))
    )


def column_options(fields: Sequence[str]) -> list[str]:
    """Return the options that name the columns of a header with other names, as far as its words tell them."""
    cells = [field.strip() for field in fields]
    name = next(at for at, cell in enumerate(cells) if _is_for_artists(_words(cell)))
    data = next((at for at, cell in enumerate(cells) if at != name and not _DATA_WORDS.isdisjoint(_words(cell))), None)
    options = [f"--column {shlex.quote(f'{NAME}={cells[name]}')}"]
    return options if data is None else [*options, f"--column {shlex.quote(f'{DATA}={cells[data]}')}"]


def shown_columns(fields: Sequence[str]) -> str:
    """Return the names of columns for a message, shortened if they are many or long."""
    names = [f"{field[:_MAX_LABEL_LENGTH]}…" if len(field) > _MAX_LABEL_LENGTH else field for field in fields]
    while names and not names[-1]:
        names.pop()
    return ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")


def _columns(fields: Sequence[str]) -> list[str]:
    """Return the fields in lower case, with underscores for spaces, and without empty ones at the end."""
    columns = list(map(_column, fields))
    while columns and not columns[-1]:
        columns.pop()
    return columns


def _column(field: str) -> str:
    return field.strip().lower().replace(" ", "_")


def _words(field: str) -> list[str]:
    """Return the words of a field in lower case; the whole field if it is too long or odd for a label."""
    text = field.strip()
    if len(text) > _MAX_LABEL_LENGTH or not re.fullmatch(r"[\w .#/()-]*", text):
        return [text]
    return re.findall(r"[^\W_]+", text.lower())


def _is_for_artists(words: Sequence[str]) -> bool:
    return not _ARTIST_WORDS.isdisjoint(words) and _COLUMN_WORDS.issuperset(words)


def _is_label(words: Sequence[str]) -> bool:
    return len(words) <= _MAX_LABEL_WORDS and all(word.isalpha() for word in words)


_MAX_LABEL_LENGTH, _MAX_LABEL_WORDS, _SHOWN = 30, 3, 8


_ARTIST_WORDS = frozenset(
    """
    name names artist artists artistname performer performers musician musicians creator creators author authors maker
    person people band bands title fullname
    künstler künstlername nom nombre nome artista artistas artiste artistes naam kunstenaar namn konstnär navn imię
    имя художник 名前 アーティスト 姓名 艺术家
    """.split()  # noqa: SIM905 - a list would take a page
)
"""Words for a column of artists, in some languages."""


_DATA_WORDS = frozenset(
    """
    data artistdata info information description descriptions details detail bio biography notes note comment comments
    """.split()  # noqa: SIM905
)
"""Words for a column of data about an artist."""


_COLUMN_WORDS = (
    _ARTIST_WORDS
    | _DATA_WORDS
    | frozenset(
        """
    country countries nation nationality city place origin born birth birthplace birthdate died death date dates year
    years dob gender sex genre genres style styles type category id ids no nr number index key url link website email
    tag tags label labels work works text value active period movement medium role profession occupation language source
    group full first last given family middle surname display stage sort of in
    daten land beschreibung pays país geburtsjahr jahr año année
    """.split()  # noqa: SIM905
    )
)
"""Usual words in the names of columns."""
