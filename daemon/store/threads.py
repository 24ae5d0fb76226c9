"""Comments that were seen, their threads, and when each place was last listed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlite_utils import Database

from daemon.domain.comments import CommentState
from daemon.domain.notation import iso, when
from daemon.domain.records import KEPT_CHARS, Place, SeenComment, ThreadRow
from daemon.domain.values import AuthorKind, Thread


# Comments in one answer of Notion.
LISTED = 100


def comments(db: Database, page_id: str) -> dict[str, SeenComment]:
    """Return the comments of a page that were decided on, by id."""
    rows = db.execute(
        "SELECT id, edited, state, discussion_id, text, author FROM comments WHERE page_id = ?",
        [page_id],
    )
    return {
        row[0]: SeenComment(row[0], when(row[1]), CommentState.parse(row[2]), *row[3:])
        for row in rows.fetchall()
    }


def of_another_state(db: Database, page_id: str) -> int:
    """Count the threads of a page with words of ours that this state did not post."""
    (number,) = db.execute(
        "SELECT count(DISTINCT discussion_id) FROM comments WHERE page_id = ?1 AND kind = 'own'"
        " AND id NOT IN (SELECT comment_id FROM outbox"
        "  WHERE page_id = ?1 AND comment_id IS NOT NULL)",
        [page_id],
    ).fetchone()
    return int(number)


def save_thread(
    db: Database, page_id: str, thread: Thread, states: Mapping[str, CommentState]
) -> None:
    """Record a thread as it was listed, and the states of its comments that were decided on."""
    talkers = (AuthorKind.PERSON, AuthorKind.OWN)
    decided = [one for one in thread.comments if one.id in states]
    spoken = max((iso(one.edited) for one in decided if one.author.kind in talkers), default=None)
    with db.atomic():
        db.execute(
            "INSERT INTO threads (id, page_id, block_id, spoken_at) VALUES (?1, ?2, ?3, ?4)"
            " ON CONFLICT (id) DO UPDATE SET gone_at = NULL,"
            " spoken_at = max(coalesce(spoken_at, ?4), coalesce(?4, spoken_at))",
            [thread.id, page_id, thread.block_id, spoken],
        )
        if spoken:
            db.execute(
                "UPDATE pages SET spoken_at = max(coalesce(spoken_at, ''), ?) WHERE id = ?",
                [spoken, page_id],
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
                    str(states[comment.id]),
                    comment.plain[:KEPT_CHARS] if comment.author.kind is AuthorKind.PERSON else "",
                    comment.author.name if comment.author.kind is AuthorKind.PERSON else "",
                ]
                for comment in decided
            ],
        )
        for comment in decided:
            if comment.author.kind is AuthorKind.PERSON:
                save_act(db, page_id, comment.author.id, comment.edited)


def save_act(db: Database, page_id: str, person: str, at: datetime) -> None:
    """Record that a person edited a page, or commented on it."""
    db.execute(
        "INSERT INTO acts VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET at = max(at, excluded.at)",
        [page_id, person, iso(at)],
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


def count_reply(db: Database, thread_id: str) -> None:
    """Count one answer of the reviewer in a thread."""
    db.execute("UPDATE threads SET replies = replies + 1 WHERE id = ?", [thread_id])


def hand_over(db: Database, thread_id: str) -> None:
    """Record that a thread was left to people."""
    db.execute("UPDATE threads SET handed_over = 1 WHERE id = ?", [thread_id])


def mark_gone(db: Database, thread_ids: Iterable[str], at: datetime) -> None:
    """Record that people resolved or deleted threads: these are no longer listed."""
    with db.atomic():
        db.conn.executemany(
            "UPDATE threads SET gone_at = ? WHERE id = ?", [[iso(at), id_] for id_ in thread_ids]
        )


def add_from_findings(db: Database, page_id: str) -> None:
    """Record the threads that posted findings began, before Notion lists them."""
    db.execute(
        "INSERT INTO threads (id, page_id, block_id)"
        " SELECT discussion_id, page_id, block_id FROM findings"
        " WHERE page_id = ? AND discussion_id IS NOT NULL ON CONFLICT DO NOTHING",
        [page_id],
    )


def record_listing(db: Database, page_id: str, places: Iterable[str], at: datetime) -> None:
    """Record when the comments of places were listed."""
    looked_at = iso(at)
    with db.atomic():
        db.conn.executemany(
            "INSERT INTO looks (page_id, place, looked_at) VALUES (?, ?, ?)"
            " ON CONFLICT DO UPDATE SET looked_at = excluded.looked_at",
            [[page_id, place, looked_at] for place in places],
        )


def last_listed(db: Database, page_id: str) -> dict[str, datetime]:
    """Return when the comments of each place of a page were last listed."""
    rows = db.execute("SELECT place, looked_at FROM looks WHERE page_id = ?", [page_id])
    return {row[0]: when(row[1]) for row in rows.fetchall()}


def set_places(db: Database, page_id: str, places: Iterable[str], at: datetime) -> None:
    """Make these and the page itself its only places, and mark those with open threads."""
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
        mark_places_with_threads(db, page_id)


def remove_places(db: Database, page_id: str, places: Iterable[str]) -> None:
    """Delete places whose blocks are gone."""
    with db.atomic():
        db.conn.executemany(
            "DELETE FROM looks WHERE page_id = ? AND place = ?", [[page_id, id_] for id_ in places]
        )


def mark_places_with_threads(db: Database, page_id: str) -> None:
    """Mark the places with open threads, those with live findings, and the page itself."""
    db.execute(
        "UPDATE looks SET known = place = page_id OR place IN"
        " (SELECT block_id FROM threads WHERE page_id = ?1 AND gone_at IS NULL"
        " AND block_id IS NOT NULL) OR place IN"
        " (SELECT block_id FROM findings WHERE page_id = ?1 AND state IN ('open', 'answered'))"
        " WHERE page_id = ?1",
        [page_id],
    )


# The comments of the open threads at a place.
_OPEN = (
    "FROM threads JOIN comments ON comments.discussion_id = threads.id"
    " WHERE threads.page_id = looks.page_id AND threads.gone_at IS NULL"
    " AND coalesce(threads.block_id, threads.page_id) = looks.place"
)


def places_to_list(
    db: Database,
    sources: Sequence[str],
    since: datetime,
    limit: int,
    *,
    known: bool,
    stirred: datetime | None = None,
) -> list[Place]:
    """Return places of pages reviewed after `since` or paused, those listed longest ago first.

    With `stirred` only those where something happened since then, the latest first. A thread in
    which the reviewer wrote is known on any page.
    """
    tables, which = "looks INDEXED BY looks_oldest CROSS JOIN pages", "looks.known"
    order = "looks.looked_at, looks.page_id, looks.place"
    if stirred is not None:
        # Those of one page are found by the page, not among the known ones of all.
        tables, which = "pages INDEXED BY pages_stirred CROSS JOIN looks", "+looks.known"
        order = "pages.stirred_at DESC"
    rows = db.execute(
        "SELECT looks.page_id, looks.place, looks.known, looks.looked_at,"  # noqa: S608 - own words
        f" (SELECT count(*) {_OPEN}), CASE WHEN known THEN max(pages.edited,"
        f" coalesce(reviewed_at, ''), coalesce((SELECT max(threads.spoken_at) {_OPEN}), ''))"
        f" ELSE pages.stirred_at END, EXISTS (SELECT 1 {_OPEN} AND comments.state LIKE 'tried%')"
        f" FROM {tables} ON looks.page_id = pages.id"
        f" WHERE {which} = ? AND pages.stirred_at >= ? AND (pages.state IN ('done', 'due')"
        " AND (pages.reviewed_at >= ? OR pages.paused) OR pages.state = 'baselined' AND known"
        " AND EXISTS (SELECT 1 FROM outbox JOIN threads ON threads.id = outbox.target"
        " WHERE outbox.page_id = pages.id AND outbox.place = looks.place"
        " AND threads.gone_at IS NULL))"
        " AND pages.source_id IN (SELECT value FROM json_each(?))"
        f" ORDER BY {order} LIMIT ?",
        [int(known), iso(stirred) if stirred else "", iso(since), json.dumps(list(sources)), limit],
    )
    return _places(rows)


def named_places(
    db: Database, sources: Sequence[str], since: datetime, named: Sequence[tuple[str, str]]
) -> list[Place]:
    """Return those of some places, given by page and place, that sweeps look at some time.

    In the place of a block of a page that was never reviewed, and whose blocks are not known yet,
    stands the page: they are learned there.
    """
    return _places(
        db.execute(
            "SELECT DISTINCT pages.id, coalesce(looks.place, pages.id), coalesce(looks.known, 0),"
            " coalesce(looks.looked_at, pages.edited), 0, pages.stirred_at, 0"
            " FROM json_each(?) JOIN pages ON pages.id = json_each.value ->> 0 LEFT JOIN looks"
            " ON looks.page_id = pages.id AND looks.place = json_each.value ->> 1"
            " WHERE (pages.state = 'baselined' OR (looks.place IS NOT NULL AND pages.state IN"
            " ('done', 'due') AND (pages.reviewed_at >= ? OR pages.paused)))"
            " AND pages.source_id IN (SELECT value FROM json_each(?))"
            " ORDER BY json_each.key",
            [json.dumps(list(named)), iso(since), json.dumps(list(sources))],
        )
    )


def unreviewed_pages(db: Database, sources: Sequence[str], limit: int) -> list[Place]:
    """Return the own places of pages that were never reviewed, those listed longest ago first."""
    return _places(
        db.execute(
            "SELECT pages.id, pages.id, 0, coalesce(looks.looked_at, pages.edited) AS at, 0,"
            " pages.stirred_at, 0"
            " FROM pages LEFT JOIN looks ON looks.page_id = pages.id AND looks.place = pages.id"
            " WHERE pages.state = 'baselined' AND pages.source_id IN"
            " (SELECT value FROM json_each(?))"
            " ORDER BY looks.looked_at IS NOT NULL, at, pages.id LIMIT ?",
            [json.dumps(list(sources)), limit],
        )
    )


def unreviewed_blocks(db: Database, sources: Sequence[str], limit: int) -> list[Place]:
    """Return the known blocks of pages that were never reviewed, those listed longest ago first."""
    return _places(
        db.execute(
            "SELECT looks.page_id, looks.place, 0, looks.looked_at, 0, pages.stirred_at, 0"
            " FROM looks JOIN pages ON pages.id = looks.page_id"
            " WHERE pages.state = 'baselined' AND looks.place != looks.page_id"
            " AND pages.source_id IN (SELECT value FROM json_each(?))"
            " ORDER BY looks.looked_at, looks.page_id, looks.place LIMIT ?",
            [json.dumps(list(sources)), limit],
        )
    )


def _places(rows: Any) -> list[Place]:
    return [
        Place(
            row[0],
            row[1],
            known=bool(row[2]),
            talked=row[4] > 0 or (bool(row[2]) and row[0] != row[1]),
            looked_at=when(row[3]),
            stirred_at=when(row[5]),
            requests=1 + row[4] // LISTED,
            waits=bool(row[6]),
        )
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


def blocks_to_list(db: Database, page_id: str, limit: int) -> list[str]:
    """Return the blocks of a page without a known thread, those listed longest ago first."""
    rows = db.execute(
        # With `known = 0` SQLite would go through the looks of all pages, the oldest first.
        "SELECT place FROM looks WHERE page_id = ? AND NOT known ORDER BY looked_at, place LIMIT ?",
        [page_id, limit],
    )
    return [row[0] for row in rows.fetchall()]


def forget_words(db: Database, page_id: str) -> int:
    """Delete what people wrote on a page and their names; return of how many comments."""
    return int(
        db.execute(
            "UPDATE comments SET text = '', author = ''"
            " WHERE page_id = ? AND (text != '' OR author != '')",
            [page_id],
        ).rowcount
    )


def pages_with_words(db: Database) -> list[str]:
    """Return the ids of the pages of which words of people are kept."""
    rows = db.execute("SELECT DISTINCT page_id FROM comments WHERE text != '' OR author != ''")
    return [row[0] for row in rows.fetchall()]
