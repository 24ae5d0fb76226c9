"""A comment's Markdown -> rich text within Notion's limits. Pure.

A comment holds inline text only, so lists, headings and fences are written as plain lines. No
mention is ever made.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import accumulate, groupby
from typing import TYPE_CHECKING, Any

from daemon.domain.findings import MENDED, Event, FindingState, title_of
from daemon.domain.values import Finding
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
CUT = "…\n(cut: too long for one comment)"
_MENTION = re.compile(r"(?<![\w.+-])@(?=\w)")
QUOTE_CHARS = 200
SHORTENED = " … "  # what stands for the middle of a long one
INDENT = "   "
_STRUCTURE = re.compile(r"\s*(?:[-+*] |#{1,6} |>|\||```|~~~|\d{1,9}[.)] |[-=_* ]+$)", re.MULTILINE)
_ESCAPE = re.compile(r"(`[^`\n]*`)|\\([!-/:-@\[-`{-~])")
_FLAG_LETTERS = "".join(map(chr, range(0x1F1E6, 0x1F200)))
_WEB = re.compile(r"https?://[\w.-]*\w(?:[:/?#]|$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _StyledText:
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

    Bold, italic, strikethrough, code and http(s) links become rich text. A text that is longer
    than Notion takes in one comment is cut, and `CUT` is its last item. Only blank text gives no
    items.
    """
    text = tidy(markdown)
    walk = _BlockWalk()
    found = [piece for token in _parser().parse(text) for piece in walk.step(token)]
    # Neighbours with equal marks become one item, as Notion returns them.
    pieces = [
        replace(style, text="".join(piece.text for piece in same))
        for style, same in groupby(found, key=lambda piece: replace(piece, text=""))
    ]
    if not any(piece.text.strip() for piece in pieces):
        # Signs alone, such as "#", are words where Markdown has none to mark.
        pieces = [_StyledText(text.strip())]
    items: list[Json] = []
    for piece in pieces:
        items += (_item(replace(piece, text=part)) for part in _parts(piece.text))
    if len(items) <= ITEMS and sum(map(_size, items)) <= BYTES:
        return items
    room = accumulate(map(_size, items))
    fitting = [item for item, size in zip(items, room, strict=True) if size <= BYTES]
    return [*fitting[: ITEMS - 1], _item(_StyledText(CUT))]


def _size(item: Json) -> int:
    return len(json.dumps(item, ensure_ascii=False).encode())


def forms(markdown: str) -> list[list[Json]]:
    """Return a comment in forms that hold less and less which Notion may refuse.

    First as it is, then without its links, then as plain text; forms that are equal once. The text
    is the same in each.
    """
    whole = rich_text(markdown)
    unlinked = [{**item, "text": {"content": item["text"]["content"]}} for item in whole]
    plain = [_item(_StyledText(part)) for part in _parts(plain_text(whole))]
    return [form for form, _ in groupby([whole, unlinked, plain])]


def _parts(text: str) -> Iterator[str]:
    """Yield a text in parts that an item may hold."""
    while text:
        taken = _taken(text, ITEM_UNITS)
        yield taken
        text = text[len(taken) :]


def plain_text(items: Iterable[Json]) -> str:
    """Return the text of request items, as Notion will show it."""
    return "".join(item["text"]["content"] for item in items)


def same_text(one: str, other: str) -> bool:
    """Return whether two texts are equal but for white space and Unicode's normal form."""
    return _normal(one) == _normal(other)


def _normal(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


def finding_body(finding: Finding) -> str:
    """Return a finding's comment as Markdown: title, severity and lens, quote, what it says.

    Then comes the wording that is offered in place of the quote, if any.
    """
    # Without its sign, a name in the quote does not look like a mention.
    quote = f"*{quoted(_MENTION.sub('', finding.quote))}*"
    title = quoted(_MENTION.sub("", finding.title or title_of(finding.text)))
    # A list or a heading begins after a blank line; a line of dashes would make the quote one.
    between = "\n\n" if _STRUCTURE.match(finding.text) else "\n"
    lens = f" · {quoted(_MENTION.sub('', finding.lens))}" if finding.lens else ""
    offer = f"\n{INSTEAD} “{_escaped(finding.instead)}”" if finding.instead else ""
    head = f"**{title}** · {finding.severity.value}{lens}"
    return f"{head}\n{quote}{between}{finding.text}{offer}"


INSTEAD = "**Instead:**"
_OFFER = re.compile(rf"\n{re.escape(INSTEAD)} “[^\n]*”\Z")
SETTLED_SIGN = "✓"


# Quotation marks within others.
INNER = str.maketrans("“”", "\u2018\u2019")
_CLOSED = {FindingState.WITHDRAWN: "Withdrawn", FindingState.DISMISSED: "Dropped"}


def settled_body(body: str, finding: Finding, state: FindingState, why: str) -> str:
    """Return a finding's comment that begins with how it ended, and what settled it.

    What the text settles is offered no wording any more.
    """
    named = quoted(_MENTION.sub("", finding.title).translate(INNER))
    became, reason = ended(state, why)
    said = without_offer(body) if state in MENDED else body
    return f"{SETTLED_SIGN} **{became}: “{named}”**{f' · {reason}' * bool(reason)}\n\n{said}"


def ended(state: FindingState, why: str) -> tuple[str, str]:
    """Return how a closed finding ended, in a word, and what settled it, "" for nothing to tell."""
    taken = "the offered wording was taken: " if state is FindingState.ADOPTED else ""
    return _CLOSED.get(state, "Settled"), "" if why == Event.WITHDRAWN else f"{taken}{why}"


def without_offer(body: str) -> str:
    """Return a finding's comment without the wording that it offers."""
    return _OFFER.sub("", body)


def reopened_body(body: str, why: str) -> str:
    """Return a finding's comment that ends with the note that it is open again."""
    return f"{body}\n\n*Open again{f': {why}' if why else ''}.*"


def link(title: str, url: str) -> str:
    """Return a title as Markdown that leads to an address."""
    return f"[{quoted(title)}]({url})"


def quoted(text: str) -> str:
    """Return someone's words as Markdown that shows just these: escaped, a long text shortened."""
    line = " ".join(text.split())
    if len(line) > QUOTE_CHARS:
        half = QUOTE_CHARS // 2
        line = f"{line[:half].rsplit(' ', 1)[0]}{SHORTENED}{line[-half:].split(' ', 1)[-1]}"
    return _escaped(line)


def _escaped(text: str) -> str:
    """Return words as Markdown that shows just these."""
    return re.sub(r"([\\`*_\[\]<>&~#|!])", r"\\\1", text)


def as_typed(markdown: str) -> str:
    """Return Markdown without the backslashes of its escapes; what stands as code keeps them."""
    return _ESCAPE.sub(lambda found: found[1] or found[2], markdown)


class _BlockWalk:
    """Writes a parser's tokens one after the other, with the marks of lists and quotations.

    A blank line stands between paragraphs; each item of a list has a line of its own.
    """

    def __init__(self) -> None:
        self._lists: list[int | None] = []
        self._quotes = 0
        self._mark = ""
        self._gap = ""
        self._bold = False

    def step(self, token: Token) -> Iterator[_StyledText]:
        """Yield the text of one token."""
        match token.type:
            case "inline":
                words = list(self._inline(token.children or []))
            case "fence" | "code_block":
                words = [_StyledText(token.content.rstrip("\n"), code=True)]
            case "hr":
                words = [_StyledText("---")]
            case _:
                self._move(token)
                return
        if words:
            indent = INDENT * max(len(self._lists) - 1, 0)
            if lead := self._gap + indent + "> " * self._quotes + self._mark:
                yield _StyledText(lead)
            yield from words
            self._mark, self._gap = "", self._after()

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
                number = self._lists[-1]
                self._mark = "• " if number is None else f"{number}. "
                self._lists[-1] = None if number is None else number + 1
            case "blockquote_open" | "blockquote_close":
                self._quotes += token.nesting
            case "heading_open" | "heading_close":
                self._bold = token.nesting > 0

    def _after(self) -> str:
        return "\n" if self._lists else "\n\n"

    def _inline(self, tokens: Sequence[Token]) -> Iterator[_StyledText]:
        style = _StyledText("", bold=self._bold)
        outer: list[_StyledText] = []
        for token in tokens:
            kind, _, end = token.type.rpartition("_")
            if end == "open":
                outer.append(style)
                style = _opened(style, kind, token)
            elif end == "close":
                style = outer.pop()
            elif token.type in ("softbreak", "hardbreak"):
                yield replace(style, text="\n")
            elif token.content:
                code = style.code or token.type == "code_inline"
                yield replace(style, text=token.content, code=code)


def _opened(style: _StyledText, kind: str, token: Token) -> _StyledText:
    match kind:
        case "strong":
            return replace(style, bold=True)
        case "em":
            return replace(style, italic=True)
        case "s":
            return replace(style, strike=True)
        case "link":
            url = str(token.attrGet("href") or "")
            # Notion refuses a whole comment for one address without a host.
            return replace(style, url=url if len(url) <= URL_CHARS and _WEB.match(url) else None)
        case _:
            return style


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
    if word > end // 2:
        return text[:word]
    # Keep a joined emoji, a modifier, an accent or a flag in one piece.
    place, first = end, max(end - 32, 1)
    while place > first and _belongs_to_previous(text, place):
        place -= 1
    return text[: place if place > first else end]


def _belongs_to_previous(text: str, place: int) -> bool:
    """Return whether a character and the one before it are shown as one sign."""
    char, before = text[place], text[place - 1]
    if char in "\u200d\ufe0f\u20e3" or before == "\u200d" or unicodedata.combining(char):
        return True
    if "\U0001f1e6" <= char <= "\U0001f1ff":
        # A flag is two letters of its own alphabet.
        flags = len(text[:place]) - len(text[:place].rstrip(_FLAG_LETTERS))
        return flags % 2 == 1
    # A skin colour, or the region of a flag spelled in tags.
    return "\U0001f3fb" <= char <= "\U0001f3ff" or "\U000e0020" <= char <= "\U000e007f"


def _item(piece: _StyledText) -> Json:
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
