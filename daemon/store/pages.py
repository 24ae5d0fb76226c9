"""Data sources and the pages in them: what is known, what is due."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlite_utils import Database

from daemon.domain.change import Reviewed
from daemon.store.database import iso, when


class Standing(StrEnum):
    """Where a page stands."""

    BASELINED = "baselined"  # older than the first sweep looks back
    DUE = "due"  # waits to be read, from `due_at` on
    DONE = "done"
    PARKED = "parked"  # failed too often; its next edit frees it
    LEFT = "left"  # `where` no longer selects it
    GONE = "gone"  # trashed, moved or not shared any more


@dataclass(frozen=True, slots=True)
class PageRow:
    """What is known of a page; the snapshot stays in the file."""

    id: str
    source_id: str
    title: str
    url: str
    edited: datetime
    state: Standing
    due_at: datetime | None = None
    dirty_since: datetime | None = None
    paused: bool = False
    attempts: int = 0
    error: str | None = None
    hash: str | None = None
    form: int | None = None
    prompt: str | None = None
    read_at: datetime | None = None
    reviewed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SourceRow:
    """What is known of a data source."""

    id: str
    database_id: str
    title: str
    baseline: datetime
    checkpoint: datetime | None = None
    pages: int = 0
    census_at: datetime | None = None
    last_ok: datetime | None = None
    trouble: str | None = None


_TIMES = frozenset(
    {"edited", "due_at", "dirty_since", "read_at", "reviewed_at"}
    | {"baseline", "checkpoint", "census_at", "last_ok"}
)
_PAGE = tuple(PageRow.__dataclass_fields__)
_SOURCE = tuple(SourceRow.__dataclass_fields__)


def _stored(row: PageRow | SourceRow) -> list[Any]:
    values = (getattr(row, name) for name in row.__slots__)
    return [iso(value) if isinstance(value, datetime) else value for value in values]


def _loaded(names: Sequence[str], values: Sequence[Any]) -> dict[str, Any]:
    return {
        name: when(value) if value is not None and name in _TIMES else value
        for name, value in zip(names, values, strict=True)
    }


def _page(values: Sequence[Any]) -> PageRow:
    fields = _loaded(_PAGE, values)
    return PageRow(
        **fields | {"state": Standing(fields["state"]), "paused": bool(fields["paused"])}
    )


def _upsert(table: str, names: Sequence[str], *, keeping: str = "") -> str:
    marks = ", ".join("?" * len(names))
    updates = ", ".join(f"{name} = excluded.{name}" for name in names[1:] if name != keeping)
    return (
        f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks}) "  # noqa: S608 - own names
        f"ON CONFLICT (id) DO UPDATE SET {updates}"
    )


# Whether a page is paused is for people to say: a sweep that read the row before they did must
# not take it back.
_SAVE_PAGE = _upsert("pages", _PAGE, keeping="paused")
_SAVE_SOURCE = _upsert("sources", _SOURCE)
_SELECT_PAGE = f"SELECT {', '.join(_PAGE)} FROM pages"  # noqa: S608 - own names
_SELECT_SOURCE = f"SELECT {', '.join(_SOURCE)} FROM sources"  # noqa: S608 - own names


def save_source(db: Database, row: SourceRow) -> None:
    """Insert or update a data source."""
    db.execute(_SAVE_SOURCE, _stored(row))


def source(db: Database, source_id: str) -> SourceRow | None:
    """Return a data source, or None."""
    values = db.execute(f"{_SELECT_SOURCE} WHERE id = ?", [source_id]).fetchone()
    return SourceRow(**_loaded(_SOURCE, values)) if values else None


def sources_of(db: Database, database_id: str) -> list[SourceRow]:
    """Return the data sources of a database, as configured by a database or data source id."""
    rows = db.execute(
        f"{_SELECT_SOURCE} WHERE database_id = ?1 OR id = ?1 ORDER BY id", [database_id]
    )
    return [SourceRow(**_loaded(_SOURCE, values)) for values in rows.fetchall()]


def save(db: Database, rows: Iterable[PageRow]) -> None:
    """Insert or update pages; snapshots, and whether a page is paused, stay as they are."""
    with db.atomic():
        db.conn.executemany(_SAVE_PAGE, [_stored(row) for row in rows])


def set_paused(db: Database, page_id: str, *, paused: bool) -> None:
    """Leave a page alone, or take it up again."""
    db.execute("UPDATE pages SET paused = ? WHERE id = ?", [int(paused), page_id])


def page(db: Database, page_id: str) -> PageRow | None:
    """Return a page, or None."""
    values = db.execute(f"{_SELECT_PAGE} WHERE id = ?", [page_id]).fetchone()
    return _page(values) if values else None


def known(db: Database, page_ids: Sequence[str]) -> dict[str, PageRow]:
    """Return those of the pages that are known, by id."""
    rows = db.execute(
        f"{_SELECT_PAGE} WHERE id IN (SELECT value FROM json_each(?))",  # noqa: S608 - own names
        [json.dumps(list(page_ids))],
    )
    return {row.id: row for row in map(_page, rows.fetchall())}


def due(db: Database, now: datetime, source_ids: Sequence[str]) -> list[PageRow]:
    """Return the pages to read now, the longest due first."""
    rows = db.execute(
        f"{_SELECT_PAGE} INDEXED BY pages_due "  # noqa: S608 - own names
        "WHERE due_at IS NOT NULL AND due_at <= ?"
        " AND source_id IN (SELECT value FROM json_each(?)) AND paused = 0 ORDER BY due_at, id",
        [iso(now), json.dumps(list(source_ids))],
    )
    return [_page(values) for values in rows.fetchall()]


def longest_unread(db: Database, source_id: str, limit: int) -> list[PageRow]:
    """Return the reviewed pages of a data source that were read longest ago."""
    rows = db.execute(
        f"{_SELECT_PAGE} WHERE source_id = ? AND state = 'done' AND due_at IS NULL"
        " ORDER BY read_at, id LIMIT ?",
        [source_id, limit],
    )
    return [_page(values) for values in rows.fetchall()]


def reviewed_under_another(db: Database, source_id: str, prompt: str) -> list[PageRow]:
    """Return the pages of a data source that were reviewed under another prompt."""
    rows = db.execute(
        f"{_SELECT_PAGE} WHERE source_id = ? AND state = 'done' AND prompt != ? ORDER BY id",
        [source_id, prompt],
    )
    return [_page(values) for values in rows.fetchall()]


def ids_of(db: Database, source_id: str) -> set[str]:
    """Return the ids of a data source's pages that are not gone."""
    rows = db.execute("SELECT id FROM pages WHERE source_id = ? AND state != 'gone'", [source_id])
    return {row[0] for row in rows.fetchall()}


def counts(db: Database, now: datetime) -> dict[str, int]:
    """Return how many pages are done, due, settling, failed and paused."""
    row = db.execute(
        """SELECT
            count(*) FILTER (WHERE state = 'done' AND NOT paused),
            count(*) FILTER (WHERE state = 'due' AND NOT paused AND attempts = 0 AND due_at <= ?1),
            count(*) FILTER (WHERE state = 'due' AND NOT paused AND attempts = 0 AND due_at > ?1),
            count(*) FILTER (WHERE NOT paused AND (state = 'parked' OR state = 'due' AND attempts)),
            count(*) FILTER (WHERE paused)
        FROM pages""",
        [iso(now)],
    ).fetchone()
    return dict(zip(("done", "due", "settling", "failed", "paused"), row, strict=True))


def failed(db: Database) -> list[PageRow]:
    """Return the pages whose last read or review failed."""
    rows = db.execute(
        f"{_SELECT_PAGE} WHERE state = 'parked' OR (state = 'due' AND attempts > 0) ORDER BY id"
    )
    return [_page(values) for values in rows.fetchall()]


def reviewed(db: Database, page_id: str) -> Reviewed | None:
    """Return what was last reviewed of a page, or None before its first review."""
    row = db.execute("SELECT snapshot FROM pages WHERE id = ?", [page_id]).fetchone()
    return unpacked(row[0]) if row and row[0] is not None else None


def unpacked(snapshot: bytes) -> Reviewed:
    """Read what `save_reviewed` stored."""
    data = json.loads(zlib.decompress(snapshot))
    return Reviewed(
        title=data["title"],
        properties=tuple((name, text) for name, text in data["properties"]),
        blocks=tuple((block_id, line) for block_id, line in data["blocks"]),
    )


def save_reviewed(db: Database, page_id: str, snapshot: Reviewed) -> None:
    """Store what was reviewed, compressed: a page of 100 blocks takes a few kilobytes."""
    kept = {name: getattr(snapshot, name) for name in snapshot.__slots__}
    data = json.dumps(kept, ensure_ascii=False, separators=(",", ":"))
    db.execute(
        "UPDATE pages SET snapshot = ? WHERE id = ?", [zlib.compress(data.encode()), page_id]
    )
