"""Files of the simulated Files API, kept in a temporary folder, because a file may have 200 MB."""

import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from artistjobs.rehearsal.replies import ApiError, Body

LIFETIME_SECONDS = 30 * 86_400


@dataclass(slots=True, kw_only=True)
class StoredFile:
    """One file: an input of batches, or their results."""

    id: str
    filename: str
    purpose: str
    path: Path
    created_at: float
    listed_from: float = 0.0
    """The time from which lists contain it."""
    size: int = 0

    def json(self) -> Body:
        """Return the file object of the API."""
        return {
            "id": self.id,
            "object": "file",
            "bytes": self.size,
            "created_at": int(self.created_at),
            "expires_at": int(self.created_at) + LIFETIME_SECONDS,
            "filename": self.filename,
            "purpose": self.purpose,
            "status": "processed",
            "status_details": None,
        }


@dataclass(slots=True)
class FileStore:
    """All files by id, in the order of their creation; ``deleted`` holds the ids of those that were deleted."""

    clock: Callable[[], float] = time.time
    files: dict[str, StoredFile] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)
    _folder: "TemporaryDirectory[str] | None" = None

    def create(self, filename: str, purpose: str, *, listed_after: float = 0.0) -> StoredFile:
        """Return a new file without content; it is found only after ``keep``."""
        if self._folder is None:
            self._folder = TemporaryDirectory(prefix="rehearsal-files-")
        name, now = f"file-{uuid.uuid4().hex[:24]}", self.clock()
        return StoredFile(
            id=name, filename=filename, purpose=purpose, path=Path(self._folder.name) / name, created_at=now,
            listed_from=now + listed_after,
        )  # fmt: skip

    def keep(self, file: StoredFile) -> None:
        """Keep a file with its whole content, so that it is found."""
        file.size = file.path.stat().st_size
        self.files[file.id] = file

    def find(self, name: str) -> StoredFile | ApiError:
        """Return a file by its id, or the error for an unknown one."""
        return self.files.get(name) or ApiError(404, f"No such File object: {name}", param="id")

    def delete(self, file: StoredFile) -> Body:
        """Delete a file, and return the API's confirmation."""
        del self.files[file.id]
        self.deleted.append(file.id)
        file.path.unlink(missing_ok=True)
        return {"id": file.id, "object": "file", "deleted": True}

    def listed(self, purpose: str | None, *, newest_first: bool) -> Iterator[StoredFile]:
        """Yield the files of a purpose that lists contain."""
        now, files = self.clock(), list(self.files.values())
        for file in reversed(files) if newest_first else files:
            if purpose in (None, file.purpose) and file.listed_from <= now:
                yield file

    def close(self) -> None:
        """Remove all files from the disk."""
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None
