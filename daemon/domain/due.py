"""When a page is read: pure policy over what is known of it and what Notion says now."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from daemon.domain.values import Page
from daemon.store.pages import PageRow, Standing


# Notion floors edit times to the minute: a page read before its time plus this can have been
# edited once more in the same minute, so it is read again.
SAME_MINUTE = timedelta(seconds=120)
FIRST_WAIT = timedelta(minutes=5)
LONGEST_WAIT = timedelta(hours=6)
PARKED_AFTER = 10  # attempts, about a day of growing waits
STALE = "Notion listed a later edit than the page shows; it is read again"


@dataclass(frozen=True, slots=True)
class Timing:
    """How long a page is left alone: `settle` after its last edit, `limit` after its first."""

    settle: timedelta
    limit: timedelta


def nominate(
    known: PageRow | None,
    page: Page,
    timing: Timing,
    *,
    since: datetime,
    seen: datetime | None = None,
) -> PageRow:
    """Return the row of a page as a query shows it; the time only nominates.

    Args:
        known: The row so far, if any.
        page: The page as the query row gives it.
        timing: The settle rule.
        since: Pages unknown so far and last edited before it are baselined, not reviewed. What
            was edited within its minute is not: another edit of that minute would look the same.
        seen: When the data source was queried before. Of several edits since then only the last
            one shows, so the first may be as old as this.
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
        return fresh if page.edited + SAME_MINUTE <= since else _edited(fresh, timing, seen)
    row = replace(known, source_id=page.source_id, title=page.title, url=page.url)
    if page.edited > known.edited:
        return _edited(replace(row, edited=page.edited), timing, seen)
    if known.state in (Standing.GONE, Standing.LEFT):
        return _edited(row, timing, seen)
    return row


def _edited(row: PageRow, timing: Timing, seen: datetime | None) -> PageRow:
    dirty = row.dirty_since if row.state is Standing.DUE else None
    dirty = dirty or _first_edit(row, seen)
    return replace(
        row,
        state=Standing.DUE,
        dirty_since=dirty,
        due_at=min(row.edited + timing.settle, dirty + timing.limit),
        attempts=0,
        error=None,
    )


def _first_edit(row: PageRow, seen: datetime | None) -> datetime:
    """Return the earliest time of an edit that is not handled and was not seen before."""
    if seen is None:
        return row.edited
    return min(row.edited, max(seen, row.read_at or seen))


def done(row: PageRow, edited: datetime, read_at: datetime) -> PageRow:
    """Return the row after its snapshot was handled.

    Args:
        row: The row so far.
        edited: The edit time that the page showed when the snapshot was read.
        read_at: The server's time when the read began.

    A snapshot that shows an earlier edit than was listed does not settle that edit.
    """
    if edited < row.edited:
        return failed(replace(row, read_at=read_at), STALE, read_at)
    again = edited + SAME_MINUTE if read_at < edited + SAME_MINUTE else None
    return replace(
        row,
        state=Standing.DONE,
        due_at=again,
        dirty_since=None,
        attempts=0,
        error=None,
        edited=edited,
        read_at=read_at,
    )


def failed(row: PageRow, error: str, now: datetime) -> PageRow:
    """Return the row after a failure: a growing wait, and parked after some attempts."""
    attempts = row.attempts + 1
    if attempts >= PARKED_AFTER:
        return replace(row, state=Standing.PARKED, attempts=attempts, error=error, due_at=None)
    wait = min(FIRST_WAIT * 2 ** (attempts - 1), LONGEST_WAIT)
    return replace(row, state=Standing.DUE, attempts=attempts, error=error, due_at=now + wait)


def put_off(row: PageRow, why: str, until: datetime) -> PageRow:
    """Return the row of a page that must wait, though nothing failed."""
    return replace(row, state=Standing.DUE, due_at=until, error=why)


def asked_for(row: PageRow, now: datetime) -> PageRow:
    """Return the row of a page that an operator wants read now."""
    return replace(
        row, state=Standing.DUE, due_at=now, dirty_since=row.edited, attempts=0, error=None
    )
