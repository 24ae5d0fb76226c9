"""Property values: taken from Python or from a request, kept, and shown.

Kept forms: rich text for rich_text; a name for status and select; tuples for multi_select
(names), people and relation (ids) and files (name, address; no address is a file of Notion's);
the API's own form for everything else. The title stands on the page itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from typing import Any

from daemon.sandbox import rich
from daemon.sandbox.faults import failed
from daemon.sandbox.model import Json, Property, dashed, ident
from daemon.sandbox.rich import as_rich


AUTOMATIC = frozenset(
    ["created_time", "last_edited_time", "created_by", "last_edited_by", "unique_id"]
)
COLORS = ["gray", "blue", "green", "yellow", "orange", "brown", "purple", "pink", "red"]
_PLAIN = ("checkbox", "number", "url", "email", "phone_number")


def guess(value: Any) -> str:
    """Guess the type of a property from a Python value."""
    if isinstance(value, bool):
        return "checkbox"
    for kinds, name in (((int, float), "number"), (date, "date"), ((list, tuple), "multi_select")):
        if isinstance(value, kinds):
            return name
    return "url" if str(value).startswith(("http://", "https://")) else "rich_text"


def stored(kind: str, value: Any) -> Any:
    """Bring a Python value to the kept form of a property's type."""
    if value is None:
        return empty(kind)
    takes: dict[str, Callable[[Any], Any]] = {
        "rich_text": as_rich,
        "multi_select": lambda names: tuple(map(str, _several(names))),
        "people": _idents,
        "relation": _idents,
        "files": _files,
        "date": _date,
    }
    return takes.get(kind, lambda given: given)(value)


def empty(kind: str) -> Any:
    """Give the kept form of no value."""
    if kind == "rich_text":
        return []
    if kind in ("multi_select", "people", "relation", "files"):
        return ()
    return {"checkbox": False, "button": {}}.get(kind)


def _several(value: Any) -> list[Any] | tuple[Any, ...]:
    return value if isinstance(value, (list, tuple)) else [value]


def _idents(value: Any) -> tuple[str, ...]:
    return tuple(ident(one) for one in _several(value))


def _files(value: Any) -> tuple[tuple[str, str], ...]:
    many = [value] if isinstance(value, str) else value
    return tuple((one.rsplit("/", 1)[-1], one if "://" in one else "") for one in many)


def _date(value: Any) -> Json:
    if isinstance(value, Mapping):
        return {"start": None, "end": None, "time_zone": None} | dict(value)
    start, end = value if isinstance(value, tuple) else (value, None)
    return {"start": _day(start), "end": _day(end), "time_zone": None}


def _day(value: Any) -> str | None:
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds")
    return value.isoformat() if isinstance(value, date) else value


def choice(prop: Property, name: str) -> Json:
    """Show an option: its id and colour follow from its place."""
    at = prop.options.index(name)
    return {"id": f"{prop.id}{at}", "name": name, "color": COLORS[at % len(COLORS)]}


def schema(prop: Property) -> Json:
    """Show a column of a data source."""
    options = [choice(prop, name) | {"description": None} for name in prop.options]
    told: Json = dict(prop.config)
    if prop.type in ("select", "multi_select", "status"):
        told["options"] = options
    if prop.type == "status":
        # Spread the options over Notion's three groups: first, last, and what lies between
        ids = [option["id"] for option in options]
        parts = {"To-do": ids[:1], "In progress": ids[1:-1], "Complete": ids[1:][-1:]}
        told["groups"] = [
            {"id": f"{prop.id}g{at}", "name": name, "color": COLORS[at], "option_ids": part}
            for at, (name, part) in enumerate(parts.items())
        ]
    if prop.type == "number":
        told.setdefault("format", "number")
    if prop.type == "unique_id":
        told.setdefault("prefix", None)
    common: Json = {"id": prop.id, "name": prop.name, "description": None, "type": prop.type}
    return common | {prop.type: told}


def requested_value(prop: Property, told: Any, where: str) -> Any:
    """Take a value of a PATCH; gives the kept form.

    Raises:
        ApiRefusal: 400, the value is not of the property's type.
    """
    kind = prop.type
    if not isinstance(told, Mapping) or kind not in told:
        raise failed(f"{where}.{kind}", "should be defined", None)
    value = told[kind]
    if kind in ("title", "rich_text"):
        return rich.rich_text(value, f"{where}.{kind}")
    if value is None or kind in _PLAIN or kind == "date":
        return stored(kind, value)
    if kind in ("status", "select"):
        return _option(prop, value, where)
    if kind == "multi_select":
        return tuple(_option(prop, one, where) for one in value)
    if kind in ("people", "relation"):
        ids: list[str] = []
        for one in value:
            found = dashed(str(one.get("id", ""))) if isinstance(one, Mapping) else None
            if not found:
                raise failed(f"{where}.{kind}.id", "should be a valid uuid", one)
            ids.append(found)
        return tuple(ids)
    raise failed(f"{where}.{kind}", "should be not present", value)


def _option(prop: Property, told: Any, where: str) -> str:
    name = told.get("name") if isinstance(told, Mapping) else None
    if not isinstance(name, str):
        raise failed(f"{where}.{prop.type}.name", "should be a string", name)
    return name


def with_options(prop: Property, value: Any) -> tuple[str, ...]:
    """List the options of a choice, new names of `value` at the end."""
    if prop.type not in ("select", "status", "multi_select") or not value:
        return prop.options
    names: Iterable[str] = (value,) if isinstance(value, str) else value
    return prop.options + tuple(name for name in names if name not in prop.options)
