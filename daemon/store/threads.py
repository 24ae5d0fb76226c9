"""Comments that were seen, the threads they stand in, and when each place was last looked at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlite_utils import Database

from daemon.domain.values import AuthorKind, Thread
from daemon.store.database import iso, when


# What became of a comment. WAITING is not stored: only what was decided is.
SEEN, ANSWERED, LEFT = "seen", "answered", "left"


# How much of a person's comment is kept.
KEPT_CHARS = 500
# Comments of one listing.
LISTED = 100


@dataclass(frozen=True, slots=True)
class SeenComment:
    """What is kept of a comment: whether it is new is a question of ids, never of times.

    `text` is the beginning of what a person wrote, else "".
    """

    id: str
    edited: datetime
    state: str
    thread_id: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class ThreadRow:
    """What is kept of a thread."""

    id: str
    block_id: str | None
    replies: int
    handed_over: bool
    gone_at: datetime | None


@dataclass(frozen=True, slots=True)
class Place:
    """A block, or a page under its own id, whose comments can be listed.

    Attributes:
        page_id: The page.
        place: The block's id, or the page's.
        known: Whether an open thread stands there; the page's own place always counts.
        looked_at: When its comments were last listed.
        requests: How many requests that takes, as far as is known.
    """

    page_id: str
    place: str
    known: bool
    looked_at: datetime
    requests: int = 1


def comments(db: Database, page_id: str) -> dict[str, SeenComment]:
    """Return the comments of a page that were decided on, by id."""
    rows = db.execute(
        "SELECT id, edited, state, discussion_id, text FROM comments WHERE page_id = ?", [page_id]
    )
    return {
        row[0]: SeenComment(row[0], when(row[1]), row[2], row[3], row[4]) for row in rows.fetchall()
    }


def save_thread(db: Database, page_id: str, thread: Thread, states: Mapping[str, str]) -> None:
    """Record a thread as it was listed; `states` says what was decided of new comments."""
    with db.atomic():
        db.execute(
            "INSERT INTO threads (id, page_id, block_id) VALUES (?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET gone_at = NULL",
            [thread.id, page_id, thread.block_id],
        )
        db.conn.executemany(
            "INSERT INTO comments (id, page_id, discussion_id, kind, edited, state, text, author)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET"
            " edited = excluded.edited, state = excluded.state, text = excluded.text",
            [
                [
                    comment.id,
                    page_id,
                    thread.id,
                    comment.author.kind.value,
                    iso(comment.edited),
                    states[comment.id],
                    comment.plain[:KEPT_CHARS] if comment.author.kind is AuthorKind.PERSON else "",
                    comment.author.name if comment.author.kind is AuthorKind.PERSON else "",
                ]
                for comment in thread.comments
                if comment.id in states
            ],
        )


def threads(db: Database, page_id: str) -> dict[str, ThreadRow]:
    """Return the known threads of a page, by id."""
    rows = db.execute(
        "SELECT id, block_id, replies, handed_over, gone_at FROM threads WHERE page_id = ?",
        [page_id],
    )
    return {
        row[0]: ThreadRow(row[0], row[1], row[2], bool(row[3]), row[4] and when(row[4]))
        for row in rows.fetchall()
    }


def replied(db: Database, thread_id: str, *, handed_over: bool = False) -> None:
    """Count one reply of our own in a thread."""
    db.execute(
        "UPDATE threads SET replies = replies + 1, handed_over = max(handed_over, ?) WHERE id = ?",
        [int(handed_over), thread_id],
    )


def gone(db: Database, thread_ids: Iterable[str], at: datetime) -> None:
    """Record that threads left the list of open ones: people resolved or deleted them."""
    with db.atomic():
        db.conn.executemany(
            "UPDATE threads SET gone_at = ? WHERE id = ?", [[iso(at), id_] for id_ in thread_ids]
        )


def adopt(db: Database, page_id: str) -> None:
    """Record the threads that findings began as soon as they were posted, listed or not."""
    db.execute(
        "INSERT INTO threads (id, page_id, block_id)"
        " SELECT discussion_id, page_id, block_id FROM findings"
        " WHERE page_id = ? AND discussion_id IS NOT NULL ON CONFLICT DO NOTHING",
        [page_id],
    )


def looked(db: Database, page_id: str, places: Iterable[str], at: datetime) -> None:
    """Record that the comments of places were listed."""
    looked_at = iso(at)
    with db.atomic():
        db.conn.executemany(
            "INSERT INTO looks (page_id, place, looked_at) VALUES (?, ?, ?)"
            " ON CONFLICT DO UPDATE SET looked_at = excluded.looked_at",
            [[page_id, place, looked_at] for place in places],
        )


def looks(db: Database, page_id: str) -> dict[str, datetime]:
    """Return when each place of a page was last listed."""
    rows = db.execute("SELECT place, looked_at FROM looks WHERE page_id = ?", [page_id])
    return {row[0]: when(row[1]) for row in rows.fetchall()}


def keep_places(db: Database, page_id: str, places: Iterable[str], at: datetime) -> None:
    """Make exactly these the places of a page, and mark those that have open threads."""
    wanted, looked_at = [page_id, *places], iso(at)
    with db.atomic():
        db.conn.executemany(
            "INSERT INTO looks (page_id, place, looked_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            [[page_id, place, looked_at] for place in wanted],
        )
        have = db.execute("SELECT place FROM looks WHERE page_id = ?", [page_id]).fetchall()
        lost = {row[0] for row in have} - set(wanted)
        db.conn.executemany(
            "DELETE FROM looks WHERE page_id = ? AND place = ?", [[page_id, id_] for id_ in lost]
        )
        mark_known(db, page_id)


def forget_places(db: Database, page_id: str, places: Iterable[str]) -> None:
    """Take places off the list of those to look at: their blocks are gone."""
    with db.atomic():
        db.conn.executemany(
            "DELETE FROM looks WHERE page_id = ? AND place = ?", [[page_id, id_] for id_ in places]
        )


def mark_known(db: Database, page_id: str) -> None:
    """Mark the places that have open threads, or findings that may have some by now.

    The page's own place always counts.
    """
    db.execute(
        "UPDATE looks SET known = place = page_id OR place IN"
        " (SELECT block_id FROM threads WHERE page_id = ?1 AND gone_at IS NULL"
        " AND block_id IS NOT NULL) OR place IN"
        " (SELECT block_id FROM findings WHERE page_id = ?1 AND state IN ('open', 'answered'))"
        " WHERE page_id = ?1",
        [page_id],
    )


def oldest_looks(
    db: Database, sources: Sequence[str], since: datetime, limit: int, *, known: bool
) -> list[Place]:
    """Return the places looked at longest ago, of pages reviewed after `since` or paused."""
    marks = ", ".join("?" * len(sources))
    rows = db.execute(
        "SELECT looks.page_id, looks.place, looks.known, looks.looked_at,"  # noqa: S608 - marks
        " (SELECT count(*) FROM threads JOIN comments ON comments.discussion_id = threads.id"
        " WHERE threads.page_id = looks.page_id AND threads.gone_at IS NULL"
        " AND coalesce(threads.block_id, threads.page_id) = looks.place)"
        " FROM looks JOIN pages ON pages.id = looks.page_id"
        " WHERE looks.known = ? AND (pages.reviewed_at >= ? OR pages.paused)"
        f" AND pages.state IN ('done', 'due') AND pages.source_id IN ({marks})"
        " ORDER BY looks.looked_at, looks.page_id, looks.place LIMIT ?",
        [int(known), iso(since), *sources, limit],
    )
    return [
        Place(row[0], row[1], bool(row[2]), when(row[3]), 1 + row[4] // LISTED)
        for row in rows.fetchall()
    ]


def users(db: Database) -> dict[str, tuple[str, AuthorKind]]:
    """Return the users that were looked up: id to (name, kind)."""
    rows = db.execute("SELECT id, name, kind FROM users").fetchall()
    return {row[0]: (row[1], AuthorKind(row[2])) for row in rows}


def save_user(db: Database, user_id: str, name: str, kind: AuthorKind, at: datetime) -> None:
    """Record a user."""
    db.execute(
        "INSERT INTO users VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET"
        " name = excluded.name, kind = excluded.kind, seen_at = excluded.seen_at",
        [user_id, name, kind.value, iso(at)],
    )


def oldest_places(db: Database, page_id: str, limit: int) -> list[str]:
    """Return the blocks of a page without a known thread, looked at longest ago first."""
    rows = db.execute(
        # With `known = 0` SQLite would go through the looks of all pages, the oldest first.
        "SELECT place FROM looks WHERE page_id = ? AND NOT known ORDER BY looked_at, place LIMIT ?",
        [page_id, limit],
    )
    return [row[0] for row in rows.fetchall()]
