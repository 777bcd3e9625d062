"""Environment variables that libraries read on their own: files of TLS, and the SDK's additional headers."""

import os
import re
import ssl
from collections.abc import Callable, Mapping

from artistjobs.errors import WrongUseError

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""Name of a header, as defined by RFC 9110, section 5.6.2."""


def check_environment(environ: Mapping[str, str], *, verifies: bool) -> None:
    """Accept the values of these variables; certificates are looked at only if ``verifies``, for calls over TLS.

    The libraries would fail too, but with errors that name neither the variable nor the remedy.

    Raises:
        WrongUseError: if one of them cannot be used.

    """
    if path := environ.get("SSLKEYLOGFILE"):  # opened by each TLS context, also where no call uses it
        _check_file("SSLKEYLOGFILE", path, _append)
    if verifies and (path := environ.get("SSL_CERT_FILE")):
        _check_file("SSL_CERT_FILE", path, ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations)
    elif verifies and (path := environ.get("SSL_CERT_DIR")):
        _check_file("SSL_CERT_DIR", path, os.listdir)
    _check_headers("OPENAI_CUSTOM_HEADERS", environ.get("OPENAI_CUSTOM_HEADERS", ""))


def _check_file(variable: str, path: str, use: Callable[[str], object]) -> None:
    try:
        use(path)
    except OSError as error:
        reason = "it holds no certificates" if isinstance(error, ssl.SSLError) else error.strerror or error
        raise WrongUseError(f"{variable} names {path}, which cannot be used ({reason}); fix it or unset it.") from error


def _append(path: str) -> None:
    with open(path, "ab"):  # noqa: PTH123
        pass


def _check_headers(variable: str, text: str) -> None:
    for line in text.split("\n"):
        name, colon, value = line.partition(":")
        if colon and not (_NAME.fullmatch(name.strip()) and _is_sendable(value.strip())):
            # The message does not show it: a header may hold a secret.
            raise WrongUseError(f"{variable} has invalid characters; write one name: value on each line, in ASCII.")


def _is_sendable(text: str) -> bool:
    return text.isascii() and text.isprintable()
