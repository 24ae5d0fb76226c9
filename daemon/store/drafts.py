"""Drafts, which are reviews that wait for a person's approval, and the size of each review."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlite_utils import Database

from daemon.domain.change import Reviewed
from daemon.domain.notation import iso, when
from daemon.domain.records import DraftRow, DraftState
from daemon.domain.values import Review, ReviewKind
from daemon.store import pages


_SELECT = "SELECT review_id, page_id, reason, state, held_at, settled_at, note FROM drafts"


@dataclass(frozen=True, slots=True)
class ReviewSize:
    """How much a review has to say, and what it cost in tokens."""

    comments: int = 0
    replies: int = 0
    tokens: int = 0

    @classmethod
    def of(cls, review: Review) -> ReviewSize:
        """Measure a review."""
        return cls(len(review.findings), len(review.replies), review.usage.tokens)


@dataclass(frozen=True, slots=True)
class RecordedSize:
    """The size of a review, with its database, kind and prompt version."""

    review_id: int
    database_id: str
    kind: ReviewKind
    prompt: str
    size: ReviewSize


def _draft(row: Sequence[Any]) -> DraftRow:
    id_, page_id, reason, state, held_at, settled_at, note = row
    settled = when(settled_at) if settled_at else None
    return DraftRow(id_, page_id, reason, DraftState(state), when(held_at), settled, note or "")


def add(db: Database, review_id: int, page_id: str, reason: str, at: datetime) -> None:
    """Store that a review waits, with the snapshot on which comments were last published."""
    db.execute(
        "INSERT INTO drafts (review_id, page_id, reason, state, held_at, before)"  # noqa: S608 - own words
        f" SELECT ?1, ?2, ?3, 'waiting', ?4, {_LAST_PUBLISHED} FROM pages WHERE id = ?2",
        [review_id, page_id, reason, iso(at)],
    )


# Drafts of a page with comments that wait. Replies do not count: they are not about the text.
_UNPUBLISHED = (
    "FROM drafts WHERE page_id = ?2 AND state = 'waiting' AND EXISTS (SELECT 1 FROM outbox"
    " WHERE outbox.review_id = drafts.review_id AND outbox.state = 'held' AND kind != 'reply')"
)
_LAST_PUBLISHED = (
    f"CASE WHEN EXISTS (SELECT 1 {_UNPUBLISHED}) THEN (SELECT before {_UNPUBLISHED}"
    " ORDER BY review_id LIMIT 1) ELSE pages.snapshot END"
)


def last_published(db: Database, page_id: str) -> Reviewed | None:
    """Return the snapshot on which comments were last published, or None.

    While comments of a page wait for approval, the snapshot that they were made on counts as not
    reviewed.
    """
    row = db.execute(
        f"SELECT {_LAST_PUBLISHED} FROM pages WHERE id = ?2",  # noqa: S608 - own words
        [None, page_id],
    ).fetchone()
    return pages.unpack_snapshot(row[0]) if row and row[0] else None


def draft(db: Database, review_id: int) -> DraftRow | None:
    """Return the draft of a review; None where nothing of the review ever waited."""
    row = db.execute(f"{_SELECT} WHERE review_id = ?", [review_id]).fetchone()
    return _draft(row) if row else None


def waiting(db: Database, page_id: str | None = None) -> list[DraftRow]:
    """Return the drafts that wait, of one page or of all pages, the oldest first."""
    on_page = "" if page_id is None else "page_id = ? AND "
    rows = db.execute(
        f"{_SELECT} WHERE {on_page}state = 'waiting' ORDER BY held_at, review_id",
        [] if page_id is None else [page_id],
    )
    return [_draft(row) for row in rows.fetchall()]


def close(db: Database, review_id: int, state: DraftState, at: datetime, note: str = "") -> bool:
    """Record how a draft ended; return False where it had ended before."""
    row = db.execute(
        "UPDATE drafts SET state = ?, settled_at = ?, note = ?, before = NULL"
        " WHERE review_id = ? AND state = 'waiting' RETURNING review_id",
        [state.value, iso(at), note, review_id],
    ).fetchone()
    return row is not None


def record_size(db: Database, recorded: RecordedSize, *, passed: bool) -> None:
    """Store the size of a review; it is compared with later ones only if it was published."""
    size = recorded.size
    db.execute(
        "INSERT INTO loads VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            recorded.review_id,
            recorded.database_id,
            recorded.kind,
            recorded.prompt,
            size.comments,
            size.replies,
            size.tokens,
            int(passed),
        ],
    )


def record_approved_size(db: Database, review_id: int, comments: int, replies: int) -> None:
    """Count a review that waited as published, with the numbers that were approved."""
    db.execute(
        "UPDATE loads SET passed = 1, comments = ?, replies = ? WHERE review_id = ?",
        [comments, replies, review_id],
    )


def published_sizes(
    db: Database, database_id: str, kind: ReviewKind, limit: int
) -> list[ReviewSize]:
    """Return the sizes of the last published reviews of a database, the newest first."""
    rows = db.execute(
        "SELECT comments, replies, tokens FROM loads WHERE database_id = ? AND kind = ?"
        " AND passed ORDER BY review_id DESC LIMIT ?",
        [database_id, kind, limit],
    )
    return [ReviewSize(*row) for row in rows.fetchall()]


def count_published(db: Database, database_id: str, prompt: str) -> int:
    """Return how many reviews of a database were published under a prompt version."""
    row = db.execute(
        "SELECT count(*) FROM loads WHERE database_id = ? AND prompt = ? AND passed"
        " AND kind = 'review'",
        [database_id, prompt],
    ).fetchone()
    return int(row[0])
