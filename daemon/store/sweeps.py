"""Sweeps, alerts, prompts, and the decisions that `explain` tells."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from sqlite_utils import Database

from daemon.domain.values import Prompt, Severity
from daemon.domain.ruleset import Rules
from daemon.store import spending, texts
from daemon.store.database import iso, when


KEEP = timedelta(days=90)


def begin_sweep(db: Database, at: datetime) -> int:
    """Record that a sweep began and return its number."""
    row = db.execute("INSERT INTO sweeps (started) VALUES (?) RETURNING id", [iso(at)])
    return int(row.fetchone()[0])


def end_sweep(db: Database, sweep_id: int, result: dict[str, Any], at: datetime) -> None:
    """Record how a sweep ended."""
    db.execute(
        "UPDATE sweeps SET finished = ?, result = ? WHERE id = ?",
        [iso(at), json.dumps(result), sweep_id],
    )


def last_sweep(db: Database) -> dict[str, Any] | None:
    """Return the result of the last finished sweep, or None."""
    row = db.execute(
        "SELECT result FROM sweeps WHERE result IS NOT NULL ORDER BY id DESC LIMIT 1"
    ).fetchone()
    return json.loads(row[0]) if row else None


def raise_alert(db: Database, name: str, text: str, at: datetime) -> bool:
    """Record an alert; return True when it is new."""
    row = db.execute(
        "INSERT INTO alerts VALUES (?, ?, ?) ON CONFLICT DO NOTHING RETURNING name",
        [name, text, iso(at)],
    ).fetchone()
    return row is not None


def clear_alert(db: Database, name: str) -> bool:
    """Remove an alert; return True when it stood."""
    row = db.execute("DELETE FROM alerts WHERE name = ? RETURNING name", [name]).fetchone()
    return row is not None


def alerts(db: Database) -> list[dict[str, str]]:
    """Return the alerts that stand, the oldest first."""
    rows = db.execute("SELECT name, text, since FROM alerts ORDER BY since, name").fetchall()
    return [{"name": row[0], "text": row[1], "since": row[2]} for row in rows]


def prompt(db: Database, page_id: str) -> tuple[Prompt, datetime, datetime] | None:
    """Return (prompt, edited, read_at) of the last good version of a prompt page, or None."""
    row = db.execute(
        "SELECT name, text, knowledge, edited, read_at, rules FROM prompts WHERE id = ?", [page_id]
    ).fetchone()
    if row is None:
        return None
    knowledge = tuple((title, text) for title, text in json.loads(row[2]))
    said = Prompt(row[0], row[1], page_id, knowledge, _rules(row[5]))
    return said, when(row[3]), when(row[4])


def _rules(stored: str) -> Rules:
    found = json.loads(stored)
    limits = tuple((name, value) for name, value in found["limits"])
    report = Severity(found["report"]) if found["report"] else None
    return Rules(limits, report, tuple(found["sections"]), tuple(found["checklist"]))


def save_prompt(db: Database, prompt: Prompt, edited: datetime, read_at: datetime) -> None:
    """Store a prompt page as its last good version."""
    db.execute(
        "INSERT INTO prompts (id, name, text, knowledge, edited, read_at, rules)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET name = excluded.name,"
        " text = excluded.text, knowledge = excluded.knowledge, edited = excluded.edited,"
        " read_at = excluded.read_at, rules = excluded.rules",
        [
            prompt.origin,
            prompt.name,
            prompt.text,
            json.dumps(prompt.knowledge),
            iso(edited),
            iso(read_at),
            json.dumps(asdict(prompt.rules)),
        ],
    )


def decide(db: Database, page_id: str, at: datetime, what: str, detail: str = "") -> None:
    """Record a decision about a page."""
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
    """Forget sweeps and decisions older than ninety days, and what reviews read before."""
    with db.atomic():
        texts.forget(db, now - KEEP)
        db.execute("DELETE FROM sweeps WHERE started < ?", [iso(now - KEEP)])
        db.execute("DELETE FROM decisions WHERE at < ?", [iso(now - KEEP)])
        spending.fold(db, (now - KEEP).date())
