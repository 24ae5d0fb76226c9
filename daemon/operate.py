"""What an operator does to a page: pause, resume, retry."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from sqlite_utils import Database

from daemon import due
from daemon.explain import Unknown
from daemon.store import ledger, pages
from daemon.store.pages import PageRow, Standing


def pause(state: Database, page_id: str) -> str:
    """Leave a page alone until it is resumed."""
    row = _row(state, page_id)
    _save(state, replace(row, paused=True), "paused")
    return f"{row.title}: paused"


def resume(state: Database, page_id: str) -> str:
    """Take a page up again."""
    row = _row(state, page_id)
    _save(state, replace(row, paused=False), "resumed")
    return f"{row.title}: resumed"


def retry(state: Database, page_id: str) -> str:
    """Make a failed or parked page due now."""
    row = _row(state, page_id)
    if row.state not in (Standing.PARKED, Standing.DUE):
        return f"{row.title}: has not failed ({row.state.value}); nothing to retry"
    _save(state, due.asked_for(row, datetime.now(UTC)), "retried")
    return f"{row.title}: due at the next sweep"


def _row(state: Database, page_id: str) -> PageRow:
    row = pages.page(state, page_id)
    if row is None:
        raise Unknown(f"page {page_id}: no sweep has seen it")
    return row


def _save(state: Database, row: PageRow, what: str) -> None:
    with state.atomic():
        pages.save(state, [row])
        ledger.decide(state, row.id, datetime.now(UTC), what, "by command")
