"""The types with which the SDK describes requests and answers, as validators for tests."""

import json
from collections.abc import Iterator
from functools import lru_cache

from openai.types.responses import Response
from openai.types.responses.response_create_params import ResponseCreateParamsNonStreaming
from pydantic import BaseModel, TypeAdapter
from typing_extensions import get_type_hints

REQUEST_FIELDS = frozenset(get_type_hints(ResponseCreateParamsNonStreaming))
"""Names of all fields of a request."""


UNDECLARED_FIELDS = frozenset({"store"})
"""Fields that the API sends although the SDK does not declare them."""


@lru_cache(maxsize=1)
def _request_type() -> TypeAdapter:
    # It takes a second to build.
    return TypeAdapter(ResponseCreateParamsNonStreaming)


def ensure_request(body: dict, *, is_strict: bool = True) -> None:
    """Check that a request body has the types that the SDK declares, and no other field at any level.

    Args:
        body: The request body.
        is_strict: False to accept a value of another type that means the same in JSON, such as 64.0 for 64.

    Raises:
        pydantic.ValidationError: if a field has another type or value, or a required one is missing.
        AssertionError: if there is a field that the SDK does not know.

    """
    request = _request_type().validate_python(body, strict=is_strict)
    # Validation leaves unknown fields out.
    assert json.loads(_request_type().dump_json(request)) == body


def ensure_answer(body: bytes) -> None:
    """Check that an answer has the types that the SDK declares, and no other field at any level.

    Raises:
        pydantic.ValidationError: if a field has another type or value, or a required one is missing.
        AssertionError: if there is a field that the SDK does not know.

    """
    assert set(_unknown_fields(Response.model_validate_json(body))) <= UNDECLARED_FIELDS


def _unknown_fields(value: object) -> Iterator[str]:
    if isinstance(value, BaseModel):
        yield from value.model_extra or {}
        for name in type(value).model_fields:
            yield from _unknown_fields(getattr(value, name))
    elif isinstance(value, list):
        for item in value:
            yield from _unknown_fields(item)
