"""What Notion has of what config.yaml selects: data sources, names, and pages as they are now."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from daemon.config import Database, covered_twice
from daemon.config.schedule import Digest
from daemon.config.values import Condition
from daemon.domain import due
from daemon.domain.errors import ConfigError, Incomplete
from daemon.domain.events import Alert
from daemon.domain.notation import notion_id
from daemon.domain.records import (
    ARCHIVED,
    LEFT,
    NOT_SELECTED,
    PageRow,
    PageState,
    SourceRow,
    Standing,
)
from daemon.domain.values import Snapshot
from daemon.notion import properties, reading
from daemon.store import pages, sweeps, threads
from daemon.store.database import State
from daemon.sweep.alerts import clear, raise_alert
from daemon.sweep.context import Context, Target


_LONG_AGO = datetime.min.replace(tzinfo=UTC)


async def read_page(context: Context, target: Target, row: PageRow) -> Snapshot | None:
    """Read the page without its threads; None where it is not for us any more, which is stored."""
    if row.id in context.readings.rows:
        # Title and properties are as old as the query that returned them.
        raw, read_at = context.readings.rows.pop(row.id)
    else:
        raw = await context.notion.page(row.id)
        read_at = context.notion.now
    if why := not_ours(context.state, target.settings, raw):
        leave(context, row, raw, why)
        return None
    snapshot = await _whole(context, target, row, raw, read_at)
    # Of several people who edited it since the last reading the page itself names the last alone.
    edits: dict[str, datetime] = {}
    for editor, time in (block.last_edit for block in snapshot.blocks):
        with suppress(Incomplete):  # a time that cannot be read is none
            edits[editor] = max(properties.moment(time), edits.get(editor, _LONG_AGO))
    with context.state.atomic():
        for editor in filter(None, edits):
            threads.save_act(context.state, row.id, editor, edits[editor])
    context.readings.whole.add(row.id)
    return snapshot


async def read_unrecorded(context: Context, target: Target, row: PageRow) -> Snapshot | None:
    """Read the page as it is now, and store nothing; None where it is not for us any more."""
    raw = await context.notion.page(row.id)
    if not_ours(context.state, target.settings, raw):
        return None
    return await _whole(context, target, row, raw, context.notion.now)


async def _whole(
    context: Context, target: Target, row: PageRow, raw: dict[str, Any], read_at: datetime
) -> Snapshot:
    raw = await reading.page_properties(context.notion, raw, target.settings.properties)
    page = properties.read_page(raw, row.source_id, target.settings.properties)
    blocks = await reading.blocks(context.notion, row.id)
    return Snapshot(page, blocks, (), read_at)


def not_ours(state: State, settings: Database | None, raw: Mapping[str, Any]) -> str:
    """Say why a page gets nothing of a configured database any more; "" where it does."""
    if raw.get("in_trash"):
        return "it is in the trash"
    if settings is None or settings.id not in config_ids(state, raw):
        return LEFT
    if raw.get("is_archived"):
        return ARCHIVED
    return "" if selected(settings.where, raw) else NOT_SELECTED


def config_ids(state: State, raw: Mapping[str, Any]) -> set[str]:
    """Return the ids under which config.yaml may name where a page is now.

    A parent without its database's id, as older answers have it, is looked up in the state.
    """
    parent = raw.get("parent") or {}
    source_id, database_id = parent.get("data_source_id"), parent.get("database_id")
    if source_id and not database_id and (known := pages.source(state, source_id)):
        database_id = known.database_id
    return {one for one in (source_id, database_id) if one}


def selected(where: Mapping[str, Condition], raw: Mapping[str, Any]) -> bool:
    """Tell whether a page is as `where` says; a property that lists things matches by any."""
    for name, condition in where.items():
        value = (raw.get("properties") or {}).get(name) or {}
        if not value.get("type"):
            return False  # a property that is not there selects nothing, also with `not`
        named = replace(
            condition,
            any_of=tuple(map(_as_named, condition.any_of)),
            none_of=tuple(map(_as_named, condition.none_of)),
        )
        if not named.holds(properties.elements(value)):
            return False
    return True


def standing(digest: Digest, raw: Mapping[str, Any]) -> Standing:
    """Return what a page is by its own word."""
    for found, where in (
        (Standing.ACCEPTED, digest.accepted),
        (Standing.DRAFT, digest.drafts),
    ):
        if where and selected(where, raw):
            return found
    return Standing.OTHER


def _as_named(word: str) -> str:
    """Return an id in the form that Notion gives it, and any other word as it is."""
    try:
        return notion_id(word)
    except ValueError:
        return word


def settings_of(context: Context, row: PageRow, raw: Mapping[str, Any]) -> Database | None:
    """Return the configured database that a page was last found in, or None."""
    now = config_ids(context.state, raw)
    if row.source_id in now:  # it is where it was, wherever its data source is
        ids: Collection[str] = now
    else:
        source = pages.source(context.state, row.source_id)
        ids = source.config_ids if source else ()
    return next((one for one in context.config.databases if one.id in ids), None)


def leave(context: Context, row: PageRow, raw: Mapping[str, Any], why: str) -> None:
    """Store that a page left, or that it is due in the configured database where it is now.

    Where its whole data source left, the sources of its database are listed anew.
    """
    row = pages.page(context.state, row.id) or row
    source_id = (raw.get("parent") or {}).get("data_source_id")
    source, now = pages.source(context.state, row.source_id), context.notion.now
    with context.state.atomic():
        homes = (one for one in context.config.databases if not not_ours(context.state, one, raw))
        after = due.left(row, PageState.LEFT, now)
        if source_id and pages.source(context.state, source_id) is not None and any(homes):
            after = replace(due.asked_for(row, now), source_id=source_id)
        pages.save(context.state, [after])
        sweeps.record_decision(context.state, row.id, now, "left", why)
        if why == LEFT and source is not None and source.id == source_id:
            pages.save_source(context.state, replace(source, census_at=None))
    context.emit("page.left", title=row.title, why=why)


# One page that `where` selects no more was finished; several of which none is left, perhaps not.
SEVERAL = 2


async def compare_names(context: Context, target: Target, left: int) -> None:
    """Tell people where `where` or `properties` names what Notion has not, or selects nothing now.

    Args:
        context: The sweep.
        target: The database.
        left: How many pages `where` selected before this walk, and does not now.
    """
    settings, state = target.settings, context.state
    if not settings.where and not settings.properties:
        return
    sources_ = pages.sources_of(state, settings.id)
    schemas = [await context.notion.data_source(row.id) for row in sources_]
    wrong = [
        f"{words}, known are {', '.join(known)}"
        for words, known in properties.unknown_names(
            schemas, settings.where_words, settings.properties
        )
    ]
    name, standing = Alert.SELECTION.of(settings.id), ""
    for alert in sweeps.alerts(state):
        standing = alert["text"] if alert["name"] == name else standing
    nothing = (
        f"database {target.name}: `where` selects none of the pages that it selected before; if "
        "nobody changed them, compare it with the pages in Notion"
    )
    selects = pages.any_selected(state, [row.id for row in sources_])
    if wrong:
        told = f"database {target.name} {'; '.join(wrong)}; mend config.yaml, or Notion"
        raise_alert(context, name, told)
    elif settings.where and left >= SEVERAL and not selects:
        raise_alert(context, name, nothing)
    elif standing and (selects or standing != nothing):
        clear(context, name)
        # What was not selected meanwhile is looked for at once, edited or not.
        for row in sources_:
            pages.save_source(state, replace(row, census_at=None))


def claim(targets: dict[str, Target], source: SourceRow, target: Target) -> None:
    """Note which database a data source is swept for.

    Raises:
        ConfigError: Another entry of the config covers it, so two settings would hold for it.
    """
    other = targets.setdefault(source.id, target)
    if other.settings.id != target.settings.id:
        titles = {source.id: source.title}
        raise ConfigError(*covered_twice([(other.settings, titles), (target.settings, titles)]))
    targets[source.id] = target
