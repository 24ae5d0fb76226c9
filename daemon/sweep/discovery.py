"""Which pages were edited: queries from the checkpoint on, and once a day every page's id."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from daemon.sweep.alerts import settle, tell_once
from daemon.sweep.context import Base, Context
from daemon.domain.values import Page
from daemon.domain.due import Timing, nominate
from daemon.domain.errors import AccessLost, Forbidden, Incomplete, Missing
from daemon.notion import canonical as text
from daemon.store import sweeps as ledger, pages
from daemon.store.database import iso
from daemon.store.pages import PageRow, SourceRow, Standing


# Edits show up late in queries, and their times are floored to the minute.
LOOKBACK = timedelta(minutes=10)
CENSUS_EVERY = timedelta(days=1)
# The census has a share of the pages hashed again, so that each is within so many days.
EVERY_PAGE_IN_DAYS = 30
# Fewer pages than this may all go in a day; more that go at once were not deleted by hand.
MANY = 5


@dataclass(frozen=True, slots=True)
class Found:
    """What one data source gave: rows seen, and pages that are new in the queue."""

    seen: int = 0
    queued: int = 0
    baselined: int = 0

    def __add__(self, other: Found) -> Found:
        return Found(
            self.seen + other.seen, self.queued + other.queued, self.baselined + other.baselined
        )


async def sources(context: Context, base: Base) -> list[SourceRow]:
    """Return the data sources of a database; Notion is asked only the first time.

    Raises:
        AccessLost: The database is not shared, or gone.
    """
    known = pages.sources_of(context.state, base.settings.id)
    return known or await _list_sources(context, base)


async def _list_sources(context: Context, base: Base) -> list[SourceRow]:
    """Ask Notion which data sources there are; a new one of a known database is said."""
    known = {row.id for row in pages.sources_of(context.state, base.settings.id)}
    try:
        listed = await _listed(context, base.settings.id)
    except (Missing, Forbidden) as error:
        raise AccessLost(_no_access(base, error)) from error
    for source_id, title, database_id in listed:
        _add_source(context, SourceRow(source_id, database_id, title, context.notion.now))
        if known and source_id not in known:
            context.tell("source.new", database=base.name, source=source_id, title=title)
    found = {source_id for source_id, _, _ in listed}
    return [row for row in pages.sources_of(context.state, base.settings.id) if row.id in found]


async def _listed(context: Context, given: str) -> list[tuple[str, str, str]]:
    """Return (id, title, database id) of each data source; `given` may be one itself."""
    try:
        database = await context.notion.database(given)
    except Missing:
        source = await context.notion.data_source(given)
        title = text.database_title(source)
        return [(source["id"], title, (source.get("parent") or {}).get("database_id", given))]
    title = text.database_title(database)
    if not database.get("data_sources"):
        raise Missing(f"database {given} has no data source that this connection may read")
    return [(one["id"], title, database["id"]) for one in database["data_sources"]]


def _add_source(context: Context, row: SourceRow) -> None:
    known = pages.source(context.state, row.id)
    if known is not None:
        pages.save_source(context.state, replace(known, title=row.title))
        return
    since = context.notion.now - context.config.lookback
    pages.save_source(context.state, replace(row, baseline=since))


def _no_access(base: Base, error: Exception) -> str:
    return (
        f"database {base.name}: Notion does not show it ({error}); share it with the connection: "
        "open it in Notion, ••• > Connections"
    )


async def edited(context: Context, base: Base, source: SourceRow) -> Found:
    """Queue the pages that were edited since the checkpoint, then move it.

    Raises:
        AccessLost: The data source is not shared any more.
    """
    return await _walk(context, base, source, whole=source.checkpoint is None)


async def census(context: Context, base: Base) -> Found | None:
    """Once a day, list every page: finds new data sources, lost pages, and edits that hid.

    Returns:
        What it found, or None where the last one is not a day old by the server's clock.

    Raises:
        AccessLost: The database is not shared any more, or has lost all its pages.
    """
    known = pages.sources_of(context.state, base.settings.id)
    since = context.notion.now - CENSUS_EVERY
    if all(row.census_at is not None and row.census_at > since for row in known):
        return None
    total = Found()
    for source in await _list_sources(context, base):
        total += await _walk(context, base, source, whole=True)
        _look_again(context, source)
    return total


def _look_again(context: Context, source: SourceRow) -> None:
    """Have the pages read longest ago hashed again: some edits move no time."""
    limit = math.ceil(source.pages / EVERY_PAGE_IN_DAYS)
    rows = pages.longest_unread(context.state, source.id, limit)
    now = context.notion.now
    with context.state.atomic():
        pages.save(context.state, [replace(row, due_at=now) for row in rows])


async def _walk(context: Context, base: Base, source: SourceRow, *, whole: bool) -> Found:
    """Store rows as they come; move the checkpoint when the walk is complete.

    It moves to the server's time at the walk's start, so a failing result page repeats the same
    window.
    """
    began = None
    found, seen = Found(), set[str]()
    try:
        async for rows in _windows(context, source, whole=whole):
            began = began or context.notion.now
            seen |= {row["id"] for row in rows}
            found += _queue(context, base, source, rows)
    except (Missing, Forbidden) as error:
        raise AccessLost(_no_access(base, error)) from error
    if whole:
        _refuse_emptied(context, base, source, seen)
    _complete(context, source, began or context.notion.now, seen if whole else None)
    return found


def _refuse_emptied(context: Context, base: Base, source: SourceRow, seen: set[str]) -> None:
    if not seen and len(pages.ids_of(context.state, source.id)) >= MANY:
        raise AccessLost(
            f"database {base.name}: it had pages and shows none now; "
            "check that it is still shared with the connection"
        )


def _complete(
    context: Context, source: SourceRow, began: datetime, census: set[str] | None
) -> None:
    now = context.notion.now
    checkpoint = max(source.checkpoint, began) if source.checkpoint else began
    after = replace(source, checkpoint=checkpoint, last_ok=now, trouble=None)
    with context.state.atomic():
        if census is not None:
            _mark_gone(context, source, census)
            after = replace(after, census_at=now, pages=len(census))
        pages.save_source(context.state, after)


def _mark_gone(context: Context, source: SourceRow, census: set[str]) -> None:
    lost = pages.ids_of(context.state, source.id) - census
    rows = pages.known(context.state, sorted(lost)) if lost else {}
    pages.save(
        context.state,
        [replace(row, state=Standing.GONE, due_at=None) for row in rows.values()],
    )
    for page_id in lost:
        note = "not listed any more: trashed, moved or not shared"
        ledger.decide(context.state, page_id, context.notion.now, "gone", note)


async def _windows(
    context: Context, source: SourceRow, *, whole: bool
) -> AsyncIterator[list[dict[str, Any]]]:
    """Yield result pages; where Notion stops at its cap of rows, go on from the last one.

    The census walks by creation, which no edit moves, as Notion advises for large sources
    (https://github.com/makenotion/notion-cookbook, query-large-data-sources).
    """
    field = "created_time" if whole else "last_edited_time"
    since = None if whole or source.checkpoint is None else source.checkpoint - LOOKBACK
    while True:
        capped, last = False, since
        async for page in context.notion.query(source.id, **_query(field, since)):
            yield list(page.rows)
            capped = capped or page.capped
            last = text.moment(page.rows[-1][field]) if page.rows else last
        if not capped:
            return
        if last == since or last is None:
            raise Incomplete(
                f"data source {source.id}: more pages than one query returns share the minute "
                f"{last}; Notion offers no way to list them"
            )
        since = last


def _query(field: str, since: datetime | None) -> dict[str, Any]:
    query: dict[str, Any] = {"sorts": [{"timestamp": field, "direction": "ascending"}]}
    if since is not None:
        floored = since.replace(second=0, microsecond=0)
        query["filter"] = {"timestamp": field, field: {"on_or_after": iso(floored)}}
    return query


def _queue(context: Context, base: Base, source: SourceRow, rows: list[dict[str, Any]]) -> Found:
    """Store one result page in one transaction."""
    known = pages.known(context.state, [row["id"] for row in rows]) if rows else {}
    before = list(known.values())
    after = [_row(context, base, source, raw, known.get(raw["id"])) for raw in rows]
    changed = [row for row in after if row is not None and row != known.get(row.id)]
    with context.state.atomic():
        pages.save(context.state, changed)
        for row in changed:
            _explain(context, row, known.get(row.id))
    due = {row.id for row in before if row.state is Standing.DUE}
    return Found(
        len(rows),
        sum(r.state is Standing.DUE and r.id not in due for r in changed),
        sum(r.state is Standing.BASELINED for r in changed),
    )


def _row(
    context: Context, base: Base, source: SourceRow, raw: dict[str, Any], known: PageRow | None
) -> PageRow | None:
    timing = Timing(context.config.settle, context.config.settle_limit)
    page = text.page(raw, source.id, base.settings.properties)
    if not selected(base, raw):
        if known is None or known.state is Standing.LEFT:
            return None
        return replace(known, state=Standing.LEFT, due_at=None, edited=page.edited)
    row = nominate(known, page, timing, since=source.baseline)
    if row.due_at is not None:
        context.rows[page.id] = raw
    return row


def selected(base: Base, raw: dict[str, Any]) -> bool:
    """Tell whether `where` selects a page; a list property matches by any of its values."""
    properties = raw.get("properties") or {}
    return not raw.get("in_trash") and all(
        bool(set(values) & set(_values(properties.get(name) or {})))
        for name, values in base.settings.where.items()
    )


def _values(value: dict[str, Any]) -> list[str]:
    """Return what a property holds as the words that `where` may name."""
    kind = value.get("type")
    if kind == "multi_select":
        return [option["name"] for option in value[kind]]
    return [text.property_text(value)] if kind else []


def _explain(context: Context, row: PageRow, known: PageRow | None) -> None:
    if row.state is Standing.BASELINED:
        what, detail = "baselined", "older than the first sweep looks back"
    elif row.state is Standing.LEFT:
        what, detail = "left", "`where` does not select it"
    elif known is not None and known.edited == row.edited and known.state is row.state:
        return
    else:
        due = iso(row.due_at) if row.due_at else "now"
        what, detail = "nominated", f"edited {iso(row.edited)}, read from {due} on"
    ledger.decide(context.state, row.id, context.notion.now, what, detail)


def access_is_there(context: Context, base: Base) -> None:
    """Record that a database was swept whole; people are told when it was lost before."""
    settle(context, f"access {base.settings.id}")


def access_lost(context: Context, base: Base, error: Exception) -> None:
    """Record that a database cannot be swept; people are told once."""
    for row in pages.sources_of(context.state, base.settings.id):
        pages.save_source(context.state, replace(row, trouble=str(error)))
    tell_once(context, f"access {base.settings.id}", str(error))


async def find_page(context: Context, page_id: str) -> tuple[PageRow, Base]:
    """Return the row of a page, known so far or not, and the configured database it is in.

    Raises:
        Missing: Notion does not show the page.
        AccessLost: The page is in none of the configured databases.
    """
    raw = await context.notion.page(page_id)
    parent = raw.get("parent") or {}
    wanted = {parent.get("data_source_id"), parent.get("database_id")}
    for settings in context.config.databases:
        base = Base(settings, settings.name or settings.id, context.chains[settings.id])
        for source in await sources(context, base):
            if {source.id, source.database_id} & wanted:
                page = text.page(raw, source.id, settings.properties)
                return _found(context, source, page), base
    raise AccessLost(f"page {page_id}: is in none of the configured databases; add its database")


def _found(context: Context, source: SourceRow, page: Page) -> PageRow:
    known = pages.page(context.state, page.id)
    return known or PageRow(
        page.id, source.id, page.title, page.url, page.edited, Standing.BASELINED
    )
