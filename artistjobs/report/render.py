"""HTML rendering of the report: escaped values, and a content security policy that allows only the page's script."""

import base64
import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from artistjobs.core.formatting import cost_text, duration_text
from artistjobs.report.axis import moment_at
from artistjobs.report.sanitize import cleaned

_FOLDER = Path(__file__).parent / "page"


_NONE = "\u2013"


def render(view: Mapping[str, object]) -> bytes:
    """Return the page in UTF-8; all values of the view are escaped and cannot add markup or scripts."""
    style, script = _part("page.css"), _part("page.js")
    policy = (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    parts = {"style": Markup(style), "script": Markup(script), "policy": policy}  # noqa: S704 - our own files
    return _environment().get_template("page.html").render(**view, **parts).encode("utf-8", "replace")


def money(usd: float | None) -> str:
    """Return an amount of dollars as text, or a dash if it is unknown."""
    return _NONE if usd is None else cost_text(usd)


def latency(seconds: float | None) -> str:
    """Return a latency in seconds as text, or a dash if there is none."""
    if seconds is None:
        return _NONE
    return f"{seconds:.2f} s" if seconds < 1 else f"{seconds:.1f} s"


def percent(share: float) -> str:
    """Return a share from 0 to 1 as a percentage that SVG accepts as a length."""
    return f"{100 * share:.4g}%"


def moment(seconds: float) -> str:
    """Return seconds since 1970 as a UTC date and time to the minute."""
    return f"{moment_at(seconds):%-d %b %H:%M}"


def _cleaned(value: object) -> object:
    return cleaned(value) if isinstance(value, str) and not isinstance(value, Markup) else value


@cache
def _environment() -> Environment:
    # StrictUndefined: a misspelt name in the template must raise an error rather than show nothing.
    environment = Environment(
        loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined, finalize=_cleaned
    )
    environment.filters |= {
        "count": lambda number: f"{number:,}",
        "duration": duration_text,
        "latency": latency,
        "moment": moment,
        "money": money,
        "percent": percent,
        "unit": lambda number: f"{number:.1f}",
    }
    return environment


def _part(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
