"""Proxy from the environment variables that curl and most programs read: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY.

The HTTP client would read them itself. But it raises internal errors for unknown schemes, and it talks HTTP to a SOCKS
proxy, which would get the key in plain text. So the proxy is chosen and checked here, before any connection.
"""

from collections.abc import Iterator, Mapping
from ipaddress import ip_address, ip_network
from urllib.request import getproxies

from artistjobs.api.address import SCHEMES, split_url
from artistjobs.errors import WrongUseError

SYSTEM = "the proxy in the settings of this system"


def proxy_for(base_url: str, environ: Mapping[str, str]) -> str | None:
    """Return the URL of the proxy for calls to a valid base URL, None for a direct connection.

    Raises:
        WrongUseError: if there is one that cannot be used. The message does not show it, as it may hold a password.

    """
    target = split_url(base_url, "the address")
    host, port = target.hostname or "", target.port or (443 if target.scheme == "https" else 80)
    if any(_matches(entry, host, port) for entry in _no_proxy(environ)):
        return None
    variable, value = next(_proxies(target.scheme, environ), ("", ""))
    return _checked(variable, value) if value else None


def _proxies(scheme: str, environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the variables that name a proxy for a scheme, with their values; the first one counts."""
    for name in (f"{scheme}_proxy", "all_proxy"):
        # A lower-case variable wins, even an empty one. In a CGI script, HTTP_PROXY is a header of the request.
        is_header = name == "http_proxy" and "REQUEST_METHOD" in environ
        used = name if name in environ or is_header else name.upper()
        if value := environ.get(used, "").strip():
            yield used, value
    is_set = any(name.lower().endswith("_proxy") for name in environ)
    if not is_set and (value := getproxies().get(scheme, "").strip()):  # the system settings of macOS
        yield SYSTEM, value


def _checked(variable: str, value: str) -> str:
    url = value if "://" in value else f"http://{value}"
    parts = split_url(url, variable)
    if parts.scheme not in SCHEMES:
        raise WrongUseError(
            f"{variable} names a proxy of the kind {parts.scheme}, which is not supported; use an http:// proxy, unset "
            "it, or add the host of the API to NO_PROXY."
        )
    if not parts.hostname or not url.isprintable() or " " in url:
        raise WrongUseError(f"{variable} is not the address of a proxy; write it as http://host:port, or unset it.")
    return url


def _no_proxy(environ: Mapping[str, str]) -> Iterator[str]:
    value = environ.get("no_proxy", environ.get("NO_PROXY", ""))
    return (entry for part in value.split(",") if (entry := part.strip().lower()))


def _matches(entry: str, host: str, port: int) -> bool:
    """Return True if an entry of NO_PROXY names the host: as a domain, one above it, an address, a network, or all."""
    if entry == "*":
        return True
    _, _, after_scheme = entry.rpartition("://")
    if (network := _in_network(after_scheme, host)) is not None:
        return network
    name, separator, number = after_scheme.rpartition(":")
    if separator and number.isdigit() and ("[" in name or ":" not in name):
        return int(number) == port and _matches(name, host, port)
    domain = after_scheme.strip("[]").removeprefix("*").lstrip(".")
    return host == domain or host.endswith(f".{domain}")


def _in_network(entry: str, host: str) -> bool | None:
    """Return True if the host is an address in the network, False if not; None if the entry is no network."""
    try:
        network = ip_network(entry.strip("[]"), strict=False)
    except ValueError:
        return None
    try:
        return ip_address(host) in network
    except ValueError:
        return False
