"""A page object -> domain.Page, and the values of its properties as text."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from daemon.domain.errors import Incomplete
from daemon.domain.notation import addresses_by_id
from daemon.domain.values import Page
from daemon.notion.blocks import file_name
from daemon.notion.rich_text import NOBODY, date_text, person, tidy
from daemon.notion.to_markdown import markdown, plain


Json = Mapping[str, Any]

UNTITLED = "Untitled"
# They change with every edit, even one that changes no text.
_OF_LAST_EDIT = frozenset({"last_edited_by", "last_edited_time"})


def read_page(raw: Json, source_id: str, properties: Sequence[str]) -> Page:
    """Read a page object of a query or a retrieve.

    Args:
        raw: The API's object.
        source_id: The data source that the page belongs to.
        properties: Names of the properties to keep, in this order. A name that the page does not
            have is left out, and so are the time and the author of the last edit.

    Raises:
        Incomplete: the object is partial.
    """
    values = read_values(raw)
    left_out = {"title", *_OF_LAST_EDIT}
    kept = [n for n in properties if n in values and values[n].get("type") not in left_out]
    return Page(
        id=raw["id"],
        source_id=source_id,
        title=title(raw),
        url=raw.get("url") or "",
        created=moment(raw.get("created_time")),
        edited=moment(raw.get("last_edited_time")),
        properties=tuple((name, property_text(values[name])) for name in kept),
        in_trash=bool(raw.get("in_trash")),
        references=tuple(
            (name, hashlib.sha256("\n".join(ids).encode()).hexdigest()[:16])
            for name in kept
            if (ids := references(values[name]))
        ),
        choices=tuple((name, names) for name in values if (names := choices(values[name]))),
    )


def title(raw: Json) -> str:
    """Return a page's title in one line, `Untitled` for none."""
    for value in read_values(raw).values():
        if value.get("type") == "title":
            return " ".join(property_text(value).split()) or UNTITLED
    return UNTITLED


def database_title(raw: Json) -> str:
    """Return a database's or data source's title in one line, "" for none."""
    return " ".join(plain(raw.get("title") or []).split())


def read_values(raw: Json) -> Json:
    """Return a page object's properties by name.

    Raises:
        Incomplete: The object is partial.
    """
    values = raw.get("properties") if isinstance(raw, Mapping) else None
    if not isinstance(values, Mapping) or not raw.get("id"):
        raise Incomplete("Notion sent a page without id or properties; it is read again")
    return values


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
    """Return a property's value as a reader sees it; "" for an empty one.

    People are shown by name, and of linked pages their number. E-mail addresses are not shown.
    Of an unknown type the name is shown.

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


def choices(value: Json) -> tuple[str, ...]:
    """Return the names of the options that a property's value chooses; none for other types."""
    kind = str(value.get("type"))
    held = value.get(kind) if kind in ("select", "status", "multi_select") else None
    options = held if isinstance(held, list) else [held]
    return tuple(_name(option) for option in options if option)


def references(value: Json) -> tuple[str, ...]:
    """Return the ids of the pages, people and files that a property's value refers to.

    They are sorted: in which order Notion tells them means nothing. A file outside of Notion is
    named by its address.
    """
    kind = str(value.get("type"))
    held = value.get(kind)
    if kind == "rollup" and isinstance(held, Mapping):
        return tuple(sorted(one for item in held.get("array") or () for one in references(item)))
    read = _REFERENCES.get(kind)
    return tuple(sorted(map(read, held or ()))) if read else ()


def _file_id(file: Json) -> str:
    """Return what stays the same of a file's address when it is signed anew."""
    held = file.get(str(file.get("type"))) or {}
    address = str(held.get("url") or held.get("id") or "")
    if file.get("type") == "external":
        return addresses_by_id(address)
    # The last folder is the file's own, the rest is storage.
    return "/".join(urlsplit(address).path.split("/")[-2:])


_REFERENCES: dict[str, Callable[[Json], str]] = {
    "files": _file_id,
    "people": lambda user: str(user.get("id")),
    "relation": lambda page: str(page.get("id")),
}


def people_of(raw: Json, names: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Return (id, name) of each person that a page belongs to; "" for a name that is not told.

    These are the people of its properties of people with these names; else who made the page.
    """
    values = [value for name in names if (value := read_values(raw).get(name))]
    held = [user for value in values if value.get("type") == "people" for user in value["people"]]
    users = held or [raw.get("created_by") or {}]
    found = {str(user["id"]): person(user) for user in users if user.get("id")}
    return tuple((id_, "" if name == NOBODY else name) for id_, name in found.items())


def elements(value: Json) -> frozenset[str]:
    """Return what a property's value may be called: its text, and each element of a list.

    A linked page is called by its id, a person by name or id.

    Raises:
        Incomplete: the value has no type.
    """
    words = frozenset({property_text(value), *references(value)})
    kind = value["type"]
    held = value.get(kind) or ()
    if kind in ("multi_select", "people", "files"):
        words |= {property_text({"type": kind, kind: [item]}) for item in held}
    elif kind == "rollup" and held and held.get("type") == "array":
        words = words.union(*map(elements, held["array"]))
    return words


def unknown_names(
    schemas: Sequence[Json], where: Mapping[str, Sequence[str]], names: Sequence[str]
) -> list[tuple[str, list[str]]]:
    """Return what the config names and no data source of a database has, and what there is.

    Args:
        schemas: The data sources.
        where: Values by property; they are compared where the property has fixed options.
        names: Further properties.
    """
    known: dict[str, list[Json]] = {}
    for schema in schemas:
        for name, column in (schema.get("properties") or {}).items():
            known.setdefault(name, []).append(column)
    found = [
        (f"has no property {name!r}", sorted(known))
        for name in dict.fromkeys([*where, *names])
        if name not in known
    ]
    for name, wanted in where.items():
        options = list(map(_options, known.get(name, ())))
        if options and None not in options:
            there = dict.fromkeys(option for some in options for option in some or ())
            found += [
                (f"{name!r} has no option {word!r}", list(there))
                for word in wanted
                if word not in there
            ]
    return found


def fixed_options(schemas: Sequence[Json]) -> dict[str, list[str]]:
    """Return the options that pages of data sources may have, by property."""
    found: dict[str, dict[str, None]] = {}
    for schema in schemas:
        for name, column in (schema.get("properties") or {}).items():
            if column.get("type") != "checkbox" and (options := _options(column)):
                found.setdefault(name, {}).update(dict.fromkeys(options))
    return {name: list(options) for name, options in found.items()}


def every_option(schemas: Sequence[Json]) -> set[str]:
    """Return the options that pages of data sources may have, as `API` and as `Type: API`."""
    by_property = fixed_options(schemas).items()
    return {
        said
        for name, options in by_property
        for option in options
        for said in (option, f"{name}: {option}")
    }


def _options(column: Json) -> list[str] | None:
    """Return the names of a property's options; None where anything may be written."""
    kind = str(column.get("type"))
    if kind == "checkbox":
        return ["yes", "no"]
    if kind not in ("select", "status", "multi_select"):
        return None
    return [_name(option) for option in (column.get(kind) or {}).get("options") or ()]


def _name(held: Json) -> str:
    return str(held.get("name") or "")


def _list(read: Callable[[Any], str]) -> Callable[[Any], str]:
    return lambda held: ", ".join(filter(None, (read(item) for item in held)))


def _typed(held: Json) -> str:
    """Read a formula's or a rollup's result."""
    if held.get("type") == "array":
        return _list(property_text)(held.get("array") or [])
    if held.get("type") in ("incomplete", "unsupported"):
        return f"[{held['type']} value]"
    return property_text(held)


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
    "email": lambda held: "[e-mail address]" if held else "",
    "files": _list(file_name),
    "formula": _typed,
    "last_edited_by": person,
    "last_edited_time": lambda held: date_text({"start": held}),
    "multi_select": _list(_name),
    "number": lambda held: str(
        int(held) if isinstance(held, float) and held.is_integer() else held
    ),
    "people": _list(person),
    "phone_number": str,
    "place": lambda held: str(
        held.get("name") or held.get("address") or f"{held.get('lat')}, {held.get('lon')}"
    ),
    "relation": lambda held: (
        f"{len(held)} linked page{'s' if len(held) > 1 else ''}" if held else ""
    ),
    "rich_text": markdown,
    "rollup": _typed,
    "select": _name,
    "status": _name,
    "string": str,
    "title": plain,
    "unique_id": lambda held: "-".join(
        str(part) for part in (held.get("prefix"), held.get("number")) if part
    ),
    "url": str,
    "verification": _verification,
}
