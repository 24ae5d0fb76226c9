"""Markdown documents -> built blocks. Every word of the document stands in a block."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode

from daemon.sandbox import blocks, rich
from daemon.sandbox.model import Json, Rich
from daemon.sandbox.rich import items, parser


PLAIN = "plain text"
# ruff: noqa: SIM905 - a list of ninety words reads better without ninety pairs of quotes
KNOWN = frozenset(
    """abap abc agda arduino assembly bash basic bnf c c# c++ clojure coffeescript coq css dart
    dhall diff docker ebnf elixir elm erlang f# flow fortran gherkin glsl go graphql groovy haskell
    hcl html idris java javascript json julia kotlin latex less lisp livescript lua makefile
    markdown markup matlab mathematica mermaid nix objective-c ocaml pascal perl php powershell
    prolog protobuf purescript python r racket reason ruby rust sass scala scheme scss shell
    smalltalk solidity sql swift toml typescript vb.net verilog vhdl webassembly xml yaml""".split()
)
OTHER_NAMES = {
    "console": "shell",
    "cpp": "c++",
    "cs": "c#",
    "dockerfile": "docker",
    "js": "javascript",
    "jsx": "javascript",
    "make": "makefile",
    "md": "markdown",
    "proto": "protobuf",
    "ps1": "powershell",
    "py": "python",
    "rb": "ruby",
    "rs": "rust",
    "sh": "shell",
    "tex": "latex",
    "ts": "typescript",
    "tsx": "typescript",
    "yml": "yaml",
    "zsh": "shell",
}
SILENT = ("text", "txt", "plain", "plaintext", "none")


def language(info: str) -> tuple[str, str]:
    """Read a fence's info line: the language, and a caption that keeps an unknown one's name."""
    words = re.split(r"[\s,{}]+", info.lower().strip("{ "), maxsplit=1)
    first = words[0].lstrip(".")
    found = OTHER_NAMES.get(first, first)
    if found in KNOWN:
        return found, ""
    return PLAIN, "" if first in SILENT else info


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
    found = list(_BlockReader(fence).many(SyntaxTreeNode(tokens).children))
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
class _BlockReader:
    fence: Fence

    def many(self, nodes: Iterable[SyntaxTreeNode]) -> Iterator[Json]:
        """Turn nodes into blocks, in order."""
        for node in nodes:
            match node.type:
                case "paragraph":
                    yield from _paragraph(node)
                case "heading":
                    first, *others = _parts(_text(node))
                    yield blocks.heading(min(int(node.tag[1:]), DEEPEST_HEADING), first)
                    yield from map(blocks.paragraph, others)
                case "bullet_list" | "ordered_list":
                    yield from self._list(node)
                case "blockquote":
                    text, below = self._head(node.children)
                    yield blocks.quote(text, *below)
                case "table":
                    rows = [row for part in node.children for row in part.children]
                    yield blocks.table([[_cell(cell) for cell in row.children] for row in rows])
                case "fence" | "code_block":
                    yield from self.fence(node.info.strip(), node.content.removesuffix("\n"))
                case "hr":
                    yield blocks.divider()
                case _:
                    # Notion has no block for it, such as HTML: it is shown as it is written.
                    literal = rich.kept([rich.text(node.content.strip("\n"))])
                    yield from map(blocks.paragraph, _parts(literal))

    def _list(self, node: SyntaxTreeNode) -> Iterator[Json]:
        start = int(str(node.attrs.get("start", 1))) if node.type == "ordered_list" else None
        for at, item in enumerate(node.children):
            text, below = self._head(item.children)
            is_text = bool(text) and text[0]["type"] == "text"
            task = _TASK.match(text[0]["text"]["content"]) if is_text else None
            if task:
                words = {"content": text[0]["text"]["content"][task.end() :]}
                rest = [{**text[0], "text": {**text[0]["text"], **words}}, *text[1:]]
                yield blocks.to_do(rich.kept(rest), *below, checked=task[1] != " ")
            elif start is None:
                yield blocks.bullet(text, *below)
            else:
                yield blocks.numbered(text, *below, start=start if at == 0 and start > 1 else None)

    def _head(self, nodes: Sequence[SyntaxTreeNode]) -> tuple[Rich, list[Json]]:
        """Take the first paragraph as a block's own text, the rest as what is below it."""
        if not nodes or nodes[0].type != "paragraph":
            return [], list(self.many(nodes))
        first, *others = _parts(_text(nodes[0]))
        return first, [*map(blocks.paragraph, others), *self.many(nodes[1:])]


def _text(node: SyntaxTreeNode) -> Rich:
    inner = node.children[0].token if node.children else None
    return items(inner.children) if inner else []


def _paragraph(node: SyntaxTreeNode) -> Iterator[Json]:
    """Make a paragraph, or an image where the paragraph holds nothing else."""
    inner = node.children[0].children
    if len(inner) != 1 or inner[0].type != "image":
        yield from map(blocks.paragraph, _parts(_text(node)))
        return
    image = inner[0]
    words = (image.content, str(image.attrs.get("title", "")))
    caption = " ".join(filter(None, words))
    yield blocks.image(str(image.attrs["src"]), [rich.text(caption)] if caption else "")


def _cell(node: SyntaxTreeNode) -> Rich:
    """Give a cell's text; one with too many pieces keeps its words and loses its marks."""
    found = _text(node)
    return found if len(found) <= MAX_ITEMS else rich.kept([rich.text(rich.plain(found))])
