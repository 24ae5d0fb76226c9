"""The filters of a query, one small function a kind of condition."""

from __future__ import annotations

import operator
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import unquote

from daemon.sandbox import rich
from daemon.sandbox.clock import floored, parse
from daemon.sandbox.model import Json, Page, Parent, Property, Source
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


def check(view: View, source: Source, told: Any) -> None:
    """Try a filter on a page that says nothing, so that a wrong one is refused without any row.

    Raises:
        Refusal: 400, the filter is none.
    """
    now = view.state.now()
    matches(view, source, Page("", Parent("workspace"), [], {}, now, now, "", ""), told)


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
    name, want = condition
    if name not in _TEXTS:
        raise _unknown(name)
    return _TEXTS[name](str(held or "").casefold(), str(want).casefold())


_TEXTS: dict[str, Callable[[str, str], bool]] = {
    "equals": operator.eq,
    "does_not_equal": operator.ne,
    "contains": operator.contains,
    "does_not_contain": lambda have, want: want not in have,
    "starts_with": str.startswith,
    "ends_with": str.endswith,
}


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
    if name not in _NUMBERS:
        raise _unknown(name)
    return name == "does_not_equal" if have is None else _NUMBERS[name](have, want)


_NUMBERS: dict[str, Callable[[float, float], bool]] = {
    "equals": operator.eq,
    "does_not_equal": operator.ne,
    "greater_than": operator.gt,
    "less_than": operator.lt,
    "greater_than_or_equal_to": operator.ge,
    "less_than_or_equal_to": operator.le,
}


def _on_date(view: View, held: Any, condition: Condition) -> bool:
    start: Any = held.get("start") if isinstance(held, dict) else held
    if (known := _existence(start, condition)) is not None:
        return known
    name, want = condition
    if name in _SPANS:
        return bool(start) and _within(parse(start), view.state.now(), *_SPANS[name])
    if name not in _DATES:
        raise _unknown(name)
    limit = _limit(view, want, name)
    if not start:
        return False
    return _DATES[name](_by_day(parse(start)) if _is_day(want) else parse(start), limit)


_DATES: dict[str, Callable[[datetime, datetime], bool]] = {
    "equals": operator.eq,
    "before": operator.lt,
    "after": operator.gt,
    "on_or_before": operator.le,
    "on_or_after": operator.ge,
}
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


def _limit(view: View, want: Any, name: str) -> datetime:
    if _is_relative(want):
        return _by_day(view.state.now() + timedelta(days=_RELATIVE[want]))
    try:
        return parse(want)
    except (TypeError, ValueError):
        rule = "should be a valid ISO 8601 date string"
        raise failed(f"body.filter.{name}", rule, want) from None


def _is_relative(want: Any) -> bool:
    return isinstance(want, str) and want in _RELATIVE


def _is_day(want: str) -> bool:
    """Tell whether a day alone is meant: then it compares by day, else by the millisecond."""
    return _is_relative(want) or len(want) == _DAY


def _by_day(time: datetime) -> datetime:
    return time.replace(hour=0, minute=0, second=0, microsecond=0)


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
