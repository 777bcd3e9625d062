"""Removal of the API key from everything that a server sends, however it is spelled there."""

import re
from collections.abc import Callable, Iterable
from typing import Final

REMOVED: Final = b"[key removed]"


MIN_SECRET_LENGTH: Final = 12
"""Length below which a key is not removed: a text shorter than any real key is a placeholder, and may be a word."""


_NAMED: Final = {"&": b"amp", "<": b"lt", ">": b"gt", '"': b"quot", "'": b"apos"}


_BACKSLASHES: Final = rb"(?:\\{1,16})"
"""Backslashes before an escape: JSON inside of JSON doubles them. The limit keeps the search linear."""


Redact = Callable[[bytes], bytes]
"""Returns a text without the key."""


def key_remover(key: str) -> Redact:
    """Return a function that removes ``key`` from a text, also where characters of it are escaped.

    Servers escape ``/``, ``+``, ``=`` and others in JSON, once or more often, in addresses and in HTML, and a person
    still reads the key there.
    """
    if len(key) < MIN_SECRET_LENGTH:
        return bytes
    secret = key.encode()
    signs = [(beginning, re.compile(sign).search) for beginning, sign in _signs(sorted(set(key)))]
    spelled = re.compile(b"".join(map(_spellings, key)))

    def redact(content: bytes) -> bytes:
        content = content.replace(secret, REMOVED)
        # The search for all spellings takes as long as a call; these take a hundredth of that.
        for beginning, search in signs:
            if beginning in content and search(content):
                return spelled.sub(REMOVED, content)
        return content

    return redact


def _signs(characters: Iterable[str]) -> list[tuple[bytes, bytes]]:
    """Return patterns of which one is in every text in which one of the characters is escaped.

    Each comes after the byte with which its matches begin: many texts lack it, and it is found faster than a pattern.
    """
    codes = _hexadecimal(map(ord, characters))
    numbers = b"|".join(b"%d" % ord(character) for character in characters)
    signs = [
        (b"\\", rb"\\u00" + codes),
        (b"%", b"%" + codes),
        (b"&", b"&#(?:0*(?:%b)|[xX]0*%b);" % (numbers, codes)),
    ]
    signs += [(b"\\", rb"\\" + re.escape(character).encode()) for character in characters if character in '"\\/']
    return signs + [(b"&", b"&" + _NAMED[character] + b";") for character in characters if character in _NAMED]


def _spellings(character: str) -> bytes:
    """Return a pattern that matches a character of the key as it is, or escaped."""
    plain, code = re.escape(character).encode(), ord(character)
    spellings = [
        _BACKSLASHES + b"?" + plain if character in '"\\/' else plain,
        _BACKSLASHES + b"u00" + _hexadecimal([code]),
        b"%" + _hexadecimal([code]),
        b"&#0*%d;" % code,
        b"&#[xX]0*" + _hexadecimal([code]) + b";",
    ]
    if character in _NAMED:
        spellings.append(b"&" + _NAMED[character] + b";")
    return b"(?:" + b"|".join(spellings) + b")"


def _hexadecimal(codes: Iterable[int]) -> bytes:
    """Return a pattern for codes in two hexadecimal digits of either case."""
    by_first: dict[str, str] = {}
    for digits in (f"{code:02x}" for code in codes):
        by_first[digits[0]] = by_first.get(digits[0], "") + digits[1] + digits[1].upper()
    return f"(?:{'|'.join(f'{first}[{seconds}]' for first, seconds in by_first.items())})".encode()
