"""Money that is held back for calls, so that all workers together stay under a cap."""

from collections.abc import Sequence
from dataclasses import replace

from artistjobs.store.models import Money, Reservation
from artistjobs.store.postgres.statements import Db, execute


def reserve(db: Db, holder: int | None, amounts: Sequence[tuple[float, float]], cap_usd: float) -> Reservation:
    """Hold money back for calls of a holder as far as the cap has room, within a transaction; see ``Queue.reserve``."""
    # One worker at a time, so that two of them never reserve the same money.
    execute(db, "lock_money")
    row = execute(db, "sum_money").fetchone()
    assert row is not None
    money = Money(**row)
    granted = _affordable(amounts, money, cap_usd)
    usd, margin = (float(sum(amount[part] for amount in amounts[:granted])) for part in (0, 1))
    if granted:
        execute(db, "reserve", {"worker": holder, "usd": usd, "margin": margin})
    return Reservation(granted=granted, money=replace(money, in_flight_usd=money.in_flight_usd + usd + margin))


def _affordable(amounts: Sequence[tuple[float, float]], money: Money, cap_usd: float) -> int:
    in_flight = money.in_flight_usd
    for granted, (usd, margin) in enumerate(amounts):
        needed = money.spent_usd + in_flight + usd
        # A call that is alone in flight needs no room for its margin.
        if needed + margin > cap_usd and (in_flight > 0 or needed > cap_usd):
            return granted
        in_flight += usd + margin
    return len(amounts)
