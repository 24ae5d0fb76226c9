"""Markdown read back as runs by a parser that is not ours, for comparison."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token


class Piece(NamedTuple):
    """A run with its marks; `math` for an equation."""

    text: str
    bold: bool = False
    italic: bool = False
    strike: bool = False
    code: bool = False
    math: bool = False
    href: str | None = None


_EQUATION = re.compile(r"\$(?=\S)([^$]*)(?<=\S)\$(?!\d)")


def _equation(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 - the parser's signature
    match = _EQUATION.match(state.src[: state.posMax], state.pos)
    if match is None:
        return False
    if not silent:
        state.push("math", "", 0).content = match[1]
    state.pos = match.end()
    return True


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark").enable("strikethrough")
    parser.inline.ruler.before("escape", "equation", _equation)
    # Every address is taken as it stands: what may be linked is not this parser's matter.
    parser.normalizeLink = lambda url: url  # type: ignore[method-assign]
    parser.validateLink = lambda url: True  # type: ignore[method-assign]
    return parser


_PARSER = _parser()
_STATE = {"strong": "bold", "em": "italic", "s": "strike"}


def parsed(markdown: str) -> list[Piece]:
    """Parse inline Markdown into pieces."""
    (inline,) = _PARSER.parseInline(markdown)
    return list(_pieces(inline.children or []))


def _pieces(tokens: Sequence[Token]) -> Iterator[Piece]:
    state: dict[str, Any] = {}
    for token in tokens:
        name = token.type.removesuffix("_open").removesuffix("_close")
        if name in _STATE:
            state[_STATE[name]] = token.nesting > 0
        elif name == "link":
            state["href"] = token.attrs["href"] if token.nesting > 0 else None
        elif name in ("softbreak", "hardbreak"):
            yield Piece("\n", **state)
        elif name == "code_inline":
            yield Piece(token.content, **{**state, "code": True})
        elif name == "math":
            yield Piece(token.content, **{**state, "math": True})
        else:
            assert name == "text", f"{token.type} was never written: {token.content!r}"
            yield Piece(token.content, **state)


def given(rich: Sequence[Mapping[str, Any]]) -> list[Piece]:
    """Turn rich text items of a test into the pieces that must come back."""
    return [_given(item) for item in rich]


def _given(item: Mapping[str, Any]) -> Piece:
    marks = item["annotations"]
    is_math = item["type"] == "equation"
    return Piece(
        item["equation"]["expression"] if is_math else item["plain_text"],
        # An equation stands for itself: it carries no mark.
        bold=marks.get("bold", False) and not is_math,
        italic=marks.get("italic", False) and not is_math,
        strike=marks.get("strikethrough", False) and not is_math,
        code=marks.get("code", False) and not is_math,
        math=is_math,
        href=None if is_math else item["href"],
    )


def compared(pieces: Sequence[Piece]) -> list[Piece]:
    """Return a piece for each character, with runs of space as one that has no marks.

    Within an equation space means nothing.
    """
    out: list[Piece] = []
    for piece in pieces:
        for char in piece.text.replace(" ", "") if piece.math else piece.text:
            # U+2028 and their like are line breaks to a reader.
            if char.isspace():
                if out and out[-1] != Piece(" "):
                    out.append(Piece(" "))
            else:
                out.append(piece._replace(text=char))
    while out and out[-1] == Piece(" "):
        out.pop()
    return out
