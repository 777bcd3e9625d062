"""Command ``init``: writes example files to begin with; an existing file is never changed."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from artistjobs.errors import OutputError, WrongUseError

PROMPT: Final = """\
{# The prompt: one request is made of it for each row of the file. Text in these marks is not sent. -#}
{# {{ artist_name }} is the first column of the row. Any other column has its name from the header. -#}
Write two sentences about {{ artist_name }}.
{# The next line is sent only if the row has data. -#}
{% if artist_data %}What we know: {{ artist_data }}{% endif %}
{# To see the requests of the first rows: artistjobs run artists.csv --prompt-file prompt.txt --dry-run #}
"""


ENV_EXAMPLE: Final = """\
# Copy this file to .env, fill it in, and keep .env out of version control: chmod 600 .env
# The environment overrides .env, and an option overrides both.

# The key of the API, from https://platform.openai.com/api-keys
OPENAI_API_KEY=

# The model to call
# OPENAI_MODEL=gpt-6-luna

# Another server that implements the Responses API; its key must be in this file too
# OPENAI_BASE_URL=

# The prompt file, so that --prompt-file can be left out
# ARTISTJOBS_PROMPT_FILE=prompt.txt

# Calls in flight, and the database: a file, or postgresql://user@host/name
# ARTISTJOBS_MAX_WORKERS=32
# ARTISTJOBS_DB=artistjobs.db
"""


ROWS: Final = """\
artist_name,artist_data
# Lines like this one are skipped. Put a text with commas or quotes in double quotes.
Frida Kahlo,"Mexican painter, born 1907"
Nina Simone,singer and pianist
"Tyler, the Creator",rapper and producer
Björk
"""


FILES: Final = {"prompt.txt": PROMPT, ".env.example": ENV_EXAMPLE, "artists.csv": ROWS}
"""Contents of the files by name."""


@dataclass(frozen=True, slots=True)
class WrittenFiles:
    """Names of the files that were written, and of those that existed and were kept."""

    written: tuple[str, ...]
    kept: tuple[str, ...]


def write_examples(folder: Path) -> WrittenFiles:
    """Write the example files into a folder, which is made if there is none.

    Raises:
        WrongUseError: if the folder cannot be made.
        OutputError: if a file cannot be written.

    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WrongUseError(f"{folder} cannot be made ({error.strerror}); name another folder.") from error
    written = tuple(_write_new(folder))
    return WrittenFiles(written, tuple(name for name in FILES if name not in written))


def _write_new(folder: Path) -> Iterator[str]:
    for name, content in FILES.items():
        try:
            # "x" also refuses a link, whatever it points to, and a file that appears at this moment.
            with (folder / name).open("x", encoding="utf-8", newline="\n") as file:
                file.write(content)
        except FileExistsError:
            continue
        except OSError as error:
            text = f"{folder / name} cannot be written ({error.strerror}); fix the cause, or name another folder."
            raise OutputError(text) from error
        yield name


def example_sentences(folder: Path, files: WrittenFiles) -> list[str]:
    """Return what was written and kept, and the commands to go on with."""
    lines = [f"wrote {folder / name}" for name in files.written]
    lines += [f"kept {folder / name}, which exists" for name in files.kept]
    return [
        *lines,
        "try it without a key: artistjobs run artists.csv --prompt-file prompt.txt --rehearse",
        "then copy .env.example to .env and fill it in, and: artistjobs check artists.csv --prompt-file prompt.txt",
    ]
