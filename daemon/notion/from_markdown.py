"""A comment's Markdown -> rich text within Notion's limits. Pure.

A comment holds inline text only: what Markdown would make a list, a heading or a fence is written
so that it reads well as plain lines. Nothing here ever makes a mention.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from daemon.domain.values import Finding, Severity
from daemon.notion.rich_text import tidy


if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

Json = dict[str, Any]

# https://developers.notion.com/reference/request-limits. Whether the unit is UTF-16 or code points
# is not documented: UTF-16 is never the smaller count.
ITEM_UNITS = 2_000
ITEMS = 100
# Of the 500 KB that a request may have.
BYTES = 400_000
URL_CHARS = 2_000
CUT = "… (cut: too long for one comment)"
_MENTION = re.compile(r"(?<![\w.+-])@(?=\w)")
QUOTE_CHARS = 200
INDENT = "   "
_STRUCTURE = re.compile(r"\s*(?:[-+*] |#{1,6} |>|\||```|~~~|\d{1,9}[.)] |[-=_* ]+$)", re.MULTILINE)
_FLAG_LETTERS = "".join(map(chr, range(0x1F1E6, 0x1F200)))
_WEB = re.compile(r"https?://[\w.-]*\w(?:[:/?#]|$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Piece:
    """Text with its marks; pieces of equal marks may be joined."""

    text: str
    bold: bool = False
    italic: bool = False
    strike: bool = False
    code: bool = False
    url: str | None = None


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False}).enable("strikethrough")
    # A line that defines a link would vanish; an indented one is no code in a comment.
    return parser.disable(["code", "reference"])


def rich_text(markdown: str) -> list[Json]:
    """Return the rich text items of a comment: at most 100 of at most 2,000 UTF-16 units.

    Bold, italic, strikethrough, code and http(s) links become rich text. What is longer than
    Notion takes in one comment is cut, and ends by saying so. Only blank text gives no items.
    """
    text = tidy(markdown)
    pieces = _joined(_pieces(_parser().parse(text)))
    if not any(piece.text.strip() for piece in pieces):
        # Signs alone, such as "#", are words where Markdown has none to mark.
        pieces = [_Piece(text.strip())]
    items = [_item(part) for piece in pieces for part in _parts(piece)]
    if len(items) <= ITEMS and sum(map(_size, items)) <= BYTES:
        return items
    room = accumulate(map(_size, items))
    fitting = [item for item, size in zip(items, room, strict=True) if size <= BYTES]
    return [*fitting[: ITEMS - 1], _item(_Piece(CUT))]


def _size(item: Json) -> int:
    return len(json.dumps(item, ensure_ascii=False).encode())


def plain_text(items: Iterable[Json]) -> str:
    """Return the text of request items, as Notion will show it."""
    return "".join(item["text"]["content"] for item in items)


def same_text(one: str, other: str) -> bool:
    """Compare texts as Notion may normalise them on the way."""
    return _normal(one) == _normal(other)


def _normal(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


def finding_body(finding: Finding) -> str:
    """Return a finding's comment as Markdown: its quote in italics, then what it says."""
    # A name that the document mentions is quoted, not called.
    quote = f"*{quoted(_MENTION.sub('', finding.quote))}*"
    # A list or a heading begins after a blank line; a line of dashes would make the quote one.
    between, space = ("\n\n", "\n\n") if _STRUCTURE.match(finding.text) else ("\n", " ")
    grave = f"**Blocking.**{space}" if finding.severity is Severity.BLOCKING else ""
    return f"{quote}{between}{grave}{finding.text}"


def quoted(text: str) -> str:
    """Return someone's words as Markdown that shows just these: escaped, a long text shortened."""
    return _escaped(_short(text))


def _short(quote: str) -> str:
    quote = " ".join(quote.split())
    if len(quote) <= QUOTE_CHARS:
        return quote
    half = QUOTE_CHARS // 2
    return f"{quote[:half].rsplit(' ', 1)[0]} … {quote[-half:].split(' ', 1)[-1]}"


def _escaped(text: str) -> str:
    return re.sub(r"([\\`*_\[\]<>&~#|!])", r"\\\1", text)


def _pieces(tokens: Sequence[Token]) -> Iterator[_Piece]:
    """Walk block tokens; a blank line between paragraphs, a line for each item of a list."""
    walk = _Walk()
    for token in tokens:
        yield from walk.step(token)


class _Walk:
    """Where the walk through the blocks stands: lists around it, the space before what comes."""

    def __init__(self) -> None:
        self._lists: list[int | None] = []
        self._quotes = 0
        self._mark = ""
        self._gap = ""
        self._bold = False

    def step(self, token: Token) -> Iterator[_Piece]:
        """Yield what one token writes."""
        words = list(self._words(token))
        if words:
            yield from self._lead()
            yield from words
            self._gap = self._after()
        else:
            self._move(token)

    def _words(self, token: Token) -> Iterator[_Piece]:
        if token.type == "inline":
            yield from self._inline(token.children or [])
        elif token.type in ("fence", "code_block"):
            yield _Piece(token.content.rstrip("\n"), code=True)
        elif token.type == "hr":
            yield _Piece("---")

    def _move(self, token: Token) -> None:
        match token.type:
            case "bullet_list_open":
                self._lists.append(None)
            case "ordered_list_open":
                self._lists.append(int(token.attrGet("start") or 1))
            case "bullet_list_close" | "ordered_list_close":
                self._lists.pop()
                self._gap = self._after()
            case "list_item_open":
                self._mark = self._next_mark()
            case "blockquote_open" | "blockquote_close":
                self._quotes += token.nesting
            case "heading_open" | "heading_close":
                self._bold = token.nesting > 0

    def _after(self) -> str:
        return "\n" if self._lists else "\n\n"

    def _next_mark(self) -> str:
        number = self._lists[-1]
        if number is None:
            return "• "
        self._lists[-1] = number + 1
        return f"{number}. "

    def _lead(self) -> Iterator[_Piece]:
        indent = INDENT * max(len(self._lists) - 1, 0)
        quote = "> " * self._quotes
        if lead := self._gap + indent + quote + self._mark:
            yield _Piece(lead)
        self._gap = self._mark = ""

    def _inline(self, tokens: Sequence[Token]) -> Iterator[_Piece]:
        style = _Piece("", bold=self._bold)
        outer: list[_Piece] = []
        for token in tokens:
            kind, _, end = token.type.rpartition("_")
            if end == "open":
                outer.append(style)
                style = _opened(style, kind, token)
            elif end == "close":
                style = outer.pop()
            elif text := _text(token):
                yield replace(style, text=text, code=style.code or token.type == "code_inline")


def _opened(style: _Piece, kind: str, token: Token) -> _Piece:
    match kind:
        case "strong":
            return replace(style, bold=True)
        case "em":
            return replace(style, italic=True)
        case "s":
            return replace(style, strike=True)
        case "link":
            return replace(style, url=_address(str(token.attrGet("href") or "")))
        case _:
            return style


def _address(url: str) -> str | None:
    # Notion refuses a whole comment for one address without a host.
    return url if len(url) <= URL_CHARS and _WEB.match(url) else None


def _text(token: Token) -> str:
    if token.type in ("softbreak", "hardbreak"):
        return "\n"
    return token.content


def _joined(pieces: Iterable[_Piece]) -> list[_Piece]:
    """Join neighbours of equal marks: fewer items, and what Notion reads back the same way."""
    out: list[_Piece] = []
    for piece in pieces:
        if out and replace(out[-1], text="") == replace(piece, text=""):
            out[-1] = replace(piece, text=out[-1].text + piece.text)
        else:
            out.append(piece)
    return out


def _parts(piece: _Piece) -> Iterator[_Piece]:
    rest = piece.text
    while rest:
        taken = _taken(rest, ITEM_UNITS)
        yield replace(piece, text=taken)
        rest = rest[len(taken) :]


def _taken(text: str, units: int) -> str:
    """Return the longest beginning of at most `units`, at a word's end where there is one."""
    end = used = 0
    for char in text:
        used += 2 if ord(char) > 0xFFFF else 1  # noqa: PLR2004 - the end of UTF-16's one unit
        if used > units:
            break
        end += 1
    if end == len(text):
        return text
    word = max(text.rfind(" ", 0, end), text.rfind("\n", 0, end)) + 1
    return text[: word if word > end // 2 else _whole_grapheme(text, end)]


def _whole_grapheme(text: str, end: int) -> int:
    """Step back so that no joined emoji, modifier, accent or flag is torn apart."""
    place = end
    while place > max(end - 32, 1) and _belongs(text, place):
        place -= 1
    return place if place > max(end - 32, 1) else end


def _belongs(text: str, place: int) -> bool:
    char, before = text[place], text[place - 1]
    if char in "\u200d\ufe0f\u20e3" or before == "\u200d" or unicodedata.combining(char):
        return True
    if "\U0001f1e6" <= char <= "\U0001f1ff":
        # A flag is two letters of its own alphabet.
        flags = len(text[:place]) - len(text[:place].rstrip(_FLAG_LETTERS))
        return flags % 2 == 1
    # A skin colour, or the region of a flag spelled in tags.
    return "\U0001f3fb" <= char <= "\U0001f3ff" or "\U000e0020" <= char <= "\U000e007f"


def _item(piece: _Piece) -> Json:
    item: Json = {"type": "text", "text": {"content": piece.text}}
    if piece.url:
        item["text"]["link"] = {"url": piece.url}
    marks = {
        "bold": piece.bold,
        "italic": piece.italic,
        "strikethrough": piece.strike,
        "code": piece.code,
    }
    if on := {name: True for name, is_on in marks.items() if is_on}:
        item["annotations"] = on
    return item
