"""Numbers of a period, for the report, and of the whole state, for status, alerts and doctor.

Of a period `since` is part, and `until` is not.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlite_utils import Database

from daemon.domain.notation import iso, when
from daemon.domain.values import Finding, ReviewKind, Severity, Source


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
    """Findings that have the same prompt, model, lens, severity and state; `count` of them."""

    prompt: str
    model: str
    lens: str
    severity: str
    state: str
    count: int


@dataclass(frozen=True, slots=True)
class LocatedFinding:
    """A finding with its page and the heading above its block."""

    page_id: str
    section: str
    finding: Finding


@dataclass(frozen=True, slots=True)
class DayCount:
    """What a day had: reviews of pages, comments that made points, and what models cost."""

    reviews: int
    comments: int
    cost_usd: float


def count_days(db: Database, first: date, days: int) -> list[DayCount]:
    """Count each of so many UTC days, from the first on; a day without anything has zeros."""
    wanted = [(first + timedelta(days=number)).isoformat() for number in range(days)]
    period = [wanted[0], (first + timedelta(days=days)).isoformat()]
    by_day = (
        (
            "SELECT substr(at, 1, 10), count(*) FROM reviews"
            " WHERE at >= ? AND at < ? AND kind = 'review' GROUP BY 1"
        ),
        (
            "SELECT substr(posted_at, 1, 10), count(*) FROM outbox"
            " WHERE posted_at >= ? AND posted_at < ? AND kind = 'finding' GROUP BY 1"
        ),
        "SELECT day, sum(cost_usd) FROM spending WHERE day >= ? AND day < ? GROUP BY 1",
    )
    reviews, comments, costs = (dict(db.execute(one, period).fetchall()) for one in by_day)
    return [
        DayCount(reviews.get(day, 0), comments.get(day, 0), costs.get(day, 0.0)) for day in wanted
    ]


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
        "SELECT prompt, model, lens, severity, state, count(*) FROM reviews"
        " JOIN findings ON review_id = reviews.id WHERE reviews.at >= ? AND reviews.at < ?"
        " GROUP BY prompt, model, lens, severity, state"
        " ORDER BY prompt, model, lens, severity, state",
        [iso(since), iso(until)],
    )
    return [FindingCount(*row) for row in rows.fetchall()]


def count_settled(db: Database, since: datetime, until: datetime) -> list[FindingCount]:
    """Count the findings that were settled in the period, whenever they were made.

    A finding that was settled and came up again within the period does not count.
    """
    rows = db.execute(
        "SELECT prompt, model, lens, severity, step.state, count(*) FROM finding_history AS step"
        " JOIN findings ON findings.id = finding_id JOIN reviews ON reviews.id = review_id"
        " WHERE step.at >= ?1 AND step.at < ?2"
        " AND step.state IN ('addressed', 'adopted', 'dismissed', 'resolved')"
        " AND NOT EXISTS (SELECT 1 FROM finding_history"
        " AS later WHERE later.finding_id = step.finding_id AND later.id > step.id"
        " AND later.at < ?2) GROUP BY prompt, model, lens, severity, step.state"
        " ORDER BY prompt, model, lens, severity, step.state",
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
        " WHERE posted_at >= ? AND posted_at < ? AND kind = 'reply' AND key NOT LIKE 'digest:%'",
        [iso(since), iso(until)],
    )
    return [row[0] if row[0] is None else max(float(row[0]), 0.0) for row in rows.fetchall()]


def list_findings(db: Database, since: datetime, until: datetime) -> list[LocatedFinding]:
    """Return the findings of the period that no second look dropped, the oldest first."""
    rows = db.execute(
        "SELECT findings.page_id, section, block_id, quote, text, severity FROM reviews"
        " JOIN findings ON review_id = reviews.id WHERE reviews.at >= ? AND reviews.at < ?"
        " AND state != 'refuted' ORDER BY reviews.at, findings.id",
        [iso(since), iso(until)],
    )
    return [
        LocatedFinding(row[0], row[1], Finding(row[2], row[3], row[4], Severity(row[5])))
        for row in rows.fetchall()
    ]


@dataclass(frozen=True, slots=True)
class Week:
    """What was done in some data sources in a period.

    Attributes:
        reviews: Reviews of pages.
        points: Points that they posted.
        addressed: Points, whenever made, that were settled by an edit.
        declined: That people turned down.
        resolved: Whose threads people resolved or deleted.
        answered: Answers to people, those to words to the reviewer left out.
        cost_usd: What reviews and answers cost, in US dollars.
    """

    reviews: int
    points: int
    addressed: int
    declined: int
    resolved: int
    answered: int
    cost_usd: float

    @property
    def is_empty(self) -> bool:
        """Whether nothing happened."""
        settled = self.addressed + self.declined + self.resolved
        return not (self.reviews + self.points + settled + self.answered)


_OF_SOURCES = " JOIN pages ON pages.id = page_id AND source_id IN (SELECT value FROM json_each(?1))"


def week(db: Database, source_ids: Sequence[str], since: datetime, until: datetime) -> Week:
    """Count what was done in some data sources in a period."""
    about = [json.dumps(list(source_ids)), iso(since), iso(until)]
    reviews, cost = db.execute(
        "SELECT count(*) FILTER (WHERE kind = 'review'), coalesce(sum(cost_usd), 0.0)"  # noqa: S608 - own words
        f" FROM reviews{_OF_SOURCES} WHERE at >= ?2 AND at < ?3",
        about,
    ).fetchone()
    points = db.execute(
        "SELECT count(*) FROM outbox"  # noqa: S608 - own words
        f"{_OF_SOURCES} WHERE posted_at >= ?2 AND posted_at < ?3"
        " AND kind = 'finding' AND outbox.state = 'posted'",
        about,
    ).fetchone()
    answered = db.execute(
        "SELECT count(*) FROM outbox"  # noqa: S608 - own words
        f"{_OF_SOURCES} WHERE posted_at >= ?2 AND posted_at < ?3"
        " AND kind = 'reply' AND outbox.state = 'posted' AND key NOT LIKE 'word:%'",
        about,
    ).fetchone()
    addressed, declined, resolved = db.execute(
        "SELECT count(*) FILTER (WHERE step.state IN ('addressed', 'adopted')),"  # noqa: S608 - own words
        " count(*) FILTER (WHERE step.state = 'dismissed'),"
        " count(*) FILTER (WHERE step.state = 'resolved')"
        f" FROM finding_history AS step JOIN findings ON findings.id = finding_id{_OF_SOURCES}"
        " WHERE step.at >= ?2 AND step.at < ?3"
        " AND step.state IN ('addressed', 'adopted', 'dismissed', 'resolved')"
        " AND NOT EXISTS (SELECT 1 FROM finding_history AS later"
        " WHERE later.finding_id = step.finding_id AND later.id > step.id AND later.at < ?3)",
        about,
    ).fetchone()
    return Week(reviews, points[0], addressed, declined, resolved, answered[0], cost)


@dataclass(frozen=True, slots=True)
class ForPeople:
    """What waits for people in some data sources, and since when; None where nothing does."""

    points: int
    blocking: int
    points_since: datetime | None
    drafts: int
    drafts_since: datetime | None


def for_people(db: Database, source_ids: Sequence[str]) -> ForPeople:
    """Count the points that nobody settled, and the reviews that wait for approval."""
    about = [json.dumps(list(source_ids))]
    points, blocking, since = db.execute(
        "SELECT count(*), count(*) FILTER (WHERE severity = 'blocking'), min(at)"  # noqa: S608 - own words
        f" FROM findings{_OF_SOURCES} AND pages.state NOT IN ('left', 'gone')"
        " WHERE findings.state IN ('open', 'answered')",
        about,
    ).fetchone()
    drafts, held = db.execute(
        f"SELECT count(*), min(held_at) FROM drafts{_OF_SOURCES}"  # noqa: S608 - own words
        " WHERE drafts.state = 'waiting'",
        about,
    ).fetchone()
    return ForPeople(points, blocking, since and when(since), drafts, held and when(held))


def last_outcomes(db: Database, count: int) -> list[str]:
    """Return the outcomes of the last finished sweeps over the databases, the newest first."""
    rows = db.execute(
        "SELECT json_extract(result, '$.outcome') FROM sweeps WHERE result IS NOT NULL"
        " AND json_extract(result, '$.of_page') IS NULL ORDER BY id DESC LIMIT ?",
        [count],
    )
    return [row[0] for row in rows.fetchall()]


def last_success(db: Database) -> datetime | None:
    """Return when the last sweep over the databases with the outcome `ok` ended, or None."""
    row = db.execute(
        "SELECT finished FROM sweeps WHERE json_extract(result, '$.outcome') = 'ok'"
        " AND json_extract(result, '$.of_page') IS NULL ORDER BY id DESC LIMIT 1"
    ).fetchone()
    return when(row[0]) if row else None


def first_sweep(db: Database) -> datetime | None:
    """Return when the oldest stored sweep began, or None."""
    row = db.execute("SELECT min(started) FROM sweeps").fetchone()
    return when(row[0]) if row[0] else None


def longest_waiting(db: Database, source_ids: Sequence[str]) -> tuple[str, datetime] | None:
    """Return (title, time of its first unhandled edit) of the page that waits longest, or None."""
    row = db.execute(
        "SELECT title, dirty_since FROM pages WHERE state IN ('due', 'parked') AND NOT paused"
        " AND dirty_since IS NOT NULL AND source_id IN (SELECT value FROM json_each(?))"
        " ORDER BY dirty_since LIMIT 1",
        [json.dumps(list(source_ids))],
    ).fetchone()
    return (row[0], when(row[1])) if row else None


def newest_edit(db: Database, source_ids: Sequence[str]) -> datetime | None:
    """Return the newest edit on any page of these data sources, or None."""
    row = db.execute(
        "SELECT max(edited) FROM pages WHERE source_id IN (SELECT value FROM json_each(?))",
        [json.dumps(list(source_ids))],
    ).fetchone()
    return when(row[0]) if row[0] else None


@dataclass(frozen=True, slots=True)
class SettledPoint:
    """A finding that was settled, and how.

    Attributes:
        finding: The finding.
        section: The heading above its block.
        page_id: Its page.
        document: The page's title.
        url: The page's address.
        thread_id: Its thread; "" where that is not known.
        declined: Whether it is turned down by a person.
        mended_at: When an edit last settled it; None where none ever did.
    """

    finding: Finding
    section: str
    page_id: str
    document: str
    url: str
    thread_id: str = ""
    declined: bool = False
    mended_at: datetime | None = None


def settled_points(db: Database, source_ids: Sequence[str]) -> list[SettledPoint]:
    """Return the findings in some data sources that were ever settled, the oldest first."""
    rows = db.execute(
        "SELECT block_id, quote, text, severity, source, findings.title, lens, section, page_id,"
        " pages.title, url, coalesce(discussion_id, ''), findings.state = 'dismissed',"
        " (SELECT max(at) FROM finding_history WHERE finding_id = findings.id"
        " AND finding_history.state IN ('addressed', 'adopted'))"
        " FROM findings JOIN pages ON pages.id = page_id"
        " AND source_id IN (SELECT value FROM json_each(?))"
        " WHERE findings.id IN (SELECT finding_id FROM finding_history"
        " WHERE state IN ('addressed', 'adopted', 'dismissed', 'resolved')) ORDER BY findings.id",
        [json.dumps(list(source_ids))],
    )
    found = []
    for row in rows.fetchall():
        block, quote, text, severity, source, title, lens, section, page, document, url, *how = row
        made = Finding(block, quote, text, Severity(severity), Source(source), title, lens)
        thread, declined, mended = how
        mended_at = when(mended) if mended else None
        found.append(
            SettledPoint(made, section, page, document, url, thread, bool(declined), mended_at)
        )
    return found


@dataclass(frozen=True, slots=True)
class ModelSpending:
    """What a model cost so far; `input_tokens` includes those read from its cache."""

    model: str
    requests: int
    input_tokens: int
    output_tokens: int
    cost_usd: float


def spent_ever(db: Database) -> list[ModelSpending]:
    """Return what each model cost since the state began."""
    rows = db.execute(
        "SELECT model, sum(requests), sum(input_tokens), sum(output_tokens), sum(cost_usd)"
        " FROM spending GROUP BY model ORDER BY model"
    )
    return [ModelSpending(*row) for row in rows.fetchall()]


def posted_ever(db: Database) -> dict[str, int]:
    """Return how many comments of each kind were posted since the state began."""
    rows = db.execute(
        "SELECT kind, count(*) FROM outbox WHERE posted_at IS NOT NULL GROUP BY kind ORDER BY kind"
    )
    return dict(rows.fetchall())


def reviews_ever(db: Database) -> dict[str, int]:
    """Return how many reviews ended each way since the state began."""
    rows = db.execute("SELECT outcome, count(*) FROM reviews GROUP BY outcome ORDER BY outcome")
    return dict(rows.fetchall())
