"""Prompt configurations and lists of column names in SQLite: a row for each distinct one, and texts once."""

import sqlite3
from collections.abc import Sequence

from artistjobs.core.columns import cells_text
from artistjobs.core.prompt import Prompt, text_sha256
from artistjobs.store.sqlite.connection import sql, write


def add_prompt(db: sqlite3.Connection, prompt: Prompt, now: str) -> int:
    """Add a prompt configuration if it is new, and return its number; the caller holds the write transaction."""
    hashes: dict[str, object] = {}
    for name, text in (("prompt_sha256", prompt.template), ("instructions_sha256", prompt.instructions)):
        hashes[name] = text_sha256(text) if text is not None else None
        if text is not None:
            db.execute(sql("add_text"), {"sha256": hashes[name], "text": text})
    row = {
        "key": prompt.key, "prompt_id": prompt.prompt_id, "version": prompt.version,
        "prompt_file": prompt.template_file, "model": prompt.model, "params": prompt.params,
        "columns": cells_text(prompt.columns), "now": now,
    }  # fmt: skip
    write(db, "add_prompt", row | hashes)
    ((number,),) = db.execute(sql("find_prompt"), {"key": prompt.key}).fetchall()
    return int(number)


def add_header(db: sqlite3.Connection, names: Sequence[str]) -> int | None:
    """Add a list of column names if it is new, and return its number, None for an empty list."""
    if not names:
        return None
    text = cells_text(names)
    db.execute(sql("add_header"), {"names": text})
    ((number,),) = db.execute(sql("find_header"), {"names": text}).fetchall()
    return int(number)
