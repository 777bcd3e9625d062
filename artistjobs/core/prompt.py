"""Prompt configurations: a stored prompt or a template, job keys, and the request body for an artist."""

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

from artistjobs.core.columns import NO_COLUMNS, Columns
from artistjobs.core.json_values import Json, canonical_json, parse_json
from artistjobs.core.schema import Schema, answer_schema

if TYPE_CHECKING:
    from artistjobs.core.template import Compile

Body: TypeAlias = dict[str, Json]


KEY_BYTES = 16
"""Length of a job's key. With 128 bits a collision among a billion jobs is practically impossible."""


class Build(Protocol):
    """Function that builds the request body for the name, the data and the other columns of a row."""

    def __call__(self, name: str, data: str, columns: Columns = NO_COLUMNS, /) -> Body:
        """Return the body. Raises PromptError if the template cannot be rendered for the row."""


class JobKey(Protocol):
    """Function that computes the key of a job from the name, the data and the other columns of a row."""

    def __call__(self, name: str, data: str, columns: Columns = NO_COLUMNS, /) -> bytes:
        """Return the key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """Prompt configuration: everything in a request except the artist.

    Either ``prompt_id`` (with ``version``) or ``template`` (with ``instructions``) is set.
    ``params`` holds further fields of the request as canonical JSON (``params_json``). ``template_file`` is a name for
    people; it is not sent. ``columns`` are the names of the other columns of a table that a request uses, sorted: the
    variables of a stored prompt, or those in the template.
    """

    model: str
    prompt_id: str | None = None
    version: str | None = None
    template: str | None = None
    template_file: str | None = None
    instructions: str | None = None
    params: str = "{}"
    columns: tuple[str, ...] = ()

    @property
    def key(self) -> bytes:
        """32 bytes that are the same for equal prompt configurations."""
        sent: list[Json] = [
            self.model, self.prompt_id, self.version, self.template, self.instructions, self.params,
        ]  # fmt: skip
        if self.columns:
            sent.append(list(self.columns))
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


def job_keys(prompt: Prompt) -> JobKey:
    """Return the function that computes the key of a job, for one prompt configuration.

    Two rows get the same key exactly if they lead to the same request: all fields that it uses are equal. A template
    may leave the data out, and most requests leave other columns out.
    """
    base = hashlib.blake2b(prompt.key, digest_size=KEY_BYTES)
    sends_data = prompt.sends_artist_data

    def key(name: str, data: str, _columns: Columns = NO_COLUMNS, /) -> bytes:
        digest = base.copy()
        # A row cannot contain NUL, so it separates the fields.
        digest.update(f"{name}\0{data if sends_data else ''}".encode())
        return digest.digest()

    def key_with_columns(name: str, data: str, columns: Columns = NO_COLUMNS, /) -> bytes:
        digest = base.copy()
        used = [columns.get(column, "") for column in prompt.columns]
        digest.update("\0".join((name, data if sends_data else "", *used)).encode())
        return digest.digest()

    return key_with_columns if prompt.columns else key


def used_columns(prompt: Prompt, columns: Columns) -> dict[str, str]:
    """Return the columns of a row that the request uses; those that the row does not have are empty."""
    return {name: columns.get(name, "") for name in prompt.columns} if prompt.columns else {}


def variables(name: str, data: str, columns: Columns = NO_COLUMNS) -> dict[str, Json]:
    """Return the variables of a request; ``artist_data`` is left out if it is empty."""
    artist = {"artist_name": name, "artist_data": data} if data else {"artist_name": name}
    return {**artist, **columns}


def shared_fields(prompt: Prompt) -> Body:
    """Return the fields that all requests of a prompt configuration share, without the text of a template."""
    params = parse_json(prompt.params.encode())
    shared: Body = {"model": prompt.model, **(params if isinstance(params, dict) else {})}
    return shared if prompt.prompt_id is None else {**shared, "prompt": {"id": prompt.prompt_id}}


def request_builder(prompt: Prompt, compile_text: "Compile | None" = None) -> Build:
    """Return the function that builds a request body from the fields of a row.

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

    def text_of(name: str, data: str, columns: Columns) -> str:
        return render(name, data, used_columns(prompt, columns))

    if prompt.instructions is None or not reads_instructions_last(prompt.model):
        if prompt.instructions is not None:
            shared = {**shared, "instructions": prompt.instructions}
        return lambda name, data, columns=NO_COLUMNS, /: {**shared, "input": text_of(name, data, columns)}
    developer: Json = {"role": "developer", "content": prompt.instructions}

    def with_developer(name: str, data: str, columns: Columns = NO_COLUMNS, /) -> Body:
        return {**shared, "input": [developer, {"role": "user", "content": text_of(name, data, columns)}]}

    return with_developer


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


def _stored_prompt_builder(prompt: Prompt, shared: Body) -> Build:
    reference: dict[str, Json] = {"id": prompt.prompt_id}
    if prompt.version is not None:
        reference["version"] = prompt.version

    def build(name: str, data: str, columns: Columns = NO_COLUMNS, /) -> Body:
        sent = variables(name, data, used_columns(prompt, columns))
        return {**shared, "prompt": {**reference, "variables": sent}}

    return build
