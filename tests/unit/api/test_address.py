"""The address of the API, the proxy on the way to it, and what else libraries read from the environment."""

import pytest

from artistjobs.api.address import endpoint, shown_url
from artistjobs.api.config import ApiConfig
from artistjobs.api.environment import check_environment
from artistjobs.api.proxy import proxy_for
from artistjobs.errors import WrongUseError

PASSWORD = "hunter2"


def refusal(call, *arguments, **options) -> str:
    with pytest.raises(WrongUseError) as caught:
        call(*arguments, **options)
    assert PASSWORD not in str(caught.value)
    return str(caught.value)


# Base URL


@pytest.mark.parametrize(
    ("base_url", "address"),
    [
        ("https://h/v1", "https://h/v1/responses"),
        ("https://h/v1/", "https://h/v1/responses"),
        ("https://h", "https://h/responses"),
        ("http://h:80?a=b", "http://h:80/responses?a=b"),
        ("https://h/openai/v1?api-version=preview", "https://h/openai/v1/responses?api-version=preview"),
        ("https://h/openai/v1/?api-version=x&y=%2F/z", "https://h/openai/v1/responses?api-version=x&y=%2F/z"),
        ("HTTPS://[::1]:8443/v1?", "https://[::1]:8443/v1/responses"),
    ],
)
def test_an_endpoint_goes_to_the_end_of_the_path_and_the_query_stays(base_url, address):
    ApiConfig(api_key="k", base_url=base_url)

    assert endpoint(base_url, "responses") == address


@pytest.mark.parametrize(
    ("base_url", "said"),
    [
        ("127.0.0.1:8000/v1", "does not begin with https:// or http://"),
        ("localhost:8000/v1", "does not begin with https:// or http://"),
        ("api.openai.com/v1", "does not begin with https:// or http://"),
        ("ftp://h/v1", "does not begin with https:// or http://"),
        ("'https://h/v1'", "does not begin with https:// or http://"),
        ("//h/v1", "does not begin with https:// or http://"),
        ("https:/h/v1", "names no host"),
        ("https://", "names no host"),
        ("https://?a=b", "names no host"),
        ("http://[::1", "is not an address"),
        ("http://h:99999/v1", "is not an address"),
        ("http://h:port/v1", "is not an address"),
        ("http://h/v1#part", "after #"),
        ("http://h/v1 2", "invalid characters"),
        ("http://h/\n", "invalid characters"),
        ("http://h/\udcff", "invalid characters"),
        (f"http://user:{PASSWORD}@h/v1", "user name or password"),
        (f"http://{PASSWORD}@h?a=b", "user name or password"),
    ],
)
def test_a_base_url_that_cannot_work_is_refused_at_once(base_url, said):
    assert said in refusal(ApiConfig, api_key="k", base_url=base_url)


def test_values_in_the_query_are_not_shown():
    assert shown_url(f"https://h/v1?api-version=1&code={PASSWORD}&flag") == "https://h/v1?api-version=…&code=…&flag=…"
    assert shown_url("https://h/v1") == "https://h/v1"


# Proxy

HTTPS, HTTP = "https://api.openai.com/v1", "http://127.0.0.1:8000/v1"


@pytest.mark.parametrize(
    ("environ", "base_url", "proxy"),
    [
        ({}, HTTPS, None),
        ({"HTTPS_PROXY": "http://p:1"}, HTTPS, "http://p:1"),
        ({"https_proxy": "http://p:1"}, HTTPS, "http://p:1"),
        ({"https_proxy": "http://lower:1", "HTTPS_PROXY": "http://upper:1"}, HTTPS, "http://lower:1"),
        ({"https_proxy": "", "HTTPS_PROXY": "http://p:1"}, HTTPS, None),
        ({"HTTP_PROXY": "http://p:1"}, HTTPS, None),
        ({"HTTP_PROXY": "http://p:1"}, HTTP, "http://p:1"),
        ({"HTTP_PROXY": "http://p:1", "REQUEST_METHOD": "GET"}, HTTP, None),
        ({"ALL_PROXY": "p:1"}, HTTPS, "http://p:1"),
        ({"ALL_PROXY": "http://all:1", "HTTPS_PROXY": "http://p:1"}, HTTPS, "http://p:1"),
        ({"HTTPS_PROXY": "http://p:80\n"}, HTTPS, "http://p:80"),
        ({"HTTPS_PROXY": "  \t"}, HTTPS, None),
        ({"HTTPS_PROXY": f"http://me:{PASSWORD}@p:1"}, HTTPS, f"http://me:{PASSWORD}@p:1"),
        # A proxy for other addresses does not matter.
        ({"HTTPS_PROXY": "ftp://p:1", "http_proxy": "http://p:1"}, HTTP, "http://p:1"),
        ({"ALL_PROXY": "socks5://p:1", "HTTPS_PROXY": "https://p:1"}, HTTPS, "https://p:1"),
        ({"ALL_PROXY": "socks://p:1", "NO_PROXY": "localhost,127.0.0.1"}, HTTP, None),
        ({"TRAVIS_APT_PROXY": "socks5://p"}, HTTPS, None),
    ],
)
def test_the_proxy_is_the_one_of_the_environment(environ, base_url, proxy):
    assert proxy_for(base_url, environ) == proxy


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("socks://p:1", "a proxy of the kind socks,"),
        ("socks4://p:1", "a proxy of the kind socks4,"),
        ("socks5://p:1", "a proxy of the kind socks5,"),
        (f"socks5h://u:{PASSWORD}@p:1", "a proxy of the kind socks5h,"),
        ("SOCKS5://p:1", "a proxy of the kind socks5,"),
        ("ftp://p:1", "a proxy of the kind ftp,"),
        ("quic://p:1", "a proxy of the kind quic,"),
        ("http://[::1", "is not an address"),
        ("http://p:port", "is not an address"),
        (f"http://u:{PASSWORD}@p:99999", "is not an address"),
        ("http://", "is not the address of a proxy"),
        (f"http://u:{PASSWORD} x@p:1", "is not the address of a proxy"),
        ("http://p\x00:1", "is not"),
        ("http://p:1\nhttp://q:1", "is not"),
    ],
)
@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "all_proxy"])
def test_a_proxy_that_cannot_be_used_is_refused_by_the_name_of_its_variable(variable, value, said):
    message = refusal(proxy_for, HTTPS, {variable: value})

    assert message.startswith(variable)
    assert said in message


@pytest.mark.parametrize(
    ("entry", "host", "is_direct"),
    [
        ("*", "h.example.com", True),
        ("a, *", "h.example.com", True),
        ("example.com", "h.example.com", True),
        (".example.com", "h.example.com", True),
        ("*.example.com", "h.example.com", True),
        ("EXAMPLE.com", "h.Example.com", True),
        ("ample.com", "h.example.com", False),
        ("h.example.com:8000", "h.example.com", True),
        ("h.example.com:8001", "h.example.com", False),
        ("http://h.example.com", "h.example.com", True),
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.0/8", "127.0.0.1", True),
        ("10.0.0.0/8", "127.0.0.1", False),
        ("10.0.0.0/8", "h.example.com", False),
        ("127.0.0.1:8000", "127.0.0.1", True),
        ("::1", "[::1]", True),
        ("[::1]", "[::1]", True),
        ("[::1]:8000", "[::1]", True),
        ("fe80::/10", "[fe80::1]", True),
        ("localhost", "localhost", True),
        (",, ,", "localhost", False),
        ("", "localhost", False),
    ],
)
@pytest.mark.parametrize("variable", ["NO_PROXY", "no_proxy"])
def test_no_proxy_names_hosts_domains_addresses_and_networks(variable, entry, host, is_direct):
    found = proxy_for(f"http://{host}:8000/v1", {"HTTP_PROXY": "http://p:1", variable: entry})

    assert (found is None) == is_direct


# What libraries read


def test_files_of_tls_that_cannot_be_used_are_refused_by_name(tmp_path):
    (tmp_path / "empty.pem").touch()
    for variable, path, reason in (
        ("SSL_CERT_FILE", tmp_path / "no.pem", "No such file or directory"),
        ("SSL_CERT_FILE", tmp_path, ""),
        ("SSL_CERT_FILE", tmp_path / "empty.pem", "it holds no certificates"),
        ("SSL_CERT_DIR", tmp_path / "no", "No such file or directory"),
        ("SSL_CERT_DIR", tmp_path / "empty.pem", "Not a directory"),
        ("SSLKEYLOGFILE", tmp_path / "no" / "log", "No such file or directory"),
        ("SSLKEYLOGFILE", tmp_path, "Is a directory"),
    ):
        message = refusal(check_environment, {variable: str(path)}, verifies=True)

        assert message.startswith(f"{variable} names {path}, which cannot be used (")
        assert reason in message


def test_certificates_do_not_matter_without_tls(tmp_path):
    check_environment({"SSL_CERT_FILE": str(tmp_path / "no.pem"), "SSL_CERT_DIR": "no"}, verifies=False)
    check_environment({"SSL_CERT_FILE": "", "SSLKEYLOGFILE": ""}, verifies=True)


@pytest.mark.parametrize("text", ["X-Name: é", "bad name: x", ": x", "X: \x01", "A: b\nX-Ü: c", f"A: {PASSWORD}\x7f"])
def test_additional_headers_that_cannot_be_sent_are_refused_and_not_shown(text):
    assert "OPENAI_CUSTOM_HEADERS has invalid characters" in refusal(
        check_environment, {"OPENAI_CUSTOM_HEADERS": text}, verifies=False
    )


@pytest.mark.parametrize("text", ["", "nonsense", "A: b", "A: b\r\nC:d\n\n", "Authorization: Bearer x y"])
def test_additional_headers_that_the_sdk_can_send_are_accepted(text):
    check_environment({"OPENAI_CUSTOM_HEADERS": text}, verifies=False)
