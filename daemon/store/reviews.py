"""Reviews, the texts that they read, and what models cost.

The most that a request may cost is reserved before it, the real cost recorded after.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlite_utils import Database

from daemon.domain.change import Reviewed
from daemon.domain.notation import iso, when
from daemon.domain.values import Review, ReviewKind, Snapshot, Usage


def add(
    db: Database,
    page_id: str,
    review: Review,
    *,
    kind: ReviewKind,
    prompt: str,
    content_hash: str,
    sweep_id: int | None,
    at: datetime,
    settings: str = "",
) -> int:
    """Store a review and return its number."""
    usage = review.usage
    row = db.execute(
        "INSERT INTO reviews (page_id, sweep_id, at, kind, outcome, model, prompt, hash, summary,"
        " refusals, requests, input_tokens, output_tokens, cost_usd, cached_tokens, question,"
        " settings) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
        [
            page_id,
            sweep_id,
            iso(at),
            kind,
            review.outcome.value,
            review.model,
            prompt,
            content_hash,
            review.summary,
            json.dumps([[refusal.tool, refusal.reason] for refusal in review.refusals]),
            usage.requests,
            usage.input_tokens,
            usage.output_tokens,
            usage.cost_usd,
            usage.cached_tokens,
            review.question,
            settings,
        ],
    ).fetchone()
    return int(row[0])


@dataclass(frozen=True, slots=True)
class ReviewRow:
    """A stored review; `refusals` are (tool, reason) pairs."""

    id: int
    page_id: str
    at: datetime
    kind: ReviewKind
    outcome: str
    model: str
    summary: str
    refusals: tuple[tuple[str, str], ...]
    cost_usd: float
    prompt: str


_SELECT = (
    "SELECT id, page_id, at, kind, outcome, model, summary, refusals, cost_usd, prompt FROM reviews"
)


def _review(row: Sequence[Any]) -> ReviewRow:
    id_, page_id, at, kind, outcome, model, summary, refusals, cost, prompt = row
    pairs = tuple((tool, reason) for tool, reason in json.loads(refusals))
    return ReviewRow(
        id_,
        page_id,
        when(at),
        ReviewKind(kind),
        outcome,
        model,
        summary,
        pairs,
        float(cost),
        prompt,
    )


def review(db: Database, review_id: int) -> ReviewRow | None:
    """Return a review, or None."""
    row = db.execute(f"{_SELECT} WHERE id = ?", [review_id]).fetchone()
    return _review(row) if row else None


def reviews_of(db: Database, page_id: str) -> list[ReviewRow]:
    """Return every review of a page, the oldest first."""
    rows = db.execute(f"{_SELECT} WHERE page_id = ? ORDER BY id", [page_id])
    return [_review(row) for row in rows.fetchall()]


def pages_of(db: Database, review_ids: Sequence[int]) -> dict[int, str]:
    """Return the pages of those reviews that are known, by the review's number."""
    rows = db.execute(
        "SELECT id, page_id FROM reviews WHERE id IN (SELECT value FROM json_each(?))",
        [json.dumps(list(review_ids))],
    )
    return {int(row[0]): str(row[1]) for row in rows.fetchall()}


def last_usage(db: Database, page_id: str) -> Usage:
    """Return what the last review of a page used; nothing where there was none."""
    row = db.execute(
        "SELECT requests, input_tokens, cached_tokens, output_tokens, cost_usd FROM reviews"
        " WHERE page_id = ? AND kind = 'review' ORDER BY id DESC LIMIT 1",
        [page_id],
    ).fetchone()
    return Usage(*row) if row else Usage()


def content_hash(db: Database, review_id: int) -> str:
    """Return the hash of what a review read; "" for no such review."""
    row = db.execute("SELECT hash FROM reviews WHERE id = ?", [review_id]).fetchone()
    return str(row[0]) if row else ""


def last_question(db: Database, page_id: str) -> str:
    """Return what the last review of a page asked; "" where it asked nothing."""
    row = db.execute(
        "SELECT question FROM reviews WHERE page_id = ? AND kind = 'review'"
        " ORDER BY id DESC LIMIT 1",
        [page_id],
    ).fetchone()
    return str(row[0]) if row else ""


@dataclass(frozen=True, slots=True)
class ReviewedLine:
    """One block as a review read it; `text` is its line with its own mark, as in `Block.line`."""

    id: str
    type: str
    depth: int
    text: str


@dataclass(frozen=True, slots=True)
class ReviewedText:
    """A page as a review read it."""

    title: str
    properties: tuple[tuple[str, str], ...]
    lines: tuple[ReviewedLine, ...]

    @classmethod
    def of(cls, snapshot: Snapshot) -> ReviewedText:
        """Return the text of a snapshot as people read it."""
        page = snapshot.page
        lines = (ReviewedLine(one.id, one.type, one.depth, one.line) for one in snapshot.blocks)
        return cls(page.title, page.properties, tuple(lines))

    @property
    def reviewed(self) -> Reviewed:
        """What a later comparison needs of it."""
        lines = tuple((one.id, one.text) for one in self.lines)
        depths = tuple(one.depth for one in self.lines)
        return Reviewed(self.title, self.properties, lines, depths=depths)


@dataclass(frozen=True, slots=True)
class ReviewSummary:
    """One review in the list of a page."""

    review_id: int
    at: datetime
    outcome: str
    model: str
    prompt: str
    findings: int
    cost_usd: float


def save_text(db: Database, review_id: int, page_id: str, text: ReviewedText, at: datetime) -> None:
    """Store the text that a review read, compressed."""
    lines = [(one.id, one.type, one.depth, one.text) for one in text.lines]
    data: list[Any] = [text.title, text.properties, lines]
    body = json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()
    db.execute(
        "INSERT INTO texts (review_id, page_id, at, body) VALUES (?, ?, ?, ?)",
        [review_id, page_id, iso(at), zlib.compress(body)],
    )


def text(db: Database, review_id: int) -> ReviewedText | None:
    """Return the text that a review read; None once it was deleted."""
    row = db.execute("SELECT body FROM texts WHERE review_id = ?", [review_id]).fetchone()
    if row is None:
        return None
    title, properties, lines = json.loads(zlib.decompress(row[0]))
    return ReviewedText(
        title,
        tuple((name, value) for name, value in properties),
        tuple(ReviewedLine(*line) for line in lines),
    )


def latest_texts(db: Database, source_ids: Iterable[str], limit: int) -> list[tuple[int, str]]:
    """Return (review, page) of the last texts that are kept of some data sources, the last first.

    The text of a page that was paused, left or is gone counts too.
    """
    rows = db.execute(
        "SELECT review_id, page_id FROM texts WHERE page_id IN (SELECT id FROM pages"
        " WHERE source_id IN (SELECT value FROM json_each(?))) ORDER BY review_id DESC LIMIT ?",
        [json.dumps(list(source_ids)), limit],
    )
    return [(row[0], row[1]) for row in rows.fetchall()]


def text_after(db: Database, page_id: str, review_id: int) -> ReviewedText | None:
    """Return the last text of a page, where that is of a later review than this one."""
    row = db.execute("SELECT max(review_id) FROM texts WHERE page_id = ?", [page_id]).fetchone()
    return text(db, row[0]) if row[0] and row[0] > review_id else None


def text_before(db: Database, page_id: str, review_id: int) -> ReviewedText | None:
    """Return the text that the review before this one read, or None."""
    row = db.execute(
        "SELECT max(review_id) FROM texts WHERE page_id = ? AND review_id < ?",
        [page_id, review_id],
    ).fetchone()
    return text(db, row[0]) if row[0] else None


def read_since(db: Database, page_id: str, at: datetime) -> Reviewed | None:
    """Return what the first review at a time or later read of a page, or None."""
    row = db.execute(
        "SELECT min(review_id) FROM texts WHERE page_id = ? AND at >= ?", [page_id, iso(at)]
    ).fetchone()
    found = text(db, row[0]) if row[0] else None
    return found.reviewed if found else None


def recent(db: Database, page_id: str, limit: int) -> list[ReviewSummary]:
    """Return the last reviews of a page, the newest first."""
    rows = db.execute(
        "SELECT reviews.id, reviews.at, outcome, model, prompt,"
        " (SELECT count(*) FROM findings WHERE review_id = reviews.id), cost_usd"
        " FROM reviews WHERE reviews.page_id = ? AND kind = 'review'"
        " ORDER BY reviews.id DESC LIMIT ?",
        [page_id, limit],
    )
    return [ReviewSummary(number, when(at), *rest) for number, at, *rest in rows.fetchall()]


def prune_texts(db: Database, before: datetime) -> None:
    """Forget what older reviews read.

    The last text of each page stays, and what an open finding was made on: whether that is
    fixed is seen by comparing.
    """
    db.execute(
        "DELETE FROM texts WHERE at < ? AND EXISTS (SELECT 1 FROM texts AS later"
        " WHERE later.page_id = texts.page_id AND later.review_id > texts.review_id)"
        " AND NOT EXISTS (SELECT 1 FROM findings WHERE findings.review_id = texts.review_id"
        " AND state IN ('open', 'answered', 'held', 'kept'))",
        [iso(before)],
    )


def reserve_spending(db: Database, day: date, page_id: str, model: str, worst: Usage) -> int:
    """Reserve the most that a request may use; return the reservation's number."""
    row = db.execute(
        "INSERT INTO reservations (day, page_id, model, input_tokens, output_tokens, cost_usd)"
        " VALUES (?, ?, ?, ?, ?, ?) RETURNING id",
        [
            day.isoformat(),
            page_id,
            model,
            worst.input_tokens,
            worst.output_tokens,
            worst.cost_usd,
        ],
    ).fetchone()
    return int(row[0])


def record_spending(db: Database, number: int, usage: Usage | None) -> None:
    """Replace a reservation by what was used, on the day of the reservation; None for nothing."""
    with db.atomic():
        row = db.execute(
            "DELETE FROM reservations WHERE id = ? RETURNING day, page_id, model", [number]
        ).fetchone()
        if row and usage:
            _add_spending(db, row[0], row[1], row[2], usage)


def _add_spending(db: Database, day: str, page_id: str, model: str, usage: Usage) -> None:
    db.execute(
        "INSERT INTO spending VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
        " requests = requests + excluded.requests,"
        " input_tokens = input_tokens + excluded.input_tokens,"
        " cached_tokens = cached_tokens + excluded.cached_tokens,"
        " output_tokens = output_tokens + excluded.output_tokens,"
        " cost_usd = cost_usd + excluded.cost_usd",
        [
            day,
            page_id,
            model,
            usage.requests,
            usage.input_tokens,
            usage.cached_tokens,
            usage.output_tokens,
            usage.cost_usd,
        ],
    )


def spent(db: Database, first: date, last: date | None = None, page_id: str | None = None) -> Usage:
    """Return what was used from one day to another, reservations without a record included.

    Args:
        db: The state.
        first: The first day.
        last: The last day; None for the first alone.
        page_id: Of this page only.
    """
    values = [first.isoformat(), (last or first).isoformat(), page_id]
    row = db.execute(
        "SELECT coalesce(sum(requests), 0), coalesce(sum(input_tokens), 0),"
        " coalesce(sum(cached_tokens), 0), coalesce(sum(output_tokens), 0),"
        " coalesce(sum(cost_usd), 0.0) FROM spending"
        " WHERE day BETWEEN ?1 AND ?2 AND (?3 IS NULL OR page_id = ?3)",
        values,
    ).fetchone()
    reserved = db.execute(
        "SELECT count(*), coalesce(sum(input_tokens), 0), 0, coalesce(sum(output_tokens), 0),"
        " coalesce(sum(cost_usd), 0.0) FROM reservations"
        " WHERE day BETWEEN ?1 AND ?2 AND (?3 IS NULL OR page_id = ?3)",
        values,
    ).fetchone()
    return Usage(*row) + Usage(*reserved)


def merge_spending(db: Database, before: date) -> None:
    """Add up the pages of each day before one: what each model cost a day stays."""
    with db.atomic():
        old = db.execute(
            "DELETE FROM spending WHERE day < ? AND page_id != '' RETURNING *", [before.isoformat()]
        ).fetchall()
        for day, _, model, *numbers in old:
            _add_spending(db, day, "", model, Usage(*numbers))
        db.execute("DELETE FROM reservations WHERE day < ?", [before.isoformat()])


def merge_spending_of(db: Database, page_id: str) -> None:
    """Count what a page cost without naming it."""
    with db.atomic():
        old = db.execute("DELETE FROM spending WHERE page_id = ? RETURNING *", [page_id]).fetchall()
        for day, _, model, *numbers in old:
            _add_spending(db, day, "", model, Usage(*numbers))
        db.execute("UPDATE reservations SET page_id = '' WHERE page_id = ?", [page_id])
