"""Database that a command works on: its path and the kind of jobs that it must hold."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from artistjobs.store.interface import FilePreview, Store
from artistjobs.store.models import Kind
from artistjobs.store.sqlite.store import open_store


@dataclass(frozen=True, slots=True)
class Database:
    """Path and expected kind of a database; ``kind`` is None if both kinds are accepted."""

    path: Path
    kind: Kind | None

    def open(self, *, create: bool = False) -> AbstractContextManager[Store]:
        """Open the database; raises StoreError or WrongUseError."""
        return open_store(self.path, self.kind, create=create)

    def preview(self) -> AbstractContextManager[FilePreview]:
        """Open the database read-only for a dry run, without creating it; raises StoreError or WrongUseError."""
        from artistjobs.store.sqlite.dry_run import open_preview

        return open_preview(self.path, self.kind or Kind.REAL)
