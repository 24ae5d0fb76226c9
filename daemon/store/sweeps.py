"""Sweeps, alerts, and the decisions that `explain` shows."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from sqlite_utils import Database

from daemon.domain.times import iso
from daemon.store import pages, prompts, reviews, spending, threads


RETENTION = timedelta(days=90)
AFTER_LEAVING = timedelta(days=30)


def begin_sweep(db: Database, at: datetime) -> int:
    """Record that a sweep began and return its number."""
    row = db.execute("INSERT INTO sweeps (started) VALUES (?) RETURNING id", [iso(at)])
    return int(row.fetchone()[0])


def end_sweep(
    db: Database, sweep_id: int, result: dict[str, Any], at: datetime, *, of_page: str | None = None
) -> None:
    """Record how a sweep ended; `of_page` is the page where it was about one alone."""
    if of_page is not None:
        result = {**result, "of_page": of_page}
    db.execute(
        "UPDATE sweeps SET finished = ?, result = ? WHERE id = ?",
        [iso(at), json.dumps(result), sweep_id],
    )


def last_sweep(db: Database) -> dict[str, Any] | None:
    """Return the result of the last finished sweep over the databases, or None."""
    row = db.execute(
        "SELECT result FROM sweeps WHERE result IS NOT NULL"
        " AND json_extract(result, '$.of_page') IS NULL ORDER BY id DESC LIMIT 1"
    ).fetchone()
    return json.loads(row[0]) if row else None


def raise_alert(db: Database, name: str, text: str, at: datetime) -> bool:
    """Record an alert; return whether it is new."""
    row = db.execute(
        "INSERT INTO alerts VALUES (?, ?, ?) ON CONFLICT DO NOTHING RETURNING name",
        [name, text, iso(at)],
    ).fetchone()
    return row is not None


def clear_alert(db: Database, name: str) -> bool:
    """Remove an alert; return whether it stood."""
    row = db.execute("DELETE FROM alerts WHERE name = ? RETURNING name", [name]).fetchone()
    return row is not None


def alerts(db: Database) -> list[dict[str, str]]:
    """Return the alerts that stand, the oldest first."""
    rows = db.execute("SELECT name, text, since FROM alerts ORDER BY since, name").fetchall()
    return [{"name": row[0], "text": row[1], "since": row[2]} for row in rows]


def record_decision(db: Database, page_id: str, at: datetime, what: str, detail: str = "") -> None:
    """Record a decision about a page, for `explain`."""
    db.execute(
        "INSERT INTO decisions (page_id, at, what, detail) VALUES (?, ?, ?, ?)",
        [page_id, iso(at), what, detail],
    )


def decisions(db: Database, page_id: str) -> list[tuple[str, str, str]]:
    """Return (time, what, detail) of every decision about a page, the oldest first."""
    rows = db.execute(
        "SELECT at, what, detail FROM decisions WHERE page_id = ? ORDER BY id", [page_id]
    )
    return [(row[0], row[1], row[2]) for row in rows.fetchall()]


def prune(db: Database, now: datetime) -> None:
    """Delete what is kept long enough.

    Sweeps, decisions and the texts that reviews read go after `RETENTION`; the last text of each
    page stays, and what each model cost on each day. The words of people go so long after the last
    review of their page, and all of a page goes `AFTER_LEAVING`. The text of a version of a prompt
    goes with the last review that was made under it.
    """
    end = now - RETENTION
    with db.atomic():
        reviews.prune_texts(db, end)
        db.execute("DELETE FROM sweeps WHERE started < ?", [iso(end)])
        db.execute("DELETE FROM decisions WHERE at < ?", [iso(end)])
        spending.merge_pages(db, end.date())
        for page_id in pages.left_before(db, now - AFTER_LEAVING):
            pages.forget(db, page_id)
        prompts.prune_versions(db)
        for row in pages.by_ids(db, threads.pages_with_words(db)).values():
            if (row.reviewed_at or row.read_at or row.edited) < end:
                threads.forget_words(db, row.id)
