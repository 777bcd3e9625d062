"""Prompt configurations in PostgreSQL: a row for each distinct one, and its texts once."""

from artistjobs.core.prompt import Prompt, text_sha256
from artistjobs.store.postgres.connection import Db, execute


def add_prompt(db: Db, prompt: Prompt, now: str) -> int:
    """Add a prompt configuration if it is new, and return its number; the caller holds the transaction."""
    hashes: dict[str, object] = {}
    for name, text in (("prompt_sha256", prompt.template), ("instructions_sha256", prompt.instructions)):
        hashes[name] = text_sha256(text) if text is not None else None
        if text is not None:
            execute(db, "add_text", {"sha256": hashes[name], "text": text})
    row = {
        "key": prompt.key, "prompt_id": prompt.prompt_id, "version": prompt.version,
        "prompt_file": prompt.template_file, "model": prompt.model, "params": prompt.params, "now": now,
    }  # fmt: skip
    execute(db, "add_prompt", row | hashes)
    found = execute(db, "find_prompt", {"key": prompt.key}).fetchone()
    assert found is not None
    return int(found["id"])
