"""Conversion of options, of the command line or of a calling program, to the configuration values of commands.

Both give the same options under the same names, so both get the same values and the same errors.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Protocol, TypeVar

from artistjobs.api.config import NO_KEY, ApiConfig
from artistjobs.api.prices import cost_by
from artistjobs.api.remedies import STORED_PROMPTS_END
from artistjobs.commands.calling_way import CallingWay
from artistjobs.commands.config import CheckOptions, WorkOptions
from artistjobs.core.command_text import DEFAULT_DATABASE, REHEARSAL_DATABASE
from artistjobs.core.controls import MOST_AUTO_CALLS
from artistjobs.core.default_model import default_model, default_model_warning
from artistjobs.core.findings import Finding, Level, finding_of
from artistjobs.core.pricing import REHEARSAL_MODEL, Cost, GivenPrices
from artistjobs.core.prompt import Prompt
from artistjobs.errors import WrongUseError
from artistjobs.export.protection import ENV_FILE, FilesInUse
from artistjobs.ingest.encoding import UTF8, encoding_named
from artistjobs.ingest.input_format import input_format
from artistjobs.ingest.source import IngestConfig, InputFile
from artistjobs.library.api_environment import api_from_environment, check_rehearsal_environment, ignored_warning
from artistjobs.library.chosen_columns import chosen_columns
from artistjobs.library.env_file import EnvFile
from artistjobs.library.params import parameter_files
from artistjobs.library.prompt import PromptOptions, make_prompt
from artistjobs.library.schema import schema_note
from artistjobs.store.address import Address
from artistjobs.store.database import Database
from artistjobs.store.models import Kind
from artistjobs.worker.config import BackgroundOptions, BatchOptions, WorkConfig

log = logging.getLogger(__name__)


Made = TypeVar("Made")


PATIENCE_SECONDS = 1800.0


BATCH_SPEED = 1.0


REHEARSAL_BATCH_SPEED = 300.0
"""Factor by which waits for simulated batches are shorter: the simulated service needs seconds instead of hours."""


REHEARSAL_PATIENCE_SECONDS = 5.0
"""Longest wait for the simulated API: a rehearsed outage does not end by itself."""


def utc_today() -> date:
    """Return the current day in UTC."""
    return datetime.now(UTC).date()


class CommonSettings(Protocol):
    """Settings of every command."""

    @property
    def address(self) -> Address | None:
        """Address of the database if one was named."""

    @property
    def log_file(self) -> Path | None:
        """The log file, if there is one."""

    @property
    def env_file(self) -> EnvFile:
        """Settings of the file .env."""

    @property
    def quiet(self) -> bool:
        """True if no progress is shown."""


class CommandArguments:
    """The options of check, ingest, work or run, converted to configuration values on request.

    ``is_explicit`` tells whether an option was given, and not taken from the environment. ``today`` returns the current
    day, on which the default model depends.
    """

    def __init__(
        self,
        settings: CommonSettings,
        options: Mapping[str, object],
        is_explicit: Callable[[str], bool],
        today: Callable[[], date] = utc_today,
    ) -> None:
        self._settings = settings
        self._options = options
        self._is_explicit = is_explicit
        self._today = today()

    @property
    def scenario(self) -> str | None:
        """The scenario of the simulated API; None if the real API is called."""
        return self._text("scenario") or ("calm" if self._options["rehearse"] else None)

    @property
    def as_json(self) -> bool:
        """True if the summary is printed as JSON."""
        return bool(self._options["as_json"])

    def database(self) -> Database:
        """Return the database to use with its required kind, real or rehearsal."""
        is_rehearsal = self.scenario is not None
        path = self._settings.address or (REHEARSAL_DATABASE if is_rehearsal else DEFAULT_DATABASE)
        return Database(path, Kind.REHEARSAL if is_rehearsal else Kind.REAL)

    def ingest_config(self) -> IngestConfig:
        """Return the configuration of an ingest. Raises WrongUseError if a file, a prompt or an option is invalid."""
        file = self.input_file(self.source())
        return file.for_prompt(self._prompt(), strict=bool(self._options["strict"]))

    def input_file(self, path: Path) -> InputFile:
        """Return a file with the way to read it. Raises WrongUseError if an option about it is invalid."""
        name, form = self._text("encoding"), input_format(path, self._text("input_format"))
        if name and not form.is_text:
            raise WrongUseError(f"--encoding is for files of text, not for {form}; leave it out.")
        return InputFile(
            source=path,
            encoding=encoding_named(name) if name else UTF8,
            input_format=form,
            chosen=chosen_columns(self._texts("columns")),
        )

    def files_in_use(self, output: Path | None = None) -> FilesInUse:
        """Return the files of this command. Raises WrongUseError if one that it reads is the database."""
        names = ("file", "input_file", "prompt_file", "instructions_file", "schema")
        read = [path for name in names if name in self._options and (path := self._path(name)) is not None]
        if "params" in self._options:
            read += parameter_files(self._texts("params"))
        files = FilesInUse(
            database=self.database(), read=[ENV_FILE, *read], output=output, log_file=self._settings.log_file
        )
        files.ensure_database_apart()
        return files

    def warnings(self) -> list[str]:
        """Return the warnings about a stored prompt and about the default model, for those that are used."""
        prompt_options = self._prompt_options()
        uses_stored_prompt = prompt_options.prompt_id and prompt_options.prompt_file is None
        warnings = [STORED_PROMPTS_END] if uses_stored_prompt else []
        return warnings + list(filter(None, [self._model_warning()]))

    def schema_note(self, prompt: Prompt) -> str | None:
        """Return a note if the schema of ``--schema`` is not sent as a strict one, else None."""
        return schema_note(prompt, self._path("schema"))

    def max_cost_usd(self) -> float | None:
        """Return the cap in dollars; None if the command has none."""
        return self._amount("max_cost") if "max_cost" in self._options else None

    def limit(self) -> int | None:
        """Return the maximum number of jobs to work on; None for all."""
        return self._number("limit") if "limit" in self._options else None

    def cost(self) -> Cost:
        """Return the function that computes costs. Raises WrongUseError if only one of the two prices is given."""
        return cost_by(self._prices() if "price_input" in self._options else None)

    def checking(self) -> CheckOptions:
        """Return the configuration of a check; errors of the key or the prompt become findings."""
        failures: list[Finding] = []
        model = _found("model", self._model, failures)
        if warning := self._model_warning():
            failures.append(Finding(Level.WARN, "model", warning))
        # Without a model there is no prompt, and nothing to look up.
        prompt = _found("prompt", self._prompt, failures) if model is not None else None
        api = _found("key", lambda: self._api(None), failures)
        if api is None and self.scenario is None and not any(failure.subject == "key" for failure in failures):
            failures.append(Finding(Level.FAIL, "key", NO_KEY, WrongUseError.exit_code))
        path = self._path("file")
        return CheckOptions(
            model=model, prompt=prompt, file=_found("file", lambda: self.input_file(path), failures) if path else None,
            api=api, scenario=self.scenario, max_workers=self._max_workers(), cost=self.cost(),
            spend=bool(self._options["spend"]), failures=tuple(failures),
            way=self._calling_way(),
        )  # fmt: skip

    def _max_workers(self) -> int | None:
        """Return the maximum number of calls in flight; None if it is to be found while they run."""
        value = self._options["max_workers"]
        return int(value) if isinstance(value, int | float) else None

    def _calling_way(self) -> CallingWay:
        uses_batches, window = bool(self._options["uses_batches"]), self._text("window")
        if uses_batches and window is not None:
            raise WrongUseError("--batch and --window exclude each other; use one of them.")
        return CallingWay(uses_batches=uses_batches, window=window)

    def _model_warning(self) -> str | None:
        uses_default = self.scenario is None and self._text("model") is None
        return default_model_warning(self._today) if uses_default else None

    def _model(self) -> str:
        return REHEARSAL_MODEL if self.scenario is not None else self._text("model") or default_model(self._today)

    def _prompt(self) -> Prompt:
        return make_prompt(self._prompt_options(), self._today, is_rehearsal=self.scenario is not None)

    def working(self) -> WorkOptions:
        """Return the configuration of work, with the API. Raises WrongUseError if options are invalid."""
        timeout = self._amount("timeout")
        api = self._api(timeout)
        # The simulated API obeys, and OpenAI's documentation promises it.
        trusts_server = self.scenario is not None or (api is not None and api.is_openai)
        return WorkOptions(
            work=replace(self._work_config(), trusts_server=trusts_server),
            timeout_seconds=timeout,
            api=api,
            scenario=self.scenario,
            retry_failed=bool(self._options["retry_failed"]),
            quiet=self._settings.quiet,
        )

    def _api(self, timeout_seconds: float | None) -> ApiConfig | None:
        """Return the configuration of the real API, None without a key or in a rehearsal."""
        if self.scenario is not None:
            check_rehearsal_environment()
            return None
        if sentence := ignored_warning(self._settings.env_file):
            log.warning("%s", sentence)
        return api_from_environment(self._settings.env_file, timeout_seconds)

    def _work_config(self) -> WorkConfig:
        max_attempts, flex_fallback = self._number("max_attempts") or 1, self._number("flex_fallback")
        if flex_fallback is not None and flex_fallback >= max_attempts:
            raise WrongUseError(
                f"--flex-fallback {flex_fallback} has no effect with {max_attempts} attempts per job; "
                "use a smaller number, or raise --max-attempts."
            )
        return WorkConfig(
            max_workers=self._max_workers() or MOST_AUTO_CALLS,
            is_auto=self._max_workers() is None,
            processes=self._number("processes") or 1,
            max_attempts=max_attempts,
            rpm=self._number("rpm"),
            tpm=self._number("tpm"),
            limit=self._number("limit"),
            max_cost_usd=self._amount("max_cost"),
            soft_cap=bool(self._options["soft_cap"]),
            warn_cost_usd=self._warn_cost_usd(),
            prices=self._prices(),
            flex_fallback=flex_fallback,
            corrections=self._number("corrections") or 0,
            sample=self.is_sample(),
            patience_seconds=self._patience(),
            first_patience_seconds=self._amount("patience"),
            batch=self._batch_options(),
            background=self._background_options(),
        )

    def _warn_cost_usd(self) -> float | None:
        """Return the amount in dollars to warn at. Raises WrongUseError if there is no cap to take a share of."""
        if (share := self._amount("warn_cost")) is None:
            return None
        if (cap_usd := self._amount("max_cost")) is None:
            raise WrongUseError("--warn-cost takes a share of --max-cost; add --max-cost USD.")
        return share * cap_usd

    def _background_options(self) -> BackgroundOptions | None:
        """Return the options of the background, None for live calls. Raises WrongUseError if they exclude others."""
        window = self._text("window")
        if not self._options["background"]:
            if window is not None:
                raise WrongUseError("--window concerns answers in the background; add --background.")
            return None
        if self._options["uses_batches"]:
            raise WrongUseError("--batch and --background exclude each other; use one of them.")
        return BackgroundOptions(window=window, speed=self._batch_speed())

    def _batch_options(self) -> BatchOptions | None:
        """Return the options of batches, None for live calls. Raises WrongUseError for options that exclude others."""
        live_after, no_wait = self._amount("live_after"), bool(self._options["no_wait"])
        if not self._options["uses_batches"]:
            if no_wait or live_after is not None:
                raise WrongUseError("--no-wait and --live-after concern batches; add --batch.")
            return None
        if self._options["sample"]:
            raise WrongUseError("--sample takes random rows for live calls; leave out --batch or --sample.")
        if no_wait and live_after is not None:
            raise WrongUseError("--no-wait and --live-after exclude each other; use one of them.")
        return BatchOptions(no_wait=no_wait, live_after_hours=live_after, speed=self._batch_speed())

    def _batch_speed(self) -> float:
        return BATCH_SPEED if self.scenario is None else REHEARSAL_BATCH_SPEED

    def is_sample(self) -> bool:
        """Return True if random jobs are to be worked on. Raises WrongUseError if no limit says how many."""
        if self._options["sample"] and self._number("limit") is None:
            raise WrongUseError("--sample takes random rows, as many as --limit says; add --limit N.")
        return bool(self._options["sample"])

    def _patience(self) -> float:
        given = self._amount("patience")
        if given is not None:
            return given
        return PATIENCE_SECONDS if self.scenario is None else REHEARSAL_PATIENCE_SECONDS

    def _prices(self) -> GivenPrices | None:
        into, out = self._amount("price_input"), self._amount("price_output")
        if (into is None) != (out is None):
            raise WrongUseError("--price-input and --price-output go together; give both, per million tokens.")
        return GivenPrices(input_usd=into, output_usd=out) if into is not None and out is not None else None

    def _prompt_options(self) -> PromptOptions:
        by_id, by_file = self._is_explicit("prompt_id"), self._is_explicit("prompt_file")
        if by_id and by_file:
            raise WrongUseError("--prompt-id and --prompt-file exclude each other; use one of them.")
        store = self._options["store"]
        return PromptOptions(
            prompt_id=self._text("prompt_id"),
            template=self._text("template") if "template" in self._options else None,
            # An option on the command line wins over the environment.
            prompt_file=None if by_id else self._path("prompt_file"),
            instructions_file=self._path("instructions_file"),
            schema=self._path("schema"),
            prompt_version=self._text("prompt_version"),
            model=self._text("model"),
            params=self._texts("params"),
            service_tier=self._text("service_tier"),
            store=store if isinstance(store, bool) else None,
            metadata=self._texts("metadata"),
            variables=self._texts("variables"),
        )

    def source(self) -> Path:
        """Return the input file. Raises WrongUseError if there is none, or are two."""
        file, also = self._path("file"), self._path("input_file")
        if (one := file or also) is None or (file and also):
            raise WrongUseError("give exactly one input file, for example: artistjobs run artists.csv")
        return one

    def _text(self, name: str) -> str | None:
        value = self._options[name]
        return value if isinstance(value, str) and value else None

    def _texts(self, name: str) -> tuple[str, ...]:
        value = self._options[name]
        return value if isinstance(value, tuple) else ()

    def _amount(self, name: str) -> float | None:
        value = self._options[name]
        return value if isinstance(value, float) else None

    def _path(self, name: str) -> Path | None:
        value = self._options[name]
        return value if isinstance(value, Path) else None

    def _number(self, name: str) -> int | None:
        value = self._options[name]
        return value if isinstance(value, int) else None


def _found(subject: str, make: Callable[[], Made], failures: list[Finding]) -> Made | None:
    try:
        return make()
    except WrongUseError as error:
        failures.append(finding_of(subject, error))
        return None
