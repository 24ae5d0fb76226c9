"""Markdown files as snapshots, with the blocks that the rules look at."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from markdown_it import MarkdownIt
from markdown_it.token import Token

from daemon.domain.values import Block, Page, Snapshot


WHEN = datetime(2026, 8, 1, 9, 0, tzinfo=UTC)
PAGE_ID = "0a1b2c3d-0000-4000-8000-000000000001"
_PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
_TO_DO = re.compile(r"\[([ x])\] ")
_LEVELS = 4


def snapshot(
    markdown: str, title: str = "", properties: tuple[tuple[str, str], ...] = ()
) -> Snapshot:
    """Return the snapshot of a page whose body is `markdown`."""
    page = Page(PAGE_ID, "source", title, "https://example.com/page", WHEN, WHEN, properties)
    return Snapshot(page, blocks(markdown), (), WHEN)


def blocks(markdown: str) -> tuple[Block, ...]:
    """Return the blocks of a Markdown text as Notion would hold them."""
    found = _Walk(_PARSER.parse(markdown)).blocks()
    return tuple(
        Block(f"b{number}", kind, max(depth, 0), line, plain)
        for number, (kind, depth, line, plain) in enumerate(found, 1)
    )


# What a rule could stumble over, again and again in one block.
HOSTILE = {
    "brackets": "[",
    "backticks": "`",
    "spans": "` ",
    "tildes": "~~ ",
    "quotes": '"',
    "apostrophes": " 'a",
    "one word": "a",
    "words": "abc def ",
    "doubled": "the ",
    "capitals": "ABC ",
    "numbers": "1.",
    "counts": "3 options ",
    "references": "See section 9 ",
    "names": "See Foo Bar section below ",
    "plans": "we will launch in March 2024 or 2025 and ",
    "years": "2024 ",
    "addresses": "a@",
    "links": "[a](#b) ",
    "open links": "](((",
    "markers": "TODO list ",
    "template": "[insert your ",
    "lines": "a\n",
    "uneven spans": "`a ``b ",
    "references to characters": "&#97;",
    "blanks": " ",
}


def hostile(piece: str, size: int) -> Snapshot:
    """Return a page with a paragraph and a heading of `piece` alone, `size` characters each."""
    text = piece * (size // len(piece))
    walls = [Block(kind, kind, 0, text, text) for kind in ("paragraph", "heading_2")]
    page = Page(PAGE_ID, "source", "", "https://example.com/page", WHEN, WHEN)
    return Snapshot(page, (*walls, *blocks("- a\n- b")), (), WHEN)


@dataclass
class _Walk:
    """Goes through the tokens; knows what the next paragraph belongs to."""

    tokens: list[Token]
    depth: int = 0
    lists: list[str] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    opens: str = ""
    row: list[tuple[str, str]] = field(default_factory=list)

    def blocks(self) -> Iterator[tuple[str, int, str, str]]:
        for before, token in zip([None, *self.tokens], self.tokens, strict=False):
            if token.nesting and token.type.startswith(("bullet_", "ordered_", "list_", "block")):
                self.nest(token)
            elif token.type == "table_open":
                yield "table", self.depth, "", ""
            elif token.type == "tr_close":
                lines, plains = zip(*self.row, strict=True)
                self.row = []
                yield "table_row", self.depth + 1, f"| {' | '.join(lines)} |", " | ".join(plains)
            elif token.type in ("fence", "code_block"):
                text = token.content.rstrip("\n")
                yield "code", self.depth, f"```{token.info}\n{text}\n```", text
            elif token.type == "hr":
                yield "divider", self.depth, "---", ""
            elif token.type == "inline":
                yield from self.inline(before, token)

    def nest(self, token: Token) -> None:
        if token.type in ("bullet_list_open", "ordered_list_open"):
            self.lists.append("bulleted" if token.type.startswith("bullet") else "numbered")
            self.numbers.append(int(token.attrGet("start") or 1) - 1)
        elif token.type in ("bullet_list_close", "ordered_list_close"):
            self.lists.pop()
            self.numbers.pop()
        else:
            self.depth += token.nesting
            self.opens = ""
            if token.nesting == 1:
                is_item = token.type == "list_item_open"
                self.opens = self.lists[-1] if is_item else "quote"
                if is_item:
                    self.numbers[-1] += 1

    def inline(self, before: Token, token: Token) -> Iterator[tuple[str, int, str, str]]:
        line, plain = _line(token), _plain(token)
        if before.type in ("th_open", "td_open"):
            self.row.append((line, plain))
        elif before.type == "heading_open":
            yield self.heading(int(before.tag[1]), line, plain)
        elif self.opens:
            yield self.item(line, plain)
        elif plain.strip():
            yield "paragraph", self.depth, line, plain

    def heading(self, level: int, line: str, plain: str) -> tuple[str, int, str, str]:
        """Notion has four levels; what lies deeper is a line in bold."""
        if level > _LEVELS:
            return "paragraph", self.depth, f"**{line}**", plain
        return f"heading_{level}", self.depth, f"{'#' * level} {line}", plain

    def item(self, line: str, plain: str) -> tuple[str, int, str, str]:
        """The first text of a list item or a quotation is that block's own."""
        kind, self.opens = self.opens, ""
        to_do = _TO_DO.match(line)
        if kind == "quote":
            return "quote", self.depth - 1, f"> {line}", plain
        if to_do:
            return "to_do", self.depth - 1, line, plain[to_do.end() :]
        mark = f"{self.numbers[-1]}." if kind == "numbered" else "-"
        return f"{kind}_list_item", self.depth - 1, f"{mark} {line}", plain


_MARKS = {"strong": "**", "em": "*", "s": "~~"}


def _line(token: Token) -> str:
    parts, targets = [], []
    for child in token.children or ():
        kind = child.type.rpartition("_")[0]
        if child.type == "link_open":
            targets.append(child.attrGet("href"))
            parts.append("[")
        elif child.type == "link_close":
            parts.append(f"]({targets.pop()})")
        elif child.type == "code_inline":
            fence = "``" if "`" in child.content else "`"
            parts.append(f"{fence}{child.content}{fence}")
        elif kind in _MARKS:
            parts.append(_MARKS[kind])
        else:
            parts.append(_text(child))
    return "".join(parts)


def _plain(token: Token) -> str:
    return "".join(
        child.content if child.type == "code_inline" else _text(child)
        for child in token.children or ()
    )


def _text(token: Token) -> str:
    breaks = {"softbreak": " ", "hardbreak": "\n"}
    return breaks.get(token.type, token.content if token.type == "text" else "")
