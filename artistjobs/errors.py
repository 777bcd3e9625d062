"""Exceptions that end a command, and the exit code of each.

    ArtistjobsError
    ├── WrongUseError          2   an option, a key or a prompt is missing or invalid
    │   ├── InputError         2   the input file cannot be read
    │   ├── PromptError        2   the template, a parameter or the prompt cannot be used
    │   └── NoDatabaseError    2   there is no database yet
    ├── RunStoppedError        3   account, prompt, model or service prevents the run
    │   └── ServiceAwayError  75   the service is away; the same run may succeed later
    ├── OutputError           74   stdout cannot be written
    └── StoreError            74   disk or database error
        ├── NewerDatabaseError 74  the database was made by a later version
        ├── StoreAwayError     74  the server of the database is away and may come back
        └── ResourceError      74  the system refuses memory, a thread or a file handle

A failure of one job is not an exception: it is data, stored with its attempt.
Every message is one sentence that ends with the remedy.
"""


class ArtistjobsError(Exception):
    """Base class: the command cannot continue, and the message is written for users."""

    exit_code = 1


class WrongUseError(ArtistjobsError):
    """Raised when a command cannot do what its options and arguments request."""

    exit_code = 2


class InputError(WrongUseError):
    """Raised when the input file does not exist, is not a file, or is not UTF-8 text."""


class PromptError(WrongUseError):
    """Raised when the prompt, its template or a parameter of the request cannot be used."""


class NoDatabaseError(WrongUseError):
    """Raised when a command that needs a database finds none."""


class RunStoppedError(ArtistjobsError):
    """Raised when every further call would fail for the same reason: the jobs stay pending."""

    exit_code = 3


class ServiceAwayError(RunStoppedError):
    """Raised to a calling program when the service did not answer for as long as the patience lasts."""

    exit_code = 75


class OutputError(ArtistjobsError):
    """Raised when stdout cannot be written completely; files and the database are not affected."""

    exit_code = 74


class StoreError(ArtistjobsError):
    """Raised when the disk or the database fails; data stored before is not affected."""

    exit_code = 74


class NewerDatabaseError(StoreError):
    """Raised when the database has migrations that this version does not know."""


class StoreAwayError(StoreError):
    """Raised when the server of the database is away and may come back; what was to be recorded is kept meanwhile."""


class ResourceError(StoreError):
    """Raised when the system refuses memory, a thread or a file handle."""
