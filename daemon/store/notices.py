"""What is wrong with prompt pages: read now, and said in a comment on each."""

from __future__ import annotations

from datetime import datetime

from sqlite_utils import Database

from daemon.store.database import iso, when


def wrong(db: Database, page_id: str) -> tuple[str, datetime] | None:
    """Return what is wrong with a prompt page and when it was read; None where nothing is."""
    row = db.execute(
        "SELECT mistakes, read_at FROM notices WHERE page_id = ? AND mistakes != ''", [page_id]
    ).fetchone()
    return (row[0], when(row[1])) if row else None


def note(db: Database, page_id: str, mistakes: str, read_at: datetime) -> None:
    """Keep what is wrong with a page; "" once nothing is, until its comment is taken back."""
    if mistakes or wrong(db, page_id):
        db.execute(
            "INSERT INTO notices (page_id, mistakes, read_at) VALUES (?, ?, ?)"
            " ON CONFLICT (page_id) DO UPDATE SET mistakes = excluded.mistakes,"
            " read_at = excluded.read_at",
            [page_id, mistakes, iso(read_at)],
        )


def every(db: Database) -> list[tuple[str, str]]:
    """Return (page, what is wrong) of each page with something to say or to take back."""
    rows = db.execute("SELECT page_id, mistakes FROM notices ORDER BY page_id")
    return [(row[0], row[1]) for row in rows.fetchall()]


def forget(db: Database, page_id: str) -> None:
    """Forget a page whose comment is gone."""
    db.execute("DELETE FROM notices WHERE page_id = ?", [page_id])
