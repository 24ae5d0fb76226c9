"""What a model request costs: by the config's prices, else by the table of genai-prices."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Protocol

from daemon.domain.errors import ConfigError
from daemon.domain.providers import OFFLINE, split
from daemon.domain.values import Usage
from daemon.review.models.access import ModelAccess


MILLION = 1_000_000
ADDED_TOKENS = 2_000


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of one request, as a provider counts them.

    `input_tokens` includes `cache_read_tokens` and `cache_write_tokens`.
    """

    input_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0


def cost(name: str, tokens: Tokens, access: ModelAccess) -> float:
    """Return what `tokens` cost at the model `name`, in US dollars.

    Raises:
        ConfigError: Its price is not known.
    """
    price = access.prices.get(name)
    if price is not None:
        cached = price.input if price.cached is None else price.cached
        fresh = tokens.input_tokens - tokens.cache_read_tokens
        spent = fresh * price.input + tokens.cache_read_tokens * cached
        return (spent + tokens.output_tokens * price.output) / MILLION
    dollars = _by_table(name, tokens)
    if dollars is not None:
        return dollars
    if not access.is_at_home(split(name)[0]):
        raise ConfigError(_problem(name))
    return 0.0


def worst_case(name: str, wire_bytes: int, output_tokens: int, access: ModelAccess) -> Usage:
    """Return the most that a request may use.

    No tokenizer makes more tokens than bytes out of a text; what providers add to it (how tools are
    called, where turns begin) is far less than `ADDED_TOKENS`. Whether the provider reads its
    cache, fills it or does neither is not known before, so the dearest counts.
    """
    read = wire_bytes + ADDED_TOKENS
    ways = (
        Tokens(read, output_tokens=output_tokens),
        Tokens(read, cache_write_tokens=read, output_tokens=output_tokens),
        Tokens(read, cache_read_tokens=read, output_tokens=output_tokens),
    )
    dollars = max(cost(name, tokens, access) for tokens in ways)
    return Usage(1, input_tokens=read, output_tokens=output_tokens, cost_usd=dollars)


def price_problems(names: Iterable[str], access: ModelAccess) -> list[str]:
    """Return a line for each model without a known price: its cost cannot be limited.

    A server in one's own network costs nothing unless a price is given.
    """
    return [
        _problem(name)
        for name in names
        if name != OFFLINE and name not in access.prices
        if not access.is_at_home(split(name)[0]) and _by_table(name, Tokens()) is None
    ]


def _problem(name: str) -> str:
    return (
        f"{name}: the price of this model is not known, so no limit of cost could hold; give it in "
        f'config.yaml, in USD per million tokens: prices: {{"{name}": {{input: 1.0, output: 2.0}}}}'
    )


def _by_table(name: str, tokens: Tokens) -> float | None:
    from genai_prices import Usage, calc_price

    provider, model = split(name)
    usage = Usage(
        input_tokens=tokens.input_tokens,
        cache_read_tokens=tokens.cache_read_tokens,
        cache_write_tokens=tokens.cache_write_tokens,
        output_tokens=tokens.output_tokens,
    )
    try:
        return float(calc_price(usage, model, provider_id=provider.name).total_price)
    except LookupError:
        return None


NOTHING = Usage()


@dataclass(frozen=True, slots=True)
class SpendingLimit:
    """What may be spent in one span; `span` ends the names of its keys, such as `day`."""

    span: str
    tokens: float = float("inf")
    cost_usd: float = float("inf")

    def refusal(self, spent: Usage, more: Usage, held: Usage = NOTHING) -> str:
        """Return which limit `more` breaks on top of `spent` less `held`; "" for none."""
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


FREE_REVIEW, FREE_PAGE = SpendingLimit("review"), SpendingLimit("page")


@dataclass(frozen=True, slots=True)
class Spender:
    """Who a request is for: the page, and what it may spend in a review and in a day."""

    page_id: str = ""
    review: SpendingLimit = FREE_REVIEW
    page: SpendingLimit = FREE_PAGE


NOBODY = Spender()


class Overdrawn(Exception):
    """What one review may spend does not cover its next request; nothing was sent."""


class SpendingLimiter(Protocol):
    """Keeps account of what all reviews spend, and holds them to the limits."""

    async def reserve(self, spender: Spender, model: str, worst: Usage) -> int:
        """Set aside what a request may use at worst; return the reservation's number.

        Raises:
            BudgetEmpty, PageSpent: The rest of a limit does not cover it.
        """

    def settle(self, number: int, usage: Usage | None) -> None:
        """Replace a reservation by what was used, None for nothing."""

    def lose(self, number: int) -> None:
        """Leave a reservation as it is: what its request used will not be known."""


class ConversationCost:
    """What one conversation cost so far, over all providers, on top of what was `spent`.

    Attributes:
        total: The usage that the answers reported.
    """

    def __init__(
        self,
        spending_limiter: SpendingLimiter,
        access: ModelAccess,
        spender: Spender,
        spent: Usage = NOTHING,
    ) -> None:
        self._spending_limiter = spending_limiter
        self._access = access
        self._spender = spender
        self._unanswered = Usage()
        self.total = spent

    async def reserve(self, model: str, wire_bytes: int, output_tokens: int) -> Reservation:
        """Set aside what a request may cost at worst.

        Raises:
            Overdrawn: The rest of the review's limit does not cover it.
            BudgetEmpty, PageSpent: The rest of a page's, a day's or a month's limit does not.
        """
        worst = worst_case(model, wire_bytes, output_tokens, self._access)
        if reason := self._spender.review.refusal(self.total + self._unanswered, worst):
            raise Overdrawn(reason)
        number = await self._spending_limiter.reserve(self._spender, model, worst)
        return Reservation(self, model, worst, number)

    def settle(self, reservation: Reservation, tokens: Tokens) -> None:
        """Count the usage of an answer; one that reports none counts at its worst case."""
        usage = reservation.worst
        if tokens != Tokens():
            usage = Usage(
                requests=1,
                input_tokens=tokens.input_tokens,
                cached_tokens=tokens.cache_read_tokens,
                output_tokens=tokens.output_tokens,
                cost_usd=cost(reservation.model, tokens, self._access),
            )
        self.total += usage
        self._spending_limiter.settle(reservation.number, usage)

    def release(self, reservation: Reservation) -> None:
        """Take a reservation back: its request cost nothing."""
        self._spending_limiter.settle(reservation.number, None)

    def lose(self, reservation: Reservation) -> None:
        """Count a reservation as spent: its answer will not come."""
        self._unanswered += replace(reservation.worst, requests=0)
        self._spending_limiter.lose(reservation.number)


class Reservation:
    """What is set aside for one request: settled or released once, or else lost."""

    def __init__(self, bill: ConversationCost, model: str, worst: Usage, number: int) -> None:
        self._bill = bill
        self._open = True
        self.model = model
        self.worst = worst
        self.number = number

    def settle(self, tokens: Tokens) -> None:
        """Count the usage that the answer reported."""
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
