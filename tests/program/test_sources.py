"""Citations and tool calls of an answer are in full exports, in show and in the report."""

import csv
import io
import json

import pytest
from conftest import read_records, write_artists

from artistjobs.rehearsal import replies

CITATION = {
    "type": "url_citation", "start_index": 0, "end_index": 10, "url": "https://example.com/rehearsed",
    "title": "A rehearsed source",
}  # fmt: skip


@pytest.fixture
def searched(cli, folder):
    write_artists(folder / "a.csv", 2)
    (folder / "p.txt").write_text("Who is {{ artist_name }}?")

    result = cli("run", "a.csv", "--prompt-file", "p.txt", "--param", 'tools=[{"type": "web_search"}]')

    assert result.exit_code == 0, result.stderr


def test_a_full_record_ends_with_them(cli, folder, searched):
    cli("export", "full.jsonl", "--full", "--no-text")

    for record in read_records(folder / "full.jsonl"):
        call, citation = record["citations"]
        assert (call["type"], call["action"]) == ("web_search_call", "search")
        assert citation == CITATION
        assert list(record)[-1] == "citations"


def test_a_full_table_has_a_column_for_them_where_tools_were_asked_for(cli, folder, searched):
    cli("export", "full.csv", "--full", "--no-text")
    cli("export", "plain.csv", "--no-text")

    (row, _) = csv.DictReader(io.StringIO((folder / "full.csv").read_text(), newline=""))
    assert list(row)[-1] == "citations"
    assert json.loads(row["citations"])[1] == CITATION
    assert "citations" not in (folder / "plain.csv").read_text()


def test_they_can_be_chosen_as_a_column(cli, folder, searched):
    result = cli("export", "-", "--columns", "artist_name,citations")

    assert json.loads(result.stdout.splitlines()[0])["citations"][1] == CITATION


def test_an_export_of_answers_without_any_is_as_it_was(cli, folder):
    write_artists(folder / "a.csv", 1)
    cli("run", "a.csv")
    cli("export", "full.jsonl", "--full", "--no-text")
    cli("export", "full.csv", "--full", "--no-text")

    assert "citations" not in (folder / "full.jsonl").read_text() + (folder / "full.csv").read_text()
    assert json.loads(cli("show", "--job", "1", "--json").stdout)["answer"]["citations"] == []


def test_show_lists_them(cli, searched):
    assert "url citation: A rehearsed source https://example.com/rehearsed" in cli("show", "--job", "1").stdout
    shown = json.loads(cli("show", "--job", "1", "--json").stdout)
    assert shown["answer"]["citations"][1] == CITATION
    assert "body" not in shown["answer"]


def test_the_report_links_to_web_pages_alone(cli, folder, monkeypatch):
    urls = ["https://example.com/a?b=1&c=2", "javascript:alert(1)", "https://example.com/" + "x" * 600, "file:///etc"]
    citations = [{"type": "url_citation", "title": f"<b>{n}</b>", "url": url} for n, url in enumerate(urls)]
    monkeypatch.setattr(replies, "_citations", lambda body, text: citations)
    write_artists(folder / "a.csv", 1)
    cli("run", "a.csv")

    cli("report", "r.html")

    page = (folder / "r.html").read_text()
    assert page.count('rel="noopener noreferrer"') == 1
    assert '<a href="https://example.com/a?b=1&amp;c=2"' in page
    assert 'href="javascript' not in page
    assert "<b>1</b>" not in page
    assert "&lt;b&gt;1&lt;/b&gt;" in page


def test_the_report_of_many_long_citations_stays_small(cli, folder, monkeypatch):
    many = [{"type": "url_citation", "title": "t" * 5_000, "url": "https://example.com/" + "u" * 400}] * 200
    monkeypatch.setattr(replies, "_citations", lambda body, text: many)
    write_artists(folder / "a.csv", 30)
    cli("run", "a.csv", "--max-workers", "10")

    cli("report", "r.html")

    assert (folder / "r.html").stat().st_size < 300_000
