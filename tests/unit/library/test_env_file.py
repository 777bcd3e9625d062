"""The file .env: which settings are taken from it, and what is wrong with a file that is refused."""

import os
from pathlib import Path

import pytest

from artistjobs.cli import cli as group
from artistjobs.cli.env_defaults import default_map
from artistjobs.errors import WrongUseError
from artistjobs.library.env_file import MAX_BYTES, EnvFile, read_env_file


def read(content: bytes) -> EnvFile:
    Path(".env").write_bytes(content)
    return read_env_file(reported.append)


reported: list[str] = []


@pytest.fixture(autouse=True)
def _nothing_reported(folder):
    reported.clear()


def test_our_own_settings_are_read_and_others_are_not():
    content = (
        b"OPENAI_API_KEY=sk-1\nexport ARTISTJOBS_DB='a b.db'\nPYTHONPATH=evil\nLD_PRELOAD=x.so\nBROWSER=x\n"
        b"DATABASE_URL=y\nOPENAI_WEBHOOK_SECRET=z\nopenai_model=small\n"
    )

    assert read(content).values == {"OPENAI_API_KEY": "sk-1", "ARTISTJOBS_DB": "a b.db"}


def test_values_are_not_interpolated(monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "aws-secret")
    content = b'OPENAI_BASE_URL="http://h/${AWS_SECRET_ACCESS_KEY}/$AWS_SECRET_ACCESS_KEY/${NONE:-x}/v1"\n'

    assert read(content).values["OPENAI_BASE_URL"] == (
        "http://h/${AWS_SECRET_ACCESS_KEY}/$AWS_SECRET_ACCESS_KEY/${NONE:-x}/v1"
    )


def test_nothing_reaches_the_environment():
    before = dict(os.environ)

    read(b"OPENAI_API_KEY=sk-1\nOPENAI_MODEL=m\n")

    assert dict(os.environ) == before


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
def test_a_mark_and_any_line_end_are_accepted(mark, newline):
    found = read(mark + newline.join([b"OPENAI_MODEL=a", b"OPENAI_PROMPT_ID=b", b""]))

    assert found.values == {"OPENAI_MODEL": "a", "OPENAI_PROMPT_ID": "b"}


@pytest.mark.parametrize("line", [b"'a=b'=c", b"'a\xc2\xa0b'=c", b"'=x'=c", b"''=c", b"a.b-c=d", b"OPENAI_MODEL"])
def test_an_odd_name_is_no_error(line):
    assert read(line + b"\nOPENAI_PROMPT_ID=p\n").values == {"OPENAI_PROMPT_ID": "p"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("OPENAI_API_KEY=sk-secret\r\n".encode("utf-16-le"), "NUL characters, so it is UTF-16 or damaged"),
        ("OPENAI_API_KEY=sk-secret\r\n".encode("utf-16-be"), "NUL characters"),
        ("OPENAI_API_KEY=sk-secret\r\n".encode("utf-16"), "not UTF-8 text; save it as UTF-8"),
        ("OPENAI_API_KEY=sk-secret\r\n".encode("utf-32"), "not UTF-8 text"),
        (b"OPENAI_API_KEY=sk-secret\0more\n", "NUL characters"),
        (b"OPENAI_API_KEY=sk-secret\n\0\0\0\0", "NUL characters"),
        (b"# Ren\xe9\nOPENAI_API_KEY=sk-secret\n", "not UTF-8 text"),
        (b"#" * (MAX_BYTES + 1), "larger than 1 MiB"),
    ],
)
def test_a_file_that_is_no_text_is_refused_with_the_remedy(content, said):
    with pytest.raises(WrongUseError) as caught:
        read(content)

    assert said in str(caught.value)
    assert str(caught.value).endswith("remove it.")
    assert "secret" not in str(caught.value)


def test_a_file_that_cannot_be_read_is_refused(monkeypatch):
    def fail(*_):
        raise PermissionError(13, "Permission denied")

    Path(".env").touch()
    monkeypatch.setattr("builtins.open", fail)

    with pytest.raises(WrongUseError, match=r"\.env cannot be read \(Permission denied\); fix or remove it"):
        read_env_file(reported.append)


def test_no_file_and_a_folder_of_that_name_are_no_settings(folder):
    assert read_env_file(reported.append) == EnvFile()
    (folder / ".env").mkdir()
    assert read_env_file(reported.append) == EnvFile()


def test_settings_that_would_redirect_calls_are_named():
    found = read(b"HTTPS_PROXY=http://h:1\nall_proxy=x\nSSL_CERT_FILE=ca.pem\nOPENAI_CUSTOM_HEADERS=A: b\nOTHER=1\n")

    assert found.values == {}
    assert found.ignored == ("HTTPS_PROXY", "OPENAI_CUSTOM_HEADERS", "SSL_CERT_FILE", "all_proxy")


def test_lines_that_are_no_settings_are_reported_by_their_numbers():
    read(b"OPENAI_MODEL=m\nthis is no line\n\n= 5\n# a remark\n")

    assert reported == [".env, lines 2, 4: ignored; write NAME=value, or # before a comment."]


def test_settings_become_defaults_of_each_option_that_reads_their_variable():
    defaults = default_map(group, {"ARTISTJOBS_DB": "a.db", "OPENAI_MODEL": "m", "OPENAI_PROMPT_ID": ""})

    assert defaults["db"] == "a.db"
    assert defaults["run"] == defaults["ingest"] == defaults["check"] == {"model": "m"}
    assert defaults["status"] == {}


def test_the_text_of_settings_does_not_show_them():
    assert "sk-1" not in repr(EnvFile({"OPENAI_API_KEY": "sk-1"}))
