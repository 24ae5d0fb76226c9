"""What people must act on: told once when it begins, once when it is over."""

from __future__ import annotations

from daemon.context import Context
from daemon.store import ledger


def tell_once(context: Context, name: str, words: str) -> None:
    """Raise an alert, unless it stands already."""
    if ledger.raise_alert(context.state, name, words, context.notion.now):
        context.tell("alert.raised", alert=name, text=words)


def settle(context: Context, name: str) -> None:
    """Take an alert back, if it stands."""
    if ledger.clear_alert(context.state, name):
        context.tell("alert.over", alert=name)
