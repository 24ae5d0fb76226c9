"""What was done about a page: its reviews, for explain and retract."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from sqlite_utils import Database

from daemon.store.database import when


@dataclass(frozen=True, slots=True)
class Held:
    """A review as it was held; `refusals` are (tool, reason) pairs."""

    id: int
    page_id: str
    at: datetime
    kind: str
    outcome: str
    model: str
    summary: str
    refusals: tuple[tuple[str, str], ...]
    cost_usd: float


_SELECT = "SELECT id, page_id, at, kind, outcome, model, summary, refusals, cost_usd FROM reviews"


def _held(row: tuple[object, ...]) -> Held:
    id_, page, at, kind, outcome, model, summary, refusals, cost = row
    pairs = tuple((tool, reason) for tool, reason in json.loads(str(refusals)))
    return Held(
        int(str(id_)),
        str(page),
        when(str(at)),
        str(kind),
        str(outcome),
        str(model),
        str(summary),
        pairs,
        float(str(cost)),
    )


def review(db: Database, review_id: int) -> Held | None:
    """Return a review, or None."""
    row = db.execute(f"{_SELECT} WHERE id = ?", [review_id]).fetchone()
    return _held(row) if row else None


def reviews_of(db: Database, page_id: str) -> list[Held]:
    """Return every review of a page, the oldest first."""
    rows = db.execute(f"{_SELECT} WHERE page_id = ? ORDER BY id", [page_id])
    return [_held(row) for row in rows.fetchall()]
