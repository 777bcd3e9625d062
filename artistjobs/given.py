"""What was given on the command line, and the values that commands are called with."""

import os
from collections.abc import Mapping
from pathlib import Path

import click

from artistjobs.asking import STORED_PROMPTS_END, Asking, make_prompt
from artistjobs.config import DEFAULT_BASE_URL, ApiConfig, IngestConfig, WorkConfig
from artistjobs.errors import WrongUseError
from artistjobs.options import Settings
from artistjobs.session import Database, Working
from artistjobs.store import Kind

REAL_DATABASE, REHEARSAL_DATABASE = Path("artistjobs.db"), Path("rehearsal.db")


class Given:
    """The options of ingest, work or run, as click hands them over."""

    def __init__(self, settings: Settings, options: Mapping[str, object]) -> None:
        self._settings = settings
        self._options = options

    @property
    def scenario(self) -> str | None:
        """What the simulated API plays, None if the real one is called."""
        return self._text("scenario") or ("calm" if self._options["rehearse"] else None)

    @property
    def as_json(self) -> bool:
        """Whether the summary is wanted as JSON."""
        return bool(self._options["as_json"])

    def database(self) -> Database:
        """Return the database to use, and the kind it has to be of."""
        is_rehearsal = self.scenario is not None
        path = self._settings.db or (REHEARSAL_DATABASE if is_rehearsal else REAL_DATABASE)
        return Database(path, Kind.REHEARSAL if is_rehearsal else Kind.REAL)

    def ingest_config(self) -> IngestConfig:
        """Return what to read and how to ask. Raises WrongUseError."""
        prompt = make_prompt(self._asking(), is_rehearsal=self.scenario is not None)
        return IngestConfig(source=self._source(), prompt=prompt, strict=bool(self._options["strict"]))

    def warning(self) -> str | None:
        """Return the one line about stored prompts, if one is asked with."""
        asking = self._asking()
        return STORED_PROMPTS_END if asking.prompt_id and asking.prompt_file is None else None

    def working(self) -> Working:
        """Return how to work, and with which API."""
        timeout = self._options["timeout"]
        assert isinstance(timeout, float)
        return Working(
            work=self._work_config(),
            timeout_seconds=timeout,
            api=_api_from_environment(timeout),
            scenario=self.scenario,
            retry_failed=bool(self._options["retry_failed"]),
            quiet=self._settings.quiet,
        )

    def _work_config(self) -> WorkConfig:
        max_cost = self._options["max_cost"]
        return WorkConfig(
            max_workers=self._number("max_workers") or 1,
            max_attempts=self._number("max_attempts") or 1,
            rpm=self._number("rpm"),
            tpm=self._number("tpm"),
            limit=self._number("limit"),
            max_cost_usd=max_cost if isinstance(max_cost, float) else None,
        )

    def _asking(self) -> Asking:
        by_id, by_file = _is_typed("prompt_id"), _is_typed("prompt_file")
        if by_id and by_file:
            raise WrongUseError("--prompt-id and --prompt-file are two ways to ask; give one of them.")
        params = self._options["params"]
        return Asking(
            prompt_id=self._text("prompt_id"),
            # What is typed wins over what the environment says.
            prompt_file=None if by_id else self._path("prompt_file"),
            instructions_file=self._path("instructions_file"),
            prompt_version=self._text("prompt_version"),
            model=self._text("model"),
            params=params if isinstance(params, tuple) else (),
        )

    def _source(self) -> Path:
        file, also = self._path("file"), self._path("input_file")
        if (one := file or also) is None or (file and also):
            raise WrongUseError("name one input file, such as: artistjobs run artists.csv")
        return one

    def _text(self, name: str) -> str | None:
        value = self._options[name]
        return value if isinstance(value, str) and value else None

    def _path(self, name: str) -> Path | None:
        value = self._options[name]
        return value if isinstance(value, Path) else None

    def _number(self, name: str) -> int | None:
        value = self._options[name]
        return value if isinstance(value, int) else None


def existing_database(settings: Settings) -> Database:
    """Return the database that export, status and retry look into, of either kind."""
    path = settings.db or REAL_DATABASE
    if settings.db is None and not path.exists() and REHEARSAL_DATABASE.exists():
        raise WrongUseError("there is no artistjobs.db yet, but a rehearsed database: add --db rehearsal.db")
    return Database(path, None)


def _api_from_environment(timeout_seconds: float) -> ApiConfig | None:
    key = os.environ.get("OPENAI_API_KEY", "").strip()
    if not key:
        return None
    return ApiConfig(
        api_key=key,
        base_url=os.environ.get("OPENAI_BASE_URL") or DEFAULT_BASE_URL,
        organization=os.environ.get("OPENAI_ORG_ID") or None,
        project=os.environ.get("OPENAI_PROJECT_ID") or None,
        timeout_seconds=timeout_seconds,
    )


def _is_typed(name: str) -> bool:
    source = click.get_current_context().get_parameter_source(name)
    return source is click.core.ParameterSource.COMMANDLINE
