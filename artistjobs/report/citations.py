"""Citations and tool calls of an answer in a report: a line of text each, and a link if it is a web page."""

from collections.abc import Sequence
from dataclasses import dataclass

from artistjobs.core.citations import citation_text
from artistjobs.core.json_values import Json
from artistjobs.report.sanitize import fitted

CITATIONS_SHOWN = 5


TEXT_BYTES, URL_BYTES = 240, 500
"""Maximum bytes of a citation's text as HTML, and of an address that becomes a link."""


@dataclass(frozen=True, slots=True)
class CitationLink:
    """A citation or a tool call as text; ``url`` is empty if it is no web page."""

    text: str
    url: str


def citation_links(citations: Sequence[Json]) -> list[CitationLink]:
    """Return the first citations of an answer for the page."""
    return [CitationLink(fitted(citation_text(one), TEXT_BYTES), _url(one)) for one in citations[:CITATIONS_SHOWN]]


def _url(citation: Json) -> str:
    """Return the address of a web page, which a model has written; empty for any other address, and for a long one."""
    url = citation.get("url") if isinstance(citation, dict) else None
    if not isinstance(url, str) or not url.lower().startswith(("https://", "http://")):
        return ""
    # A part of an address would lead to another page.
    return url if fitted(url, URL_BYTES) == url else ""
