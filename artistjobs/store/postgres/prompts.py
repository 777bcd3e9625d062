"""Prompt configurations and lists of column names in PostgreSQL: a row for each distinct one, and texts once."""

from collections.abc import Sequence

from artistjobs.core.columns import cells_text
from artistjobs.core.prompt import Prompt, text_sha256
from artistjobs.store.postgres.statements import Db, execute


def add_prompt(db: Db, prompt: Prompt, now: str) -> int:
    """Add a prompt configuration if it is new, and return its number; the caller holds the transaction."""
    hashes: dict[str, object] = {}
    for name, text in (("prompt_sha256", prompt.template), ("instructions_sha256", prompt.instructions)):
        hashes[name] = text_sha256(text) if text is not None else None
        if text is not None:
            execute(db, "add_text", {"sha256": hashes[name], "text": text})
    row = {
        "key": prompt.key, "prompt_id": prompt.prompt_id, "version": prompt.version,
        "prompt_file": prompt.template_file, "model": prompt.model, "params": prompt.params,
        "columns": cells_text(prompt.columns), "now": now,
    }  # fmt: skip
    execute(db, "add_prompt", row | hashes)
    found = execute(db, "find_prompt", {"key": prompt.key}).fetchone()
    assert found is not None
    return int(found["id"])


def add_header(db: Db, names: Sequence[str]) -> int | None:
    """Add a list of column names if it is new, and return its number, None for an empty list."""
    if not names:
        return None
    row = {"names": cells_text(names)}
    execute(db, "add_header", row)
    found = execute(db, "find_header", row).fetchone()
    assert found is not None
    return int(found["id"])
