"""What the models cost: reserved before it is spent, and held against page, day and month."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sqlite_utils import Database

from daemon.config import Limits
from daemon.domain.values import Usage
from daemon.domain.errors import BudgetEmpty, PageSpent
from daemon.review.models.purse import Allowance, Payer
from daemon.store import spending


@dataclass(frozen=True, slots=True)
class Span:
    """A day or a month: what may be spent, its first day, and the day after it."""

    allowed: Allowance
    first: date
    after: date


def spans(limits: Limits, today: date) -> Iterator[Span]:
    """Yield the day and the month of `today`; what is empty for longer comes first."""
    first, tomorrow = today.replace(day=1), today + timedelta(days=1)
    month = Allowance("month", limits.tokens_per_month, limits.cost_per_month)
    yield Span(month, first, (first + timedelta(days=31)).replace(day=1))
    yield Span(Allowance("day", limits.tokens_per_day, limits.cost_per_day), today, tomorrow)


class Meter:
    """Reserves and counts every model request, in the state and since this meter was made.

    What a request may use at worst is set aside before it is sent, so that requests at the same
    time cannot spend more than there is together. A request whose answer never told what it used
    stays set aside: it counts as spent until its day, and its month, are over.
    """

    def __init__(self, state: Database, limits: Limits, clock: Callable[[], datetime]) -> None:
        self._state = state
        self._limits = limits
        self._clock = clock
        self._under_way: dict[int, Usage] = {}
        self._arrival = asyncio.Event()
        self.total = Usage()

    def reset(self) -> None:
        """Begin to count anew; what the state holds stays."""
        self.total = Usage()

    async def reserve(self, payer: Payer, model: str, worst: Usage) -> int:
        """Set aside what a request may use; waits where requests under way hold what it needs.

        Raises:
            BudgetEmpty: The day or the month has not enough left.
            PageSpent: The page has not enough left today.
        """
        while True:
            today = self._clock().astimezone(UTC).date()
            self._refuse_page(payer, today, worst)
            if not self._refusal(today, worst, Usage()):
                break
            held = sum(self._under_way.values(), Usage())
            if refusal := self._refusal(today, worst, held):
                raise refusal
            await self._arrival.wait()
        number = spending.reserve(self._state, today, payer.page_id, model, worst)
        self._under_way[number] = worst
        return number

    def settle(self, number: int, usage: Usage | None) -> None:
        """Replace a reservation by what was used, None for nothing."""
        spending.settle(self._state, number, usage)
        self.total += usage or Usage()
        self._arrived(number)

    def lose(self, number: int) -> None:
        """Let a reservation stand for a request of which nobody will tell what it used."""
        self._arrived(number)

    def _arrived(self, number: int) -> None:
        self._under_way.pop(number, None)
        self._arrival.set()
        self._arrival = asyncio.Event()

    def _refuse_page(self, payer: Payer, today: date, worst: Usage) -> None:
        if not payer.page_id:
            return
        spent = spending.spent(self._state, today, page_id=payer.page_id)
        if words := payer.page.refusal(spent, worst):
            after = today + timedelta(days=1)
            said = f"{words}; the page waits until {after} (UTC), or raise the limit"
            raise PageSpent(said, _midnight(after))

    def _refusal(self, today: date, worst: Usage, held: Usage) -> BudgetEmpty | None:
        """Return why a request may not be made, as if what is `held` were free."""
        for span in spans(self._limits, today):
            spent = spending.spent(self._state, span.first, today)
            if words := span.allowed.refusal(spent, worst, held):
                said = f"{words}; pages wait first in line until {span.after} (UTC), or raise it"
                return BudgetEmpty(said, _midnight(span.after))
        return None


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
