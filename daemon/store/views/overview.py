"""Figures about the whole state, for status, metrics, alerts and doctor."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlite_utils import Database

from daemon.domain.times import when


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
