"""What each review read, block by block: for people who step through earlier reviews."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlite_utils import Database

from daemon.domain.values import Snapshot
from daemon.store.database import iso, when


@dataclass(frozen=True, slots=True)
class Line:
    """One block as a review read it; `text` is its line with its own mark, as in `Block.line`."""

    id: str
    type: str
    depth: int
    text: str


@dataclass(frozen=True, slots=True)
class Text:
    """A page as a review read it."""

    title: str
    properties: tuple[tuple[str, str], ...]
    lines: tuple[Line, ...]

    @classmethod
    def of(cls, snapshot: Snapshot) -> Text:
        """Keep what people read."""
        page = snapshot.page
        lines = (Line(one.id, one.type, one.depth, one.line) for one in snapshot.blocks)
        return cls(page.title, page.properties, tuple(lines))


@dataclass(frozen=True, slots=True)
class Step:
    """A review that one can step to; its text may be kept no longer."""

    review_id: int
    at: datetime
    outcome: str
    model: str
    prompt: str
    findings: int
    cost_usd: float
    has_text: bool


def keep(db: Database, review_id: int, page_id: str, text: Text, at: datetime) -> None:
    """Store what a review read, compressed."""
    lines = [(one.id, one.type, one.depth, one.text) for one in text.lines]
    data: list[Any] = [text.title, text.properties, lines]
    body = json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()
    db.execute(
        "INSERT INTO texts (review_id, page_id, at, body) VALUES (?, ?, ?, ?)",
        [review_id, page_id, iso(at), zlib.compress(body)],
    )


def text(db: Database, review_id: int) -> Text | None:
    """Return what a review read, or None where it is kept no longer."""
    row = db.execute("SELECT body FROM texts WHERE review_id = ?", [review_id]).fetchone()
    if row is None:
        return None
    title, properties, lines = json.loads(zlib.decompress(row[0]))
    return Text(
        title,
        tuple((name, value) for name, value in properties),
        tuple(Line(*line) for line in lines),
    )


def before(db: Database, page_id: str, review_id: int) -> Text | None:
    """Return what the review before this one read, or None where there is none."""
    row = db.execute(
        "SELECT max(review_id) FROM texts WHERE page_id = ? AND review_id < ?",
        [page_id, review_id],
    ).fetchone()
    return text(db, row[0]) if row[0] else None


def steps(db: Database, page_id: str, limit: int) -> list[Step]:
    """Return the last reviews of a page, the newest first."""
    rows = db.execute(
        "SELECT reviews.id, reviews.at, outcome, model, prompt,"
        " (SELECT count(*) FROM findings WHERE review_id = reviews.id), cost_usd,"
        " EXISTS (SELECT 1 FROM texts WHERE review_id = reviews.id)"
        " FROM reviews WHERE reviews.page_id = ? AND kind = 'review'"
        " ORDER BY reviews.id DESC LIMIT ?",
        [page_id, limit],
    )
    return [
        Step(row[0], when(row[1]), row[2], row[3], row[4], row[5], row[6], bool(row[7]))
        for row in rows.fetchall()
    ]


def forget(db: Database, before: datetime) -> None:
    """Forget what older reviews read; the last text of each page stays."""
    db.execute(
        "DELETE FROM texts WHERE at < ? AND EXISTS (SELECT 1 FROM texts AS later"
        " WHERE later.page_id = texts.page_id AND later.review_id > texts.review_id)",
        [iso(before)],
    )
