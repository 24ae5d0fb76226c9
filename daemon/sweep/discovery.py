"""Which pages were edited: queries from the checkpoint on, and once a day every page's id."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from daemon.config import covered_twice
from daemon.domain import scope
from daemon.domain.due import Timing, left, nominate
from daemon.domain.errors import (
    AccessLost,
    ConfigError,
    Forbidden,
    Invalid,
    Missing,
    NotionError,
    ReviewError,
    Unavailable,
)
from daemon.domain.events import Alert
from daemon.domain.notation import iso
from daemon.domain.records import LEFT, PageRow, PageState, SourceRow
from daemon.domain.scope import Scope
from daemon.notion import properties, reading
from daemon.store import pages, sweeps
from daemon.sweep import memory, snapshot
from daemon.sweep.alerts import clear, raise_alert, stands
from daemon.sweep.context import Context, Target
from daemon.sweep.snapshot import config_ids, not_ours


CENSUS_EVERY = timedelta(days=1)
# The census has a share of the pages hashed again, so that each is within so many days.
EVERY_PAGE_IN_DAYS = 30
# What Notion's clock and this machine's may differ by. A query looks back further, so that an edit
# within it is found whichever is wrong.
CLOCKS_DIFFER = reading.LOOKBACK / 2
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
# Fewer pages than this may all go in a day; more that go at once were not deleted by hand.
MANY = 5


@dataclass(frozen=True, slots=True)
class Found:
    """What one data source gave.

    Attributes:
        seen: Its rows that were listed.
        queued: The pages that are new in the queue.
        baselined: The pages that are older than the first sweep looks back.
        left: The pages that `where` selected before, and does not now.
    """

    seen: int = 0
    queued: int = 0
    baselined: int = 0
    left: int = 0

    def __add__(self, other: Found) -> Found:
        return Found(
            self.seen + other.seen,
            self.queued + other.queued,
            self.baselined + other.baselined,
            self.left + other.left,
        )


async def sources(context: Context, target: Target) -> list[SourceRow]:
    """Return the data sources of a database; Notion is asked only the first time.

    Raises:
        AccessLost: The database is not shared, or gone.
    """
    known = pages.sources_of(context.state, target.settings.id)
    return known or await _list_sources(context, target)


async def _list_sources(context: Context, target: Target) -> list[SourceRow]:
    """Ask Notion which data sources there are; a new one of a known database is said."""
    known = {row.id for row in pages.sources_of(context.state, target.settings.id)}
    try:
        listed = await reading.data_sources(context.notion, target.settings.id)
    except (Missing, Forbidden) as error:
        raise AccessLost(_no_access(target, error)) from error
    except Invalid as error:
        raise AccessLost(await _unusable(context, target, error)) from error
    for source_id, title, database_id in listed:
        row = pages.source(context.state, source_id)
        if row is None:
            baseline = await _began(context, source_id) - context.config.lookback
            row = SourceRow(source_id, database_id, title, baseline)
        pages.save_source(context.state, replace(row, title=title, database_id=database_id))
        if known and source_id not in known:
            context.emit("source.new", database=target.name, source=source_id, title=title)
    found = {source_id for source_id, _, _ in listed}
    for row in pages.sources_of(context.state, target.settings.id):
        if row.id in found:
            continue
        with context.state.atomic():
            lost = pages.ids_of(context.state, row.id)
            _mark_gone(context, lost, "its data source left the database")
            memory.keep_listed(context, row.id, ())
            pages.detach_source(context.state, row.id)
        context.emit("source.gone", database=target.name, source=row.id, title=row.title)
    return pages.sources_of(context.state, target.settings.id)


async def _began(context: Context, source_id: str) -> datetime:
    """Return when a data source began to be watched: now, by the clock that is believed.

    Where the server's time and this machine's differ, the newest edit shows which one is wrong:
    a baseline that lies ahead would hide the edits up to it for good.
    """
    now, machine = context.notion.now, context.notion.machine_now
    if abs(now - machine) <= CLOCKS_DIFFER:
        return now
    newest = await reading.newest(context.notion, source_id)
    return max(newest or _LONG_AGO, min(now, machine + CLOCKS_DIFFER))


async def _unusable(context: Context, target: Target, error: Invalid) -> str:
    """Say that what the config names is no database, such as the view of another one."""
    title = ""
    if target.settings.name is None:
        with suppress(NotionError, Unavailable):  # a view can be read as a block alone
            block = await context.notion.block(target.settings.id)
            title = (block.get("child_database") or {}).get("title") or ""
    return f"database {target.settings.called(title, target.name)}: {error}"


def _no_access(target: Target, error: Exception) -> str:
    return (
        f"database {target.name}: Notion does not show it ({error}); share it with the connection: "
        "open it in Notion, ••• > Connections"
    )


async def edited(context: Context, target: Target, source: SourceRow) -> Found:
    """Queue the pages that were edited since the checkpoint, then move it.

    Raises:
        AccessLost: The data source is not shared any more.
    """
    first = source.checkpoint is None
    found = await _swept(context, target, source, whole=first)
    if first or found.left or stands(context, Alert.SELECTION.of(target.settings.id)):
        await snapshot.compare_names(context, target, found.left)
    return found


async def _swept(context: Context, target: Target, source: SourceRow, *, whole: bool) -> Found:
    """Walk a data source; where it is refused, ask its database what that is about."""
    try:
        return await _walk(context, target, source, whole=whole)
    except (Missing, Forbidden) as error:
        listed = {row.id for row in await _list_sources(context, target)}
        if scope.of_source(source.id, listed) is Scope.DATA_SOURCE:
            return Found()
        raise AccessLost(_no_access(target, error)) from error


async def census(context: Context, target: Target) -> Found | None:
    """Once a day, list every page: finds new data sources, lost pages, and edits that hid.

    Returns:
        What it found, or None where the last one is not a day old by the server's clock.

    Raises:
        AccessLost: The database is not shared any more, or has lost all its pages.
    """
    known = pages.sources_of(context.state, target.settings.id)
    now = context.notion.now
    day = (now - CENSUS_EVERY, now + CLOCKS_DIFFER)  # one in the future is a wrong `Date`'s
    if all(row.census_at is not None and day[0] < row.census_at < day[1] for row in known):
        return None
    total, troubles = Found(), list[ReviewError]()
    for source in await _list_sources(context, target):
        try:
            total += await _swept(context, target, source, whole=True)
        except (AccessLost, NotionError, Unavailable) as error:
            troubles.append(error)
            continue
        # Those read longest ago are hashed again: some edits move no time.
        limit = math.ceil(source.pages / EVERY_PAGE_IN_DAYS)
        rows = pages.longest_unread(context.state, source.id, limit)
        now = context.notion.now
        with context.state.atomic():
            pages.save(context.state, [replace(row, due_at=now) for row in rows])
    await snapshot.compare_names(context, target, total.left)
    if troubles:
        raise troubles[0]
    return total


async def _walk(context: Context, target: Target, source: SourceRow, *, whole: bool) -> Found:
    """Store rows as they come; move the checkpoint when the walk is complete.

    It moves to the server's time at the walk's start, so a failing result page repeats the same
    window.
    """
    began, newest, found, seen, gaps = None, _LONG_AGO, Found(), set[str](), list[datetime]()
    async for rows in reading.walk(context.notion, source, gaps, whole=whole):
        began = began or context.notion.now
        newest = max([newest, *(properties.moment(row["last_edited_time"]) for row in rows)])
        seen |= {row["id"] for row in rows}
        found += _queue(context, target, source, rows)
        if any(not_ours(context.state, target.settings, row) == LEFT for row in rows):
            source = replace(source, census_at=None)  # so that the sources are listed anew
    if whole and not seen and len(pages.ids_of(context.state, source.id)) >= MANY:
        raise AccessLost(
            f"database {target.name}: it had pages and shows none now; "
            "check that it is still shared with the connection"
        )
    limit = max(newest, context.notion.machine_now + CLOCKS_DIFFER)
    reached = _moved_checkpoint(source.checkpoint, began or context.notion.now, limit, whole=whole)
    _complete(context, replace(source, checkpoint=reached), seen if whole else None, gaps)
    _tell_gaps(context, target, gaps, whole=whole)
    return found


def _moved_checkpoint(
    before: datetime | None, began: datetime, limit: datetime, *, whole: bool
) -> datetime:
    """Return the checkpoint after a walk that began at a server's time.

    A server's time that is wrong must not carry it past edits that are still to come: it passes
    neither the newest edit that was seen nor, by more than clocks differ, this machine's time.

    Args:
        before: The checkpoint so far.
        began: The server's time at the walk's start.
        limit: What it may not pass.
        whole: Whether every page was listed: then one that lies beyond the limit is set back.
    """
    reached = min(began, limit)
    if before is None or (whole and before > limit):
        return reached
    return max(before, reached)


def _tell_gaps(context: Context, target: Target, gaps: Sequence[datetime], *, whole: bool) -> None:
    """Tell people of minutes whose pages Notion cannot list all; over after a whole census."""
    name = Alert.UNLISTED.of(target.settings.id)
    if gaps:
        minutes = ", ".join(iso(minute) for minute in gaps)
        words = (
            f"database {target.name}: more pages share a minute ({minutes}) than Notion lists in a "
            "query; those between its first and its last are not reviewed before their next edit"
        )
        raise_alert(context, name, words)
    elif whole:
        clear(context, name)


def _complete(
    context: Context, source: SourceRow, census: set[str] | None, gaps: Sequence[datetime]
) -> None:
    now = context.notion.now
    after = replace(source, last_ok=now, trouble=None)
    with context.state.atomic():
        if census is not None:
            if not gaps:  # a page in a gap is there, though it was not listed
                lost = pages.ids_of(context.state, source.id) - census
                _mark_gone(context, lost, "not listed any more: trashed, moved or not shared")
                memory.keep_listed(context, source.id, census)
            after = replace(after, census_at=now, pages=len(census))
        pages.save_source(context.state, after)


def _mark_gone(context: Context, lost: Collection[str], why: str) -> None:
    rows = pages.by_ids(context.state, sorted(lost)) if lost else {}
    now = context.notion.now
    gone = [left(row, PageState.GONE, now) for row in rows.values()]
    pages.save(context.state, gone)
    for page_id in lost:
        sweeps.record_decision(context.state, page_id, context.notion.now, "gone", why)


def _queue(
    context: Context, target: Target, source: SourceRow, rows: list[dict[str, Any]]
) -> Found:
    """Store one result page in one transaction, and say of each page what becomes of it."""
    raws = {row["id"]: row for row in rows}
    known = pages.by_ids(context.state, list(raws)) if rows else {}
    before = list(known.values())
    after = [_row(context, target, source, raw, known.get(raw["id"])) for raw in rows]
    changed = [row for row in after if row is not None and row != known.get(row.id)]
    with context.state.atomic():
        memory.note(context, target, source.id, rows)
        pages.save(context.state, changed)
        for row in filter(None, after):
            raw = raws[row.id]
            pages.save_standing(
                context.state,
                (row.id, row.edited),
                snapshot.standing(context.config.digest, raw),
                properties.people_of(raw, target.settings.properties),
                str((raw.get("last_edited_by") or {}).get("id")),
            )
        for row in changed:
            if decided := _decided(context, target, known.get(row.id), row, raws[row.id]):
                sweeps.record_decision(context.state, row.id, context.notion.now, *decided)
    due = {row.id for row in before if row.state is PageState.DUE}
    return Found(
        len(rows),
        sum(r.state is PageState.DUE and r.id not in due for r in changed),
        sum(r.state is PageState.BASELINED for r in changed),
        sum(r.state is PageState.LEFT for r in changed),
    )


def _decided(
    context: Context, target: Target, before: PageRow | None, row: PageRow, raw: dict[str, Any]
) -> tuple[str, str] | None:
    """Say what becomes of a page that a query shows otherwise than it is known, for `explain`."""
    if row.state is PageState.BASELINED:
        return "left until edited", "older than the first sweep looks back"
    if row.state is PageState.LEFT:
        return "left", not_ours(context.state, target.settings, raw)
    if before and before.edited == row.edited and before.state is row.state:
        return None
    from_when = iso(row.due_at) if row.due_at else "now"
    return "edit seen", f"edited {iso(row.edited)}, read from {from_when} on"


def _row(
    context: Context, target: Target, source: SourceRow, raw: dict[str, Any], known: PageRow | None
) -> PageRow | None:
    timing = Timing(context.config.settle, context.config.settle_limit)
    page = properties.read_page(raw, source.id, target.settings.properties)
    if not_ours(context.state, target.settings, raw):
        if known is None or known.state is PageState.LEFT:
            return None
        return replace(left(known, PageState.LEFT, context.notion.now), edited=page.edited)
    row = nominate(known, page, timing, since=source.baseline)
    if row.due_at is not None:
        context.readings.rows[page.id] = (raw, context.notion.now)
    return row


async def look_at(context: Context, targets: Mapping[str, Target], page_id: str) -> None:
    """Queue a page that an event named, where it is in a swept data source; no checkpoint moves.

    Raises:
        NotionError, Unavailable: Notion does not give it; the sweeps find out why.
    """
    raw = await context.notion.page(page_id)
    source_id = str((raw.get("parent") or {}).get("data_source_id"))
    source = pages.source(context.state, source_id) if source_id in targets else None
    # Before its first sweep is over, what a data source has is for that sweep to say.
    if source is not None and source.checkpoint is not None:
        _queue(context, targets[source.id], source, [raw])


def access_lost(context: Context, target: Target, error: Exception) -> None:
    """Record that a database cannot be swept; people are told once."""
    for row in pages.sources_of(context.state, target.settings.id):
        pages.save_source(context.state, replace(row, trouble=str(error)))
    raise_alert(context, Alert.ACCESS.of(target.settings.id), str(error))


async def find_page(context: Context, page_id: str) -> tuple[PageRow, Target]:
    """Return the row of a page, known so far or not, and the configured database it is in.

    Raises:
        Missing: Notion does not show the page.
        AccessLost: The page is in none of the configured databases.
        ConfigError: It is in two of them.
    """
    raw = await context.notion.page(page_id)
    ids, source_id = config_ids(context.state, raw), (raw.get("parent") or {}).get("data_source_id")
    holders = [settings for settings in context.config.databases if settings.id in ids]
    if len(holders) > 1:
        source = pages.source(context.state, str(source_id))
        titles = {str(source_id): source.title if source else str(source_id)}
        raise ConfigError(*covered_twice([(one, titles) for one in holders]))
    for settings in holders:
        target = context.target(settings)
        known = {source.id for source in await sources(context, target)}
        if source_id not in known:
            known = {source.id for source in await _list_sources(context, target)}
        if why := not_ours(context.state, settings, raw):
            called = properties.title(raw)
            raise AccessLost(f"page “{called}”: {why}; it gets no review in {target.name}")
        if source_id in known:
            page = properties.read_page(raw, source_id, settings.properties)
            row = pages.page(context.state, page.id) or PageRow(
                page.id, source_id, page.title, page.url, page.edited, PageState.BASELINED
            )
            return replace(row, source_id=source_id), target
    raise AccessLost(f"page {page_id}: is in none of the configured databases; add its database")
