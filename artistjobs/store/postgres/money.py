"""Money that is held back for calls, so that all workers together stay under a cap."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple, TypeAlias

from artistjobs.store.models import Money, Reservation
from artistjobs.store.postgres.statements import Db, execute

Amounts: TypeAlias = Sequence[tuple[float, float]]
"""Cost and margin of each call, in dollars."""

_ROUNDING_USD: Final = 1e-9


class Amount(NamedTuple):
    """Money in dollars: the cost of calls, and the margin for what cannot be known before."""

    usd: float
    margin: float


NOTHING = Amount(0.0, 0.0)


@dataclass(frozen=True, slots=True)
class _Change:
    """Change of what a worker holds back: what it reserved, and what it freed."""

    reserved: Amount
    freed: Amount


class Purse:
    """Money that one worker holds back.

    Nothing is held back twice, or held for ever, because the reply to a commit was lost. Each change has a number,
    which the row of the worker keeps: by it, the next change finds out whether one in doubt took effect. What such
    a change reserved is used by no call, so it is freed.
    """

    def __init__(self) -> None:
        self._number = 0
        self._unused = NOTHING
        self._doubts: dict[int, _Change] = {}

    @property
    def is_settled(self) -> bool:
        """True if there is nothing to free and no change is in doubt."""
        return self._unused == NOTHING and not self._doubts

    def give_back(self, amount: Amount) -> None:
        """Note money that was held back for calls that were not made; the next change frees it."""
        self._unused = _plus(self._unused, amount)

    def reserve(self, db: Db, worker: int | None, amounts: Amounts, cap_usd: float) -> Reservation:
        """Hold money back for calls as far as the cap has room, within a transaction; see ``Queue.reserve``."""
        self._learn(db, worker)
        granted = afford(db, amounts, cap_usd, _negative(self._unused))
        if granted.reservation.granted or not self.is_settled:
            self._change(db, worker, granted.amount)
        return granted.reservation

    def free(self, db: Db, worker: int | None) -> None:
        """Free what was given back, within a transaction."""
        self._learn(db, worker)
        if self._unused != NOTHING:
            self._change(db, worker, NOTHING)

    def commit(self) -> None:
        """Note that the transaction of the last change is on disk."""
        if self._doubts:
            self._unused = NOTHING
            self._doubts.clear()

    def _learn(self, db: Db, worker: int | None) -> None:
        """Find out whether a change in doubt took effect."""
        if not self._doubts:
            return
        row = execute(db, "last_change", {"worker": worker}).fetchone()
        if row is not None and (change := self._doubts.get(row["changes"])) is not None:
            self._unused = _plus(_plus(self._unused, change.reserved), _negative(change.freed))
        self._doubts.clear()

    def _change(self, db: Db, worker: int | None, reserved: Amount) -> None:
        self._number += 1
        self._doubts[self._number] = _Change(reserved, self._unused)
        more = _plus(reserved, _negative(self._unused))
        execute(db, "reserve", {"worker": worker, **more._asdict(), "number": self._number})


class Granted(NamedTuple):
    """Reservations for which a cap has room, and their sum."""

    reservation: Reservation
    amount: Amount


def afford(db: Db, amounts: Amounts, cap_usd: float, more: Amount = NOTHING) -> Granted:
    """Return how many of some amounts the cap has room for; no other worker reserves until the transaction ends.

    ``more`` is added to what all workers hold back.
    """
    # One worker at a time, so that two of them never reserve the same money.
    execute(db, "lock_money")
    row = execute(db, "sum_money").fetchone()
    assert row is not None
    money = Money(**row)
    money = replace(money, in_flight_usd=_no_rest(money.in_flight_usd + sum(more)))
    granted = _affordable(amounts, money, cap_usd)
    amount = Amount(*(float(sum(one[part] for one in amounts[:granted])) for part in (0, 1)))
    in_flight = money.in_flight_usd + sum(amount)
    return Granted(Reservation(granted=granted, money=replace(money, in_flight_usd=in_flight)), amount)


def _affordable(amounts: Amounts, money: Money, cap_usd: float) -> int:
    in_flight = money.in_flight_usd
    for granted, (usd, margin) in enumerate(amounts):
        needed = money.spent_usd + in_flight + usd
        # A call that is alone in flight needs no room for its margin.
        if needed + margin > cap_usd and (in_flight > 0 or needed > cap_usd):
            return granted
        in_flight += usd + margin
    return len(amounts)


def _plus(one: Amount, other: Amount) -> Amount:
    return Amount(_no_rest(one.usd + other.usd), _no_rest(one.margin + other.margin))


def _negative(amount: Amount) -> Amount:
    return Amount(-amount.usd, -amount.margin)


def _no_rest(usd: float) -> float:
    """Return an amount without a rounding error, for which other workers would wait."""
    return 0.0 if abs(usd) < _ROUNDING_USD else usd
