"""Drafts: reviews that wait for a person's approval; and what every review weighed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlite_utils import Database

from daemon.domain.change import Reviewed
from daemon.domain.values import Load
from daemon.store import pages
from daemon.store.database import iso, when


class DraftState(StrEnum):
    """What became of a draft."""

    WAITING = "waiting"
    APPROVED = "approved"
    REFUSED = "refused"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"  # a newer review took its place


@dataclass(frozen=True, slots=True)
class Draft:
    """A review of which something waits, or waited; its number is the review's."""

    id: int
    page_id: str
    reason: str
    state: DraftState
    held_at: datetime
    settled_at: datetime | None
    note: str


_SELECT = "SELECT review_id, page_id, reason, state, held_at, settled_at, note FROM drafts"


def _draft(row: Sequence[Any]) -> Draft:
    id_, page_id, reason, state, held_at, settled_at, note = row
    settled = when(settled_at) if settled_at else None
    return Draft(id_, page_id, reason, DraftState(state), when(held_at), settled, note or "")


def begin(db: Database, review_id: int, page_id: str, reason: str, at: datetime) -> None:
    """Store that a review waits, with what the page said when something was last said of it."""
    db.execute(
        "INSERT INTO drafts (review_id, page_id, reason, state, held_at, before)"  # noqa: S608 - own words
        f" SELECT ?1, ?2, ?3, 'waiting', ?4, {_LAST_SAID} FROM pages WHERE id = ?2",
        [review_id, page_id, reason, iso(at)],
    )


# A draft with comments that were not said; replies that wait say nothing of the text.
_UNSAID = (
    "FROM drafts WHERE page_id = ?2 AND state = 'waiting' AND EXISTS (SELECT 1 FROM outbox"
    " WHERE outbox.review_id = drafts.review_id AND outbox.state = 'held' AND kind != 'reply')"
)
_LAST_SAID = (
    f"CASE WHEN EXISTS (SELECT 1 {_UNSAID}) THEN (SELECT before {_UNSAID} ORDER BY review_id"
    " LIMIT 1) ELSE pages.snapshot END"
)


def last_said(db: Database, page_id: str) -> Reviewed | None:
    """Return the page as it stood when something was last said of it, None before that.

    While comments on a page wait, what they were made on counts as not reviewed.
    """
    row = db.execute(
        f"SELECT {_LAST_SAID} FROM pages WHERE id = ?2",  # noqa: S608 - own words
        [None, page_id],
    ).fetchone()
    return pages.unpacked(row[0]) if row and row[0] else None


def draft(db: Database, review_id: int) -> Draft | None:
    """Return the draft of a review, or None where nothing of it ever waited."""
    row = db.execute(f"{_SELECT} WHERE review_id = ?", [review_id]).fetchone()
    return _draft(row) if row else None


def waiting(db: Database, page_id: str | None = None) -> list[Draft]:
    """Return the drafts that wait, of one page or of all, the oldest first."""
    on_page = "" if page_id is None else "page_id = ? AND "
    rows = db.execute(
        f"{_SELECT} WHERE {on_page}state = 'waiting' ORDER BY held_at, review_id",
        [] if page_id is None else [page_id],
    )
    return [_draft(row) for row in rows.fetchall()]


def settle(db: Database, review_id: int, state: DraftState, at: datetime, note: str = "") -> bool:
    """Record what became of a draft that waits; False where it waits no more."""
    row = db.execute(
        "UPDATE drafts SET state = ?, settled_at = ?, note = ?, before = NULL"
        " WHERE review_id = ? AND state = 'waiting' RETURNING review_id",
        [state.value, iso(at), note, review_id],
    ).fetchone()
    return row is not None


def release(db: Database, review_id: int, note: str) -> None:
    """Hand the letters of a draft over to delivery."""
    db.execute(
        "UPDATE outbox SET state = 'intent', note = ? WHERE review_id = ? AND state = 'held'",
        [note, review_id],
    )


def drop(db: Database, key: str, note: str) -> bool:
    """Drop a letter that waits; False where it waits no more."""
    row = db.execute(
        "UPDATE outbox SET state = 'dropped', note = ? WHERE key = ? AND state = 'held'"
        " RETURNING key",
        [note, key],
    ).fetchone()
    return row is not None


def rewrite(db: Database, key: str, body: str) -> bool:
    """Give a letter that waits another text; False where it waits no more."""
    row = db.execute(
        "UPDATE outbox SET body = ? WHERE key = ? AND state = 'held' RETURNING key", [body, key]
    ).fetchone()
    return row is not None


def reword(db: Database, finding_id: int, text: str) -> None:
    """Give a finding another text."""
    db.execute("UPDATE findings SET text = ? WHERE id = ?", [text, finding_id])


@dataclass(frozen=True, slots=True)
class Weighed:
    """What a review weighed, and where it belongs."""

    review_id: int
    database_id: str
    kind: str
    prompt: str
    load: Load


def weigh(db: Database, weighed: Weighed, *, passed: bool) -> None:
    """Store what a review weighed; it counts for later ones once it passed."""
    load = weighed.load
    db.execute(
        "INSERT INTO loads VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            weighed.review_id,
            weighed.database_id,
            weighed.kind,
            weighed.prompt,
            load.comments,
            load.replies,
            load.tokens,
            int(passed),
        ],
    )


def let_pass(db: Database, review_id: int, comments: int, replies: int) -> None:
    """Count a review that waited with what was approved of it."""
    db.execute(
        "UPDATE loads SET passed = 1, comments = ?, replies = ? WHERE review_id = ?",
        [comments, replies, review_id],
    )


def passed(db: Database, database_id: str, kind: str, limit: int) -> list[Load]:
    """Return what the last reviews of a database weighed that went out, the newest first."""
    rows = db.execute(
        "SELECT comments, replies, tokens FROM loads WHERE database_id = ? AND kind = ?"
        " AND passed ORDER BY review_id DESC LIMIT ?",
        [database_id, kind, limit],
    )
    return [Load(*row) for row in rows.fetchall()]


def passed_under(db: Database, database_id: str, prompt: str) -> int:
    """Return how many reviews of a database went out under a prompt version."""
    row = db.execute(
        "SELECT count(*) FROM loads WHERE database_id = ? AND prompt = ? AND passed"
        " AND kind = 'review'",
        [database_id, prompt],
    ).fetchone()
    return int(row[0])
