"""All rows of a data source that were edited since its checkpoint, whatever their number."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

from daemon.domain.errors import Incomplete
from daemon.domain.records import SourceRow
from daemon.domain.times import iso
from daemon.notion import properties
from daemon.notion.gateway import Gateway


# Edits show up late in queries, and their times are floored to the minute.
LOOKBACK = timedelta(minutes=10)
MINUTE = timedelta(minutes=1)


async def walk(
    notion: Gateway, source: SourceRow, gaps: list[datetime], *, whole: bool
) -> AsyncIterator[list[dict[str, Any]]]:
    """Yield result pages; where Notion stops at its cap of rows, go on from the last one.

    Where one minute holds more rows than that, it is walked from its other end too, and the walk
    goes on after it. The minute is added to `gaps` where the two ends do not meet.

    The census walks by creation, which no edit moves, as Notion advises for large sources
    (https://github.com/makenotion/notion-cookbook, query-large-data-sources).
    """
    field = "created_time" if whole else "last_edited_time"
    since = None if whole or source.checkpoint is None else source.checkpoint - LOOKBACK
    while True:
        capped, last, seen = False, since, set[str]()
        query: dict[str, Any] = {"sorts": _sorts(field, "ascending")}
        if since is not None:
            query["filter"] = _condition(field, "on_or_after", since)
        async for page in notion.query(source.id, **query):
            seen |= {row["id"] for row in page.rows}
            yield list(page.rows)
            capped = capped or page.capped
            last = properties.moment(page.rows[-1][field]) if page.rows else last
        if not capped:
            return
        if last is None:
            raise Incomplete(
                f"data source {source.id}: Notion lists nothing and says there is more"
            )
        if last != since:
            since = last
            continue
        met = False
        async for page in notion.query(source.id, **_minute_from_its_end(field, since)):
            met = met or any(row["id"] in seen for row in page.rows)
            yield list(page.rows)
        if not met:
            gaps.append(since)
        since += MINUTE


async def newest(notion: Gateway, source_id: str) -> datetime | None:
    """Return the time of the newest edit of any row; None where there is no row."""
    listed = notion.query(source_id, sorts=_sorts("last_edited_time", "descending"))
    first = await anext(aiter(listed), None)
    return properties.moment(first.rows[0]["last_edited_time"]) if first and first.rows else None


def _minute_from_its_end(field: str, minute: datetime) -> dict[str, Any]:
    bounds = [
        _condition(field, "on_or_after", minute),
        _condition(field, "before", minute + MINUTE),
    ]
    return {"sorts": _sorts(field, "descending"), "filter": {"and": bounds}}


def _sorts(field: str, direction: str) -> list[dict[str, str]]:
    """Sort by a time; what shares its minute by the other time."""
    other = {"created_time": "last_edited_time", "last_edited_time": "created_time"}[field]
    return [{"timestamp": name, "direction": direction} for name in (field, other)]


def _condition(field: str, comparison: str, at: datetime) -> dict[str, Any]:
    floored = at.replace(second=0, microsecond=0)
    return {"timestamp": field, field: {comparison: iso(floored)}}


def moved_checkpoint(
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
