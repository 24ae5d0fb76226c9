"""Queries: which rows of a data source, in which order, how many.

Of Notion's filters and sorts there are those by a time of a page, the only ones that the program
sends: https://developers.notion.com/reference/filter-data-source-entries#timestamp
"""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from daemon.sandbox import objects, requests
from daemon.sandbox.faults import failed
from daemon.sandbox.model import Json, SandboxPage, SandboxSource, floored, parse
from daemon.sandbox.requests import ApiCall, need, source_at
from daemon.sandbox.state import Doing, State


_TIMES = ("created_time", "last_edited_time")
_COMPARISONS: dict[str, Callable[[datetime, datetime], bool]] = {
    "equals": operator.eq,
    "before": operator.lt,
    "after": operator.gt,
    "on_or_before": operator.le,
    "on_or_after": operator.ge,
}
_INCOMPLETE: Json = {
    "request_status": {
        "type": "incomplete",
        "incomplete_reason": "query_result_limit_reached",
    }
}
# A row's place in an order: the key that it is sorted by.
Key = tuple[Any, ...]


def query(call: ApiCall) -> Json:
    """Answer POST /v1/data_sources/{data_source_id}/query.

    Raises:
        ApiRefusal: 400, the filter or a sort is not one by time; 403; 404.
    """
    need(allowed=call.bot.read_content)
    source = source_at(call, call.id("data_source_id"))
    requests.unless_refused(call, Doing.QUERY, source.id)
    body = call.fields("filter", "sorts", "start_cursor", "page_size", "in_trash", "result_type")
    walk = f"query {source.id} " + json.dumps([body.get("filter"), body.get("sorts")])
    rows = list(_found(call, source, body))
    key = _sort_key(call.state, body.get("sorts") or [])
    ordered = sorted(((key(row), row) for row in rows), key=lambda pair: pair[0])
    # Show one page of results, as far as the cap on a query's rows allows
    quirks = call.state.quirks
    start, done = _start(ordered, requests.resume(call, walk))
    end = min(start + requests.page_size(call), len(ordered), start + quirks.query_cap - done)
    done += end - start
    cursor = None
    if end < len(ordered) and done < quirks.query_cap:
        by_key = end and not quirks.moving_cursors
        cursor = requests.mark(call, walk, (ordered[end - 1][0] if by_key else end, done))
    shown = [objects.page(call.view, row) for _, row in ordered[start:end]]
    answer = requests.listing("page_or_data_source", shown, cursor)
    # A row that an edit moves on is shown, and counted, twice: the cap may cut fewer rows than it.
    is_cut = end < len(ordered) and done >= quirks.query_cap
    return answer | (_INCOMPLETE if is_cut or len(ordered) > quirks.query_cap else {})


def _found(call: ApiCall, source: SandboxSource, body: Json) -> Iterable[SandboxPage]:
    """Yield the rows that pass the filter and that the bot sees."""
    state = call.state
    passes = _filter(state, body.get("filter"))
    if body.get("result_type") == "data_source":
        return
    for page_id in state.rows.get(source.id, ()):
        page = state.pages[page_id]
        shown = state.in_trash(page_id) == bool(body.get("in_trash")) and call.sees(page_id)
        if shown and not page.is_archived and passes(page):
            yield page


def _filter(state: State, told: Any) -> Callable[[SandboxPage], bool]:
    """Read a filter; it is refused here, before any row is looked at."""
    if told is None:
        return lambda page: True  # noqa: ARG005 - no filter takes every page
    if isinstance(told, dict) and isinstance(told.get("and"), list):
        every = [_filter(state, one) for one in told["and"]]
        return lambda page: all(passes(page) for passes in every)
    name = told.get("timestamp") if isinstance(told, dict) else None
    if name not in _TIMES:
        raise failed("body.filter.timestamp", f"should be one of {', '.join(_TIMES)}", name)
    conditions = told.get(name)
    if not isinstance(conditions, dict) or len(conditions) != 1:
        raise failed(f"body.filter.{name}", "should hold one condition", conditions)
    ((comparison, text),) = conditions.items()
    if comparison not in _COMPARISONS:
        raise failed(f"body.filter.{name}.{comparison}", "should be not present")
    try:
        limit = parse(text)
    except (TypeError, ValueError):
        rule = "should be a valid ISO 8601 date string"
        raise failed(f"body.filter.{name}.{comparison}", rule, text) from None
    return lambda page: _COMPARISONS[comparison](_time(state, page, name), limit)


def _sort_key(state: State, sorts: Any) -> Callable[[SandboxPage], Key]:
    """Read the sorts of a request; pages that they leave equal are ordered by id.

    Without sorts the order therefore means nothing, as at Notion.
    """
    signs: list[tuple[str, int]] = []
    for at, told in enumerate(sorts):
        if not isinstance(told, dict) or told.get("direction") not in ("ascending", "descending"):
            raise failed(f"body.sorts[{at}].direction", 'should be `"ascending"` or `"descending"`')
        if told.get("timestamp") not in _TIMES:
            rule = f"should be one of {', '.join(_TIMES)}"
            raise failed(f"body.sorts[{at}].timestamp", rule, told.get("timestamp"))
        signs.append((told["timestamp"], 1 if told["direction"] == "ascending" else -1))
    return lambda page: (
        *(sign * _time(state, page, name).timestamp() for name, sign in signs),
        page.id,
    )


def _time(state: State, page: SandboxPage, name: str) -> datetime:
    time = page.created if name == "created_time" else page.edited
    return floored(time) if state.quirks.floored_filters else time


def _start(
    ordered: list[tuple[Key, SandboxPage]], place: tuple[Key | int, int] | None
) -> tuple[int, int]:
    """Return the first row of this answer, and how many rows the walk gave before it."""
    if place is None:
        return 0, 0
    last, done = place
    if isinstance(last, int):
        return last, done
    at = next((at for at, (key, _) in enumerate(ordered) if last < key), len(ordered))
    return at, done
