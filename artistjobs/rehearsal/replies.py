"""Replies of the simulated API: error bodies, and Response objects with the schema of the real API.

This module builds replies. ``faults`` alters them, and ``server`` sends them.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from random import Random

from artistjobs.rehearsal.answer_text import subject_of, write_text
from artistjobs.rehearsal.json_answer import json_format, write_json

Body = dict[str, object]


JSON_TYPE = "application/json"


_CHARACTERS_PER_TOKEN = 4


# The API caches prompts from 1,024 tokens on, in steps of 128.
_CACHED_FROM, _CACHED_STEP = 1024, 128


_encode = json.JSONEncoder(separators=(",", ":")).encode


class Delivery(Enum):
    """The way in which a reply is sent."""

    WHOLE = auto()
    CUT = auto()
    """Half of the announced body is sent, then the connection is closed."""
    RESET = auto()
    HANG = auto()
    """The reply is delayed, then the connection is reset."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedReply:
    """One reply; ``paid`` is True if the real API would charge for it, even if it is not received."""

    name: str
    """Its name in the journal."""
    status: int = 200
    content: bytes = b""
    content_type: str = JSON_TYPE
    headers: Mapping[str, str] = field(default_factory=dict)
    manner: Delivery = Delivery.WHOLE
    paid: bool = False
    response_id: str | None = None


@dataclass(frozen=True, slots=True)
class ApiError:
    """An error as the API reports it."""

    status: int
    message: str
    code: str | None = None
    param: str | None = None
    type: str = "invalid_request_error"

    def content(self) -> bytes:
        """Return the JSON body of the error."""
        error = {"message": self.message, "type": self.type, "param": self.param, "code": self.code}
        return encode({"error": error})

    def reply(self, name: str | None = None, headers: Mapping[str, str] | None = None) -> SimulatedReply:
        """Return the reply with this error; its name in the journal is ``name``, or else its code or status."""
        return SimulatedReply(
            name=name or self.code or f"status_{self.status}",
            status=self.status,
            content=self.content(),
            headers=headers or {},
        )


def encode(value: object) -> bytes:
    """Return ``value`` as JSON in ASCII, which can also represent lone surrogates."""
    return _encode(value).encode("ascii")


def estimate_tokens(characters: int) -> int:
    """Return the estimated number of tokens of a text with this number of characters."""
    return characters // _CHARACTERS_PER_TOKEN + 1


def make_answer(body: Body, *, key: str, rng: Random, output_tokens: int, size: int) -> Body:
    """Return a completed Response to ``body``, a request of ``size`` characters.

    It is incomplete if a structured answer is longer than ``max_output_tokens`` allows. The text depends only on the
    request; the ids and the number of reasoning tokens come from ``rng``.
    """
    limit = _token_limit(body)
    reasoning_tokens = min(rng.randrange(output_tokens), limit // 2)
    asked = json_format(body)
    whole = write_json(body, asked, key=key) if asked else write_text(body, key=key, tokens=output_tokens)
    text = whole[: (limit - reasoning_tokens - 1) * _CHARACTERS_PER_TOKEN]
    # A text may end anywhere, but the beginning of a JSON value is no answer.
    is_cut = asked is not None and len(text) < len(whole)
    status = "incomplete" if is_cut else "completed"
    now = int(time.time())
    return {
        "id": f"resp_{rng.getrandbits(192):048x}",
        "object": "response",
        "created_at": now,
        "status": status,
        "completed_at": None if is_cut else now,
        "error": None,
        "incomplete_details": {"reason": "max_output_tokens"} if is_cut else None,
        **_echo(body),
        "output": [
            _reasoning(rng),
            *_searches(body, rng),
            _message(rng, _output_text(text, _citations(body, text)), status),
        ],
        "service_tier": _BILLED_TIERS.get(str(body.get("service_tier")), "default"),
        "usage": _usage(estimate_tokens(size), reasoning_tokens, estimate_tokens(len(text))),
    }


# Request fields that a response repeats, with the values for fields that are missing.
_ECHOED: Body = {
    "background": False,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "model": None,
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "prompt": None,
    "prompt_cache_key": None,
    "reasoning": {"effort": None, "summary": None},
    "safety_identifier": None,
    "store": True,
    "temperature": 1.0,
    "text": {"format": {"type": "text"}, "verbosity": "medium"},
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
}


# A response names the tier at which it is billed; auto and default are both billed as default.
_BILLED_TIERS = {"flex": "flex", "scale": "scale", "priority": "priority", "fast": "priority"}


def _echo(body: Body) -> Body:
    asked = {name: body[name] for name in _ECHOED.keys() & body.keys() if body[name] is not None}
    return {**_ECHOED, **asked}


def _token_limit(body: Body) -> int:
    limit = body.get("max_output_tokens")
    return int(limit) if isinstance(limit, int | float) else 1_000_000


def _reasoning(rng: Random) -> Body:
    return {"id": f"rs_{rng.getrandbits(192):048x}", "type": "reasoning", "summary": []}


def _message(rng: Random, part: Body, status: str) -> Body:
    return {
        "id": f"msg_{rng.getrandbits(192):048x}",
        "type": "message",
        "status": status,
        "role": "assistant",
        "content": [part],
    }


def _output_text(text: str, annotations: list[Body]) -> Body:
    return {"type": "output_text", "annotations": annotations, "logprobs": [], "text": text}


def _searches(body: Body, rng: Random) -> list[Body]:
    """Return the web search that an answer with this tool makes."""
    if not _may_search(body):
        return []
    action = {"type": "search", "query": subject_of(body), "queries": [subject_of(body)]}
    return [
        {"id": f"ws_{rng.getrandbits(192):048x}", "type": "web_search_call", "status": "completed", "action": action}
    ]


def _citations(body: Body, text: str) -> list[Body]:
    if not _may_search(body):
        return []
    page = {"url": "https://example.com/rehearsed", "title": "A rehearsed source"}
    return [{"type": "url_citation", "start_index": 0, "end_index": min(len(text), 10), **page}]


def _may_search(body: Body) -> bool:
    tools = body.get("tools")
    kinds = [tool.get("type") for tool in tools if isinstance(tool, dict)] if isinstance(tools, list) else []
    return any(str(kind).startswith("web_search") for kind in kinds)


def _usage(input_tokens: int, reasoning_tokens: int, text_tokens: int) -> Body:
    output_tokens = reasoning_tokens + text_tokens
    return {
        "input_tokens": input_tokens,
        "input_tokens_details": {
            "cached_tokens": _cached_tokens(input_tokens),
            "cache_write_tokens": 0,
        },
        "output_tokens": output_tokens,
        "output_tokens_details": {"reasoning_tokens": reasoning_tokens},
        "total_tokens": input_tokens + output_tokens,
    }


def _cached_tokens(input_tokens: int) -> int:
    return input_tokens // 2 // _CACHED_STEP * _CACHED_STEP if input_tokens >= _CACHED_FROM else 0
