"""Rich text: made from inline Markdown, checked as a request, kept, and shown as an answer.

Kept form: request items whose text is merged where annotations and link are equal, cut at
2,000 UTF-16 units, without what Notion derives (plain_text, href, default annotations).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

from daemon.sandbox.faults import failed, invalid
from daemon.sandbox.model import Json, Named, Rich, dashed, ident


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
    pieces: Rich = []
    for run in runs:
        if run["type"] == "text":
            contents = cut(run["text"]["content"])
            pieces += [{**run, "text": {**run["text"], "content": content}} for content in contents]
        else:
            pieces.append(run)
    return pieces


def _joins(left: Json, right: Json) -> bool:
    if not left["type"] == right["type"] == "text":
        return False
    if left.get("annotations", {}) != right.get("annotations", {}):
        return False
    return bool(left["text"].get("link") == right["text"].get("link"))


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
    elif (told := item["mention"])["type"] in ("user", "page", "database"):
        thing, content, href = look(told["type"], told[told["type"]]["id"])
        body = {"type": told["type"], told["type"]: thing}
    else:
        body, content = told, _plain(item, str)
    given = item.get("annotations", {})
    annotations = {mark: bool(given.get(mark)) for mark in MARKS} | {
        "color": given.get("color", "default")
    }
    shown: Json = {"type": kind, kind: body, "annotations": annotations}
    return shown | {"plain_text": content, "href": href}


MAX_ITEMS = 100
MAX_URL = 2000
MAX_EQUATION = 1000
_KINDS = ("text", "mention", "equation")
_ADDRESS = re.compile(r"(https?|mailto|tel|notion):\S+|/[0-9a-fA-F-]{32,36}\S*")


def rich_text(value: Any, where: str) -> Rich:
    """Check rich text of a request and bring it to the kept form.

    Raises:
        ApiRefusal: 400, in Notion's words.
    """
    if not isinstance(value, list):
        raise failed(where, "should be an array", value)
    if len(value) > MAX_ITEMS:
        raise failed(f"{where}.length", f"should be ≤ `{MAX_ITEMS}`", len(value))
    return kept(_item(item, f"{where}[{at}]") for at, item in enumerate(value))


def _item(item: Any, where: str) -> Json:
    if not isinstance(item, dict):
        raise failed(where, "should be an object", item)
    kind = item.get("type") or next((kind for kind in _KINDS if kind in item), None)
    if kind not in _KINDS or not isinstance(item.get(kind), dict):
        raise failed(f"{where}.{kind or 'text'}", "should be defined", None)
    made = {"text": _text, "mention": _mention, "equation": _equation}[kind](item[kind], where)
    marks = _marks(item.get("annotations") or {}, f"{where}.annotations")
    return made | ({"annotations": marks} if marks else {})


def _text(told: Json, where: str) -> Json:
    content = told.get("content")
    if not isinstance(content, str):
        raise failed(f"{where}.text.content", "should be a string", content)
    if (size := units(content)) > ITEM_UNITS:
        raise failed(f"{where}.text.content.length", f"should be ≤ `{ITEM_UNITS}`", size)
    return text(content, _link(told.get("link"), f"{where}.text.link"))


def _link(link: Any, where: str) -> str | None:
    if link is None:
        return None
    address = link.get("url") if isinstance(link, dict) else None
    if not isinstance(address, str):
        raise failed(f"{where}.url", "should be a string", address)
    if len(address) > MAX_URL:
        raise failed(f"{where}.url.length", f"should be ≤ `{MAX_URL}`", len(address))
    if not _ADDRESS.fullmatch(address):
        raise invalid("Invalid URL for link.")
    return address


def _mention(told: Json, where: str) -> Json:
    kind = told.get("type") or next(
        (k for k in ("user", "page", "database", "date") if k in told), ""
    )
    if kind == "date" and isinstance(told.get("date"), dict):
        return mention_date(str(told["date"].get("start", "")), told["date"].get("end"))
    target = told.get(kind)
    found = dashed(str(target.get("id", ""))) if isinstance(target, dict) else None
    if kind not in ("user", "page", "database") or not found:
        raise failed(f"{where}.mention.{kind or 'user'}", "should be defined", None)
    return mention(kind, found)


def _equation(told: Json, where: str) -> Json:
    expression = told.get("expression")
    if not isinstance(expression, str):
        raise failed(f"{where}.equation.expression", "should be a string", expression)
    if len(expression) > MAX_EQUATION:
        size = len(expression)
        raise failed(f"{where}.equation.expression.length", f"should be ≤ `{MAX_EQUATION}`", size)
    return equation(expression)


def _marks(given: Any, where: str) -> Json:
    if not isinstance(given, dict):
        raise failed(where, "should be an object", given)
    for name, value in given.items():
        if name not in (*MARKS, "color"):
            raise failed(f"{where}.{name}", "should be not present", value)
        if name in MARKS and not isinstance(value, bool):
            raise failed(f"{where}.{name}", "should be a boolean", value)
    return {k: v for k, v in given.items() if v and v != "default"}


_MARKS = {"strong": "bold", "em": "italic", "s": "strikethrough"}
_EQUATION = re.compile(r"(?<![\\$\w])\$(?=[^\s$])([^$\n]*[^\s$])\$(?![\w$])")
# https://developers.notion.com/guides/data-apis/enhanced-markdown
_MENTION = re.compile(r'<mention-(user|page|database) url="[^"]*?([0-9a-fA-F-]{32,36})"/?>')


@dataclass(frozen=True, slots=True)
class _Style:
    marks: frozenset[str] = frozenset()
    link: str | None = None

    def item(self, content: str) -> Json:
        item = text(content, self.link)
        marks = dict.fromkeys(sorted(self.marks), True)
        return item | ({"annotations": marks} if marks else {})


@dataclass(slots=True)
class _InlineReader:
    """Walks inline tokens; keeps the marks and the link that are open."""

    style: _Style = field(default_factory=_Style)
    title: str = ""

    def read(self, tokens: Iterable[Token]) -> Iterator[Json]:
        for token in tokens:
            kind = token.type.removesuffix("_open").removesuffix("_close")
            if kind in _MARKS:
                mark = {_MARKS[kind]}
                marks = self.style.marks | mark if token.nesting > 0 else self.style.marks - mark
                self.style = replace(self.style, marks=marks)
            elif kind == "link":
                yield from self._link(token)
            elif token.type == "image":
                # Show an image amid text as a link to it: Notion has no inline images
                address = str(token.attrGet("src") or "")
                shown = [token.content, str(token.attrGet("title") or "")]
                content = " ".join(part for part in shown if part) or address
                if content:
                    yield replace(self.style, link=address or None).item(content)
            elif token.type == "code_inline":
                yield replace(self.style, marks=self.style.marks | {"code"}).item(token.content)
            elif token.type == "softbreak":
                yield self.style.item(" ")
            elif token.type == "hardbreak":
                yield self.style.item("\n")
            elif token.content:
                yield self.style.item(token.content)

    def _link(self, token: Token) -> Iterator[Json]:
        if token.nesting > 0:
            self.title = str(token.attrGet("title") or "")
            self.style = replace(self.style, link=str(token.attrGet("href") or "") or None)
            return
        self.style = replace(self.style, link=None)
        if self.title:
            yield self.style.item(f" ({self.title})")


@cache
def parser() -> MarkdownIt:
    """Give the parser for documents: CommonMark with tables and strikethrough."""
    # Whatever is nested deeper than this the parser leaves out.
    return MarkdownIt("commonmark", {"maxNesting": 200}).enable(["table", "strikethrough"])


def items(tokens: Sequence[Token] | None) -> Rich:
    """Turn the children of an inline token into rich text."""
    return kept(_InlineReader().read(tokens or ()))


def markdown(written: str) -> Rich:
    """Turn inline Markdown into rich text; line breaks stay, block marks are literal text."""
    joined: Rich = []
    for number, line in enumerate(written.split("\n")):
        joined += [text("\n")] if number else []
        for token in parser().parseInline(line):
            joined += _InlineReader().read(token.children or ())
    return kept(joined)


def comment_markdown(text: str) -> Rich:
    """Turn a comment's Markdown into rich text: also equations and mentions."""
    found: Rich = []
    for item in markdown(text):
        literal = item["type"] != "text" or item.get("annotations", {}).get("code")
        found += [item] if literal else _specials(item)
    return kept(item for item in found if item["type"] != "text" or item["text"]["content"])


def _specials(item: Json) -> Iterator[Json]:
    """Cut a text item at the equations and mentions that stand in it."""
    content: str = item["text"]["content"]
    at = 0
    for match in re.finditer(f"{_EQUATION.pattern}|{_MENTION.pattern}", content):
        yield {**item, "text": {**item["text"], "content": content[at : match.start()]}}
        yield equation(match[1]) if match[1] else mention(match[2], match[3])
        at = match.end()
    yield {**item, "text": {**item["text"], "content": content[at:]}}


def as_rich(value: Any) -> Rich:
    """Take inline Markdown or ready items; give kept rich text."""
    return markdown(value) if isinstance(value, str) else kept(value)
