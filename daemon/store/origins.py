"""Where findings and threads come from: what `why` tells, and what links a comment to a finding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlite_utils import Database

from daemon.domain.values import Finding, Severity, Source
from daemon.store.database import when


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a finding or a review comes from; what `why` tells.

    Attributes:
        at: When it was made.
        model: Who made it, such as `anthropic:claude-sonnet-5-5`.
        prompt: The prompt's version.
        outcome: How the review ended.
        severity: Of the finding; None where a whole review is meant.
        quote: What the finding is about.
    """

    at: datetime
    model: str
    prompt: str
    outcome: str
    severity: Severity | None = None
    quote: str = ""


_REVIEW = "reviews.at, reviews.model, reviews.prompt, reviews.outcome"


def of_thread(db: Database, page_id: str, thread_id: str) -> Origin | None:
    """Return where a thread's finding comes from, or the page's last review; None for neither."""
    row = db.execute(
        f"SELECT {_REVIEW}, findings.severity, findings.quote FROM findings"  # noqa: S608 - own names
        " JOIN reviews ON reviews.id = findings.review_id WHERE findings.discussion_id = ?",
        [thread_id],
    ).fetchone()
    if row is not None:
        return Origin(when(row[0]), row[1], row[2], row[3], Severity(row[4]), row[5])
    row = db.execute(
        f"SELECT {_REVIEW} FROM reviews WHERE page_id = ? AND kind = 'review'"  # noqa: S608 - own names
        " ORDER BY id DESC LIMIT 1",
        [page_id],
    ).fetchone()
    return Origin(when(row[0]), row[1], row[2], row[3]) if row else None


def raised(db: Database, page_id: str) -> dict[str, Finding]:
    """Return the findings of a page by the threads that they began."""
    rows = db.execute(
        "SELECT discussion_id, block_id, quote, text, severity, source FROM findings"
        " WHERE page_id = ? AND discussion_id IS NOT NULL",
        [page_id],
    )
    return {
        row[0]: Finding(row[1], row[2], row[3], Severity(row[4]), Source(row[5]))
        for row in rows.fetchall()
    }


def link(db: Database, page_id: str, threads: Mapping[str, str]) -> None:
    """Tell findings that lack it their thread, by the id of the comment that posted each."""
    with db.atomic():
        db.conn.executemany(
            "UPDATE findings SET discussion_id = ?1 WHERE page_id = ?2 AND discussion_id IS NULL"
            " AND id = (SELECT finding_id FROM outbox WHERE comment_id = ?3 AND kind = 'finding')",
            [[thread_id, page_id, comment_id] for comment_id, thread_id in threads.items()],
        )
