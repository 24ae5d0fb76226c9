"""What is wrong with prompt pages, which a comment on each says."""

from __future__ import annotations

from sqlite_utils import Database


def wrong(db: Database, page_id: str) -> str:
    """Return what is wrong with a prompt page; "" where nothing is."""
    row = db.execute("SELECT mistakes FROM notices WHERE page_id = ?", [page_id]).fetchone()
    return row[0] if row else ""


def note(db: Database, page_id: str, mistakes: str) -> None:
    """Keep what is wrong with a page; "" once nothing is, until its comment is taken back."""
    if mistakes or wrong(db, page_id):
        db.execute(
            "INSERT INTO notices (page_id, mistakes) VALUES (?, ?)"
            " ON CONFLICT (page_id) DO UPDATE SET mistakes = excluded.mistakes",
            [page_id, mistakes],
        )


def every(db: Database) -> list[tuple[str, str]]:
    """Return (page, what is wrong) of each page with something to say or to take back."""
    rows = db.execute("SELECT page_id, mistakes FROM notices ORDER BY page_id")
    return [(row[0], row[1]) for row in rows.fetchall()]


def forget(db: Database, page_id: str) -> None:
    """Forget a page whose comment is gone."""
    db.execute("DELETE FROM notices WHERE page_id = ?", [page_id])
