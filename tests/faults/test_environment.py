"""Odd environments and .env files of other people's folders: one sentence, and no key where it does not belong."""

import json
import signal
import sys
from pathlib import Path

import pytest
from conftest import KEY, write_artists

from artistjobs.cli import main

PASSWORD = "hunter2-of-the-proxy"


@pytest.fixture
def artists(folder) -> Path:
    return write_artists(folder / "a.csv", 2)


@pytest.fixture
def command(cli, folder, artists, monkeypatch, capsys):
    """Runs the program in this process from its main function, which reads .env; returns the exit code and stderr."""

    def run(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["artistjobs", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        said = capsys.readouterr()
        return end.value.code or 0, said.out + said.err

    before = signal.getsignal(signal.SIGTERM)
    # The streams of the test have no descriptors.
    monkeypatch.setattr(sys.modules["artistjobs.cli.main"], "_open_streams", lambda: None)
    yield run
    signal.signal(signal.SIGTERM, before)


BAD_FILES = {
    "UTF-16 without a mark": "OPENAI_API_KEY=sk-abc\r\n".encode("utf-16-le"),
    "UTF-16": "OPENAI_API_KEY=sk-abc\r\n".encode("utf-16"),
    "a NUL": b"OPENAI_API_KEY=sk-a\0bc\n",
    "Latin-1": b"# Ren\xe9\n",
}


@pytest.mark.parametrize("content", BAD_FILES.values(), ids=BAD_FILES)
def test_a_bad_env_file_is_one_sentence_and_help_needs_none(command, folder, content):
    (folder / ".env").write_bytes(content)

    for arguments in (["--help"], ["run", "-h"], ["--version"], []):
        assert command(*arguments)[0] == 0
    for arguments in (["status"], ["run", "a.csv"], ["export", "-"]):
        code, said = command(*arguments)
        assert code == 2
        assert len(said.splitlines()) == 1
        assert ".env" in said


def test_an_env_file_with_odd_names_is_no_obstacle(command, folder):
    (folder / ".env").write_bytes(b"'a=b'=c\n'=x'=y\nPATH=\nHOME=nowhere\n")

    assert command("run", "a.csv", "-q", "--json")[0] == 0


def test_an_address_in_the_env_file_does_not_get_a_key_from_elsewhere(command, folder, api, monkeypatch):
    (folder / ".env").write_text(f"OPENAI_BASE_URL={api.base_url}\n")
    monkeypatch.delenv("OPENAI_BASE_URL")

    for arguments in (["run", "a.csv"], ["check"], ["run", "a.csv", "--processes", "2"]):
        code, said = command(*arguments)

        assert code == 2
        assert "OPENAI_BASE_URL is set in .env, but OPENAI_API_KEY is not" in said
        assert "export OPENAI_BASE_URL too, or set both in .env" in said
    assert api.journal.received == 0
    assert not (folder / "artistjobs.db").exists()
    assert command("run", "a.csv", "--rehearse")[0] == 0
    assert command("run", "a.csv", "--dry-run")[0] == 0


def test_an_address_and_a_key_of_the_same_env_file_are_used(command, folder, api, monkeypatch):
    (folder / ".env").write_text(f"OPENAI_BASE_URL={api.base_url}\nOPENAI_API_KEY={KEY}\n")
    monkeypatch.delenv("OPENAI_BASE_URL")
    monkeypatch.delenv("OPENAI_API_KEY")

    assert command("run", "a.csv")[0] == 0
    assert api.journal.received == 2


def test_an_address_of_the_environment_wins_over_the_env_file(command, folder, api):
    (folder / ".env").write_text("OPENAI_BASE_URL=http://127.0.0.1:9/v1\n")

    assert command("run", "a.csv")[0] == 0
    assert api.journal.received == 2


@pytest.mark.parametrize("blank", ["", " ", "\n"])
def test_a_blank_variable_does_not_hide_the_env_file(command, folder, api, monkeypatch, blank):
    (folder / ".env").write_text(
        f"OPENAI_BASE_URL={api.base_url}\nOPENAI_API_KEY={KEY}\nOPENAI_PROMPT_ID=pmpt_file\nOPENAI_MODEL=m\n"
        "OPENAI_ORG_ID=org\n"
    )
    for name in ("OPENAI_BASE_URL", "OPENAI_API_KEY", "OPENAI_ORG_ID"):
        monkeypatch.setenv(name, blank)
    for name in ("OPENAI_PROMPT_ID", "OPENAI_MODEL"):
        monkeypatch.setenv(name, "")

    assert command("run", "a.csv")[0] == 0
    assert {(call.body["prompt"]["id"], call.body["model"]) for call in api.journal.calls} == {("pmpt_file", "m")}


def test_an_env_file_cannot_set_a_proxy_and_says_so(command, folder, api):
    (folder / ".env").write_text("HTTP_PROXY=http://127.0.0.1:9\nall_proxy=http://127.0.0.1:9\n")

    code, said = command("run", "a.csv")

    assert code == 0
    assert "HTTP_PROXY and all_proxy cannot be set in this file" in said
    assert api.journal.received == 2


def test_nothing_of_the_env_file_reaches_a_child_process(program, folder, api, artists):
    """The children write their environment down; a start-up file that .env would add to their path is not run."""
    (folder / "ours").mkdir()
    (folder / "ours" / "usercustomize.py").touch()
    (folder / "ours" / "sitecustomize.py").write_text(
        "import json, os\n"
        f"open({str(folder)!r} + f'/environment-{{os.getpid()}}', 'w').write(json.dumps(dict(os.environ)))\n"
    )
    (folder / "evil").mkdir()
    (folder / "evil" / "sitecustomize.py").write_text(f"open({str(folder / 'ran')!r}, 'w')\n")
    (folder / ".env").write_text(
        f"OPENAI_BASE_URL={api.base_url}\nOPENAI_API_KEY={KEY}\nOPENAI_PROMPT_ID=p\nPYTHONPATH=evil\nBROWSER=evil\n"
    )
    program.environment["PYTHONPATH"] += f":{folder / 'ours'}"

    run = program.run("run", "a.csv", "--processes", "2")

    written = [file.read_text() for file in folder.glob("environment-*")]
    assert run.returncode == 0, run.stderr
    assert len(written) == 3
    assert not any(KEY in text or "evil" in text or api.base_url in text for text in written)
    assert all("PATH" in json.loads(text) for text in written)
    assert not (folder / "ran").exists()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("HTTP_PROXY", f"socks5://u:{PASSWORD}@127.0.0.1:9"),
        ("http_proxy", "socks4://127.0.0.1:9"),
        ("ALL_PROXY", "socks://127.0.0.1:9"),
        ("all_proxy", "http://[::1"),
        ("HTTP_PROXY", f"http://u:{PASSWORD}@127.0.0.1:port"),
        ("SSLKEYLOGFILE", "/nonexistent/log"),
        ("OPENAI_CUSTOM_HEADERS", f"X-Secret: {PASSWORD}é"),
        ("OPENAI_BASE_URL", "127.0.0.1:9/v1"),
    ],
)
def test_a_variable_that_cannot_work_is_one_sentence_before_anything_is_sent(
    cli, artists, api, monkeypatch, variable, value
):
    monkeypatch.setenv(variable, value)

    run, check = cli("-v", "run", "a.csv"), cli("check", "a.csv")

    for result in (run, check):
        assert result.exit_code == 2
        assert result.output.count(variable) == 1
        assert PASSWORD not in result.output
    assert len(run.stderr.splitlines()) == 2  # the other line is about stored prompts
    assert api.journal.received == 0
    assert not (artists.parent / "artistjobs.db").exists()


def test_proxies_for_other_addresses_and_for_none_do_not_matter(cli, artists, api, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "socks5://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "quic://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "localhost,127.0.0.0/8")
    monkeypatch.setenv("SSL_CERT_FILE", "/nonexistent/ca.pem")

    assert cli("run", "a.csv").exit_code == 0
    assert api.journal.received == 2


def test_a_rehearsal_needs_no_address_proxy_or_certificate(cli, artists, monkeypatch):
    for variable in ("OPENAI_BASE_URL", "HTTP_PROXY", "ALL_PROXY", "SSL_CERT_FILE"):
        monkeypatch.setenv(variable, "socks5://nonsense")

    assert cli("run", "a.csv", "--rehearse").exit_code == 0


def test_certificates_that_are_missing_are_named_before_a_call_over_tls(cli, artists, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "https://127.0.0.1:9/v1")
    monkeypatch.setenv("SSL_CERT_FILE", "/nonexistent/ca.pem")

    result = cli("run", "a.csv")

    assert result.exit_code == 2
    assert "SSL_CERT_FILE names /nonexistent/ca.pem, which cannot be used (No such file" in result.stderr


def test_blanks_around_the_address_and_a_query_in_it_do_no_harm(cli, artists, api, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", f" {api.base_url}?api-version=2025-04-01-preview\n")

    assert cli("run", "a.csv").exit_code == 0
    shown = cli("check", "--json")
    assert json.loads(shown.stdout)["base_url"] == f"{api.base_url}?api-version=…"
