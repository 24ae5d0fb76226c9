"""Rich text as Notion gives it -> runs of text, each with its marks."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from daemon.domain.errors import Incomplete


BOLD, ITALIC, STRIKE, CODE, MATH = "**", "*", "~~", "`", "$"
# A link's mark is this and its address.
LINK = "["
# Who is mentioned without a name that may be shown.
NOBODY = "someone"

_ANNOTATIONS = (("bold", BOLD), ("italic", ITALIC), ("strikethrough", STRIKE), ("code", CODE))
_ODD = re.compile("\r\n|[\0\r\x0b\x0c\x85\u2028\u2029\ud800-\udfff]")
# Other schemes are addresses of people (mailto), or what a Markdown parser takes for no link.
_ADDRESS = re.compile(r"https?://|[/#]", re.IGNORECASE)
_EMAIL = re.compile(r"[^\s@]@[^\s@]+\.[^\s@]")
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)[\d:.]*(Z|[+-]\d\d:?\d\d)?")


class Run(NamedTuple):
    """A stretch of text whose marks are the same."""

    text: str
    marks: frozenset[str]


def runs(rich: Sequence[Mapping[str, Any]]) -> list[Run]:
    """Read rich text items, mentions as the names that people see.

    Raises:
        Incomplete: an item is no object, or says nothing of its text.
    """
    return [run for item in rich if (run := _run(item)).text]


def tidy(text: str) -> str:
    """Make every line break a newline; drop what no text file may hold."""
    return _ODD.sub(_odd, text) if _ODD.search(text) else text


def _odd(match: re.Match[str]) -> str:
    char = match[0]
    if char == "\0":
        return ""
    return "\ufffd" if "\ud800" <= char <= "\udfff" else "\n"


def _run(item: Mapping[str, Any]) -> Run:
    if not isinstance(item, Mapping):
        raise Incomplete("Notion sent a rich text item that is no object; the page is read again")
    kind = item.get("type", "text")
    if kind == "equation":
        return Run(" ".join(tidy(_expression(item)).split()), frozenset({MATH}))
    if kind == "mention":
        text, address = _mention(item)
    else:
        text, address = _text(item), item.get("href") or _target(item)
    return Run(tidy(text), _marks(item.get("annotations") or {}, address))


def _text(item: Mapping[str, Any]) -> str:
    shown = item.get("plain_text")
    if shown is None:
        shown = (item.get("text") or {}).get("content")
    if not isinstance(shown, str):
        raise Incomplete("Notion sent a rich text item without text; the page is read again")
    return shown


def _target(item: Mapping[str, Any]) -> str | None:
    link = (item.get("text") or {}).get("link") or {}
    return link.get("url")


def _expression(item: Mapping[str, Any]) -> str:
    return (item.get("equation") or {}).get("expression") or item.get("plain_text") or ""


def _marks(annotations: Mapping[str, Any], address: str | None) -> frozenset[str]:
    marks = {mark for name, mark in _ANNOTATIONS if annotations.get(name)}
    if address and _ADDRESS.match(address):
        marks.add(LINK + tidy(address))
    return frozenset(marks)


def _mention(item: Mapping[str, Any]) -> tuple[str, str | None]:
    """Return what a mention shows, and its address where that is not Notion's own."""
    mention = item.get("mention") or {}
    kind = mention.get("type") or ""
    value = mention.get(kind) or {}
    shown = item.get("plain_text") or ""
    match kind:
        case "user":
            text = "@" + person(value, shown.removeprefix("@"))
        case "date":
            text = date_text(value)
        case "link_preview" | "link_mention":
            target = value.get("url") or value.get("href")
            return value.get("title") or target or shown, target
        case "template_mention":
            text = f"@{value.get(value.get('type')) or 'template'}"
        case "custom_emoji":
            text = f":{(value.get('name') or shown).strip(':')}:"
        case _:
            text = shown
    return text or shown or f"[mention: {kind}]", None


def person(user: Mapping[str, Any], shown: str = "") -> str:
    """Return a person's, a bot's or a group's name; never an e-mail address or an id."""
    name = tidy(user.get("name") or shown).strip()
    if not name or _EMAIL.search(name) or name == user.get("id"):
        return NOBODY
    return name


def mentioned(rich: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return the users that rich text mentions: how each is shown, by id.

    Raises:
        Incomplete: an item is malformed.
    """
    users = [item for item in rich if isinstance(item, Mapping) and _is_user(item)]
    return {str(item["mention"]["user"].get("id", "")): _run(item).text for item in users}


def _is_user(item: Mapping[str, Any]) -> bool:
    mention = item.get("mention") or {}
    return mention.get("type") == "user" and isinstance(mention.get("user"), Mapping)


def date_text(value: Mapping[str, Any]) -> str:
    """Write a date or a span as `2026-11-20 10:41 UTC → 2026-11-21`; "" for none."""
    ends = [value.get("start"), value.get("end")]
    zone = value.get("time_zone") or ""
    return " → ".join(_moment(end, zone) for end in ends if end)


def _moment(iso: str, zone: str) -> str:
    match = _TIME.match(iso)
    if match is None:
        return iso
    offset = zone or match[3] or ""
    if offset in ("Z", "+00:00"):
        offset = "UTC"
    return f"{match[1]} {match[2]} {offset}".rstrip()
