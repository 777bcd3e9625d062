"""The generated parts of docs/ are as the program is, so that they cannot become wrong without notice."""

import importlib.util
import re
import sys

import pytest
from documents import PAGES, page
from paths import ROOT


@pytest.fixture(scope="module")
def generate():
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    module = importlib.util.module_from_spec(spec)
    path = list(sys.path)
    spec.loader.exec_module(module)
    sys.path[:] = path
    return module


@pytest.mark.parametrize("shown", [page for page in PAGES if "<!-- generated" in page.text], ids=lambda page: page.name)
def test_the_generated_parts_are_as_they_would_be_written_now(generate, shown):
    assert generate.with_parts(shown.text) == shown.text, "run: python docs/generate.py"


def test_every_part_is_on_a_page_and_ends(generate):
    text = "".join(page.text for page in PAGES)

    assert sorted(re.findall(r"<!-- generated: ([\w-]+) -->", text)) == sorted(generate.PARTS)
    assert text.count("<!-- end -->") == len(generate.PARTS)


def test_a_name_without_a_meaning_and_a_meaning_without_a_name_are_refused(generate):
    with pytest.raises(KeyError, match="new"):
        generate.meant(["old", "new"], {"old": "x"}, "things")
    with pytest.raises(KeyError, match="gone"):
        generate.meant(["old"], {"old": "x", "gone": "y"}, "things")


def test_every_variable_that_the_program_reads_is_listed():
    source = "".join(path.read_text("utf-8") for path in (ROOT / "artistjobs").rglob("*.py"))
    read = set(re.findall(r"environ(?:\.get\(|\[)\"([A-Z_]+)\"", source))

    assert len(read) > 5
    assert {name for name in read if f"`{name}`" not in page("environment").text} == set()


def test_a_postgresql_database_has_the_tables_and_columns_listed(cli, url, query):
    assert cli("--db", url, "ingest", "-", input="Prince\n").exit_code == 0
    sections = re.findall(r"^## (\w+).*\n((?:(?!## ).*\n)*)", page("tables").text, re.MULTILINE)
    listed = {f"{name}.{one}" for name, text in sections for one in re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)}
    differing = re.findall(
        r"^\| `(\w+\.\w+)` \| (only|not) here", page("tables").section("On PostgreSQL"), re.MULTILINE
    )

    found = query("SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'")

    here = {f"{name}.{column}" for name, column in found if name != "artistjobs_migrations"}
    assert len(listed) > 100
    assert here - listed == {name for name, how in differing if how == "only"}
    assert listed - here == {name for name, how in differing if how == "not"}
