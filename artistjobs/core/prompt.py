"""Prompt configurations: a stored prompt or a template, job keys, and the request body for an artist."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from artistjobs.core.json_values import Json, canonical_json, parse_json
from artistjobs.core.schema import Schema, answer_schema

if TYPE_CHECKING:
    from artistjobs.core.template import Compile

Body: TypeAlias = dict[str, Json]


KEY_BYTES = 16
"""Length of a job's key. With 128 bits a collision among a billion jobs is practically impossible."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """Prompt configuration: everything in a request except the artist.

    Either ``prompt_id`` (with ``version``) or ``template`` (with ``instructions``) is set.
    ``params`` holds further fields of the request as canonical JSON (``params_json``). ``template_file`` is a name for
    people; it is not sent.
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
        """32 bytes that are the same for equal prompt configurations."""
        sent: Json = [
            self.model, self.prompt_id, self.version, self.template, self.instructions, self.params,
        ]  # fmt: skip
        return hashlib.sha256(canonical_json(sent).encode()).digest()

    @property
    def service_tier(self) -> str | None:
        """The requested service tier, None if the project's settings decide."""
        tier = self.param("service_tier")
        return tier if isinstance(tier, str) else None

    @property
    def schema(self) -> Schema | None:
        """The JSON Schema of the answers, None if the request asks for none."""
        params = parse_json(self.params.encode())
        return answer_schema(params) if isinstance(params, dict) else None

    def param(self, name: str) -> Json:
        """Return a further field of the request, None if it is not set."""
        params = parse_json(self.params.encode())
        return params.get(name) if isinstance(params, dict) else None

    @property
    def sends_artist_data(self) -> bool:
        """True if ``artist_data`` is part of the request; a template may leave it out."""
        if self.template is None:
            return True
        # A late import: commands that only read a database start without Jinja.
        from artistjobs.core.template import uses_artist_data

        return uses_artist_data(self.template)


def changed_fields(before: Prompt, now: Prompt) -> dict[str, Json]:
    """Return the fields of a request that differ from those of another configuration; null for those it lacks."""
    first, second = shared_fields(before), shared_fields(now)
    return {name: second.get(name) for name in {**first, **second} if first.get(name) != second.get(name)}


def text_sha256(text: str) -> str:
    """Return the SHA-256 of a text's UTF-8 bytes, as 64 hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def job_keys(prompt: Prompt) -> Callable[[str, str], bytes]:
    """Return the function that computes a job's key from name and data, for one prompt configuration.

    Two rows get the same key exactly if they lead to the same request: both fields are equal, or the name
    alone if the template leaves the data out.
    """
    base = hashlib.blake2b(prompt.key, digest_size=KEY_BYTES)
    sends_data = prompt.sends_artist_data

    def key(name: str, data: str) -> bytes:
        digest = base.copy()
        # A row cannot contain NUL, so it separates name and data.
        digest.update(f"{name}\0{data if sends_data else ''}".encode())
        return digest.digest()

    return key


def variables(name: str, data: str) -> dict[str, Json]:
    """Return the variables of a request; ``artist_data`` is left out if it is empty."""
    return {"artist_name": name, "artist_data": data} if data else {"artist_name": name}


def shared_fields(prompt: Prompt) -> Body:
    """Return the fields that all requests of a prompt configuration share, without the text of a template."""
    params = parse_json(prompt.params.encode())
    shared: Body = {"model": prompt.model, **(params if isinstance(params, dict) else {})}
    return shared if prompt.prompt_id is None else {**shared, "prompt": {"id": prompt.prompt_id}}


def request_builder(prompt: Prompt, compile_text: "Compile | None" = None) -> Callable[[str, str], Body]:
    """Return the function that builds a request body from name and data.

    That function raises PromptError if the template cannot be rendered for a row. The fields that all requests
    share come first in the body, so that the API can use its prompt cache.

    Args:
        prompt: The prompt configuration.
        compile_text: Compiles its template, ``compile_template`` by default, which does not limit the time.

    """
    shared = shared_fields(prompt)
    if prompt.template is None:
        return _stored_prompt_builder(prompt, shared)
    from artistjobs.core.template import compile_template

    render = (compile_text or compile_template)(prompt.template)
    if prompt.instructions is None:
        return lambda name, data: {**shared, "input": render(name, data)}
    if not reads_instructions_last(prompt.model):
        shared = {**shared, "instructions": prompt.instructions}
        return lambda name, data: {**shared, "input": render(name, data)}
    developer: Json = {"role": "developer", "content": prompt.instructions}
    return lambda name, data: {**shared, "input": [developer, {"role": "user", "content": render(name, data)}]}


def live_body(body: Body) -> Body:
    """Return the body of a call that waits for its answer.

    Some servers stream unless a request forbids it, for example ``transformers serve`` 5.24.
    """
    return {**body, "stream": False}


def background_body(body: Body, window: str | None) -> Body:
    """Return the body of a call whose answer is made in the background and fetched later.

    It is always stored: without that, some projects keep the answer for ten minutes.
    """
    options: Body = {} if window is None else {"background_options": {"completion_window": window}}
    return {**body, "background": True, "store": True, **options}


_FAMILY = re.compile(r"(?:^|/)(?:ft:)?gpt-(\d+)(?:\.(\d+))?(?![\d.])", re.IGNORECASE)


_INSTRUCTIONS_LAST_FROM = (6, 2)


def reads_instructions_last(model: str) -> bool:
    """Return True if a model gets ``instructions`` after the input, which keeps the input's beginning from the cache.

    So do the models from GPT-6.2 on (OpenAI's guide to GPT-6.2, November 2026): what all requests share is then sent
    as the first message of the input.
    """
    found = _FAMILY.search(model)
    return found is not None and (int(found[1]), int(found[2] or 0)) >= _INSTRUCTIONS_LAST_FROM


def _stored_prompt_builder(prompt: Prompt, shared: Body) -> Callable[[str, str], Body]:
    reference: dict[str, Json] = {"id": prompt.prompt_id}
    if prompt.version is not None:
        reference["version"] = prompt.version

    def build(name: str, data: str) -> Body:
        return {**shared, "prompt": {**reference, "variables": variables(name, data)}}

    return build
