"""A page object -> domain.Page, and the values of its properties as text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from daemon.domain.values import Page
from daemon.domain.errors import Incomplete
from daemon.notion.blocks import file_name
from daemon.notion.to_markdown import markdown, plain
from daemon.notion.rich_text import date_text, person, tidy


Json = Mapping[str, Any]

UNTITLED = "Untitled"
# They change with every touch of the page, whatever it says.
_RESTLESS = frozenset({"last_edited_by", "last_edited_time"})


def page(raw: Json, source_id: str, properties: Sequence[str]) -> Page:
    """Read a page object of a query or a retrieve.

    Args:
        raw: The API's object.
        source_id: The data source that the page belongs to.
        properties: Names of the properties to keep, in this order. A name that the page does not
            have is left out, and so is a property of the last edit: it changes with every touch.

    Raises:
        Incomplete: the object is partial.
    """
    values = _values(raw)
    kept = [name for name in properties if name in values and _is_kept(values[name])]
    return Page(
        id=raw["id"],
        source_id=source_id,
        title=title(raw),
        url=raw.get("url") or "",
        created=moment(raw.get("created_time")),
        edited=moment(raw.get("last_edited_time")),
        properties=tuple((name, property_text(values[name])) for name in kept),
        in_trash=bool(raw.get("in_trash")),
    )


def title(raw: Json) -> str:
    """Return a page's title in one line, `Untitled` for none."""
    for value in _values(raw).values():
        if value.get("type") == "title":
            return " ".join(property_text(value).split()) or UNTITLED
    return UNTITLED


def database_title(raw: Json) -> str:
    """Return a database's or data source's title in one line, "" for none."""
    return " ".join(plain(raw.get("title") or []).split())


def _values(raw: Json) -> Json:
    values = raw.get("properties") if isinstance(raw, Mapping) else None
    if not isinstance(values, Mapping) or not raw.get("id"):
        raise Incomplete("Notion sent a page without id or properties; it is read again")
    return values


def _is_kept(value: Json) -> bool:
    return value.get("type") != "title" and value.get("type") not in _RESTLESS


def moment(text: Any) -> datetime:
    """Read a time in any of Notion's forms as an aware UTC datetime.

    Raises:
        Incomplete: it is no time.
    """
    try:
        found = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        raise Incomplete(f"Notion sent {text!r} where a time should be; it is read again") from None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def property_text(value: Json) -> str:
    """Write a property's value as a reader sees it; "" for an empty one.

    People appear by name, linked pages by their number, an e-mail address not at all: nobody's
    address leaves Notion. A type that is not known is named.

    Raises:
        Incomplete: the value has no type.
    """
    kind = value.get("type") if isinstance(value, Mapping) else None
    if not isinstance(kind, str):
        raise Incomplete("Notion sent a property without a type; the page is read again")
    read = _READERS.get(kind)
    if read is None:
        return f"[unsupported property: {kind}]"
    held = value.get(kind)
    return "" if held is None else tidy(read(held))


def _number(held: float) -> str:
    whole = isinstance(held, float) and held.is_integer()
    return str(int(held)) if whole else str(held)


def _name(held: Json) -> str:
    return str(held.get("name") or "")


def _list(read: Callable[[Any], str]) -> Callable[[Any], str]:
    return lambda held: ", ".join(filter(None, (read(item) for item in held)))


def _relation(held: Sequence[Any]) -> str:
    count = len(held)
    return f"{count} linked page{'s' if count > 1 else ''}" if count else ""


def _typed(held: Json) -> str:
    """Read a formula's or a rollup's result."""
    if held.get("type") == "array":
        return _list(property_text)(held.get("array") or [])
    if held.get("type") in ("incomplete", "unsupported"):
        return f"[{held['type']} value]"
    return property_text(held)


def _unique_id(held: Json) -> str:
    return "-".join(str(part) for part in (held.get("prefix"), held.get("number")) if part)


def _email(held: str) -> str:
    return "[e-mail address]" if held else ""


def _place(held: Json) -> str:
    named = held.get("name") or held.get("address")
    return str(named) if named else f"{held.get('lat')}, {held.get('lon')}"


def _verification(held: Json) -> str:
    by = held.get("verified_by")
    state = str(held.get("state") or "")
    until = date_text(held.get("date") or {})
    return ", ".join(filter(None, [state, f"by {person(by)}" if by else "", until]))


_READERS: dict[str, Callable[[Any], str]] = {
    "boolean": lambda held: "yes" if held else "no",
    "button": lambda _: "",
    "checkbox": lambda held: "yes" if held else "no",
    "created_by": person,
    "created_time": lambda held: date_text({"start": held}),
    "date": date_text,
    "email": _email,
    "files": _list(file_name),
    "formula": _typed,
    "last_edited_by": person,
    "last_edited_time": lambda held: date_text({"start": held}),
    "multi_select": _list(_name),
    "number": _number,
    "people": _list(person),
    "phone_number": str,
    "place": _place,
    "relation": _relation,
    "rich_text": markdown,
    "rollup": _typed,
    "select": _name,
    "status": _name,
    "string": str,
    "title": markdown,
    "unique_id": _unique_id,
    "url": str,
    "verification": _verification,
}
