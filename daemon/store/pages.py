"""Data sources and the pages in them: what is known, what is due."""

from __future__ import annotations

import json
import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlite_utils import Database

from daemon.domain.change import Reviewed
from daemon.domain.due import Pause
from daemon.domain.notation import iso, when
from daemon.domain.records import PageRow, PageState, SourceRow, Standing
from daemon.domain.scope import Capability, Refusals, Refused
from daemon.store import memory, prompts, reviews, threads
from daemon.store.database import get_value, set_value


_TIMES = frozenset(
    {"edited", "due_at", "dirty_since", "read_at", "reviewed_at"}
    | {"paused_at", "paused_until", "left_at"}
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
        **fields | {"state": PageState(fields["state"]), "paused": bool(fields["paused"])}
    )


def _upsert(table: str, names: Sequence[str], *, keeping: Collection[str] = ()) -> str:
    marks = ", ".join("?" * len(names))
    updates = ", ".join(f"{name} = excluded.{name}" for name in names[1:] if name not in keeping)
    return (
        f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks}) "  # noqa: S608 - own names
        f"ON CONFLICT (id) DO UPDATE SET {updates}"
    )


# A sweep that read the row before a person paused the page must not undo that.
_SAVE_PAGE = _upsert("pages", _PAGE, keeping=("paused", "paused_at", "paused_until"))
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


def source_ids(db: Database, database_ids: Iterable[str]) -> list[str]:
    """Return the ids of the data sources of databases, as `sources_of` finds them."""
    return [row.id for database_id in database_ids for row in sources_of(db, database_id)]


def asleep(db: Database, given: Mapping[str, str]) -> dict[str, Pause]:
    """Return the pause of each data source whose prompt is paused.

    `given` is the prompt page or database of each database, by their ids in the config.
    """
    found = prompts.paused(db)
    return {
        source_id: found[prompt]
        for database_id, prompt in (given.items() if found else ())
        if prompt in found
        for source_id in source_ids(db, [database_id])
    }


def detach_source(db: Database, source_id: str) -> None:
    """Take a data source out of its database; its pages keep their history."""
    db.execute("UPDATE sources SET database_id = '' WHERE id = ?", [source_id])


def save(db: Database, rows: Iterable[PageRow]) -> None:
    """Insert or update pages; snapshots, and whether a page is paused, stay as they are."""
    with db.atomic():
        db.conn.executemany(_SAVE_PAGE, [_stored(row) for row in rows])


def pause(db: Database, page_id: str, at: datetime, until: datetime | None = None) -> None:
    """Pause a page, for ever or until a time; of one that is paused, the end alone changes."""
    db.execute(
        "UPDATE pages SET paused_at = CASE WHEN paused THEN coalesce(paused_at, ?1) ELSE ?1 END,"
        " paused_until = ?2, paused = 1 WHERE id = ?3",
        [iso(at), iso(until) if until else None, page_id],
    )


def resume(db: Database, page_id: str) -> None:
    """Take a page up again."""
    db.execute(
        "UPDATE pages SET paused = 0, paused_at = NULL, paused_until = NULL WHERE id = ?", [page_id]
    )


def paused(db: Database) -> list[PageRow]:
    """Return the paused pages, those paused longest first."""
    rows = db.execute(f"{_SELECT_PAGE} INDEXED BY pages_paused WHERE paused ORDER BY paused_at, id")
    return [_page(values) for values in rows.fetchall()]


def page(db: Database, page_id: str) -> PageRow | None:
    """Return a page, or None."""
    values = db.execute(f"{_SELECT_PAGE} WHERE id = ?", [page_id]).fetchone()
    return _page(values) if values else None


def by_ids(db: Database, page_ids: Sequence[str]) -> dict[str, PageRow]:
    """Return the pages that are known among these ids, by id."""
    rows = db.execute(
        f"{_SELECT_PAGE} WHERE id IN (SELECT value FROM json_each(?))",  # noqa: S608 - own names
        [json.dumps(list(page_ids))],
    )
    return {row.id: row for row in map(_page, rows.fetchall())}


def due(db: Database, now: datetime, source_ids: Sequence[str]) -> list[PageRow]:
    """Return the pages that are due, those due longest first; paused ones are left out."""
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


def last_reviewed_pages(db: Database, source_ids: Sequence[str], limit: int) -> list[PageRow]:
    """Return the pages of some data sources that were reviewed last; no paused one, none away."""
    rows = db.execute(
        f"{_SELECT_PAGE} WHERE reviewed_at IS NOT NULL AND state IN ('done', 'due')"  # noqa: S608 - own names
        " AND NOT paused AND source_id IN (SELECT value FROM json_each(?))"
        " ORDER BY reviewed_at DESC, id LIMIT ?",
        [json.dumps(list(source_ids)), limit],
    )
    return [_page(values) for values in rows.fetchall()]


def reviewed_under_other_prompt(db: Database, source_id: str, prompt: str) -> list[PageRow]:
    """Return the pages of a data source that were reviewed under another prompt."""
    rows = db.execute(
        f"{_SELECT_PAGE} WHERE source_id = ? AND state = 'done' AND prompt != ? ORDER BY id",
        [source_id, prompt],
    )
    return [_page(values) for values in rows.fetchall()]


def reviewed_under_other_settings(db: Database, source_id: str, settings: str) -> list[PageRow]:
    """Return the pages of a data source that were reviewed under other settings."""
    rows = db.execute(
        f"{_SELECT_PAGE} WHERE source_id = ? AND state = 'done' AND settings != ? ORDER BY id",
        [source_id, settings],
    )
    return [_page(values) for values in rows.fetchall()]


def ids_of(db: Database, source_id: str) -> set[str]:
    """Return the ids of a data source's pages that are not gone."""
    rows = db.execute("SELECT id FROM pages WHERE source_id = ? AND state != 'gone'", [source_id])
    return {row[0] for row in rows.fetchall()}


def any_selected(db: Database, source_ids: Sequence[str]) -> bool:
    """Tell whether data sources have a page that is ours to review, whenever that is."""
    row = db.execute(
        "SELECT 1 FROM pages WHERE source_id IN (SELECT value FROM json_each(?))"
        " AND state NOT IN ('left', 'gone') LIMIT 1",
        [json.dumps(list(source_ids))],
    ).fetchone()
    return row is not None


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


def last_reviewed(db: Database, page_id: str) -> Reviewed | None:
    """Return the last reviewed snapshot of a page, or None before its first review."""
    row = db.execute("SELECT snapshot FROM pages WHERE id = ?", [page_id]).fetchone()
    return unpack_snapshot(row[0]) if row and row[0] is not None else None


def unpack_snapshot(snapshot: bytes) -> Reviewed:
    """Read a snapshot that `save_reviewed` stored."""
    data = json.loads(zlib.decompress(snapshot))
    references, digest, depths = (data.get(name) for name in ("references", "digest", "depths"))
    return Reviewed(
        title=data["title"],
        properties=tuple((name, text) for name, text in data["properties"]),
        blocks=tuple((block_id, line) for block_id, line in data["blocks"]),
        references=None if references is None else tuple((name, told) for name, told in references),
        digest=None if digest is None else tuple((block_id, said) for block_id, said in digest),
        depths=None if depths is None else tuple(depths),
    )


def save_reviewed(db: Database, page_id: str, snapshot: Reviewed) -> None:
    """Store the reviewed snapshot, compressed: a page of 100 blocks takes a few kilobytes."""
    kept = {name: getattr(snapshot, name) for name in snapshot.__slots__}
    data = json.dumps(kept, ensure_ascii=False, separators=(",", ":"))
    db.execute(
        "UPDATE pages SET snapshot = ? WHERE id = ?", [zlib.compress(data.encode()), page_id]
    )


def save_standing(
    db: Database,
    page: tuple[str, datetime],
    standing: Standing,
    people: Sequence[tuple[str, str]],
    editor: str,
) -> None:
    """Record how a page stands as a query shows it, and that its last editor has acted.

    Args:
        db: The state.
        page: Its id and the time of its last edit.
        standing: How it stands; since when is kept until that changes.
        people: The id and name of each person that it belongs to; "" for a name not told.
        editor: Who edited it last, by id.
    """
    page_id, edited = page
    db.execute(
        "INSERT INTO standings VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET since ="
        " CASE WHEN standing = excluded.standing THEN since ELSE excluded.since END,"
        " standing = excluded.standing, people = excluded.people",
        [page_id, standing.value, iso(edited), json.dumps(people)],
    )
    threads.save_act(db, page_id, editor, edited)


def left_before(db: Database, before: datetime) -> list[str]:
    """Return the ids of the pages that left before a time and have not come back."""
    rows = db.execute("SELECT id FROM pages WHERE left_at < ? ORDER BY left_at, id", [iso(before)])
    return [row[0] for row in rows.fetchall()]


# What is kept of a page besides its row, what refers to other rows first.
_OF_PAGE = {
    "finding_history": "finding_id IN (SELECT id FROM findings WHERE page_id = ?)",
    "findings": "page_id = ?",
    "texts": "page_id = ?",
    "drafts": "page_id = ?",
    "loads": "review_id IN (SELECT id FROM reviews WHERE page_id = ?)",
    "outbox": "page_id = ?",
    "reviews": "page_id = ?",
    "decisions": "page_id = ?",
    "looks": "page_id = ?",
    "nominations": "page_id = ?",
    "standings": "page_id = ?",
    "acts": "page_id = ?",
}
_OF_PEOPLE = ("comments", "threads")


def forget(db: Database, page_id: str) -> dict[str, int]:
    """Delete what is kept of a page; return the number of rows by table.

    Of a page that is still there its bare row stays, and which comments were decided on, without
    their words: so nobody is answered twice. Of one that left nothing stays.
    """
    with db.atomic():
        row = db.execute("SELECT left_at IS NOT NULL FROM pages WHERE id = ?", [page_id]).fetchone()
        is_away = bool(row and row[0])
        tables = _OF_PAGE | dict.fromkeys(_OF_PEOPLE if is_away else (), "page_id = ?")
        count = {
            table: db.execute(f"DELETE FROM {table} WHERE {which}", [page_id]).rowcount  # noqa: S608 - own names
            for table, which in tables.items()
        }
        reviews.merge_spending_of(db, page_id)
        prompts.forget_points(db, page_id)
        count["remembered_passages"] = memory.erase(db, page_id)
        db.execute(
            "UPDATE sweeps SET result = json_set(result, '$.of_page', '')"
            " WHERE json_extract(result, '$.of_page') = ?",
            [page_id],
        )
        if is_away:
            db.execute("DELETE FROM pages WHERE id = ?", [page_id])
        else:
            count["comments"] = threads.forget_words(db, page_id)
            db.execute(
                "UPDATE pages SET state = 'baselined', title = '', url = '', due_at = NULL,"
                " dirty_since = NULL, attempts = 0, error = NULL, hash = NULL, form = NULL,"
                " prompt = NULL, settings = NULL, read_at = NULL, reviewed_at = NULL,"
                " snapshot = NULL WHERE id = ?",
                [page_id],
            )
    return count


def refusals(db: Database, capability: Capability) -> Refusals:
    """Return the pages that a capability is refused for."""
    stored = json.loads(get_value(db, _refused(capability)) or "{}")
    return {
        page_id: Refused(**one | {"until": one["until"] and when(one["until"])})
        for page_id, one in stored.items()
    }


def save_refusals(db: Database, capability: Capability, found: Refusals) -> None:
    """Keep the pages that a capability is refused for, and no others."""
    told = {
        page_id: asdict(one) | {"until": one.until and iso(one.until)}
        for page_id, one in found.items()
    }
    set_value(db, _refused(capability), json.dumps(told))


def forget_refusals(db: Database, page_id: str) -> bool:
    """Forget what was refused of a page, so that it is asked for at once; True if there was."""
    found = False
    for capability in Capability:
        before = refusals(db, capability)
        if page_id in before:
            save_refusals(
                db, capability, {page: one for page, one in before.items() if page != page_id}
            )
            found = True
    return found


def _refused(capability: Capability) -> str:
    return f"refused: {capability.value}"
