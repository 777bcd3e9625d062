"""Command ``lost``: calls that may have been billed although no answer arrived, as text and as JSON."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from artistjobs.core.command_text import command
from artistjobs.core.formatting import cost_text, count_text
from artistjobs.core.json_values import Json
from artistjobs.store.address import Address
from artistjobs.store.interface import Reader, Store
from artistjobs.store.models import LostCalls, Money
from artistjobs.terminal.escape import escape_controls
from artistjobs.terminal.local_time import local_time
from artistjobs.terminal.table import TableColumn, table

_COLUMNS = (
    TableColumn("code", is_number=False, may_be_cut=True),
    TableColumn("calls"),
    TableColumn("at most"),
    TableColumn("first", rank=2, is_number=False),
    TableColumn("last", rank=1, is_number=False),
)


@dataclass(frozen=True, slots=True)
class Lost:
    """Lost calls by error code, and the money of the database, in which they count at their maximum cost."""

    path: Address
    groups: Sequence[LostCalls]
    money: Money


def read_lost(reader: Reader) -> Lost:
    """Return the lost calls of a database."""
    with reader.snapshot():
        return Lost(reader.path, reader.job_queries.lost_calls(), reader.records.money())


def lost_lines(lost: Lost, width: int | None) -> list[str]:
    """Return the table of lost calls, at most ``width`` cells wide; empty if there are none."""
    rows = [
        [
            escape_controls(group.code), f"{group.calls:,}", cost_text(group.usd), local_time(group.first_at),
            local_time(group.last_at),
        ]
        for group in lost.groups
    ]  # fmt: skip
    return table(_COLUMNS, rows, width) if rows else []


def lost_sentence(lost: Lost) -> str:
    """Return what lost calls count for, and how to write them off."""
    if not lost.money.lost_usd:
        return "no call counts as lost"
    calls = sum(group.calls for group in lost.groups)
    which = count_text(calls, "call") if calls else "calls"
    return (
        f"{which} may have been billed although no answer arrived, and count at most {cost_text(lost.money.lost_usd)} "
        "under --max-cost; compare that with the usage page of your account, and write it off with: "
        + command(lost.path, "lost --write-off")
    )


def write_off(store: Store) -> str:
    """Write off the lost calls of a database, and return the message for the user."""
    usd = store.records.money().lost_usd
    store.queue.write_off()
    return f"{cost_text(usd)} written off: it does not count under --max-cost any more" if usd else "nothing is lost"


def lost_json(lost: Lost) -> dict[str, Json]:
    """Return the lost calls as JSON with stable keys."""
    return {
        "lost_usd": round(lost.money.lost_usd, 6),
        "written_off_usd": round(lost.money.written_off_usd, 6),
        "calls": sum(group.calls for group in lost.groups),
        "codes": [{**asdict(group), "usd": round(group.usd, 6)} for group in lost.groups],
    }
