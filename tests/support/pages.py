"""Parser of an HTML page: its text, and the elements that a browser acts on."""

import base64
import hashlib
from html.parser import HTMLParser


class Page(HTMLParser):
    """Elements with their attributes, the text of the page, and the content of its script and style."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.inside: dict[str, str] = {"script": "", "style": ""}
        self._open = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._open = tag

    def handle_endtag(self, tag):  # noqa: ARG002 - as html.parser has it
        self._open = ""

    def handle_data(self, data):
        if self._open in self.inside:
            self.inside[self._open] += data
        else:
            self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def policy(self) -> str:
        return next(meta["content"] for meta in self.all("meta") if meta.get("http-equiv") == "Content-Security-Policy")


def sha256(text: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"
