"""Prompt of a command: built from the options, with the template and the instructions read from files and checked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from artistjobs.core.default_model import default_model
from artistjobs.core.json_values import Json
from artistjobs.core.pricing import REHEARSAL_MODEL
from artistjobs.core.prompt import Prompt
from artistjobs.core.schema import params_json
from artistjobs.core.template import columns_used, ensure_uses_artist
from artistjobs.errors import PromptError, WrongUseError
from artistjobs.ingest.header import DATA, NAME
from artistjobs.library.params import join_fields, parse_metadata, parse_params
from artistjobs.library.schema import with_schema
from artistjobs.rendering.renderer import Renderer

REHEARSAL_PROMPT = "pmpt_rehearsal"


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptOptions:
    """Unparsed values of the options about the prompt and the request; ``template`` is the text of a prompt file."""

    prompt_id: str | None
    prompt_file: Path | None
    instructions_file: Path | None
    prompt_version: str | None
    model: str | None
    params: tuple[str, ...]
    service_tier: str | None = None
    store: bool | None = None
    metadata: tuple[str, ...] = ()
    schema: Path | None = None
    variables: tuple[str, ...] = ()
    template: str | None = None

    def fields(self) -> dict[str, Json]:
        """Return the additional fields of the request. Raises PromptError if an assignment or the schema is invalid."""
        metadata = parse_metadata(self.metadata)
        named: dict[str, Json | None] = {
            "service_tier": self.service_tier,
            "store": self.store,
            "metadata": metadata or None,
        }
        given_fields = {field: value for field, value in named.items() if value is not None}
        return with_schema(join_fields(parse_params(self.params), given_fields), self.schema)


def make_prompt(prompt_options: PromptOptions, today: date, *, is_rehearsal: bool) -> Prompt:
    """Return the prompt to use, after reading and checking its files.

    Raises:
        WrongUseError: if no prompt is given, options exclude each other, or a model must be named on this day.
        PromptError: if the template, a parameter or a file is invalid.

    """
    _ensure_one_prompt(prompt_options)
    model = REHEARSAL_MODEL if is_rehearsal else prompt_options.model or default_model(today)
    params = params_json(prompt_options.fields())
    if prompt_options.template is not None:
        return _template_prompt(prompt_options, prompt_options.template, None, model, params)
    if (file := prompt_options.prompt_file) is not None:
        return _template_prompt(prompt_options, _read_text(file), file, model, params)
    prompt_id = prompt_options.prompt_id or (REHEARSAL_PROMPT if is_rehearsal else None)
    if not prompt_id:
        raise WrongUseError("no prompt is given; use --prompt-file FILE or --prompt-id ID.")
    return Prompt(
        model=model, prompt_id=prompt_id, version=prompt_options.prompt_version or None, params=params,
        columns=_variables(prompt_options.variables),
    )  # fmt: skip


def _variables(names: Sequence[str]) -> tuple[str, ...]:
    """Return the columns that are sent as variables, sorted. Raises WrongUseError if one of them is always sent."""
    if always := next((name for name in names if name in (NAME, DATA)), None):
        raise WrongUseError(
            f"--variable {always} is not needed, because {NAME} and {DATA} are always sent; leave it out."
        )
    return tuple(sorted(set(names)))


def _ensure_one_prompt(prompt_options: PromptOptions) -> None:
    if prompt_options.template is not None and (prompt_options.prompt_file or prompt_options.prompt_id):
        raise WrongUseError("prompt, prompt_file and prompt_id exclude each other; use one of them.")
    has_template = prompt_options.prompt_file is not None or prompt_options.template is not None
    if not has_template and prompt_options.instructions_file is not None:
        raise WrongUseError("--instructions-file requires --prompt-file; a stored prompt has its own instructions.")
    if has_template and prompt_options.prompt_version:
        raise WrongUseError("--version requires --prompt-id; a prompt file has no version.")
    if has_template and prompt_options.variables:
        raise WrongUseError("--variable requires --prompt-id; a prompt file uses the columns that it names.")


def _template_prompt(
    prompt_options: PromptOptions, template: str, file: Path | None, model: str, params: str
) -> Prompt:
    name = "the prompt" if file is None else str(file)
    with Renderer() as renderer:
        columns = columns_used(template, name, renderer.compile)
    ensure_uses_artist(template, name)
    instructions = _read_text(prompt_options.instructions_file) if prompt_options.instructions_file else None
    if instructions is not None and "{{" in instructions and "artist_" in instructions:
        raise PromptError(
            f"{prompt_options.instructions_file} is sent unchanged and is not a template; "
            "put {{ artist_name }} and {{ artist_data }} into the prompt file."
        )
    return Prompt(
        model=model, template=template, template_file=None if file is None else file.name, instructions=instructions,
        params=params, columns=columns,
    )  # fmt: skip


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise PromptError(f"{path} is not UTF-8 text; save it as UTF-8.") from error
    except OSError as error:
        raise PromptError(f"{path} cannot be read: {error.strerror}; use a text file.") from error
