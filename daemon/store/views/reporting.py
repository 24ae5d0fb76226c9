"""What happened in a stretch of time, counted; `since` is part of it, `until` is not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlite_utils import Database

from daemon.domain.values import Finding, Severity
from daemon.store.database import iso, when


@dataclass(frozen=True, slots=True)
class Held:
    """Reviews of one kind, ending, prompt and model.

    Attributes:
        kind: "review", or "reply" where only people were answered.
        outcome: How they ended.
        prompt: The prompt's version.
        model: Who held them, such as `anthropic:claude-sonnet-5-5`.
        count: How many.
        silent: Of these, how many nothing was posted of, nor waits to be.
        input_tokens: What the model read, cached or not.
        cached_tokens: Of these, what came from its cache.
        output_tokens: What it wrote.
        cost_usd: In US dollars.
    """

    kind: str
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
class Counted:
    """Findings that have the same prompt, model, severity and state; `count` of them."""

    prompt: str
    model: str
    severity: str
    state: str
    count: int


@dataclass(frozen=True, slots=True)
class Raised:
    """A finding with where it stands: its page, and the heading above its block."""

    page_id: str
    section: str
    finding: Finding


def first_review(db: Database) -> datetime | None:
    """Return when the first review was held, None where there is none."""
    row = db.execute("SELECT min(at) FROM reviews").fetchone()
    return when(row[0]) if row[0] else None


def held(db: Database, since: datetime, until: datetime) -> list[Held]:
    """Count the reviews that were held."""
    rows = db.execute(
        "SELECT kind, outcome, prompt, model, count(*), sum(NOT EXISTS (SELECT 1 FROM outbox"
        " WHERE review_id = reviews.id AND outbox.state != 'dropped')), sum(input_tokens),"
        " sum(cached_tokens), sum(output_tokens), sum(cost_usd) FROM reviews"
        " WHERE at >= ? AND at < ? GROUP BY kind, outcome, prompt, model"
        " ORDER BY kind, outcome, prompt, model",
        [iso(since), iso(until)],
    )
    return [Held(*row) for row in rows.fetchall()]


def made(db: Database, since: datetime, until: datetime) -> list[Counted]:
    """Count the findings that were made, by the state that they are in now."""
    rows = db.execute(
        "SELECT prompt, model, severity, state, count(*) FROM reviews"
        " JOIN findings ON review_id = reviews.id WHERE reviews.at >= ? AND reviews.at < ?"
        " GROUP BY prompt, model, severity, state ORDER BY prompt, model, severity, state",
        [iso(since), iso(until)],
    )
    return [Counted(*row) for row in rows.fetchall()]


def settled(db: Database, since: datetime, until: datetime) -> list[Counted]:
    """Count the findings that people settled, whenever made, by the last state of that time.

    What was settled and came up again in that time does not count.
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
    return [Counted(*row) for row in rows.fetchall()]


def waits(db: Database, since: datetime, until: datetime) -> list[float | None]:
    """Return how long people waited for each reply that was posted, in seconds.

    None stands for a reply of which that is not known. Notion floors a comment's time to the
    minute: https://developers.notion.com/reference/comment-object
    """
    rows = db.execute(
        "SELECT unixepoch(posted_at) - unixepoch(asked_at) FROM outbox"
        " WHERE posted_at >= ? AND posted_at < ? AND kind = 'reply'",
        [iso(since), iso(until)],
    )
    return [row[0] if row[0] is None else max(float(row[0]), 0.0) for row in rows.fetchall()]


def points(db: Database, since: datetime, until: datetime) -> list[Raised]:
    """Return the findings that were made, the oldest first."""
    rows = db.execute(
        "SELECT findings.page_id, section, block_id, quote, text, severity FROM reviews"
        " JOIN findings ON review_id = reviews.id WHERE reviews.at >= ? AND reviews.at < ?"
        " ORDER BY reviews.at, findings.id",
        [iso(since), iso(until)],
    )
    return [
        Raised(row[0], row[1], Finding(row[2], row[3], row[4], Severity(row[5])))
        for row in rows.fetchall()
    ]
