"""How ids, times, numbers and lists are written; ids are read as people copy them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TypeVar
from urllib.parse import parse_qs, urlsplit


T = TypeVar("T")

_HEX = "[0-9a-f]"
_COMPACT = f"{_HEX}{{32}}"
_DASHED = f"{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}"
_WHOLE = re.compile(_COMPACT)
_LAST = re.compile(f"(?:^|-)({_COMPACT}|{_DASHED})$")
_HOSTS = ("notion.so", "notion.site", "notion.com")
_SCHEMES = ("http", "https", "notion")
# An address in a text, with its scheme, or a path in the place of a link's target.
_ADDRESS = re.compile(
    r"(?:https?|notion)://[^\s<>()\[\]\"|`*]*(?:[^\W_]|[/=#-])|(?<=\]\()/[^\s()]+",
    re.IGNORECASE,
)


def notion_id(text: str) -> str:
    """Return the dashed id of the page, database or data source that `text` names.

    Takes an id with or without dashes, a URL of any Notion host, and a path without a host, as the
    API gives links within a workspace. In the URL of a database
    with a page open beside it (`?p=`) the page is meant; `database_id` reads the other one.

    Raises:
        ValueError: Says what is wrong with `text`.
    """
    return _dashed(_find(text, peek=True))


def database_id(text: str) -> str:
    """Return the dashed id of the database that `text` names, whatever page is open in it.

    Raises:
        ValueError: Says what is wrong with `text`.
    """
    return _dashed(_find(text, peek=False))


def addresses_by_id(text: str) -> str:
    """Return a text in which Notion's own addresses are written by the ids that they hold.

    Notion itself rewrites the rest: the host, the title in the path, how the link was shared.
    """
    return _ADDRESS.sub(_by_ids, text) if "://" in text or "](/" in text else text


def leads_elsewhere(text: str) -> bool:
    """Tell whether a text has a web address that is none of Notion's."""
    return any("://" in one[0] and _by_ids(one) == one[0] for one in _ADDRESS.finditer(text))


def _by_ids(match: re.Match[str]) -> str:
    address = match[0]
    try:
        page = notion_id(address)
    except ValueError:
        return address
    parts = urlsplit(address.lower())
    asked = parse_qs(parts.query)
    view = asked.get("v", [""])[0] if "p" not in asked else ""
    return f"notion:{page}?{view.replace('-', '')}#{parts.fragment.replace('-', '')}"


def _dashed(found: str) -> str:
    digits = found.replace("-", "")
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _find(text: str, *, peek: bool) -> str:
    text = text.strip().lower()
    if "/" in text:
        return _in_url(text, peek=peek)
    digits = text.replace("-", "")
    if _WHOLE.fullmatch(digits):
        return digits
    if re.fullmatch(f"{_HEX}+", digits):
        raise ValueError(f"has {len(digits)} hexadecimal digits, an id has 32; copy it again")
    raise ValueError("is neither an id (32 hexadecimal digits) nor a Notion URL; copy the link")


def _in_url(text: str, *, peek: bool) -> str:
    if text.startswith("/") and not text.startswith("//"):
        text = f"{_HOSTS[0]}{text}"
    try:
        parts = urlsplit(text if "://" in text else f"https://{text}")
    except ValueError:
        raise ValueError("is not a URL that can be read; copy it again") from None
    host = f".{parts.hostname or ''}"
    if parts.scheme not in _SCHEMES or not host.endswith(tuple(f".{one}" for one in _HOSTS)):
        raise ValueError(f"is not a URL of {', '.join(_HOSTS)}; copy the link in Notion itself")
    beside = parse_qs(parts.query).get("p", []) if peek else []
    candidates = [*beside, *reversed(parts.path.split("/"))]
    for candidate in candidates:
        if match := _LAST.search(candidate):
            return match[1]
    raise ValueError("is a Notion URL without an id; copy the link of the page or database itself")


def iso(time: datetime) -> str:
    """Write an aware time in UTC, as `2026-11-20T10:41:00Z`; as text it sorts by time."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def when(text: str) -> datetime:
    """Read a time that `iso` wrote."""
    return datetime.fromisoformat(text)


def counted(number: int, noun: str) -> str:
    """Write a number with its noun, as `1 page`, `2 replies`."""
    if number == 1:
        return f"1 {noun}"
    changes = noun.endswith("y") and noun[-2] not in "aeiou"
    return f"{number} {noun[:-1]}ies" if changes else f"{number} {noun}s"


def some(number: int, noun: str, then: str = "") -> str:
    """Write a number with its noun and what follows, such as `2 pages waiting`; "" for zero."""
    return f"{counted(number, noun)} {then}".rstrip() if number else ""


def joined(parts: list[str], by: str = ", ") -> str:
    """Join the parts that are not empty."""
    return by.join(filter(None, parts))


def first_of(items: Sequence[T], most: int) -> tuple[Sequence[T], int]:
    """Return the first of the items, and how many more there are.

    A single one more is among the first: to say that there is one takes the room of its name.
    """
    shown = items if len(items) == most + 1 else items[:most]
    return shown, len(items) - len(shown)


def few(names: Sequence[str], most: int) -> str:
    """Name the first in a line, and say how many more there are: `A, B and 3 more`."""
    shown, more = first_of(names, most)
    return f"{', '.join(shown)}{f' and {more} more' if more else ''}"
