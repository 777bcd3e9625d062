"""Configuration of the site that Sphinx builds from the Markdown files of this project.

    sphinx-build -W -c docs . site

The source folder is the project, not ``docs/``, so that a link from one file to another is the same on the site, in a
checkout and on a web page that shows Markdown. ``docs/index.md`` is the start page; its tables are also the menu.
"""

import re
import sys
from pathlib import Path

from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).parents[1]))

from artistjobs import __version__

project = "artistjobs"
author = "the artistjobs contributors"
release = __version__
html_title = f"artistjobs {release}"

root_doc = "docs/index"
include_patterns = [
    "docs/*.md",
    "*.md",
    "benchmarks/RESULTS.md",
    "benchmarks/GROWTH.md",
    "benchmarks/STEADY.md",
    "benchmarks/MUTANTS.md",
]
exclude_patterns = [".*", "artistjobs", "migrations", "tests", "node_modules", "site"]
extensions = ["myst_parser", "sphinx_copybutton"]
myst_heading_anchors = 4  # a heading has the anchor that it has on GitHub
copybutton_prompt_text = "$ "
copybutton_only_copy_prompt_lines = True

html_theme = "furo"
html_static_path = ["site.css"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False

TO_START = '<!doctype html><meta charset="utf-8"><title>artistjobs</title>\n'
TO_START += '<meta http-equiv="refresh" content="0; url=docs/index.html"><a href="docs/index.html">artistjobs</a>\n'


def add_menu(app: Sphinx, name: str, source: list[str]) -> None:
    """Add a hidden table of contents for each section of the start page, with the pages that its table links to."""
    del app
    if name != root_doc:
        return
    for title, text in re.findall(r"^## ([^\n]*)\n(.*?)(?=^## |\Z)", source[0], re.MULTILINE | re.DOTALL):
        pages = re.findall(r"^\| \[([^\]]*)\]\(([^)#]+)\.md\)", text, re.MULTILINE)
        entries = "\n".join(f"{label} <{page}>" for label, page in pages)
        source[0] += f"\n```{{toctree}}\n:hidden:\n:caption: {title}\n\n{entries}\n```\n"


def add_start(app: Sphinx, error: Exception | None) -> None:
    """Write the page that leads from the root of the site to the start page."""
    if error is None and app.builder.name == "html":
        (Path(app.outdir) / "index.html").write_text(TO_START, "utf-8")


def setup(app: Sphinx) -> None:
    """Register the functions above, and CSV, which has no lexer, as plain text."""
    app.add_lexer("csv", TextLexer)
    app.connect("source-read", add_menu)
    app.connect("build-finished", add_start)
