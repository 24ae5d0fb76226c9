"""Numbers of a period, for the report; `since` is part of the period, `until` is not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlite_utils import Database

from daemon.domain.times import iso, when
from daemon.domain.values import Finding, ReviewKind, Severity


@dataclass(frozen=True, slots=True)
class ReviewCount:
    """The reviews with the same kind, outcome, prompt and model.

    Attributes:
        kind: What the model was asked for.
        outcome: How they ended.
        prompt: The prompt's version.
        model: The model that made them, such as `anthropic:claude-sonnet-5-5`.
        count: How many.
        silent: How many of these have nothing posted and nothing waiting.
        input_tokens: What the model read, cached or not.
        cached_tokens: How many of these came from its cache.
        output_tokens: What it wrote.
        cost_usd: In US dollars.
    """

    kind: ReviewKind
    outcome: str
    prompt: str
    model: str
    count: int
    silent: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    cost_usd: float


@dataclass(frozen=True, slots=True)
class FindingCount:
    """Findings that have the same prompt, model, severity and state; `count` of them."""

    prompt: str
    model: str
    severity: str
    state: str
    count: int


@dataclass(frozen=True, slots=True)
class LocatedFinding:
    """A finding with its page and the heading above its block."""

    page_id: str
    section: str
    finding: Finding


def first_review(db: Database) -> datetime | None:
    """Return when the first review was made, or None."""
    row = db.execute("SELECT min(at) FROM reviews").fetchone()
    return when(row[0]) if row[0] else None


def count_reviews(db: Database, since: datetime, until: datetime) -> list[ReviewCount]:
    """Count the reviews of the period."""
    rows = db.execute(
        "SELECT kind, outcome, prompt, model, count(*), sum(NOT EXISTS (SELECT 1 FROM outbox"
        " WHERE review_id = reviews.id AND outbox.state != 'dropped')), sum(input_tokens),"
        " sum(cached_tokens), sum(output_tokens), sum(cost_usd) FROM reviews"
        " WHERE at >= ? AND at < ? GROUP BY kind, outcome, prompt, model"
        " ORDER BY kind, outcome, prompt, model",
        [iso(since), iso(until)],
    )
    return [ReviewCount(ReviewKind(kind), *rest) for kind, *rest in rows.fetchall()]


def count_findings(db: Database, since: datetime, until: datetime) -> list[FindingCount]:
    """Count the findings of the period by their present state."""
    rows = db.execute(
        "SELECT prompt, model, severity, state, count(*) FROM reviews"
        " JOIN findings ON review_id = reviews.id WHERE reviews.at >= ? AND reviews.at < ?"
        " GROUP BY prompt, model, severity, state ORDER BY prompt, model, severity, state",
        [iso(since), iso(until)],
    )
    return [FindingCount(*row) for row in rows.fetchall()]


def count_settled(db: Database, since: datetime, until: datetime) -> list[FindingCount]:
    """Count the findings that were settled in the period, whenever they were made.

    A finding that was settled and came up again within the period does not count.
    """
    rows = db.execute(
        "SELECT prompt, model, severity, step.state, count(*) FROM finding_history AS step"
        " JOIN findings ON findings.id = finding_id JOIN reviews ON reviews.id = review_id"
        " WHERE step.at >= ?1 AND step.at < ?2"
        " AND step.state IN ('addressed', 'dismissed', 'resolved')"
        " AND NOT EXISTS (SELECT 1 FROM finding_history"
        " AS later WHERE later.finding_id = step.finding_id AND later.id > step.id"
        " AND later.at < ?2) GROUP BY prompt, model, severity, step.state"
        " ORDER BY prompt, model, severity, step.state",
        [iso(since), iso(until)],
    )
    return [FindingCount(*row) for row in rows.fetchall()]


def reply_seconds(db: Database, since: datetime, until: datetime) -> list[float | None]:
    """Return the seconds that people waited for each reply of the period; None where unknown.

    Notion floors a comment's time to the
    minute: https://developers.notion.com/reference/comment-object
    """
    rows = db.execute(
        "SELECT unixepoch(posted_at) - unixepoch(asked_at) FROM outbox"
        " WHERE posted_at >= ? AND posted_at < ? AND kind = 'reply'",
        [iso(since), iso(until)],
    )
    return [row[0] if row[0] is None else max(float(row[0]), 0.0) for row in rows.fetchall()]


def list_findings(db: Database, since: datetime, until: datetime) -> list[LocatedFinding]:
    """Return the findings of the period, the oldest first."""
    rows = db.execute(
        "SELECT findings.page_id, section, block_id, quote, text, severity FROM reviews"
        " JOIN findings ON review_id = reviews.id WHERE reviews.at >= ? AND reviews.at < ?"
        " ORDER BY reviews.at, findings.id",
        [iso(since), iso(until)],
    )
    return [
        LocatedFinding(row[0], row[1], Finding(row[2], row[3], row[4], Severity(row[5])))
        for row in rows.fetchall()
    ]
