"""Base URL of the API: its validation, the addresses of its endpoints, and the form that may be shown."""

from urllib.parse import SplitResult, urlsplit

from artistjobs.errors import WrongUseError

DEFAULT_BASE_URL = "https://api.openai.com/v1"


VARIABLE = "OPENAI_BASE_URL"


SCHEMES = ("http", "https")


def check_base_url(base_url: str) -> None:
    """Accept a base URL: a scheme, a host, and perhaps a port, a path and a query.

    Raises:
        WrongUseError: if it is no such address, or contains a password. The message does not show it.

    """
    if not base_url.isprintable() or " " in base_url:
        raise WrongUseError(f"{VARIABLE} has invalid characters; copy it again, on one line.")
    parts = split_url(base_url, VARIABLE)
    if parts.scheme not in SCHEMES:
        raise WrongUseError(f"{VARIABLE} does not begin with https:// or http://; write it as {DEFAULT_BASE_URL}")
    if "@" in parts.netloc:
        raise WrongUseError(
            f"{VARIABLE} contains a user name or password, which cannot be sent with the key; leave it out."
        )
    if not parts.hostname:
        raise WrongUseError(f"{VARIABLE} names no host; write it as {DEFAULT_BASE_URL}")
    if parts.fragment:
        raise WrongUseError(f"{VARIABLE} has a part after #, which is never sent; leave it out.")


def split_url(url: str, variable: str) -> SplitResult:
    """Return the parts of a URL, whose port is then known to be valid. Raises WrongUseError, naming the variable."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise WrongUseError(f"{variable} is not an address ({error}); fix it or unset it.") from error
    return parts


def endpoint(base_url: str, path: str) -> str:
    """Return the address of an endpoint: the path is appended to the path of the base, and a query stays at the end."""
    parts = urlsplit(base_url)
    return parts._replace(path=f"{parts.path.rstrip('/')}/{path}").geturl()


def without_query(base_url: str) -> str:
    """Return the base URL without its query."""
    return urlsplit(base_url)._replace(query="").geturl()


def shown_url(base_url: str) -> str:
    """Return the base URL for people: with the names in its query, but without their values, which may be secret."""
    names = [pair.partition("=")[0] for pair in urlsplit(base_url).query.split("&") if pair]
    query = "?" + "&".join(f"{name}=…" for name in names) if names else ""
    return without_query(base_url) + query
