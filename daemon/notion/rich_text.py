"""Rich text as Notion gives it -> runs of text, each with its marks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from daemon.domain.errors import Incomplete
from daemon.domain.notation import notion_id


BOLD, ITALIC, STRIKE, CODE, MATH = "**", "*", "~~", "`", "$"
# A link's mark is this and its address.
LINK = "["
# Stands for a person whose name is not known or may not be shown.
NOBODY = "someone"

_ANNOTATIONS = (("bold", BOLD), ("italic", ITALIC), ("strikethrough", STRIKE), ("code", CODE))
_ODD = re.compile("[\0\r\x0b\x0c\x85\u2028\u2029\ud800-\udfff]")
_TIDY = {
    0: None,
    **dict.fromkeys(map(ord, "\r\x0b\x0c\x85\u2028\u2029"), "\n"),
    **dict.fromkeys(range(0xD800, 0xE000), "\ufffd"),
}
# Other schemes are addresses of people (mailto), or what a Markdown parser takes for no link.
_ADDRESS = re.compile(r"https?://|[/#]", re.IGNORECASE)
_EMAIL = re.compile(r"[^\s@]@[^\s@]+\.[^\s@]")
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)[\d:.]*(Z|[+-]\d\d:?\d\d)?")


class Run(NamedTuple):
    """A stretch of text whose marks are the same."""

    text: str
    marks: frozenset[str]


def runs(rich: Sequence[Mapping[str, Any]]) -> list[Run]:
    """Return rich text items as runs; a mention becomes the name that people see.

    Raises:
        Incomplete: an item is no object or has no text.
    """
    return [run for item in rich if (run := _run(item)).text]


def tidy(text: str) -> str:
    """Return a text with every line break as a newline, and without NUL and lone surrogates."""
    # Nearly every text needs no translation, and the search is faster.
    return text.replace("\r\n", "\n").translate(_TIDY) if _ODD.search(text) else text


def _run(item: Mapping[str, Any]) -> Run:
    if not isinstance(item, Mapping):
        raise Incomplete("Notion sent a rich text item that is no object; the page is read again")
    kind = item.get("type", "text")
    if kind == "equation":
        expression = (item.get("equation") or {}).get("expression") or item.get("plain_text")
        return Run(" ".join(tidy(expression or "").split()), frozenset({MATH}))
    if kind == "mention":
        text, address = _mention(item)
    else:
        value = item.get("text") or {}
        shown = value.get("content") if item.get("plain_text") is None else item["plain_text"]
        if not isinstance(shown, str):
            raise Incomplete("Notion sent a rich text item without text; the page is read again")
        text, address = shown, item.get("href") or (value.get("link") or {}).get("url")
    annotations = item.get("annotations") or {}
    marks = {mark for name, mark in _ANNOTATIONS if annotations.get(name)}
    if address and _ADDRESS.match(address):
        marks.add(LINK + tidy(address))
    return Run(tidy(text), frozenset(marks))


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


def every_item(content: Any) -> Iterator[Mapping[str, Any]]:
    """Yield every rich text item in a block's content, in whatever field or cell it stands."""
    if isinstance(content, Mapping):
        if "plain_text" in content:
            yield content
        else:
            for value in content.values():
                yield from every_item(value)
    elif isinstance(content, list):
        for value in content:
            yield from every_item(value)


def linked_pages(content: Any) -> Iterator[str]:
    """Yield the ids of the pages that a block's content mentions or links to."""
    for item in every_item(content):
        mention = item.get("mention") or {}
        if mention.get("type") == "page":
            yield str((mention.get("page") or {}).get("id") or "")
        elif address := item.get("href"):
            with suppress(ValueError):
                yield notion_id(address)


def mentioned(rich: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return the shown names of the users that rich text mentions, by user id.

    Raises:
        Incomplete: an item is malformed.
    """
    names: dict[str, str] = {}
    for item in rich:
        mention = (isinstance(item, Mapping) and item.get("mention")) or {}
        if mention.get("type") == "user" and isinstance(mention.get("user"), Mapping):
            names[str(mention["user"].get("id", ""))] = _run(item).text
    return names


def date_text(value: Mapping[str, Any]) -> str:
    """Return a date or a span as `2026-11-20 10:41 UTC → 2026-11-21`; "" for none."""
    texts: list[str] = []
    for iso in filter(None, (value.get("start"), value.get("end"))):
        if match := _TIME.match(iso):
            zone = value.get("time_zone") or match[3] or ""
            zone = "UTC" if zone in ("Z", "+00:00") else zone
            texts.append(f"{match[1]} {match[2]} {zone}".rstrip())
        else:
            texts.append(iso)
    return " → ".join(texts)
