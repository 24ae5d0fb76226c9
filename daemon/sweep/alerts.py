"""What people must act on: raised once when it begins, taken back once when it is over."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from daemon.config.values import duration_text
from daemon.sweep.context import Context
from daemon.domain.errors import ConfigError, Forbidden, ReviewError, TokenRefused
from daemon.store import drafts, sweeps as ledger, pages
from daemon.store.views import overview
from daemon.store.database import iso


# So many sweeps in a row that did nothing are no hiccup any more.
FAILED_SWEEPS = 3
# Nobody seems to look at the drafts.
DRAFTS_WAIT = timedelta(days=1)


def tell_once(context: Context, name: str, words: str) -> None:
    """Raise an alert, unless it stands already."""
    if ledger.raise_alert(context.state, name, words, context.notion.now):
        context.tell("alert.raised", alert=name, text=words)


def settle(context: Context, name: str) -> None:
    """Take an alert back, if it stands."""
    if ledger.clear_alert(context.state, name):
        context.tell("alert.over", alert=name)


def after_sweep(context: Context, errors: Sequence[ReviewError]) -> None:
    """Raise and settle what only a whole sweep shows."""
    _settle_former(context)
    _hold(context, "token", _first(errors, TokenRefused))
    _hold(context, "config", _first(errors, ConfigError))
    if context.posted and not _first(errors, Forbidden):
        settle(context, "capability")
    _hold(context, "sweeps", _all_failed(context, errors))
    _hold(context, "waiting", _waits_too_long(context))
    _hold(context, "quiet", _too_quiet(context))
    _hold(context, "drafts", _drafts_wait(context))


def _settle_former(context: Context) -> None:
    """Take back what was said of databases, and of prompt pages, that the config names no more."""
    bases = context.config.databases
    current = {f"access {base.id}" for base in bases}
    current |= {f"prompt {base.id}" for base in bases if base.prompt is not None}
    for alert in ledger.alerts(context.state):
        if alert["name"].startswith(("access ", "prompt ")) and alert["name"] not in current:
            settle(context, alert["name"])


def _hold(context: Context, name: str, words: str) -> None:
    if words:
        tell_once(context, name, words)
    else:
        settle(context, name)


def _first(errors: Sequence[ReviewError], kind: type[ReviewError]) -> str:
    return next((str(error) for error in errors if isinstance(error, kind)), "")


def _all_failed(context: Context, errors: Sequence[ReviewError]) -> str:
    endings = overview.last_outcomes(context.state, FAILED_SWEEPS)
    if len(endings) < FAILED_SWEEPS or set(endings) != {"failed"}:
        return ""
    why = str(errors[0]) if errors else "see the log"
    return f"the last {FAILED_SWEEPS} sweeps did nothing: {why}"


def _waits_too_long(context: Context) -> str:
    limit, now = context.config.alerts.waiting, context.notion.now
    waiting = overview.longest_waiting(context.state, _sources(context))
    if waiting is None or waiting[1] > now - limit:
        return ""
    return (
        f"the page {waiting[0]} waits since {iso(waiting[1])} for its review; "
        "notion-review explain tells why"
    )


def _too_quiet(context: Context) -> str:
    limit = context.config.alerts.quiet
    newest = overview.newest_edit(context.state, _sources(context))
    if newest is None or newest > context.notion.now - limit:
        return ""
    return (
        f"no page was edited for {duration_text(limit)}, the last on {iso(newest)[:10]}; if people "
        "did write, notion-review doctor finds out why it is not seen"
    )


def _drafts_wait(context: Context) -> str:
    waiting = drafts.waiting(context.state)
    if not waiting or waiting[0].held_at > context.notion.now - DRAFTS_WAIT:
        return ""
    since = iso(waiting[0].held_at)
    number = f"{len(waiting)} reviews wait" if len(waiting) > 1 else "a review waits"
    return f"{number} for approval, since {since}; notion-review drafts lists what to decide on"


def _sources(context: Context) -> list[str]:
    return [
        source.id
        for base in context.config.databases
        for source in pages.sources_of(context.state, base.id)
    ]
