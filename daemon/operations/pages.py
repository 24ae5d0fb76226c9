"""What an operator does to a page: pause, resume, retry. Works while the service runs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from sqlite_utils import Database

from daemon.domain import due
from daemon.operations.explain import Unknown
from daemon.store import database, sweeps as ledger, pages
from daemon.store.pages import PageRow, Standing


Act = Callable[[Database, PageRow], str]


def do(act: Act, path: Path, page_id: str) -> str:
    """Do something to a page in the state at `path`; return what was done.

    Raises:
        Unknown: The state does not know the page.
        StateDamaged, StateForeign, StateUnwritable: The state cannot be used.
    """
    if not path.exists():
        raise Unknown(f"page {page_id}: no sweep has seen it, there is no state at {path} yet")
    with database.told(path):
        state = database.open_state(path)
        try:
            with state.atomic():
                return act(state, _row(state, page_id))
        finally:
            state.close()


def pause(state: Database, row: PageRow) -> str:
    """Leave a page alone until it is resumed."""
    pages.set_paused(state, row.id, paused=True)
    _note(state, row, "paused")
    return f"{row.title}: paused"


def resume(state: Database, row: PageRow) -> str:
    """Take a page up again."""
    pages.set_paused(state, row.id, paused=False)
    _note(state, row, "resumed")
    return f"{row.title}: resumed"


def retry(state: Database, row: PageRow) -> str:
    """Make a failed or parked page due now."""
    if row.state not in (Standing.PARKED, Standing.DUE):
        return f"{row.title}: has not failed ({row.state.value}); nothing to retry"
    # Due since its last edit: whatever this machine's clock says, that has passed for Notion.
    pages.save(state, [due.asked_for(row, row.edited)])
    _note(state, row, "retried")
    return f"{row.title}: due at the next sweep"


def _row(state: Database, page_id: str) -> PageRow:
    row = pages.page(state, page_id)
    if row is None:
        raise Unknown(f"page {page_id}: no sweep has seen it; notion-review review {page_id}")
    return row


def _note(state: Database, row: PageRow, what: str) -> None:
    ledger.decide(state, row.id, datetime.now(UTC), what, "by command")
