"""Which database a command works on, and what it has to hold."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from artistjobs.store.interface import FilePreview, Store
from artistjobs.store.models import Kind
from artistjobs.store.sqlite.store import open_store


@dataclass(frozen=True, slots=True)
class Database:
    """Which database, and what it has to hold; ``kind`` is None where either will do."""

    path: Path
    kind: Kind | None

    def open(self, *, create: bool = False) -> AbstractContextManager[Store]:
        """Open it; raises StoreError or WrongUseError."""
        return open_store(self.path, self.kind, create=create)

    def preview(self) -> AbstractContextManager[FilePreview]:
        """Open it only to be looked at, and make none; raises StoreError or WrongUseError."""
        from artistjobs.store.sqlite.dry_run import open_preview

        return open_preview(self.path, self.kind or Kind.REAL)
