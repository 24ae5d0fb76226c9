"""The outbox: every write to Notion is a row here before it is sent."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import astuple
from datetime import datetime
from typing import Any

from sqlite_utils import Database

from daemon.domain.notation import iso, when
from daemon.domain.records import RETURNING, DeliveryState, MessageKind, OutboxMessage


_COLUMNS = tuple(OutboxMessage.__dataclass_fields__)
_TIMES = ("created_at", "posted_at", "sent_at", "asked_at", "retracted_at", "lost_at")

_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM outbox"  # noqa: S608 - own names


def _message(values: Sequence[Any]) -> OutboxMessage:
    fields = dict(zip(_COLUMNS, values, strict=True))
    fields["kind"], fields["state"] = MessageKind(fields["kind"]), DeliveryState(fields["state"])
    for name in _TIMES:
        fields[name] = when(fields[name]) if fields[name] else None
    return OutboxMessage(**fields)


def add(db: Database, messages: Iterable[OutboxMessage]) -> None:
    """Put messages into the outbox; one whose key is there already stays as it is."""
    marks = ", ".join("?" * len(_COLUMNS))
    rows = [
        [iso(value) if isinstance(value, datetime) else value for value in astuple(message)]
        for message in messages
    ]
    with db.atomic():
        db.conn.executemany(
            f"INSERT INTO outbox ({', '.join(_COLUMNS)}) VALUES ({marks}) "  # noqa: S608 - own names
            "ON CONFLICT (key) DO NOTHING",
            rows,
        )


def undelivered(db: Database, page_id: str | None = None) -> list[OutboxMessage]:
    """Return the messages to be sent: replies, then the oldest; a summary before its edits."""
    rows = db.execute(
        f"{_SELECT} WHERE state IN ('intent', 'sending', 'unclear')"
        " AND (?1 IS NULL OR page_id = ?1)"
        " ORDER BY kind != 'reply', created_at, finding_id IS NULL, finding_id, kind = 'edit', key",
        [page_id],
    )
    return [_message(values) for values in rows.fetchall()]


def claim(db: Database, message: OutboxMessage) -> bool:
    """Claim a message before its POST: from then on Notion may have saved it.

    Returns False where the message changed since it was read, or an operator took it back: then it
    must not be sent.
    """
    row = db.execute(
        "UPDATE outbox SET state = 'sending', attempts = attempts + 1"
        " WHERE key = ? AND state = ? AND attempts = ? AND retracted_at IS NULL RETURNING key",
        [message.key, message.state.value, message.attempts],
    ).fetchone()
    return row is not None


def record_attempt(db: Database, message: OutboxMessage, at: datetime) -> bool:
    """Record when the POST of a message begins; called again for each attempt.

    Returns False where an operator took it back meanwhile: then it must not be sent.
    """
    begun = db.execute(
        "UPDATE outbox SET sent_at = ? WHERE key = ? AND retracted_at IS NULL",
        [iso(at), message.key],
    )
    return begun.rowcount > 0


def set_state(db: Database, key: str, state: DeliveryState, note: str | None = None) -> None:
    """Record how far a message is; without a note, the one before stays.

    One that was dropped, maybe by another process meanwhile, stays dropped for the reason it has.
    """
    db.execute(
        "UPDATE outbox SET state = ?, note = coalesce(?, note)"
        " WHERE key = ? AND state != 'dropped'",
        [state.value, note, key],
    )


def mark_shown(db: Database, key: str, at: datetime) -> None:
    """Record that a dry run showed a message in place of posting it."""
    db.execute("UPDATE outbox SET state = 'posted', posted_at = ? WHERE key = ?", [iso(at), key])


def set_refused(db: Database, key: str, at: datetime) -> None:
    """Record that Notion refused what a message says."""
    db.execute("UPDATE outbox SET refused_at = ? WHERE key = ?", [iso(at), key])


def refused(db: Database) -> list[tuple[str, int, str]]:
    """Return (page id, attempts, why) of each message that Notion refused, the latest first.

    Not where a message that was written later was posted on its page.
    """
    rows = db.execute(
        "SELECT page_id, attempts, note FROM outbox AS mine INDEXED BY outbox_refused"
        " WHERE refused_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM outbox WHERE state = 'posted'"
        "  AND page_id = mine.page_id AND created_at > mine.created_at)"
        " ORDER BY refused_at DESC, key"
    )
    return [(page_id, attempts, note) for page_id, attempts, note in rows.fetchall()]


def try_again(db: Database, page_id: str) -> bool:
    """Forget how often the messages of a page were sent whose answer was lost; True for any."""
    rows = db.execute(
        "UPDATE outbox SET attempts = 0 WHERE page_id = ? AND state IN ('sending', 'unclear')"
        " AND attempts > 0 RETURNING key",
        [page_id],
    )
    return bool(rows.fetchall())


def retract(db: Database, key: str, note: str, at: datetime) -> bool:
    """Take a message back: it is not sent any more, and marked where that may have begun.

    Returns whether it was held back in time.
    """
    with db.atomic():
        db.execute("UPDATE outbox SET retracted_at = ? WHERE key = ?", [iso(at), key])
        row = db.execute(
            "UPDATE outbox SET state = 'dropped', note = ?"
            " WHERE key = ? AND state IN ('intent', 'held') RETURNING key",
            [note, key],
        ).fetchone()
    return row is not None


def outdate(db: Database, page_id: str, comment_id: str, note: str, at: datetime) -> None:
    """Mark a summary that stands as outdated: what is left of it goes as soon as it can."""
    db.execute(
        "UPDATE outbox SET retracted_at = ?, note = ? WHERE page_id = ? AND comment_id = ?"
        " AND kind = 'summary' AND state = 'posted' AND retracted_at IS NULL",
        [iso(at), note, page_id, comment_id],
    )


def retracted(db: Database, page_id: str | None = None) -> list[OutboxMessage]:
    """Return the messages, taken back or outdated, of which something may stand."""
    rows = db.execute(
        f"{_SELECT} WHERE retracted_at IS NOT NULL AND state != 'dropped'"
        " AND (?1 IS NULL OR page_id = ?1) ORDER BY created_at, key",
        [page_id],
    )
    return [_message(values) for values in rows.fetchall()]


def set_lost(db: Database, key: str, at: datetime | None) -> None:
    """Record that a POST was given up; None once it was looked for again."""
    db.execute("UPDATE outbox SET lost_at = ? WHERE key = ?", [at and iso(at), key])


def lost(db: Database) -> list[OutboxMessage]:
    """Return the messages of which a POST was given up, and that were not looked for since."""
    rows = db.execute(f"{_SELECT} WHERE lost_at IS NOT NULL ORDER BY lost_at, key")
    return [_message(values) for values in rows.fetchall()]


def reopen_replies(db: Database, page_id: str, thread_ids: Iterable[str]) -> None:
    """Take up the replies that were dropped because their thread, block or page was away.

    Notion may have saved one before its thread was closed, so each becomes unclear.
    """
    reasons = json.dumps(RETURNING)
    with db.atomic():
        db.conn.executemany(
            "UPDATE outbox SET state = 'unclear' WHERE page_id = ? AND target = ?"
            " AND kind = 'reply' AND state = 'dropped' AND retracted_at IS NULL"
            " AND note IN (SELECT value FROM json_each(?))",
            [[page_id, thread_id, reasons] for thread_id in thread_ids],
        )


def mark_posted(
    db: Database, message: OutboxMessage, comment_id: str, discussion_id: str | None, at: datetime
) -> bool:
    """Record that a message was posted, and the thread that it began if it is a finding.

    Returns whether an operator took it back meanwhile.
    """
    with db.atomic():
        row = db.execute(
            "UPDATE outbox SET state = 'posted', comment_id = ?, posted_at = ? WHERE key = ?"
            " RETURNING retracted_at",
            [comment_id, iso(at), message.key],
        ).fetchone()
        if message.kind is MessageKind.FINDING:
            db.execute(
                "UPDATE findings SET discussion_id = ? WHERE id = ?",
                [discussion_id, message.finding_id],
            )
            db.execute(
                "INSERT INTO threads (id, page_id, block_id)"
                " SELECT ?1, ?2, ?3 WHERE ?1 IS NOT NULL ON CONFLICT DO NOTHING",
                [discussion_id, message.page_id, message.target],
            )
    return bool(row and row[0])


def posted_comment_ids(db: Database, page_id: str) -> set[str]:
    """Return the ids of all comments that were posted to a page."""
    rows = db.execute(
        "SELECT comment_id FROM outbox WHERE page_id = ? AND comment_id IS NOT NULL", [page_id]
    )
    return {row[0] for row in rows.fetchall()}


def message_of(db: Database, review_id: int, finding_id: int) -> OutboxMessage | None:
    """Return the message that raises a finding of a review, the latest; None for none."""
    row = db.execute(
        f"{_SELECT} WHERE review_id = ? AND finding_id = ? AND kind = 'finding'"
        " ORDER BY created_at DESC LIMIT 1",
        [review_id, finding_id],
    ).fetchone()
    return _message(row) if row else None


def was_posted(db: Database, page_id: str, finding_id: int) -> bool:
    """Tell whether a comment that raises a finding was posted."""
    row = db.execute(
        "SELECT 1 FROM outbox WHERE page_id = ? AND finding_id = ? AND kind = 'finding'"
        " AND state = 'posted' LIMIT 1",
        [page_id, finding_id],
    ).fetchone()
    return row is not None


def drop_marks(db: Database, page_id: str, finding_id: int, why: str) -> None:
    """Drop the edits, not made yet, that mark a finding's comment as settled."""
    db.execute(
        "UPDATE outbox SET state = 'dropped', note = ? WHERE page_id = ? AND finding_id = ?"
        " AND kind = 'edit' AND state NOT IN ('posted', 'dropped')",
        [why, page_id, finding_id],
    )


def set_body(db: Database, key: str, body: str) -> None:
    """Give a message that was not sent yet another text."""
    db.execute(
        "UPDATE outbox SET body = ? WHERE key = ? AND state IN ('intent', 'held')", [body, key]
    )


def rewrite(db: Database, key: str, body: str) -> None:
    """Give a posted message the text that an edit gives its comment: later edits go on from it."""
    db.execute("UPDATE outbox SET body = ? WHERE key = ?", [body, key])


def release(db: Database, review_id: int, note: str) -> None:
    """Hand the held messages of a draft over to delivery."""
    db.execute(
        "UPDATE outbox SET state = 'intent', note = ? WHERE review_id = ? AND state = 'held'",
        [note, review_id],
    )


def drop_held(db: Database, key: str, note: str) -> bool:
    """Drop a held message; return False where it is no longer held."""
    dropped = db.execute(
        "UPDATE outbox SET state = 'dropped', note = ? WHERE key = ? AND state = 'held'",
        [note, key],
    )
    return dropped.rowcount > 0


def set_held_body(db: Database, key: str, body: str) -> bool:
    """Give a held message another text; return False where it is no longer held."""
    edit = "UPDATE outbox SET body = ? WHERE key = ? AND state = 'held'"
    return db.execute(edit, [body, key]).rowcount > 0


def body(db: Database, key: str) -> str:
    """Return the text of a message, "" where there is none."""
    row = db.execute("SELECT body FROM outbox WHERE key = ?", [key]).fetchone()
    return str(row[0]) if row else ""


def comment_of(db: Database, key: str) -> str | None:
    """Return the id of the comment that a message became; None where none is known."""
    row = db.execute("SELECT comment_id FROM outbox WHERE key = ?", [key]).fetchone()
    return row[0] if row else None


def present(db: Database, keys: Iterable[str]) -> set[str]:
    """Return those of the keys that name a message, whatever became of it."""
    rows = db.execute(
        "SELECT key FROM outbox WHERE key IN (SELECT value FROM json_each(?))",
        [json.dumps(list(keys))],
    )
    return {row[0] for row in rows.fetchall()}


def replies_on(db: Database, page_id: str, *, by_model: bool) -> list[str]:
    """Return the ids of the replies on a page that a review gave, or of those by code alone."""
    rows = db.execute(
        "SELECT comment_id FROM outbox WHERE page_id = ? AND kind = 'reply'"
        " AND (review_id IS NOT NULL) = ? AND comment_id IS NOT NULL ORDER BY created_at, key",
        [page_id, by_model],
    )
    return [row[0] for row in rows.fetchall()]


def answered_since(db: Database, thread_id: str | None, since: datetime) -> bool:
    """Tell whether the reviewer itself answered in a thread, or is about to, since a time."""
    row = db.execute(
        "SELECT 1 FROM outbox WHERE target = ? AND kind = 'reply' AND review_id IS NOT NULL"
        " AND state != 'dropped' AND retracted_at IS NULL AND created_at >= ?",
        [thread_id, iso(since)],
    ).fetchone()
    return row is not None


def answers_to(db: Database, person: str, since: datetime) -> int:
    """Return how many answers a person got, or is to get, since a time.

    One that was dropped since its thread was away counts: it is taken up when the thread is back.
    """
    row = db.execute(
        "SELECT count(*) FROM outbox WHERE person = ? AND person != '' AND created_at >= ?"
        " AND (state != 'dropped' OR retracted_at IS NULL"
        " AND note IN (SELECT value FROM json_each(?)))",
        [person, iso(since), json.dumps(RETURNING)],
    ).fetchone()
    return int(row[0])


def summaries(db: Database, page_id: str) -> list[tuple[str, str]]:
    """Return (comment id, text) of the summaries that stand on a page, the newest first.

    The text is that of the last edit, also of one that is still to be sent; not of one that was
    taken back, though it may stand yet.
    """
    rows = db.execute(
        "SELECT comment_id FROM outbox WHERE page_id = ? AND kind = 'summary'"
        " AND state = 'posted' AND comment_id IS NOT NULL ORDER BY posted_at DESC, review_id DESC",
        [page_id],
    )
    return [(row[0], last_text(db, page_id, row[0]).body) for row in rows.fetchall()]


def last_text(db: Database, page_id: str, comment_id: str) -> OutboxMessage:
    """Return the message that gives a summary the text it has, or will have once that is sent."""
    row = db.execute(
        f"{_SELECT} WHERE page_id = ?1 AND (comment_id = ?2 AND kind = 'summary'"
        " OR kind = 'edit' AND target = ?2 AND state NOT IN ('held', 'dropped')"
        " AND retracted_at IS NULL)"
        " ORDER BY created_at DESC, kind, review_id DESC, key DESC LIMIT 1",
        [page_id, comment_id],
    ).fetchone()
    return _message(row)


def awaits_summary(db: Database, page_id: str) -> bool:
    """Return whether a new summary of a page is on its way."""
    row = db.execute(
        "SELECT 1 FROM outbox WHERE page_id = ? AND kind = 'summary'"
        " AND state IN ('intent', 'sending', 'unclear')",
        [page_id],
    ).fetchone()
    return row is not None


def counts(db: Database) -> dict[str, int]:
    """Return how many messages are `pending` and how many `unclear`."""
    row = db.execute(
        "SELECT count(*) FILTER (WHERE state = 'intent'),"
        " count(*) FILTER (WHERE state IN ('sending', 'unclear')) FROM outbox"
        " WHERE state IN ('intent', 'sending', 'unclear')"
    ).fetchone()
    return {"pending": row[0], "unclear": row[1]}


def messages_of(
    db: Database, *, page_id: str | None = None, review_id: int | None = None
) -> list[OutboxMessage]:
    """Return all messages of a page or of a review, in whatever state, the oldest first."""
    wanted = {"page_id": page_id, "review_id": review_id}
    chosen = {name: value for name, value in wanted.items() if value is not None}
    where = " AND ".join(f"{name} = ?" for name in chosen) or "1"
    rows = db.execute(
        f"{_SELECT} WHERE {where} ORDER BY created_at, finding_id IS NULL, finding_id, key",
        list(chosen.values()),
    )
    return [_message(values) for values in rows.fetchall()]
