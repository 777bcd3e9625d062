"""What can go wrong for a whole command, and the exit code each kind ends it with.

    ArtistjobsError
    ├── WrongUseError          2   an option, a key or a prompt is missing or makes no sense
    │   ├── InputError         2   the input file cannot be read
    │   ├── PromptError        2   the template, a parameter or the prompt cannot be used
    │   └── NoDatabaseError    2   there is no database yet
    ├── RunStoppedError        3   account, prompt, model or service cannot go on
    └── StoreError            74   disk or database trouble
        └── NewerDatabaseError 74  the database was made by a later version

What goes wrong for one job alone is no exception: it is data, kept with its attempt.
Every message is one sentence that ends in what to do about it.
"""


class ArtistjobsError(Exception):
    """The root: a command cannot go on, and its text is fit to be shown."""

    exit_code = 1


class WrongUseError(ArtistjobsError):
    """Raised when what was asked for cannot be done as it was asked."""

    exit_code = 2


class InputError(WrongUseError):
    """Raised when the input file is not there, is no file, or is not UTF-8 text."""


class PromptError(WrongUseError):
    """Raised when the prompt, its template or a parameter of the request cannot be used."""


class NoDatabaseError(WrongUseError):
    """Raised when a command that needs a database finds none."""


class RunStoppedError(ArtistjobsError):
    """Raised when every further call would fail alike: the jobs are left pending."""

    exit_code = 3


class StoreError(ArtistjobsError):
    """Raised when the disk or the database fails; what was stored before is unharmed."""

    exit_code = 74


class NewerDatabaseError(StoreError):
    """Raised when the database has migrations that this version does not know."""
