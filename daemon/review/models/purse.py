"""What a conversation costs: reserved before each request, settled when its answer tells."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

from daemon.domain.values import Usage
from daemon.review.models import cost as pricing
from daemon.review.models.access import ModelAccess
from daemon.review.models.cost import Tokens


NOTHING = Usage()


@dataclass(frozen=True, slots=True)
class Allowance:
    """What may be spent in one span; `span` ends the names of its keys, such as `day`."""

    span: str
    tokens: float = float("inf")
    cost_usd: float = float("inf")

    def refusal(self, spent: Usage, more: Usage, held: Usage = NOTHING) -> str:
        """Return which limit `more` breaks after `spent`, of which `held` is free; "" for none."""
        if spent.tokens - held.tokens + more.tokens > self.tokens:
            return (
                f"limits.tokens_per_{self.span}: {spent.tokens} of {self.tokens:.0f} tokens are "
                f"spent, and the next request may take {more.tokens}"
            )
        if spent.cost_usd - held.cost_usd + more.cost_usd > self.cost_usd:
            return (
                f"limits.cost_per_{self.span}: {spent.cost_usd:.2f} of {self.cost_usd:.2f} USD "
                f"are spent, and the next request may cost {more.cost_usd:.2f}"
            )
        return ""


FREE_REVIEW, FREE_PAGE = Allowance("review"), Allowance("page")


@dataclass(frozen=True, slots=True)
class Payer:
    """Who a request is for: the page, and what it may spend in a review and in a day."""

    page_id: str = ""
    review: Allowance = FREE_REVIEW
    page: Allowance = FREE_PAGE


NOBODY = Payer()


class Overdrawn(Exception):
    """What one review may spend does not cover its next request; nothing was sent."""


class Purse(Protocol):
    """Where the money is: knows what all reviews spend."""

    async def reserve(self, payer: Payer, model: str, worst: Usage) -> int:
        """Set aside what a request may use at worst; return the reservation's number.

        Raises:
            BudgetEmpty, PageSpent: It is not there.
        """

    def settle(self, number: int, usage: Usage | None) -> None:
        """Replace a reservation by what was used, None for nothing."""

    def lose(self, number: int) -> None:
        """Leave a reservation as it is: nobody will tell what its request used."""


class Bill:
    """What one conversation cost so far, at whichever provider.

    Attributes:
        total: What the answers told.
    """

    def __init__(self, purse: Purse, access: ModelAccess, payer: Payer) -> None:
        self._purse = purse
        self._access = access
        self._payer = payer
        self._untold = Usage()
        self.total = Usage()

    async def reserve(self, model: str, wire_bytes: int, output_tokens: int) -> Charge:
        """Set aside what a request may cost at worst.

        Raises:
            Overdrawn: It is more than is left of the review's.
            BudgetEmpty, PageSpent: It is more than is left of a page's, a day's or a month's.
        """
        worst = pricing.worst(model, wire_bytes, output_tokens, self._access)
        if reason := self._payer.review.refusal(self.total + self._untold, worst):
            raise Overdrawn(reason)
        number = await self._purse.reserve(self._payer, model, worst)
        return Charge(self, model, worst, number)

    def settle(self, charge: Charge, tokens: Tokens) -> None:
        """Count what an answer told; one that tells nothing counts at worst."""
        usage = charge.worst
        if tokens != Tokens():
            usage = Usage(
                requests=1,
                input_tokens=tokens.input_tokens,
                cached_tokens=tokens.cache_read_tokens,
                output_tokens=tokens.output_tokens,
                cost_usd=pricing.cost(charge.model, tokens, self._access),
            )
        self.total += usage
        self._purse.settle(charge.number, usage)

    def release(self, charge: Charge) -> None:
        """Take a reservation back: its request cost nothing."""
        self._purse.settle(charge.number, None)

    def lose(self, charge: Charge) -> None:
        """Count a reservation as spent: its answer will not come."""
        self._untold += replace(charge.worst, requests=0)
        self._purse.lose(charge.number)


class Charge:
    """What is set aside for one request; settled once, and lost where that never happens."""

    def __init__(self, bill: Bill, model: str, worst: Usage, number: int) -> None:
        self._bill = bill
        self._open = True
        self.model = model
        self.worst = worst
        self.number = number

    def settle(self, tokens: Tokens) -> None:
        """Count what the answer told."""
        self._open = False
        self._bill.settle(self, tokens)

    def release(self) -> None:
        """Take it back: nothing was billed."""
        self._open = False
        self._bill.release(self)

    def close(self) -> None:
        """Count it as lost where it is still open."""
        if self._open:
            self._open = False
            self._bill.lose(self)
