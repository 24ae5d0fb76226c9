"""Inline Markdown -> rich text items."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

from daemon.sandbox import rich
from daemon.sandbox.model import Json, Rich


_MARKS = {"strong": "bold", "em": "italic", "s": "strikethrough"}
_EQUATION = re.compile(r"(?<![\\$\w])\$(?=[^\s$])([^$\n]*[^\s$])\$(?![\w$])")
# https://developers.notion.com/guides/data-apis/enhanced-markdown
_MENTION = re.compile(r'<mention-(user|page|database) url="[^"]*?([0-9a-fA-F-]{32,36})"/?>')


@dataclass(frozen=True, slots=True)
class _Style:
    marks: frozenset[str] = frozenset()
    link: str | None = None

    def item(self, content: str) -> Json:
        item = rich.text(content, self.link)
        marks = dict.fromkeys(sorted(self.marks), True)
        return item | ({"annotations": marks} if marks else {})


@dataclass(slots=True)
class _Reader:
    """Walks inline tokens; keeps the marks and the link that are open."""

    style: _Style = field(default_factory=_Style)
    title: str = ""

    def read(self, tokens: Iterable[Token]) -> Iterator[Json]:
        for token in tokens:
            kind = token.type.removesuffix("_open").removesuffix("_close")
            if kind in _MARKS:
                self._mark(_MARKS[kind], on=token.nesting > 0)
            elif kind == "link":
                yield from self._link(token)
            elif token.type == "image":
                yield from self._image(token)
            else:
                yield from self._leaf(token)

    def _mark(self, mark: str, *, on: bool) -> None:
        marks = self.style.marks | {mark} if on else self.style.marks - {mark}
        self.style = replace(self.style, marks=marks)

    def _link(self, token: Token) -> Iterator[Json]:
        if token.nesting > 0:
            self.title = str(token.attrGet("title") or "")
            self.style = replace(self.style, link=str(token.attrGet("href") or "") or None)
            return
        self.style = replace(self.style, link=None)
        if self.title:
            yield self.style.item(f" ({self.title})")

    def _image(self, token: Token) -> Iterator[Json]:
        """Show an image amid text as a link to it: Notion has no inline images."""
        address = str(token.attrGet("src") or "")
        shown = [token.content, str(token.attrGet("title") or "")]
        content = " ".join(part for part in shown if part) or address
        if content:
            yield replace(self.style, link=address or None).item(content)

    def _leaf(self, token: Token) -> Iterator[Json]:
        if token.type == "code_inline":
            yield replace(self.style, marks=self.style.marks | {"code"}).item(token.content)
        elif token.type == "softbreak":
            yield self.style.item(" ")
        elif token.type == "hardbreak":
            yield self.style.item("\n")
        elif token.content:
            yield self.style.item(token.content)


@cache
def parser() -> MarkdownIt:
    """Give the parser for documents: CommonMark with tables and strikethrough."""
    # Whatever is nested deeper than this the parser leaves out.
    return MarkdownIt("commonmark", {"maxNesting": 200}).enable(["table", "strikethrough"])


def items(tokens: Sequence[Token] | None) -> Rich:
    """Turn the children of an inline token into rich text."""
    return rich.kept(_Reader().read(tokens or ()))


def markdown(text: str) -> Rich:
    """Turn inline Markdown into rich text; line breaks stay, block marks are literal text."""
    lines = [_inline(line) for line in text.split("\n")]
    joined: Rich = []
    for number, line in enumerate(lines):
        joined += ([rich.text("\n")] if number else []) + line
    return rich.kept(joined)


def _inline(line: str) -> Rich:
    found = parser().parseInline(line)
    return list(_Reader().read(found[0].children or ())) if found else []


def comment_markdown(text: str) -> Rich:
    """Turn a comment's Markdown into rich text: also equations and mentions."""
    found: Rich = []
    for item in markdown(text):
        found += _specials(item) if _is_bare(item) else [item]
    return rich.kept(found)


def _is_bare(item: Json) -> bool:
    return item["type"] == "text" and not item.get("annotations", {}).get("code")


def _specials(item: Json) -> Iterator[Json]:
    content: str = item["text"]["content"]
    at = 0
    pattern = re.compile(f"{_EQUATION.pattern}|{_MENTION.pattern}")
    for match in pattern.finditer(content):
        yield from _slice(item, content[at : match.start()])
        yield _special(match)
        at = match.end()
    yield from _slice(item, content[at:])


def _special(match: re.Match[str]) -> Json:
    if match[1]:
        return rich.equation(match[1])
    return rich.mention(match[2], match[3])


def _slice(item: Json, content: str) -> Iterator[Json]:
    if content:
        yield {**item, "text": {**item["text"], "content": content}}


def as_rich(value: Any) -> Rich:
    """Take inline Markdown or ready items; give kept rich text."""
    return markdown(value) if isinstance(value, str) else rich.kept(value)
