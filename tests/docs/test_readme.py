"""What the README and docs/ say about rows and records is true, and their links lead somewhere."""

import json
import re

import pytest
from documents import PAGES, README, page
from paths import ROOT


def test_the_readme_is_short():
    assert len(README.text.splitlines()) <= 150


def test_the_record_shown_has_the_keys_of_a_real_one(cli, folder):
    (folder / "artists.csv").write_text(README.of("csv")[0])
    (folder / "prompt.txt").write_text(README.of("text")[0])
    cli("run", "artists.csv", "--prompt-file", "prompt.txt", "--no-text")
    real = json.loads((folder / "out.jsonl").read_text("utf-8").splitlines()[0])

    for shown in map(json.loads, (README.of("json")[0], page("export").of("json")[0])):
        assert list(shown) == list(real)
        assert list(shown["request"]) == list(real["request"])


@pytest.mark.parametrize("shown", [README, page("input")], ids=lambda page: page.name)
def test_the_input_shown_is_read_as_the_text_says(shown, tmp_path):
    from artistjobs.core.job import Artist
    from artistjobs.ingest.parser import ArtistReader

    path = tmp_path / "shown.csv"
    path.write_text(shown.of("csv")[0])
    with path.open("rb") as stream:
        rows = list(ArtistReader(stream))

    assert [row.name for row in rows if isinstance(row, Artist)] == [
        "Frida Kahlo", "Prince", '"Weird Al" Yankovic', "Caravaggio",
    ]  # fmt: skip


def anchors(text: str) -> set[str]:
    """Return the anchors of the headings of a page, as GitHub makes them."""
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("shown", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file_and_a_heading_of_it(shown):
    for target in re.findall(r"\]\(([^)\s]+)\)", shown.text):
        if target.startswith("http"):
            continue
        name, _, anchor = target.partition("#")
        path = (shown.path.parent / name).resolve() if name else shown.path
        assert path.is_relative_to(ROOT), target
        assert path.exists(), target
        assert not anchor or anchor in anchors(path.read_text("utf-8")), target


def test_every_page_is_in_the_index():
    for other in PAGES[1:]:
        assert other.path.name == "index.md" or f"]({other.path.name})" in page("index").text, other.name


def test_every_test_that_a_page_names_exists_in_the_file_that_it_names():
    names = [
        (path, name)
        for shown in PAGES
        for path, listed in re.findall(r"in `(tests/[\w/]+\.py)`: ((?:`test_\w+`(?:, )?)+)", shown.text)
        for name in re.findall(r"test_\w+", listed)
    ]

    assert len(names) > 20
    assert [name for path, name in names if f"def {name}(" not in (ROOT / path).read_text("utf-8")] == []


def test_the_error_codes_listed_are_those_of_the_program():
    codes = re.findall(r"`([a-z_:]+)`", "".join(re.findall(r"^\| (`[^|]*) \|", page("failures").text, re.MULTILINE)))
    files = [path for path in (ROOT / "artistjobs").rglob("*.*") if path.suffix in (".py", ".sql")]
    source = "".join(path.read_text("utf-8") for path in files)

    assert len(codes) > 15
    assert [code for code in codes if not re.search(f"[\"']{code}[\"']", source)] == []


def test_each_promise_has_tests():
    promises = re.findall(r"^(\d+)\. ", page("promises").text, re.MULTILINE)

    assert promises == re.findall(r"^\| (\d+) \| in `tests/", page("promises").text, re.MULTILINE)


def test_the_states_of_a_job_are_those_of_the_program():
    from artistjobs.core.job import JobState

    assert re.findall(r"^\| `(\w+)` \|", page("how-it-works").text, re.MULTILINE) == [*JobState]
