"""What the Markdown of a block's line says of its plain text: code, struck text, links."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from daemon.domain.values import Block


if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

# Without one of these there is neither code nor struck text nor a link.
_MARK = re.compile(r"`|~~|\]\(|<http")
# A line longer than this is not parsed: what its marks hide is not known, so all of it is hidden.
_LONGEST = 20_000
_BREAKS = {"softbreak": "\n", "hardbreak": "\n", "html_inline": "\n"}


@dataclass(frozen=True, slots=True)
class Link:
    """A link: the span of its text in the plain text, and where it leads."""

    start: int
    end: int
    target: str


@dataclass(frozen=True, slots=True)
class Marks:
    """The marks of a block: the spans of what is code or struck out, and the links."""

    hidden: tuple[tuple[int, int], ...] = ()
    links: tuple[Link, ...] = ()


def marks(block: Block) -> Marks:
    """Find the marks of a block; where its line cannot be followed, all of it counts as code."""
    everything = Marks(hidden=((0, len(block.plain)),))
    if block.type in ("code", "equation"):
        return everything
    if not _MARK.search(block.line):
        return Marks()
    if len(block.line) > _LONGEST:
        return everything
    [inline] = _parser().parseInline(block.line)
    text, found = _walk(inline.children or ())
    # Before the text stands the block's own mark, "## " or "| ".
    at = text.find(block.plain)
    return _moved(found, at) if at >= 0 else everything


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark").enable("strikethrough")


def _walk(tokens: Sequence[Token]) -> tuple[str, Marks]:
    """Return the text of the tokens without marks, and the marks by their place in it."""
    text, struck, targets = "", 0, [(0, "")]
    hidden: list[tuple[int, int]] = []
    links: list[Link] = []
    for token in tokens:
        start = len(text)
        text += _BREAKS.get(token.type, token.content)
        struck += token.nesting if token.tag == "s" else 0
        if token.type == "code_inline" or (struck and len(text) > start):
            hidden.append((start, len(text)))
        if token.type == "link_open":
            targets.append((start, str(token.attrGet("href"))))
        elif token.type == "link_close":
            opened, target = targets.pop()
            links.append(Link(opened, start, target))
    return text, Marks(tuple(hidden), tuple(links))


def _moved(found: Marks, by: int) -> Marks:
    return Marks(
        tuple((start - by, end - by) for start, end in found.hidden if start >= by),
        tuple(
            Link(link.start - by, link.end - by, link.target)
            for link in found.links
            if link.start >= by
        ),
    )
