"""Rich text: made from inline Markdown, checked as a request, kept, and shown as an answer.

Kept form: request items whose text is merged where annotations and link are equal, cut at
2,000 UTF-16 units, without what Notion derives (plain_text, href, default annotations).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from daemon.sandbox.model import Json, Named, Rich, ident


ITEM_UNITS = 2000
MARKS = ("bold", "italic", "strikethrough", "underline", "code")


def units(text: str) -> int:
    """Count UTF-16 units, as Notion's own client does."""
    return len(text) + sum(character > "\uffff" for character in text)


def text(content: str, link: str | None = None, color: str = "default", **marks: bool) -> Json:
    """Make a text item; `marks` are bold, italic, strikethrough, underline and code."""
    item: Json = {"type": "text", "text": {"content": content}}
    if link:
        item["text"]["link"] = {"url": link}
    given: Json = {mark: True for mark in MARKS if marks.get(mark)}
    if color != "default":
        given["color"] = color
    return item | ({"annotations": given} if given else {})


def mention(kind: str, target: Named | str) -> Json:
    """Make a mention; `kind` is user, page or database."""
    return {"type": "mention", "mention": {"type": kind, kind: {"id": ident(target)}}}


def mention_date(start: str, end: str | None = None) -> Json:
    """Make a mention of a date or a span of dates, in ISO form."""
    date = {"start": start, "end": end, "time_zone": None}
    return {"type": "mention", "mention": {"type": "date", "date": date}}


def equation(expression: str) -> Json:
    """Make an inline equation."""
    return {"type": "equation", "equation": {"expression": expression}}


def plain(items: Rich, title: Callable[[str], str] = lambda _: "") -> str:
    """Give the text alone; `title` names what is mentioned."""
    return "".join(_plain(item, title) for item in items)


def _plain(item: Json, title: Callable[[str], str]) -> str:
    if item["type"] == "text":
        return str(item["text"]["content"])
    if item["type"] == "equation":
        return str(item["equation"]["expression"])
    told = item["mention"]
    if told["type"] == "date":
        return " → ".join(part for part in (told["date"]["start"], told["date"].get("end")) if part)
    return title(told[told["type"]]["id"])


def kept(items: Iterable[Json]) -> Rich:
    """Bring items to the kept form."""
    runs: Rich = []
    for item in items:
        if runs and _joins(runs[-1], item):
            runs[-1]["text"]["content"] += item["text"]["content"]
        else:
            runs.append({**item, **({"text": dict(item["text"])} if "text" in item else {})})
    return [piece for run in runs for piece in _pieces(run)]


def _joins(left: Json, right: Json) -> bool:
    if not left["type"] == right["type"] == "text":
        return False
    if left.get("annotations", {}) != right.get("annotations", {}):
        return False
    return bool(left["text"].get("link") == right["text"].get("link"))


def _pieces(item: Json) -> Iterator[Json]:
    if item["type"] != "text":
        yield item
        return
    for content in cut(item["text"]["content"]):
        yield {**item, "text": {**item["text"], "content": content}}


def cut(content: str, size: int = ITEM_UNITS) -> Iterator[str]:
    """Cut text into pieces of at most `size` UTF-16 units, never inside a character."""
    piece: list[str] = []
    used = 0
    for character in content:
        width = units(character)
        if used + width > size:
            yield "".join(piece)
            piece, used = [], 0
        piece.append(character)
        used += width
    if piece:
        yield "".join(piece)


def answer(items: Rich, look: Callable[[str, str], tuple[Json, str, str | None]]) -> Rich:
    """Show kept items as an answer does.

    Args:
        items: The kept form.
        look: Takes a mention's kind and id, gives its object, its text and its address.
    """
    return [_shown(item, look) for item in items]


def _shown(item: Json, look: Callable[[str, str], tuple[Json, str, str | None]]) -> Json:
    kind = item["type"]
    href: str | None = None
    if kind == "text":
        link = item["text"].get("link")
        href = link["url"] if link else None
        content = item["text"]["content"]
        body: Any = {"content": content, "link": link}
    elif kind == "equation":
        body, content = item["equation"], item["equation"]["expression"]
    else:
        body, content, href = _mentioned(item["mention"], look)
    shown: Json = {"type": kind, kind: body, "annotations": _annotations(item)}
    return shown | {"plain_text": content, "href": href}


def _mentioned(
    told: Json, look: Callable[[str, str], tuple[Json, str, str | None]]
) -> tuple[Json, str, str | None]:
    kind = told["type"]
    if kind not in ("user", "page", "database"):
        return told, _plain({"type": "mention", "mention": told}, str), None
    thing, content, href = look(kind, told[kind]["id"])
    return {"type": kind, kind: thing}, content, href


def _annotations(item: Json) -> Json:
    given = item.get("annotations", {})
    marks: Json = {mark: bool(given.get(mark)) for mark in MARKS}
    return marks | {"color": given.get("color", "default")}
