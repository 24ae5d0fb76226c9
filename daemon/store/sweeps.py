"""Sweeps, what events nominate for them, alerts, and the decisions that `explain` shows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlite_utils import Database

from daemon.domain.notation import iso, when
from daemon.store import pages, prompts, reviews, threads
from daemon.store.database import get_json, get_value, set_value


RETENTION = timedelta(days=90)
AFTER_LEAVING = timedelta(days=30)


def begin_sweep(db: Database, at: datetime) -> int:
    """Record that a sweep began and return its number."""
    row = db.execute("INSERT INTO sweeps (started) VALUES (?) RETURNING id", [iso(at)])
    return int(row.fetchone()[0])


def end_sweep(
    db: Database,
    sweep_id: int,
    result: dict[str, Any],
    at: datetime,
    why: Sequence[str] = (),
    *,
    of_page: str | None = None,
) -> None:
    """Record how a sweep ended, and why not well; `of_page`: the page that it was about alone."""
    result = {**result, "why": list(why)}
    if of_page is not None:
        result = {**result, "of_page": of_page}
    db.execute(
        "UPDATE sweeps SET finished = ?, result = ? WHERE id = ?",
        [iso(at), json.dumps(result), sweep_id],
    )


def last_sweep(db: Database) -> dict[str, Any] | None:
    """Return the result of the last finished sweep over the databases, or None."""
    last = _last(db)
    return {key: value for key, value in last.items() if key != "why"} if last else None


def last_sweep_why(db: Database) -> list[str]:
    """Return why the last finished sweep over the databases did not end well; [] where it did."""
    return list((_last(db) or {}).get("why", []))


def _last(db: Database) -> dict[str, Any] | None:
    row = db.execute(
        "SELECT result FROM sweeps WHERE result IS NOT NULL"
        " AND json_extract(result, '$.of_page') IS NULL ORDER BY id DESC LIMIT 1"
    ).fetchone()
    return json.loads(row[0]) if row else None


@dataclass(frozen=True, slots=True)
class EventsSeen:
    """What came of Notion's webhooks so far.

    Attributes:
        last: When the last event came whose signature was right; "" for never.
        commented: When the last one of a comment came.
        token: The mark of the token that signed it: that one is in use.
        taken: How many events came.
        repeated: How many of these had come before, or are too old to come from Notion.
        refused: How many requests had no signature, or a wrong one.
    """

    last: str = ""
    commented: str = ""
    token: str = ""
    taken: int = 0
    repeated: int = 0
    refused: int = 0


_EVENTS, _MISSED = "events", "event missed"


def events_seen(db: Database) -> EventsSeen:
    """Return what came of Notion's webhooks."""
    return EventsSeen(**(get_json(db, _EVENTS) or {}))


def save_events_seen(db: Database, seen: EventsSeen) -> None:
    """Keep what came of Notion's webhooks."""
    set_value(db, _EVENTS, json.dumps(asdict(seen)))


# So many events are known when they come again.
MOST_EVENTS = 10_000


def events_known(db: Database) -> list[str]:
    """Return the ids of the events that came last, the oldest first."""
    return [row[0] for row in db.execute("SELECT id FROM events ORDER BY rowid").fetchall()]


def know_events(db: Database, ids: Iterable[str]) -> None:
    """Keep the ids of events, the oldest first, in the place of the oldest ones."""
    with db.atomic():
        db.conn.executemany(
            "INSERT INTO events VALUES (?) ON CONFLICT DO NOTHING", [[id_] for id_ in ids]
        )
        last = "SELECT max(rowid) FROM events"
        db.execute(f"DELETE FROM events WHERE rowid <= ({last}) - ?", [MOST_EVENTS])  # noqa: S608


def events_tell(db: Database, now: datetime) -> bool:
    """Tell whether events say who wrote: one of a comment came in a day, and none was missed."""
    day_ago, came, missed = now - timedelta(days=1), events_seen(db).commented, event_missed(db)
    return bool(came) and when(came) > day_ago and not (missed and when(missed) > day_ago)


def event_missed(db: Database) -> str:
    """Return when a comment was last found whose event had not come; "" for never."""
    return get_value(db, _MISSED) or ""


def miss_event(db: Database, at: datetime) -> None:
    """Keep that a comment was found whose event had not come."""
    set_value(db, _MISSED, iso(at))


@dataclass(frozen=True, slots=True)
class Nomination:
    """A page that an event named, or one place of it; `parents` may hold the page's database.

    Attributes:
        page_id: The page.
        place: The block, or the page itself, that was commented on; "" where the page was edited.
        at: When, by the newest event.
        parents: The ids of what holds the page, as far as the event told.
    """

    page_id: str
    place: str
    at: datetime
    parents: tuple[str, ...] = ()


# So many are kept at most; what is beyond them, scheduled sweeps find.
MOST_NOMINATIONS = 1_000


def nominate(db: Database, named: Iterable[Nomination]) -> int:
    """Keep what events named of our pages, and return how many; what waits already keeps its turn.

    A page is ours that is in a swept data source, or that is named as in one.
    """
    kept = 0
    with db.atomic():
        for one in named:
            kept += db.execute(
                "INSERT INTO nominations SELECT ?1, ?2, ?3, ''"
                " WHERE (SELECT count(*) FROM nominations) < ?5 AND (EXISTS (SELECT 1 FROM pages"
                " WHERE id = ?1 AND state NOT IN ('left', 'gone'))"
                " OR ?2 != '' AND EXISTS (SELECT 1 FROM prompts WHERE id = ?1)"
                " OR EXISTS (SELECT 1 FROM sources"
                " WHERE id IN (SELECT value FROM json_each(?4))"
                " OR database_id IN (SELECT value FROM json_each(?4))))"
                " ON CONFLICT DO UPDATE SET at = max(at, excluded.at)",
                [one.page_id, one.place, iso(one.at), json.dumps(one.parents), MOST_NOMINATIONS],
            ).rowcount
    return kept


def nominations(db: Database, now: datetime, limit: int, *, edits: bool) -> list[Nomination]:
    """Return the edited pages, or the places, to be looked at now, what waits longest first."""
    rows = db.execute(
        "SELECT page_id, place, at FROM nominations WHERE due_at <= ? AND (place = '') = ?"
        " ORDER BY due_at, at LIMIT ?",
        [iso(now), int(edits), limit],
    )
    return [Nomination(page_id, place, when(at)) for page_id, place, at in rows.fetchall()]


def count_nominations(db: Database) -> int:
    """Return how many nominations wait."""
    return int(db.execute("SELECT count(*) FROM nominations").fetchone()[0])


def next_nomination(db: Database) -> str | None:
    """Return when the next nomination is to be looked at: "" is now, None never."""
    row = db.execute("SELECT min(due_at) FROM nominations").fetchone()
    return None if row[0] is None else str(row[0])


def drop_nomination(db: Database, one: Nomination) -> None:
    """Take off a nomination that was looked at; where a newer event came, it stays."""
    db.execute(
        "DELETE FROM nominations WHERE page_id = ? AND place = ? AND at <= ?",
        [one.page_id, one.place, iso(one.at)],
    )


def put_off_nomination(db: Database, one: Nomination, until: datetime) -> None:
    """Have a nomination looked at from a time on."""
    db.execute(
        "UPDATE nominations SET due_at = ? WHERE page_id = ? AND place = ?",
        [iso(until), one.page_id, one.place],
    )


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
        "SELECT at, what, detail FROM decisions WHERE page_id = ? ORDER BY at, id", [page_id]
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
        reviews.merge_spending(db, end.date())
        for page_id in pages.left_before(db, now - AFTER_LEAVING):
            pages.forget(db, page_id)
        prompts.prune_versions(db)
        for row in pages.by_ids(db, threads.pages_with_words(db)).values():
            if (row.reviewed_at or row.read_at or row.edited) < end:
                threads.forget_words(db, row.id)
