"""The filters of a query, one small function a kind of condition."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

from daemon.sandbox import rich
from daemon.sandbox.clock import floored, parse
from daemon.sandbox.model import Json, Page, Property, Source
from daemon.sandbox.refusal import failed, invalid
from daemon.sandbox.view import View, plain


_TIMES = ("created_time", "last_edited_time")
_MAX_DEPTH = 2
Condition = tuple[str, Any]


def prop_named(source: Source, name: str) -> Property:
    """Find a column by its name or id.

    Raises:
        Refusal: 400.
    """
    for prop in source.properties.values():
        if name in (prop.name, prop.id, unquote(prop.id)):
            return prop
    raise invalid(f"Could not find property with name or id: {name}")


def matches(view: View, source: Source, page: Page, told: Any, depth: int = 0) -> bool:
    """Tell whether a page passes a filter.

    Raises:
        Refusal: 400, the filter is none.
    """
    if told is None:
        return True
    if not isinstance(told, dict):
        raise failed("body.filter", "should be an object", told)
    for name, combine in (("and", all), ("or", any)):
        if name in told:
            if depth >= _MAX_DEPTH:
                raise failed(f"body.filter.{name}", "should be not present", told[name])
            return combine([matches(view, source, page, one, depth + 1) for one in told[name]])
    if "timestamp" in told:
        return _timestamp(view, page, told)
    if "property" in told:
        return _property(view, source, page, told)
    raise failed("body.filter.or", "should be defined", None)


def _timestamp(view: View, page: Page, told: Json) -> bool:
    name = told["timestamp"]
    if name not in _TIMES or not isinstance(told.get(name), dict):
        raise failed(f"body.filter.{name}", "should be defined", told.get(name))
    return _on_date(view, _time(view, page, name), _condition(told[name]))


def _time(view: View, page: Page, name: str) -> str:
    time = page.created if name == "created_time" else page.edited
    return (floored(time) if view.state.quirks.floored_filters else time).isoformat()


def _condition(told: Any) -> Condition:
    if not isinstance(told, dict) or len(told) != 1:
        raise failed("body.filter", "should hold one condition", told)
    return next(iter(told.items()))


def _property(view: View, source: Source, page: Page, told: Json) -> bool:
    prop = prop_named(source, str(told["property"]))
    kind = next((name for name in told if name not in ("property", "type")), "")
    test = _TESTS.get(kind)
    if test is None or kind not in _ACCEPTED.get(prop.type, (prop.type,)):
        raise invalid(f"database property {prop.type} does not match filter {kind}")
    return test(view, _held(view, page, prop), _condition(told[kind]))


def _held(view: View, page: Page, prop: Property) -> Any:
    if prop.type in _TIMES:
        return _time(view, page, prop.type)
    if prop.type in ("created_by", "last_edited_by"):
        return (page.created_by if prop.type == "created_by" else page.edited_by,)
    if prop.type == "title":
        return plain(view, page.title)
    held = page.values.get(prop.name)
    if prop.type == "rich_text":
        return rich.plain(held or [])
    return held


def _unknown(name: str) -> Exception:
    return failed(f"body.filter.{name}", "should be not present")


def _existence(held: Any, condition: Condition) -> bool | None:
    name, _ = condition
    if name not in ("is_empty", "is_not_empty"):
        return None
    return (held in (None, "", (), [])) == (name == "is_empty")


def _on_text(_: View, held: Any, condition: Condition) -> bool:
    if (known := _existence(held, condition)) is not None:
        return known
    have, want = str(held or "").casefold(), str(condition[1]).casefold()
    tests: dict[str, Callable[[], bool]] = {
        "equals": lambda: have == want,
        "does_not_equal": lambda: have != want,
        "contains": lambda: want in have,
        "does_not_contain": lambda: want not in have,
        "starts_with": lambda: have.startswith(want),
        "ends_with": lambda: have.endswith(want),
    }
    if condition[0] not in tests:
        raise _unknown(condition[0])
    return tests[condition[0]]()


def _on_choice(_: View, held: Any, condition: Condition) -> bool:
    if (known := _existence(held, condition)) is not None:
        return known
    name, wanted = condition
    if name not in ("equals", "does_not_equal"):
        raise _unknown(name)
    several = wanted if isinstance(wanted, list) else [wanted]
    return (held in several) == (name == "equals")


def _on_members(_: View, held: Any, condition: Condition) -> bool:
    if (known := _existence(held, condition)) is not None:
        return known
    name, wanted = condition
    if name not in ("contains", "does_not_contain"):
        raise _unknown(name)
    return (wanted in (held or ())) == (name == "contains")


def _on_checkbox(_: View, held: Any, condition: Condition) -> bool:
    name, wanted = condition
    if name not in ("equals", "does_not_equal"):
        raise _unknown(name)
    return bool(held) is (bool(wanted) is (name == "equals"))


def _on_number(_: View, held: Any, condition: Condition) -> bool:
    have = held.get("number") if isinstance(held, dict) else held
    if (known := _existence(have, condition)) is not None:
        return known
    name, want = condition
    if have is None:
        return name == "does_not_equal"
    tests: dict[str, Callable[[], bool]] = {
        "equals": lambda: have == want,
        "does_not_equal": lambda: have != want,
        "greater_than": lambda: have > want,
        "less_than": lambda: have < want,
        "greater_than_or_equal_to": lambda: have >= want,
        "less_than_or_equal_to": lambda: have <= want,
    }
    if name not in tests:
        raise _unknown(name)
    return tests[name]()


def _on_date(view: View, held: Any, condition: Condition) -> bool:
    start = held.get("start") if isinstance(held, dict) else held
    if (known := _existence(start, condition)) is not None:
        return known
    if not start:
        return False
    name, want = condition
    if name in _SPANS:
        return _within(parse(start), view.state.now(), *_SPANS[name])
    have, limit = _comparable(view, start, want, name)
    tests: dict[str, Callable[[], bool]] = {
        "equals": lambda: have == limit,
        "before": lambda: have < limit,
        "after": lambda: have > limit,
        "on_or_before": lambda: have <= limit,
        "on_or_after": lambda: have >= limit,
    }
    if name not in tests:
        raise _unknown(name)
    return tests[name]()


_SPANS = {
    "past_week": (-7, 0),
    "past_month": (-30, 0),
    "past_year": (-365, 0),
    "this_week": (-7, 7),
    "next_week": (0, 7),
    "next_month": (0, 30),
    "next_year": (0, 365),
}
_RELATIVE = {
    "today": 0,
    "tomorrow": 1,
    "yesterday": -1,
    "one_week_ago": -7,
    "one_week_from_now": 7,
    "one_month_ago": -30,
    "one_month_from_now": 30,
}
_DAY = len("2026-11-20")


def _within(time: datetime, now: datetime, first: int, last: int) -> bool:
    return now + timedelta(days=first) <= time <= now + timedelta(days=last)


def _comparable(view: View, have: str, want: Any, name: str) -> tuple[datetime, datetime]:
    """Bring both sides to times: a day alone compares by day, a time by the millisecond."""
    if isinstance(want, str) and want in _RELATIVE:
        want = (view.state.now() + timedelta(days=_RELATIVE[want])).date().isoformat()
    try:
        limit = parse(want)
    except (TypeError, ValueError):
        raise failed(
            f"body.filter.{name}", "should be a valid ISO 8601 date string", want
        ) from None
    found = parse(have)
    if len(want) == _DAY:
        found = datetime(found.year, found.month, found.day, tzinfo=UTC)
    return found, limit


_TESTS: dict[str, Callable[[View, Any, Condition], bool]] = {
    "title": _on_text,
    "rich_text": _on_text,
    "url": _on_text,
    "email": _on_text,
    "phone_number": _on_text,
    "select": _on_choice,
    "status": _on_choice,
    "multi_select": _on_members,
    "people": _on_members,
    "relation": _on_members,
    "files": _on_members,
    "created_by": _on_members,
    "last_edited_by": _on_members,
    "checkbox": _on_checkbox,
    "number": _on_number,
    "unique_id": _on_number,
    "date": _on_date,
    "created_time": _on_date,
    "last_edited_time": _on_date,
}
# Recorded, June 2026: text columns of every kind take the filter rich_text.
_ACCEPTED = {
    "title": ("title", "rich_text"),
    "url": ("url", "rich_text"),
    "email": ("email", "rich_text"),
    "phone_number": ("phone_number", "rich_text"),
    "created_by": ("created_by", "people"),
    "last_edited_by": ("last_edited_by", "people"),
    "created_time": ("created_time", "date"),
    "last_edited_time": ("last_edited_time", "date"),
}
