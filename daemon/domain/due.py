"""When a page is read: pure policy over what is known of it and what Notion says now."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from daemon.domain.records import PageRow, PageState
from daemon.domain.values import Page


# Notion floors edit times to the minute: a page read before its time plus this can have been
# edited once more in the same minute, so it is read again.
SAME_MINUTE = timedelta(seconds=120)
FIRST_RETRY_WAIT = timedelta(minutes=5)
LONGEST_RETRY_WAIT = timedelta(hours=6)
PARKED_AFTER = 10  # attempts, about a day of growing waits
STALE = "Notion listed a later edit than the page shows; it is read again"


@dataclass(frozen=True, slots=True)
class Timing:
    """How long a page is left alone: `settle` after its last edit, `limit` after the first."""

    settle: timedelta
    limit: timedelta


def nominate(
    known: PageRow | None,
    page: Page,
    timing: Timing,
    *,
    since: datetime,
) -> PageRow:
    """Return the row of a page as a query shows it: due when its edit time is later than known.

    The edit time only nominates; whether the page changed is decided by its hash.

    Args:
        known: The row so far, if any.
        page: The page as the query row gives it.
        timing: The settle rule. Of several edits between two queries only the last one shows, so
            the limit counts from the first edit that a query showed.
        since: Pages unknown so far and last edited before it are baselined, not reviewed. What
            was edited within its minute is not: another edit of that minute would look the same.
    """
    fresh = PageRow(
        id=page.id,
        source_id=page.source_id,
        title=page.title,
        url=page.url,
        edited=page.edited,
        state=PageState.BASELINED,
    )
    if known is None:
        return fresh if page.edited + SAME_MINUTE <= since else _edited(fresh, timing)
    row = replace(known, source_id=page.source_id, title=page.title, url=page.url)
    if page.edited > known.edited:
        return _edited(replace(row, edited=page.edited), timing)
    if known.state in (PageState.GONE, PageState.LEFT):
        return _edited(row, timing)
    return row


def _edited(row: PageRow, timing: Timing) -> PageRow:
    dirty = row.dirty_since if row.state is PageState.DUE else None
    dirty = dirty or row.edited
    return replace(
        row,
        state=PageState.DUE,
        dirty_since=dirty,
        due_at=min(row.edited + timing.settle, dirty + timing.limit),
        attempts=0,
        error=None,
        left_at=None,
    )


def done(row: PageRow, edited: datetime, read_at: datetime) -> PageRow:
    """Return the row after its snapshot was handled.

    Args:
        row: The row so far.
        edited: The edit time that the page showed when the snapshot was read.
        read_at: The server's time when the read began.

    A snapshot that shows an earlier edit than a query listed is stale: the page stays due.
    """
    if edited < row.edited:
        return failed(replace(row, read_at=read_at), STALE, read_at)
    again = edited + SAME_MINUTE if read_at < edited + SAME_MINUTE else None
    return replace(
        row,
        state=PageState.DONE,
        due_at=again,
        dirty_since=None,
        attempts=0,
        error=None,
        edited=edited,
        read_at=read_at,
    )


def growing_wait(attempts: int) -> timedelta | None:
    """Return the wait after so many failed attempts in a row; None where no further one is made."""
    if attempts >= PARKED_AFTER:
        return None
    return min(FIRST_RETRY_WAIT * (1 << (attempts - 1)), LONGEST_RETRY_WAIT)


def failed(row: PageRow, error: str, now: datetime) -> PageRow:
    """Return the row after a failure: a growing wait, and parked after some attempts."""
    attempts = row.attempts + 1
    wait = growing_wait(attempts)
    if wait is None:
        return replace(row, state=PageState.PARKED, attempts=attempts, error=error, due_at=None)
    return replace(row, state=PageState.DUE, attempts=attempts, error=error, due_at=now + wait)


def left(row: PageRow, state: PageState, now: datetime) -> PageRow:
    """Return the row of a page that is away, `LEFT` or `GONE`, since now or since before."""
    return replace(row, state=state, due_at=None, left_at=row.left_at or now)


def put_off(row: PageRow, why: str, until: datetime) -> PageRow:
    """Return the row of a page that must wait, though nothing failed."""
    return replace(row, state=PageState.DUE, due_at=until, error=why, attempts=0)


def is_put_off(row: PageRow, now: datetime) -> bool:
    """Tell whether a page waits now though nothing failed."""
    waits = row.due_at is not None and row.due_at > now
    return waits and row.error is not None and not row.attempts


def asked_for(row: PageRow, now: datetime) -> PageRow:
    """Return the row of a page that a person wants read now; its failures are forgotten."""
    return replace(
        row,
        state=PageState.DUE,
        due_at=now,
        dirty_since=row.edited,
        attempts=0,
        error=None,
        left_at=None,
    )


@dataclass(frozen=True, slots=True)
class Pause:
    """Since when all that is reviewed under a prompt is left alone, until when, and by whose word.

    `until` is None where it lasts until somebody resumes it.
    """

    at: datetime
    until: datetime | None
    by: str
