"""What the models cost: reserved before it is spent, and held against page, day and month."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

from daemon.config import Config, Limits
from daemon.domain.errors import BudgetEmpty, BudgetSpent, PageSpent
from daemon.domain.values import Effort, PromptSettings, Usage
from daemon.review import agent
from daemon.review.models.cost import Spender, SpendingLimit
from daemon.store import reviews
from daemon.store.database import State


@dataclass(frozen=True, slots=True)
class Span:
    """A day or a month: what may be spent, its first day, and the day after it."""

    allowed: SpendingLimit
    first: date
    after: date


def spans(limits: Limits, today: date) -> Iterator[Span]:
    """Yield the day and the month of `today`; what is empty for longer comes first."""
    first, tomorrow = today.replace(day=1), today + timedelta(days=1)
    month = SpendingLimit("month", limits.tokens_per_month, limits.cost_per_month)
    yield Span(month, first, (first + timedelta(days=31)).replace(day=1))
    yield Span(SpendingLimit("day", limits.tokens_per_day, limits.cost_per_day), today, tomorrow)


class Meter:
    """Reserves and counts every model request, in the state and since this meter was made.

    What a request may use at worst is set aside before it is sent, so that requests at the same
    time cannot spend more than there is together. A request whose answer never told what it used
    stays set aside: it counts as spent until its day, and its month, are over.
    """

    def __init__(self, state: State, limits: Limits, clock: Callable[[], datetime]) -> None:
        self._state = state
        self._limits = limits
        self._clock = clock
        self._under_way: dict[int, Usage] = {}
        self._arrival = asyncio.Event()
        self.total = Usage()

    def reset(self) -> None:
        """Begin to count anew; what the state holds stays."""
        self.total = Usage()

    async def reserve(self, spender: Spender, model: str, worst: Usage) -> int:
        """Set aside what a request may use; waits where requests under way hold what it needs.

        Raises:
            BudgetEmpty: The day or the month has not enough left.
            PageSpent: The page has not enough left today.
        """
        while True:
            today = self._clock().astimezone(UTC).date()
            if spender.page_id:
                spent = reviews.spent(self._state, today, page_id=spender.page_id)
                if words := spender.page.refusal(spent, worst):
                    after = today + timedelta(days=1)
                    said = f"{words}; the page waits until {after} (UTC), or raise the limit"
                    raise PageSpent(said, _midnight(after))
            if not self._refusal(today, worst, Usage()):
                break
            held = sum(self._under_way.values(), Usage())
            if refusal := self._refusal(today, worst, held):
                raise refusal
            await self._arrival.wait()
        number = reviews.reserve_spending(self._state, today, spender.page_id, model, worst)
        self._under_way[number] = worst
        return number

    def settle(self, number: int, usage: Usage | None) -> None:
        """Replace a reservation by what was used, None for nothing."""
        reviews.record_spending(self._state, number, usage)
        self.total += usage or Usage()
        self._arrived(number)

    def lose(self, number: int) -> None:
        """Let a reservation stand for a request of which nobody will tell what it used."""
        self._arrived(number)

    def _arrived(self, number: int) -> None:
        self._under_way.pop(number, None)
        self._arrival.set()
        self._arrival = asyncio.Event()

    def _refusal(self, today: date, worst: Usage, held: Usage) -> BudgetEmpty | None:
        """Return why a request may not be made, as if what is `held` were free."""
        for span in spans(self._limits, today):
            spent = reviews.spent(self._state, span.first, today)
            if words := span.allowed.refusal(spent, worst, held):
                said = f"{words}; pages wait first in line until {span.after} (UTC), or raise it"
                return BudgetEmpty(said, _midnight(span.after))
        return None


def exceeded(state: State, limits: Limits, today: date, page_id: str, expected: Usage) -> str:
    """Return which limit of a page, a day or a month an expected cost breaks; "" for none."""
    of_page = SpendingLimit("page", limits.tokens_per_page, limits.cost_per_page)
    refusals = [of_page.refusal(reviews.spent(state, today, page_id=page_id), expected)]
    for span in spans(limits, today):
        spent = reviews.spent(state, span.first, today)
        refusals.append(span.allowed.refusal(spent, expected))
    return next((one.partition(":")[0] for one in refusals if one), "")


class RunBudget:
    """Holds an evaluation to a budget of its own, and to the limits of the day and the month.

    The limits of pages are not touched: a sweep may still review the same pages today. A review
    that was begun is not ended by it as one of a sweep is: half a review measures nothing.

    Args:
        meter: Counts what is spent in the state.
        dollars: US dollars for all requests together; None for the limits alone.
    """

    def __init__(self, meter: Meter, dollars: float | None) -> None:
        self._meter = meter
        self._dollars = float("inf") if dollars is None else dollars
        self._spent = 0.0
        self._under_way: dict[int, float] = {}
        self._arrival = asyncio.Event()

    async def reserve(self, spender: Spender, model: str, worst: Usage) -> int:
        """Set aside what a request may use; waits where requests under way hold what it needs.

        Raises:
            BudgetSpent: The rest of the budget, of the day or of the month does not cover it.
        """
        while self._spent + sum(self._under_way.values()) + worst.cost_usd > self._dollars:
            if not self._under_way:
                raise BudgetSpent(
                    f"--budget: {self._spent:.2f} of {self._dollars:.2f} USD are spent, and the "
                    f"next request may cost {worst.cost_usd:.2f}"
                )
            await self._arrival.wait()
        try:
            number = await self._meter.reserve(replace(spender, page_id=""), model, worst)
        except BudgetEmpty as error:
            raise BudgetSpent(str(error)) from None
        self._under_way[number] = worst.cost_usd
        return number

    def settle(self, number: int, usage: Usage | None) -> None:
        """Replace a reservation by what was used, None for nothing."""
        self._meter.settle(number, usage)
        self._spent += usage.cost_usd if usage else 0.0
        self._arrived(number)

    def lose(self, number: int) -> None:
        """Let a reservation stand for a request of which nobody will tell what it used."""
        self._meter.lose(number)
        self._spent += self._under_way[number]
        self._arrived(number)

    def _arrived(self, number: int) -> None:
        del self._under_way[number]
        self._arrival.set()
        self._arrival = asyncio.Event()


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def narrowed(limits: Limits, rules: PromptSettings) -> Limits:
    """Return what the config allows, narrowed by what a prompt page sets; never widened."""
    least = {name: min(value, getattr(limits, name)) for name, value in rules.limits}
    return limits.model_copy(update=least)


def of_review(
    config: Config, rules: PromptSettings, page_id: str, effort: Effort
) -> agent.ReviewLimits:
    """Return the limits of one review of a page."""
    limits = narrowed(config.limits, rules)
    spender = Spender(
        page_id,
        SpendingLimit("review", limits.tokens_per_review, limits.cost_per_review),
        SpendingLimit("page", limits.tokens_per_page, limits.cost_per_page),
    )
    seconds = float(limits.seconds_per_review)
    return agent.ReviewLimits(limits.rounds, seconds, config.answer_tokens, effort, spender)
