"""Prompts: the last good version of each page, what reviews were made under, and mistakes."""

from __future__ import annotations

import json
import zlib
from collections import Counter
from dataclasses import asdict, replace
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlite_utils import Database

from daemon.domain.due import Pause
from daemon.domain.notation import iso, when
from daemon.domain.records import STATUS_KEY, TAUGHT_KEY, PromptDatabase, PromptRow, PromptStatus
from daemon.domain.values import Prompt, PromptSettings, Severity
from daemon.store.database import get_json, get_value, set_value


if TYPE_CHECKING:
    from pydantic import TypeAdapter


def mistakes(db: Database, page_id: str) -> str:
    """Return the mistakes in a prompt page, as one text; "" where there are none."""
    row = db.execute("SELECT mistakes FROM notices WHERE page_id = ?", [page_id]).fetchone()
    return row[0] if row else ""


def save_mistakes(db: Database, page_id: str, found: str) -> None:
    """Store the mistakes of a prompt page; "" keeps its row until its comment is taken back."""
    if found or mistakes(db, page_id):
        db.execute(
            "INSERT INTO notices (page_id, mistakes) VALUES (?, ?)"
            " ON CONFLICT (page_id) DO UPDATE SET mistakes = excluded.mistakes",
            [page_id, found],
        )


def all_mistakes(db: Database) -> list[tuple[str, str]]:
    """Return (page id, mistakes) of the pages that have, or need, a comment about them.

    Mistakes of "" mean that the page is mended and its comment is still to be taken back.
    """
    rows = db.execute("SELECT page_id, mistakes FROM notices ORDER BY page_id")
    return [(row[0], row[1]) for row in rows.fetchall()]


def delete_mistakes(db: Database, page_id: str) -> None:
    """Delete the row of a prompt page: its comment is taken back."""
    db.execute("DELETE FROM notices WHERE page_id = ?", [page_id])


def prompt(db: Database, page_id: str) -> tuple[Prompt, datetime, datetime] | None:
    """Return (prompt, edited, read_at) of the last good version of a prompt page, or None."""
    row = db.execute(
        "SELECT name, text, knowledge, edited, read_at, rules FROM prompts WHERE id = ?", [page_id]
    ).fetchone()
    if row is None:
        return None
    knowledge, rules = _knowledge(json.loads(row[2])), _rules(json.loads(row[5]))
    return Prompt(row[0], row[1], page_id, knowledge, rules), when(row[3]), when(row[4])


_DATABASE = "prompt database: "


def database(db: Database, database_id: str) -> PromptDatabase | None:
    """Return a prompt database as it was last read; None for what is none, or is unknown."""
    found = get_json(db, f"{_DATABASE}{database_id}")
    if found is None:
        return None
    rows = [PromptRow(id_, title, tuple(applies)) for id_, title, applies in found["rows"]]
    return PromptDatabase(found["title"], tuple(rows))


def save_database(db: Database, database_id: str, read: PromptDatabase) -> None:
    """Store a prompt database in the place of what was read before."""
    rows = [(row.id, row.title, row.applies_to) for row in read.rows]
    stored = json.dumps({"title": read.title, "rows": rows}, ensure_ascii=False)
    set_value(db, f"{_DATABASE}{database_id}", stored)


def pages_of(db: Database, given: str) -> tuple[str, ...]:
    """Return the ids of the pages that a prompt page or database is made of, as far as is known."""
    known = database(db, given)
    return tuple(row.id for row in known.rows) if known else (given,)


def _knowledge(stored: Any) -> tuple[tuple[str, str], ...]:
    return tuple((title, text) for title, text in stored)


def _rules(stored: Any) -> PromptSettings:
    limits = tuple((name, value) for name, value in stored["limits"])
    report = Severity(stored["report"]) if stored["report"] else None
    return PromptSettings(limits, report, tuple(stored["sections"]), tuple(stored["checklist"]))


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


def save_version(db: Database, version: str, prompt: Prompt, at: datetime) -> None:
    """Store what a version of a prompt says, unless that is known."""
    said = [prompt.text, prompt.knowledge, asdict(prompt.rules), prompt.lenses]
    body = zlib.compress(json.dumps(said, ensure_ascii=False).encode())
    db.execute(
        "INSERT INTO prompt_versions (version, name, origin, since, body) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT DO NOTHING",
        [version, prompt.name, prompt.origin, iso(at), body],
    )


def version(db: Database, version: str) -> tuple[Prompt, datetime] | None:
    """Return what a version of a prompt says, and when a review was first made under it."""
    row = db.execute(
        "SELECT name, origin, since, body FROM prompt_versions WHERE version = ?", [version]
    ).fetchone()
    if row is None:
        return None
    text, knowledge, rules, *lenses = json.loads(zlib.decompress(row[3]))
    said = Prompt(row[0], text, row[1], _knowledge(knowledge), _rules(rules), *map(tuple, lenses))
    return said, when(row[2])


def version_names(db: Database) -> dict[str, str]:
    """Return what each version of a prompt is called, by its hash, the oldest first.

    That is its name and the day it was first used on, with as much more as tells it from others.
    """
    rows = db.execute(
        "SELECT version, name, since FROM prompt_versions ORDER BY since, version"
    ).fetchall()
    days, minutes = (
        {version: f"{name} of {when(since):{form}}" for version, name, since in rows}
        for form in ("%Y-%m-%d", "%Y-%m-%d %H:%M")
    )
    exact = {version: f"{name} ({version})" for version, name in minutes.items()}
    counts = Counter((*days.values(), *minutes.values(), *exact.values()))
    return {
        version: next(one[version] for one in (days, minutes, exact) if counts[one[version]] == 1)
        for version in days
    }


def version_before(db: Database, version: str) -> str | None:
    """Return the hash of what the same prompt page said before this version; None for nothing."""
    row = db.execute(
        "SELECT earlier.version FROM prompt_versions AS this JOIN prompt_versions AS earlier"
        " ON earlier.origin = this.origin AND (earlier.since, earlier.version) < "
        " (this.since, this.version) WHERE this.version = ?"
        " ORDER BY earlier.since DESC, earlier.version DESC LIMIT 1",
        [version],
    ).fetchone()
    return row[0] if row else None


def prune_versions(db: Database) -> None:
    """Forget what versions of prompts say that no review names."""
    db.execute(
        "DELETE FROM prompt_versions WHERE version IN (SELECT version FROM prompt_versions"
        " WHERE NOT EXISTS (SELECT 1 FROM reviews WHERE reviews.prompt = prompt_versions.version))"
    )


def first_seen(db: Database, page_id: str, version: str, now: datetime) -> datetime:
    """Return since when a prompt page has said what it says, as far as was seen; now if it is new.

    Args:
        db: The state.
        page_id: The prompt page.
        version: The hash of what it says.
        now: The time, which is kept for a version that is another than the last time.
    """
    name = f"prompt seen: {page_id}"
    known = get_json(db, name)
    if known and known[0] == version:
        return when(known[1])
    set_value(db, name, json.dumps([version, iso(now)]))
    return when(iso(now))


_PAUSED = "prompt paused: "


def pause(db: Database, given: str, told: Pause) -> None:
    """Leave alone what is reviewed under a prompt page or database, by the id in the config."""
    said = [iso(told.at), iso(told.until) if told.until else None, told.by]
    set_value(db, f"{_PAUSED}{given}", json.dumps(said, ensure_ascii=False))


def resume(db: Database, given: str) -> bool:
    """Take up what is reviewed under a prompt; return whether it was paused."""
    row = db.execute(
        "DELETE FROM facts WHERE name = ? RETURNING name", [f"{_PAUSED}{given}"]
    ).fetchone()
    return row is not None


def paused(db: Database) -> dict[str, Pause]:
    """Return the prompt pages and databases that are paused, by the id in the config."""
    rows = db.execute(
        "SELECT name, value FROM facts WHERE name >= ? AND name < ? ORDER BY name",
        [_PAUSED, f"{_PAUSED}~"],
    )
    found = {name.removeprefix(_PAUSED): json.loads(value) for name, value in rows.fetchall()}
    return {
        given: Pause(when(at), until and when(until), by)
        for given, (at, until, by) in found.items()
    }


def given_for(db: Database, page_id: str) -> str | None:
    """Return under which id the config names a prompt page or database; None for neither."""
    stored = db.execute(
        "SELECT name FROM facts WHERE name >= ? AND name < ?", [_DATABASE, f"{_DATABASE}~"]
    )
    for given in (name.removeprefix(_DATABASE) for (name,) in stored.fetchall()):
        known = database(db, given)
        if known and page_id in (given, *(row.id for row in known.rows)):
            return str(given)
    return page_id if prompt(db, page_id) else None


def title(db: Database, given: str) -> str:
    """Return the title of a prompt page or database; its id where that is not known."""
    if known := database(db, given):
        return known.title
    found = prompt(db, given)
    return found[0].name if found else given


_STATUS = "prompt status: "


@cache
def _statuses() -> TypeAdapter[PromptStatus]:
    from pydantic import TypeAdapter

    return TypeAdapter(PromptStatus)


def status(db: Database, page_id: str) -> PromptStatus | None:
    """Return what the status comment of a prompt page tells; None before the first one."""
    stored = get_value(db, _status(page_id))
    return _statuses().validate_json(stored) if stored else None


def save_status(db: Database, page_id: str, told: PromptStatus) -> None:
    """Store what the status comment of a prompt page tells, in the place of what it told."""
    set_value(db, _status(page_id), _statuses().dump_json(told).decode())


def _status(page_id: str) -> str:
    return f"{_STATUS}{page_id}"


def forget_points(db: Database, page_id: str) -> int:
    """Forget what trials of prompts found on a page; return how many points that were.

    The comments that name them are written anew.
    """
    rows = db.execute(
        "SELECT name FROM facts WHERE name > ? AND value LIKE ?", [_STATUS, f"%{page_id}%"]
    ).fetchall()
    forgotten = 0
    with db.atomic():
        for name in (row[0] for row in rows):
            prompt_page = name.removeprefix(_STATUS)
            told = status(db, prompt_page)
            if told is None or told.trial is None:
                continue
            kept = tuple(one for one in told.trial.points if one.page_id != page_id)
            forgotten += len(told.trial.points) - len(kept)
            save_status(db, prompt_page, replace(told, trial=replace(told.trial, points=kept)))
            db.execute(
                "UPDATE outbox SET body = '' WHERE page_id = ? AND key LIKE ?"
                " AND state IN ('posted', 'dropped')",
                [prompt_page, f"{STATUS_KEY}%"],
            )
        db.execute(
            "UPDATE outbox SET body = '' WHERE key LIKE ? AND body LIKE ?",
            [f"{TAUGHT_KEY}%", f"%{page_id.replace('-', '')}%"],
        )
    return forgotten
