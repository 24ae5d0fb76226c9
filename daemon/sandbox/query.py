"""Queries: which rows of a data source, in which order, how many."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from daemon.sandbox import objects, paging
from daemon.sandbox.call import Call, need, source_at
from daemon.sandbox.clock import floored
from daemon.sandbox.filtering import check, matches, prop_named
from daemon.sandbox.model import Json, Page, Property, Source
from daemon.sandbox.refusal import failed, invalid
from daemon.sandbox.state import State


_TIMES = ("created_time", "last_edited_time")
_INCOMPLETE: Json = {
    "request_status": {
        "type": "incomplete",
        "incomplete_reason": "query_result_limit_reached",
    }
}


@dataclass(frozen=True, slots=True)
class _Reverse:
    """A key that sorts the other way round."""

    key: Any

    def __lt__(self, other: _Reverse) -> bool:
        return bool(other.key < self.key)


def query(call: Call) -> Json:
    """Answer POST /v1/data_sources/{data_source_id}/query."""
    need(allowed=call.bot.read_content)
    source = source_at(call, call.id("data_source_id"))
    body = call.fields(*_allowed(call))
    check(call.view, source, body.get("filter"))
    walk = f"query {source.id} " + json.dumps([body.get("filter"), body.get("sorts")])
    found = _sorted(call, source, list(_found(call, source, body)))
    return _answer(call, source, found, walk)


def _allowed(call: Call) -> tuple[str, ...]:
    # The documentation of summer 2026 has is_archived, the types of the time do not.
    paging = ("start_cursor", "page_size")
    names = ("filter", "sorts", *paging, "in_trash", "is_archived", "result_type")
    return (*names, "archived") if call.is_old else names


def _found(call: Call, source: Source, body: Json) -> Iterable[Page]:
    state = call.state
    trashed = bool(body.get("in_trash", body.get("archived", False)))
    if body.get("result_type") == "data_source" or body.get("is_archived"):
        return
    for page_id in state.rows.get(source.id, ()):
        page = state.pages[page_id]
        if state.in_trash(page_id) != trashed or not call.sees(page_id):
            continue
        if matches(call.view, source, page, body.get("filter")):
            yield page


def _sorted(call: Call, source: Source, rows: list[Page]) -> list[tuple[Any, Page]]:
    """Pair rows with their sort keys, in order; without sorts the order means nothing."""
    sorts = [_sort(source, told, at) for at, told in enumerate(call.body.get("sorts") or [])]
    keyed = [((*(_key(call.state, row, sort) for sort in sorts), row.id), row) for row in rows]
    return sorted(keyed, key=lambda pair: pair[0])


def _sort(source: Source, told: Any, at: int) -> tuple[str | Property, bool]:
    where = f"body.sorts[{at}]"
    if not isinstance(told, dict) or told.get("direction") not in ("ascending", "descending"):
        raise failed(f"{where}.direction", 'should be `"ascending"` or `"descending"`')
    down = told["direction"] == "descending"
    if "timestamp" in told:
        if told["timestamp"] not in _TIMES:
            raise failed(f"{where}.timestamp", "should be a timestamp", told["timestamp"])
        return told["timestamp"], down
    return prop_named(source, str(told.get("property"))), down


def _key(state: State, row: Page, sort: tuple[str | Property, bool]) -> Any:
    """Give a comparable key; what is empty comes last either way."""
    by, down = sort
    if not isinstance(by, str) and by.type in _TIMES:
        by = by.type
    found = _time(state, row, by) if isinstance(by, str) else _comparable(row, by)
    if found is None:
        return (1, 0)
    return (0, _Reverse(found)) if down else (0, found)


def _time(state: State, row: Page, name: str) -> datetime:
    time = row.created if name == "created_time" else row.edited
    return floored(time) if state.quirks.floored_filters else time


def _comparable(row: Page, prop: Property) -> Any:
    if prop.type == "title":
        return row.name.casefold() or None
    held = row.values.get(prop.name)
    if held is None or held in ((), [], ""):
        return None
    if prop.type in ("select", "status"):
        return prop.options.index(held)
    if prop.type == "date":
        return held["start"]
    return held if isinstance(held, (int, float)) else json.dumps(held).casefold()


def _answer(call: Call, source: Source, found: list[tuple[Any, Page]], walk: str) -> Json:
    cap = call.state.quirks.query_cap
    start = _start(call, found, walk)
    end = min(start[0] + paging.size(call), len(found))
    done = start[1] + end - start[0]
    over = max(0, done - cap)
    end, done = end - over, done - over
    more = end < len(found) and done < cap
    by_key = end and not call.state.quirks.moving_cursors
    cursor = paging.mark(call, walk, (found[end - 1][0] if by_key else end, done)) if more else None
    only = _wanted(call, source)
    shown = [objects.page(call.view, row, only) for _, row in found[start[0] : end]]
    answer = paging.listing("page_or_data_source", shown, cursor)
    return answer | (_INCOMPLETE if len(found) > cap else {})


def _start(call: Call, found: list[tuple[Any, Page]], walk: str) -> tuple[int, int]:
    """Give the first row of this answer and how many rows came before it in the walk."""
    place = paging.resume(call, walk)
    if place is None:
        return 0, 0
    last, done = place
    if isinstance(last, int):
        return last, done
    at = next((at for at, (key, _) in enumerate(found) if last < key), len(found))
    return at, done


def _wanted(call: Call, source: Source) -> Sequence[str] | None:
    """Read filter_properties: names or ids, and an id not encoded twice.

    Raises:
        Refusal: 400, there is no such property.
    """
    asked = call.query.get("filter_properties")
    return None if not asked else [_named(source, name) for name in asked]


def _named(source: Source, asked: str) -> str:
    for name, prop in source.properties.items():
        if asked in (name, unquote(prop.id)):
            return name
    raise invalid(f"Could not find property with name or id: {asked}")


def page_wanted(call: Call, columns: dict[str, Property]) -> Sequence[str] | None:
    """Read filter_properties of a single page."""
    asked = call.query.get("filter_properties")
    if not asked:
        return None
    return [n for n, prop in columns.items() if n in asked or unquote(prop.id) in asked]
