"""The ledger of findings: what was raised where, what became of it, and when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlite_utils import Database

from daemon.domain.values import Finding, Severity, Source
from daemon.domain.findings import UNHEARD, Entry, Event, FindingState, after
from daemon.store.database import iso, when


@dataclass(frozen=True, slots=True)
class StoredFinding:
    """A finding with what became of it; `at` is when it was made."""

    id: int
    finding: Finding
    state: FindingState
    discussion_id: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Step:
    """One change of a finding's state: when, what it became, and why."""

    at: datetime
    state: FindingState
    why: str


_SELECT = "SELECT id, block_id, quote, text, severity, source, state, discussion_id, at"


def _stored(row: tuple[str, ...]) -> StoredFinding:
    number, block, quote, text, severity, source, state, discussion, at = row
    finding = Finding(block, quote, text, Severity(severity), Source(source))
    return StoredFinding(int(number), finding, FindingState(state), discussion, when(at))


def record(
    db: Database,
    review_id: int,
    page_id: str,
    finding: Finding,
    at: datetime,
    *,
    section: str = "",
    state: FindingState = FindingState.OPEN,
) -> int:
    """Store a finding, open or held, and return its number; `section` is the heading above it."""
    with db.atomic():
        row = db.execute(
            "INSERT INTO findings"
            " (review_id, page_id, block_id, quote, text, severity, source, state, at, section)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
            [
                review_id,
                page_id,
                finding.block_id,
                finding.quote,
                finding.text,
                finding.severity.value,
                finding.source.value,
                state.value,
                iso(at),
                section,
            ],
        ).fetchone()
        _note(db, row[0], state, "made", at)
    return int(row[0])


def happened(
    db: Database, finding_id: int, event: Event, at: datetime, why: str = ""
) -> FindingState:
    """Let something happen to a finding; return its state then.

    A change of state and its line in the history are one transaction. `why` takes the place of
    the event's own words.
    """
    with db.atomic():
        row = db.execute("SELECT state FROM findings WHERE id = ?", [finding_id]).fetchone()
        before = FindingState(row[0])
        state = after(before, event)
        if state is not before:
            db.execute("UPDATE findings SET state = ? WHERE id = ?", [state.value, finding_id])
            _note(db, finding_id, state, why or event.value, at)
    return state


def _note(db: Database, finding_id: int, state: FindingState, why: str, at: datetime) -> None:
    db.execute(
        "INSERT INTO finding_history (finding_id, at, state, why) VALUES (?, ?, ?, ?)",
        [finding_id, iso(at), state.value, why],
    )


def one(db: Database, finding_id: int) -> StoredFinding | None:
    """Return one finding, or None."""
    row = db.execute(f"{_SELECT} FROM findings WHERE id = ?", [finding_id]).fetchone()
    return _stored(row) if row else None


def of_page(db: Database, page_id: str) -> list[StoredFinding]:
    """Return every finding of a page, the oldest first."""
    rows = db.execute(f"{_SELECT} FROM findings WHERE page_id = ? ORDER BY id", [page_id])
    return [_stored(row) for row in rows.fetchall()]


def ledger(db: Database, page_id: str) -> list[Entry]:
    """Return what people heard, or are to hear, of a page: what is not to be said again."""
    known = of_page(db, page_id)
    return [Entry(one.finding, one.state) for one in known if one.state not in UNHEARD]


def move(db: Database, page_id: str, moved: Mapping[str, str]) -> None:
    """Let findings follow their blocks, which got other ids: new id to old."""
    with db.atomic():
        db.conn.executemany(
            "UPDATE findings SET block_id = ? WHERE page_id = ? AND block_id = ?",
            [[new, page_id, old] for new, old in moved.items()],
        )


def history(db: Database, finding_id: int) -> list[Step]:
    """Return what became of a finding, step by step."""
    rows = db.execute(
        "SELECT at, state, why FROM finding_history WHERE finding_id = ? ORDER BY id",
        [finding_id],
    )
    return [Step(when(row[0]), FindingState(row[1]), row[2]) for row in rows.fetchall()]
