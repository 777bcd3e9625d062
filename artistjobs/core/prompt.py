"""The ways to ask: a stored prompt or a template, and the request that each makes of an artist."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from artistjobs.core.json_values import Json, canonical_json, parse_json

Body: TypeAlias = dict[str, Json]


KEY_BYTES = 16
"""Length of a job's key: 128 bits, so that among a billion jobs two never meet by chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """One way of asking: everything a request holds except the artist.

    Either ``prompt_id`` (with ``version``) or ``template`` (with ``instructions``) is set;
    ``params`` is JSON of further fields, in canonical form. ``template_file`` is a name for
    people and no part of what is sent.
    """

    model: str
    prompt_id: str | None = None
    version: str | None = None
    template: str | None = None
    template_file: str | None = None
    instructions: str | None = None
    params: str = "{}"

    @property
    def key(self) -> bytes:
        """32 bytes that are the same for the same way of asking."""
        sent: Json = [
            self.model, self.prompt_id, self.version, self.template, self.instructions, self.params,
        ]  # fmt: skip
        return hashlib.sha256(canonical_json(sent).encode()).digest()

    @property
    def service_tier(self) -> str | None:
        """The tier that is asked for, None if it is left to the project's settings."""
        tier = self.param("service_tier")
        return tier if isinstance(tier, str) else None

    def param(self, name: str) -> Json:
        """Return one of the further fields of the request, None if it is not set."""
        params = parse_json(self.params.encode())
        return params.get(name) if isinstance(params, dict) else None

    @property
    def sends_artist_data(self) -> bool:
        """Whether ``artist_data`` reaches the API at all: a template may leave it out."""
        if self.template is None:
            return True
        # Imported as late as this: who only looks at a database need not wait for Jinja.
        from artistjobs.core.template import uses_artist_data

        return uses_artist_data(self.template)


def text_sha256(text: str) -> str:
    """Return the SHA-256 of a text's UTF-8 bytes, as 64 hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def job_keys(prompt: Prompt) -> Callable[[str, str], bytes]:
    """Return the function that makes a job's key of name and data, for one way of asking.

    Two rows get the same key exactly if the same is sent of them: both fields, or the name alone
    where a template leaves the data out.
    """
    base = hashlib.blake2b(prompt.key, digest_size=KEY_BYTES)
    sends_data = prompt.sends_artist_data

    def key(name: str, data: str) -> bytes:
        digest = base.copy()
        # NUL cannot stand in a row, so it keeps name and data apart.
        digest.update(f"{name}\0{data if sends_data else ''}".encode())
        return digest.digest()

    return key


def variables(name: str, data: str) -> dict[str, Json]:
    """Return the variables of a request: ``artist_data`` only if there is some."""
    return {"artist_name": name, "artist_data": data} if data else {"artist_name": name}


def request_builder(prompt: Prompt) -> Callable[[str, str], Body]:
    """Return the function that makes a request body of name and data.

    The function raises PromptError if a template stumbles over a row. What all requests share
    comes first in the body, so that the API's prompt cache can serve it.
    """
    params = parse_json(prompt.params.encode())
    shared: Body = {"model": prompt.model, **(params if isinstance(params, dict) else {})}
    if prompt.template is not None:
        return _template_builder(prompt, shared)
    return _stored_prompt_builder(prompt, shared)


def _stored_prompt_builder(prompt: Prompt, shared: Body) -> Callable[[str, str], Body]:
    reference: dict[str, Json] = {"id": prompt.prompt_id}
    if prompt.version is not None:
        reference["version"] = prompt.version

    def build(name: str, data: str) -> Body:
        return {**shared, "prompt": {**reference, "variables": variables(name, data)}}

    return build


def _template_builder(prompt: Prompt, shared: Body) -> Callable[[str, str], Body]:
    from artistjobs.core.template import compile_template

    render = compile_template(prompt.template or "")
    if prompt.instructions is not None:
        shared = {**shared, "instructions": prompt.instructions}

    def build(name: str, data: str) -> Body:
        return {**shared, "input": render(name, data)}

    return build
