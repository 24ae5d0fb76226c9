"""Markdown documents -> built blocks. Every word of the document stands in a block."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode

from daemon.sandbox import blocks, rich
from daemon.sandbox.inline import items, parser
from daemon.sandbox.languages import language
from daemon.sandbox.model import Json, Rich


MAX_ITEMS = 100
DEEPEST_HEADING = 4
_TASK = re.compile(r"\[([ xX])\](?:\s+|$)")
Fence = Callable[[str, str], Iterable[Json]]


def code(info: str, text: str) -> Iterator[Json]:
    """Turn a fence into code blocks: one, or as many as its length needs."""
    name, caption = language(info)
    written = rich.kept([rich.text(text)]) if text else []
    for part in _parts(written):
        yield blocks.code(part, name, [rich.text(caption)] if caption else "")


def convert(text: str, fence: Fence = code) -> list[Json]:
    """Turn a Markdown document into blocks.

    Args:
        text: CommonMark with tables, strikethrough and task lists.
        fence: Makes blocks of a fence's info line and text.
    """
    env: dict[str, Any] = {}
    tokens = parser().parse(text, env)
    found = list(_Reader(fence).many(SyntaxTreeNode(tokens).children))
    return found + list(_definitions(tokens, env))


def _parts(written: Rich) -> list[Rich]:
    """Cut rich text into what one block may hold each; no text is one empty part."""
    return [written[at : at + MAX_ITEMS] for at in range(0, len(written), MAX_ITEMS)] or [[]]


def _definitions(tokens: Iterable[Token], env: dict[str, Any]) -> Iterator[Json]:
    """Keep link definitions that nothing in the document uses: they are text too."""
    inner = [child for token in tokens for child in token.children or ()]
    used = {token.attrs.get(name) for token in inner for name in ("href", "src")}
    found = [(told["href"], label, told) for label, told in env.get("references", {}).items()]
    spare = [(None, told["label"], told) for told in env.get("duplicate_refs", ())]
    for href, label, told in [*found, *spare]:
        if href not in used or href is None:
            said = f"[{label.lower()}]: {told['href']} {told.get('title', '')}".rstrip()
            yield blocks.paragraph([rich.text(said)])


@dataclass(frozen=True, slots=True)
class _Reader:
    fence: Fence

    def many(self, nodes: Iterable[SyntaxTreeNode]) -> Iterator[Json]:
        """Turn nodes into blocks, in order."""
        for node in nodes:
            yield from self._one(node)

    def _one(self, node: SyntaxTreeNode) -> Iterable[Json]:
        makes: dict[str, Callable[[SyntaxTreeNode], Iterable[Json]]] = {
            "paragraph": self._paragraph,
            "heading": self._heading,
            "bullet_list": self._list,
            "ordered_list": self._list,
            "blockquote": self._quote,
            "table": self._table,
            "fence": lambda code: self.fence(code.info.strip(), code.content.removesuffix("\n")),
            "code_block": lambda code: self.fence("", code.content.removesuffix("\n")),
            "hr": lambda _: [blocks.divider()],
        }
        return makes.get(node.type, _literal)(node)

    def _paragraph(self, node: SyntaxTreeNode) -> Iterator[Json]:
        inner = node.children[0].children
        if len(inner) == 1 and inner[0].type == "image":
            yield _image(inner[0])
        else:
            yield from (blocks.paragraph(part) for part in _parts(_text(node)))

    def _heading(self, node: SyntaxTreeNode) -> Iterator[Json]:
        first, *others = _parts(_text(node))
        yield blocks.heading(min(int(node.tag[1:]), DEEPEST_HEADING), first)
        yield from (blocks.paragraph(part) for part in others)

    def _list(self, node: SyntaxTreeNode) -> Iterator[Json]:
        start = int(str(node.attrs.get("start", 1))) if node.type == "ordered_list" else None
        for at, item in enumerate(node.children):
            yield self._item(item, start + at if start is not None else None, first=at == 0)

    def _item(self, item: SyntaxTreeNode, number: int | None, *, first: bool) -> Json:
        text, below = self._head(item.children)
        task = _task(text)
        if task is not None:
            return blocks.to_do(_without_box(text), *below, checked=task)
        if number is None:
            return blocks.bullet(text, *below)
        return blocks.numbered(text, *below, start=number if first and number > 1 else None)

    def _head(self, nodes: Sequence[SyntaxTreeNode]) -> tuple[Rich, list[Json]]:
        """Take the first paragraph as a block's own text, the rest as what is below it."""
        if not nodes or nodes[0].type != "paragraph":
            return [], list(self.many(nodes))
        first, *others = _parts(_text(nodes[0]))
        return first, [*map(blocks.paragraph, others), *self.many(nodes[1:])]

    def _quote(self, node: SyntaxTreeNode) -> Iterator[Json]:
        text, below = self._head(node.children)
        yield blocks.quote(text, *below)

    def _table(self, node: SyntaxTreeNode) -> Iterator[Json]:
        rows = [row for part in node.children for row in part.children]
        yield blocks.table([[_cell(cell) for cell in row.children] for row in rows])


def _text(node: SyntaxTreeNode) -> Rich:
    inner = node.children[0].token if node.children else None
    return items(inner.children) if inner else []


def _cell(node: SyntaxTreeNode) -> Rich:
    """Give a cell's text; one with too many pieces keeps its words and loses its marks."""
    found = _text(node)
    return found if len(found) <= MAX_ITEMS else rich.kept([rich.text(rich.plain(found))])


def _image(node: SyntaxTreeNode) -> Json:
    caption = " ".join(part for part in (node.content, str(node.attrs.get("title", ""))) if part)
    return blocks.image(str(node.attrs["src"]), [rich.text(caption)] if caption else "")


def _literal(node: SyntaxTreeNode) -> Iterator[Json]:
    """Show what Notion has no block for, such as HTML, as it is written."""
    written = rich.kept([rich.text(node.content.strip("\n"))])
    return (blocks.paragraph(part) for part in _parts(written))


def _task(text: Rich) -> bool | None:
    """Tell whether an item is a task: checked, open, or none."""
    match = _TASK.match(text[0]["text"]["content"]) if text and text[0]["type"] == "text" else None
    return None if match is None else match[1] != " "


def _without_box(text: Rich) -> Rich:
    first = text[0]["text"]
    rest = {**text[0], "text": {**first, "content": _TASK.sub("", first["content"], count=1)}}
    return rich.kept([rest, *text[1:]])
