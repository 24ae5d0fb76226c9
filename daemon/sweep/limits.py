"""What one review may spend, and when the alert about an empty budget is over."""

from __future__ import annotations

from daemon.sweep import alerts
from daemon.config import Limits
from daemon.sweep.context import Context
from daemon.domain.errors import BudgetEmpty
from daemon.review import agent
from daemon.review.models.purse import Allowance, Payer
from daemon.domain.ruleset import Rules
from daemon.store.database import fact, iso, remember, when


ALERT = "budget"
_UNTIL = "budget_until"


def narrowed(limits: Limits, rules: Rules) -> Limits:
    """Return what the config allows, narrowed by what a prompt page sets; never widened."""
    least = {name: min(value, getattr(limits, name)) for name, value in rules.limits}
    return limits.model_copy(update=least)


def of_review(allowed: Limits, rules: Rules, page_id: str) -> agent.Limits:
    """Return the limits of one review of a page."""
    limits = narrowed(allowed, rules)
    payer = Payer(
        page_id,
        Allowance("review", limits.tokens_per_review, limits.cost_per_review),
        Allowance("page", limits.tokens_per_page, limits.cost_per_page),
    )
    return agent.Limits(limits.rounds, float(limits.seconds_per_review), payer=payer)


def ran_out(context: Context, error: BudgetEmpty) -> None:
    """Tell people, once, that pages wait."""
    if error.until is not None:
        remember(context.state, _UNTIL, iso(error.until))
    alerts.tell_once(context, ALERT, str(error))


def settle(context: Context) -> None:
    """Take the alert back after a sweep that never ran out.

    It is over where the day or month that was empty is, or where a model was asked since: then
    somebody raised the limit.
    """
    until = fact(context.state, _UNTIL)
    if context.meter.total.requests or (until and context.notion.now >= when(until)):
        alerts.settle(context, ALERT)
