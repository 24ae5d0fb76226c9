"""When a page is read: pure policy over what is known of it and what Notion says now."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from daemon.domain import Page
from daemon.store.pages import PageRow, Standing


# Notion floors edit times to the minute: a page read before its time plus this can have been
# edited once more in the same minute, so it is read again.
SAME_MINUTE = timedelta(seconds=120)
FIRST_WAIT = timedelta(minutes=5)
LONGEST_WAIT = timedelta(hours=6)
PARKED_AFTER = 8  # attempts, about a day of growing waits


@dataclass(frozen=True, slots=True)
class Timing:
    """How long a page is left alone: `settle` after its last edit, `limit` after its first."""

    settle: timedelta
    limit: timedelta


def nominate(known: PageRow | None, page: Page, timing: Timing, *, since: datetime) -> PageRow:
    """Return the row of a page as a query shows it; the time only nominates.

    Args:
        known: The row so far, if any.
        page: The page as the query row gives it.
        timing: The settle rule.
        since: Pages unknown so far and last edited before it are baselined, not reviewed.
    """
    fresh = PageRow(
        id=page.id,
        source_id=page.source_id,
        title=page.title,
        url=page.url,
        edited=page.edited,
        state=Standing.BASELINED,
    )
    if known is None:
        return fresh if page.edited < since else _edited(fresh, timing)
    row = replace(known, source_id=page.source_id, title=page.title, url=page.url)
    if page.edited > known.edited:
        return _edited(replace(row, edited=page.edited), timing)
    if known.state in (Standing.GONE, Standing.LEFT):
        return _edited(row, timing)
    return row


def _edited(row: PageRow, timing: Timing) -> PageRow:
    waiting = row.state is Standing.DUE and row.dirty_since is not None
    dirty = row.dirty_since if waiting and row.dirty_since else row.edited
    return replace(
        row,
        state=Standing.DUE,
        dirty_since=dirty,
        due_at=min(row.edited + timing.settle, dirty + timing.limit),
        attempts=0,
        error=None,
    )


def done(row: PageRow, edited: datetime, read_at: datetime) -> PageRow:
    """Return the row after its snapshot was handled.

    Args:
        row: The row so far.
        edited: The edit time that the page showed when the snapshot was read.
        read_at: The server's time when the read began.
    """
    again = edited + SAME_MINUTE if read_at < edited + SAME_MINUTE else None
    return replace(
        row,
        state=Standing.DONE,
        due_at=again,
        dirty_since=None,
        attempts=0,
        error=None,
        edited=max(row.edited, edited),
        read_at=read_at,
    )


def failed(row: PageRow, error: str, now: datetime) -> PageRow:
    """Return the row after a failure: a growing wait, and parked after some attempts."""
    attempts = row.attempts + 1
    if attempts >= PARKED_AFTER:
        return replace(row, state=Standing.PARKED, attempts=attempts, error=error, due_at=None)
    wait = min(FIRST_WAIT * 2 ** (attempts - 1), LONGEST_WAIT)
    return replace(row, state=Standing.DUE, attempts=attempts, error=error, due_at=now + wait)


def asked_for(row: PageRow, now: datetime) -> PageRow:
    """Return the row of a page that an operator wants read now."""
    return replace(
        row, state=Standing.DUE, due_at=now, dirty_since=row.edited, attempts=0, error=None
    )
