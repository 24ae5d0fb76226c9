"""A document in the terminal as its readers see it: text with the threads under their blocks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.markdown import Markdown
from rich.padding import Padding
from rich.rule import Rule
from rich.text import Text

from daemon.domain.values import Author, AuthorKind, Block, Comment, Thread
from daemon.notion import reading, canonical as text
from daemon.notion.gateway import Gateway


INDENT = 2


async def show(notion: Gateway, page_id: str, console: Console) -> None:
    """Read a page and print it."""
    page = text.page(await notion.page(page_id), "", ["Status", "Owner"])
    blocks = await reading.blocks(notion, page_id)
    places = [block.id for block in blocks if block.may_hold_comments]
    threads, _ = await reading.threads(notion, page_id, places, _author)
    console.print(Rule(Text(page.title, "bold")))
    facts = " · ".join(f"{name}: {value}" for name, value in page.properties)
    console.print(Text(facts, "dim"))
    console.print(Group(*_document(blocks, threads)))
    console.print()


async def _author(comment: dict[str, Any]) -> Author:
    """Take the shown name: this is for reading, nothing is decided by it."""
    shown = comment.get("display_name") or {}
    person = shown.get("type") == "user"
    kind = AuthorKind.PERSON if person else AuthorKind.BOT
    return Author("", str(shown.get("resolved_name") or "Someone"), kind)


def _document(blocks: Iterable[Block], threads: Iterable[Thread]) -> Iterator[RenderableType]:
    by_block: dict[str | None, list[Thread]] = {}
    for thread in threads:
        by_block.setdefault(thread.block_id, []).append(thread)
    for block in blocks:
        if block.line:
            yield _padded(_line(block), block.depth * INDENT, block.type.startswith("heading"))
        for thread in by_block.get(block.id, ()):
            yield Padding(_thread(thread), (0, 0, 0, block.depth * INDENT + 4))
    if None in by_block:
        yield Text("\nOn the page", "bold")
        for thread in by_block[None]:
            yield Padding(_thread(thread), (0, 0, 0, 4))


def _padded(line: RenderableType, left: int, heading: object) -> RenderableType:
    return Padding(line, (1 if heading else 0, 0, 0, left))


def _line(block: Block) -> RenderableType:
    if block.type.startswith("heading"):
        return Text(block.plain, "bold underline")
    if block.type in ("table_row", "equation"):
        return Text(block.line)
    if block.type == "to_do":
        return Text(block.line.replace("[ ] ", "☐ ", 1).replace("[x] ", "☑ ", 1))
    if block.type == "numbered_list_item":
        return Text(block.line)
    # As a list of its own each item would stand between two blank lines.
    return Markdown(re.sub(r"^- ", "• ", block.line))


def _thread(thread: Thread) -> RenderableType:
    return Group(
        *(_comment(comment, first=index == 0) for index, comment in enumerate(thread.comments))
    )


def _comment(comment: Comment, *, first: bool) -> RenderableType:
    person = comment.author.kind is AuthorKind.PERSON
    style = "cyan" if person else "yellow"
    sign = "💬" if first else "↳"
    head = Text.assemble((f"{sign} {comment.author.name}", f"bold {style}"))
    return Group(head, Padding(Markdown(_with_breaks(comment.text)), (0, 0, 0, 3)))


def _with_breaks(text: str) -> str:
    """Keep a comment's line breaks, which Markdown would fold into spaces."""
    return text.replace("\n", "  \n")
