"""What a model request costs: by the config's prices, else by the table of genai-prices."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from daemon.domain.values import Usage
from daemon.domain.errors import ConfigError
from daemon.review.models.access import OFFLINE, ModelAccess, Price, split


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
        ConfigError: Its price is not known; never taken for nothing.
    """
    price = access.prices.get(name)
    if price is not None:
        return _by_price(tokens, price)
    dollars = _by_table(name, tokens)
    if dollars is not None:
        return dollars
    if not access.is_at_home(split(name)[0]):
        raise ConfigError(_problem(name))
    return 0.0


def worst(name: str, wire_bytes: int, output_tokens: int, access: ModelAccess) -> Usage:
    """Return the most that a request may use.

    No tokenizer makes more tokens than bytes out of a text; what vendors add to it (how tools are
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
    """Return a line for each model whose cost could not be limited, for want of a price.

    A server in one's own network costs nothing unless a price is given.
    """
    return [_problem(name) for name in names if not _is_priced(name, access)]


def _is_priced(name: str, access: ModelAccess) -> bool:
    if name == OFFLINE or name in access.prices or access.is_at_home(split(name)[0]):
        return True
    return _by_table(name, Tokens()) is not None


def _problem(name: str) -> str:
    return (
        f"{name}: the price of this model is not known, so no limit of cost could hold; give it in "
        f'config.yaml, in USD per million tokens: prices: {{"{name}": {{input: 1.0, output: 2.0}}}}'
    )


def _by_price(tokens: Tokens, price: Price) -> float:
    cached = price.input if price.cached is None else price.cached
    fresh = tokens.input_tokens - tokens.cache_read_tokens
    spent = fresh * price.input + tokens.cache_read_tokens * cached
    return (spent + tokens.output_tokens * price.output) / MILLION


def _by_table(name: str, tokens: Tokens) -> float | None:
    from genai_prices import Usage, calc_price

    vendor, model = split(name)
    usage = Usage(
        input_tokens=tokens.input_tokens,
        cache_read_tokens=tokens.cache_read_tokens,
        cache_write_tokens=tokens.cache_write_tokens,
        output_tokens=tokens.output_tokens,
    )
    try:
        return float(calc_price(usage, model, provider_id=vendor.name).total_price)
    except LookupError:
        return None
