"""Command ``drop``: gives up pending jobs, or jobs that failed with a code, without deleting anything."""

from artistjobs.commands.failures import ensure_known_code
from artistjobs.commands.prompts import ensure_known_prompt
from artistjobs.core.command_text import command
from artistjobs.core.formatting import count_text
from artistjobs.core.job import DROPPED, Scope
from artistjobs.store.interface import Store


def drop_jobs(store: Store, scope: Scope, *, prompt: int | None, code: str | None) -> str:
    """Drop the pending jobs of a scope and a prompt, or those that failed with a code; return the message.

    Raises:
        WrongUseError: if there is no such prompt, or no job failed with the code.

    """
    ensure_known_prompt(store.records, prompt)
    if code is not None:
        ensure_known_code(code, {group.code: group.jobs for group in store.records.failures()})
    dropped = store.queue.drop(scope=scope, prompt=prompt, code=code)
    kind = "pending job" if code is None else "failed job"
    if not dropped:
        return f"no {kind} to drop"
    again = command(store.path, f"retry --code {DROPPED}")
    return f"{count_text(dropped, kind)} dropped: never asked, kept in the database; to ask dropped jobs again: {again}"
