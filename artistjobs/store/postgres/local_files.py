"""Files of one database on this machine: a folder for each user and database, beside nothing that is shared."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from artistjobs.errors import StoreError

DEFAULT_SPOOL = Path("~/.local/state/artistjobs")
"""Folder of these folders; see https://specifications.freedesktop.org/basedir-spec/ (2026-11-26)."""


@dataclass(frozen=True, slots=True)
class LocalFiles:
    """Folder of a database within the spool of a user; it is made when it is first needed.

    ``token`` is that of the database, which no other one has.
    """

    spool: Path | None
    token: str

    @property
    def folder(self) -> Path:
        """Path of the folder."""
        return (self.spool or DEFAULT_SPOOL).expanduser() / self.token

    def make(self) -> Path:
        """Make the folder, which only this user may read, and return its path. Raises StoreError."""
        folder = self.folder
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"{folder} cannot be made, which keeps files about this database ({error.strerror}); "
                "name a folder on a local disk with --spool."
            ) from error
        return folder

    def notes_of(self, worker: int) -> Path:
        """Return the path of the notes of a worker; see ``call_notes``."""
        return self.folder / f"worker-{worker}.calls"

    def noted_workers(self) -> list[int]:
        """Return the workers that have notes here: those of this machine that live, or died."""
        names = [
            path.name.removeprefix("worker-").removesuffix(".calls") for path in self.folder.glob("worker-*.calls")
        ]
        return sorted(int(name) for name in names if name.isdecimal())

    def remove_notes(self, worker: int) -> None:
        """Remove the notes of a worker that has ended."""
        with suppress(OSError):
            self.notes_of(worker).unlink()
