"""Reviews, and the outbox of what is to be posted."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlite_utils import Database

from daemon.domain.values import Review
from daemon.store.database import iso, when


class Kind(StrEnum):
    """What an outbox row does; its `target` is a block, a discussion, a page, a comment."""

    FINDING = "finding"
    REPLY = "reply"
    SUMMARY = "summary"
    EDIT = "edit"
    NOTICE = "notice"  # on a prompt page, of what is wrong with it


# Why a reply was dropped; where its thread is listed again, the reason is gone.
THREAD_CLOSED = "the thread was resolved or deleted"


class Sending(StrEnum):
    """How far an outbox row is."""

    INTENT = "intent"
    HELD = "held"  # waits for approval: no delivery takes it
    SENDING = "sending"
    UNCLEAR = "unclear"
    POSTED = "posted"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Letter:
    """One write to Notion, kept before it is made.

    `last_seen` is, of a reply, the last comment of its thread when it was written.
    """

    key: str
    page_id: str
    kind: Kind
    target: str
    place: str
    body: str
    name: str
    created_at: datetime
    review_id: int | None = None
    finding_id: int | None = None
    state: Sending = Sending.INTENT
    comment_id: str | None = None
    note: str | None = None
    posted_at: datetime | None = None
    attempts: int = 0
    sent_at: datetime | None = None
    asked_at: datetime | None = None
    last_seen: str | None = None


_LETTER = tuple(Letter.__dataclass_fields__)
_SELECT_LETTER = f"SELECT {', '.join(_LETTER)} FROM outbox"  # noqa: S608 - own names


def _letter(values: Sequence[Any]) -> Letter:
    fields = dict(zip(_LETTER, values, strict=True))
    fields["kind"], fields["state"] = Kind(fields["kind"]), Sending(fields["state"])
    for name in ("created_at", "posted_at", "sent_at", "asked_at"):
        fields[name] = when(fields[name]) if fields[name] else None
    return Letter(**fields)


def add(
    db: Database,
    page_id: str,
    review: Review,
    *,
    kind: str,
    prompt: str,
    content_hash: str,
    sweep_id: int | None,
    at: datetime,
) -> int:
    """Store a review and return its number."""
    usage = review.usage
    row = db.execute(
        "INSERT INTO reviews (page_id, sweep_id, at, kind, outcome, model, prompt, hash, summary,"
        " refusals, requests, input_tokens, output_tokens, cost_usd, cached_tokens)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
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
        ],
    ).fetchone()
    return int(row[0])


def intend(db: Database, letters: Iterable[Letter]) -> None:
    """Put letters into the outbox; one that is there already stays as it is."""
    marks = ", ".join("?" * len(_LETTER))
    rows = [
        [iso(value) if isinstance(value, datetime) else value for value in astuple(letter)]
        for letter in letters
    ]
    with db.atomic():
        db.conn.executemany(
            f"INSERT INTO outbox ({', '.join(_LETTER)}) VALUES ({marks}) "  # noqa: S608 - own names
            "ON CONFLICT (key) DO NOTHING",
            rows,
        )


def undelivered(db: Database, page_id: str | None = None) -> list[Letter]:
    """Return the letters that are not posted yet, replies first, then in their order."""
    rows = db.execute(
        f"{_SELECT_LETTER} WHERE state IN ('intent', 'sending', 'unclear')"
        " AND (?1 IS NULL OR page_id = ?1)"
        " ORDER BY kind != 'reply', created_at, finding_id IS NULL, finding_id, key",
        [page_id],
    )
    return [_letter(values) for values in rows.fetchall()]


def sending(db: Database, letter: Letter) -> bool:
    """Claim a letter before its POST: from here on it may stand on the server.

    False where the letter was sent or settled since it was read: then it is not ours to send.
    """
    row = db.execute(
        "UPDATE outbox SET state = 'sending', attempts = attempts + 1"
        " WHERE key = ? AND state = ? AND attempts = ? RETURNING key",
        [letter.key, letter.state.value, letter.attempts],
    ).fetchone()
    return row is not None


def begins(db: Database, letter: Letter, at: datetime) -> None:
    """Record when a letter's POST begins: each time, where one was refused for a while."""
    db.execute("UPDATE outbox SET sent_at = ? WHERE key = ?", [iso(at), letter.key])


def mark(db: Database, key: str, state: Sending, note: str | None = None) -> None:
    """Record how far a letter is."""
    db.execute(
        "UPDATE outbox SET state = ?, note = coalesce(?, note) WHERE key = ?",
        [state.value, note, key],
    )


def take_up(db: Database, page_id: str, thread_ids: Iterable[str]) -> None:
    """Take replies up again that were dropped for their threads, which are open now.

    One of them may have been saved before its thread was closed, so each counts as unclear.
    """
    with db.atomic():
        db.conn.executemany(
            "UPDATE outbox SET state = 'unclear' WHERE page_id = ? AND target = ?"
            " AND kind = 'reply' AND state = 'dropped' AND note = ?",
            [[page_id, thread_id, THREAD_CLOSED] for thread_id in thread_ids],
        )


def posted(
    db: Database, letter: Letter, comment_id: str, discussion_id: str | None, at: datetime
) -> None:
    """Record that a letter stands on the server, and its finding's thread."""
    with db.atomic():
        db.execute(
            "UPDATE outbox SET state = 'posted', comment_id = ?, posted_at = ? WHERE key = ?",
            [comment_id, iso(at), letter.key],
        )
        if letter.kind is Kind.FINDING:
            db.execute(
                "UPDATE findings SET discussion_id = ? WHERE id = ?",
                [discussion_id, letter.finding_id],
            )


def own_comments(db: Database, page_id: str) -> set[str]:
    """Return the ids of every comment that was posted to a page."""
    rows = db.execute(
        "SELECT comment_id FROM outbox WHERE page_id = ? AND comment_id IS NOT NULL", [page_id]
    )
    return {row[0] for row in rows.fetchall()}


def summary_comment(db: Database, page_id: str) -> tuple[str, str] | None:
    """Return (comment id, text) of the newest summary that stands on a page, or None."""
    row = db.execute(
        "SELECT comment_id FROM outbox WHERE page_id = ? AND kind = 'summary'"
        " AND state = 'posted' ORDER BY posted_at DESC, key DESC LIMIT 1",
        [page_id],
    ).fetchone()
    if row is None:
        return None
    body = db.execute(
        "SELECT body FROM outbox WHERE page_id = ?1 AND state = 'posted' AND"
        " (kind = 'summary' AND comment_id = ?2 OR kind = 'edit' AND target = ?2)"
        " ORDER BY created_at DESC, kind LIMIT 1",
        [page_id, row[0]],
    ).fetchone()
    return row[0], body[0]


def outbox_counts(db: Database) -> dict[str, int]:
    """Return how many letters wait and how many are unclear."""
    row = db.execute(
        "SELECT count(*) FILTER (WHERE state = 'intent'),"
        " count(*) FILTER (WHERE state IN ('sending', 'unclear')) FROM outbox"
        " WHERE state IN ('intent', 'sending', 'unclear')"
    ).fetchone()
    return {"pending": row[0], "unclear": row[1]}


def letters_of(
    db: Database, *, page_id: str | None = None, review_id: int | None = None
) -> list[Letter]:
    """Return every letter of a page or of a review, whatever became of it, the oldest first."""
    wanted = {"page_id": page_id, "review_id": review_id}
    chosen = {name: value for name, value in wanted.items() if value is not None}
    where = " AND ".join(f"{name} = ?" for name in chosen) or "1"
    rows = db.execute(
        f"{_SELECT_LETTER} WHERE {where} ORDER BY created_at, finding_id IS NULL, finding_id, key",
        list(chosen.values()),
    )
    return [_letter(values) for values in rows.fetchall()]
