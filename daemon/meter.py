"""What the models cost: counted as it is spent, and held against the day's budget."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlite_utils import Database

from daemon.config import Limits
from daemon.domain import Usage
from daemon.store import ledger


class Meter:
    """Counts every model request, in the state and since this meter was made."""

    def __init__(self, state: Database, limits: Limits, clock: Callable[[], datetime]) -> None:
        self._state = state
        self._limits = limits
        self._clock = clock
        self.total = Usage()

    def reset(self) -> None:
        """Begin to count anew; what the state holds stays."""
        self.total = Usage()

    def spend(self, model: str, usage: Usage) -> None:
        """Count one request."""
        self.total += usage
        ledger.spend(self._state, self._clock().date(), model, usage)

    def may_spend(self) -> str | None:
        """Return None, or why no request may be made today any more."""
        spent = ledger.spent(self._state, self._clock().date())
        tokens = spent.input_tokens + spent.output_tokens
        if tokens >= self._limits.tokens_per_day:
            return (
                f"limits.tokens_per_day: {tokens} of {self._limits.tokens_per_day} tokens are "
                "spent; pages wait for tomorrow (UTC), or raise the limit"
            )
        if spent.cost_usd >= self._limits.cost_per_day:
            return (
                f"limits.cost_per_day: {spent.cost_usd:.2f} of {self._limits.cost_per_day:.2f} "
                "USD are spent; pages wait for tomorrow (UTC), or raise the limit"
            )
        return None
