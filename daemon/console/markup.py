"""What people and models wrote -> HTML in which nothing of it can be more than text. Pure."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from daemon.notion import from_markdown as writing
from daemon.store.texts import Line


if TYPE_CHECKING:
    from markdown_it import MarkdownIt

_SAFE = re.compile(r"https?://", re.IGNORECASE)
_REL = Markup('rel="noopener noreferrer nofollow" target="_blank"')
_CELL = re.compile(r"(?<!\\)\|")
_HEADINGS = {f"heading_{level}": f"h{level + 1}" for level in range(1, 5)}
_MARK = re.compile(r"(?:[-+*>]|#{1,4}|\[[ x]\])(?: |$)")
_ANNOTATIONS = {"bold": "strong", "italic": "em", "strikethrough": "s", "code": "code"}


def comment(markdown: str) -> Markup:
    """Show a comment as Notion will show it: what is posted is what is shown."""
    return Markup().join(_item(item) for item in writing.rich_text(markdown))


def _item(item: dict[str, Any]) -> Markup:
    shown = escape(item["text"]["content"])
    for name in item.get("annotations", {}):
        shown = Markup("<{0}>{1}</{0}>").format(_ANNOTATIONS[name], shown)
    if link := item["text"].get("link"):
        shown = Markup('<a href="{}" {}>{}</a>').format(link["url"], _REL, shown)
    return shown


def web(url: str) -> str:
    """Return an address that may be linked, "" for any other."""
    return url if _SAFE.match(url) else ""


def title(markdown: str) -> str:
    """Return a title as plain text; the state keeps titles as Markdown."""
    return str(_inline(markdown).striptags()) or "(no title)"


def line(one: Line) -> Markup:
    """Show a block's line without its mark; its kind is said by the element around it."""
    if one.type == "code":
        return Markup(_parser().render(one.text))  # noqa: S704 - the parser escapes all HTML
    if one.type == "table_row":
        return _cells(one.text)
    return _inline(_bare(one))


def element(kind: str) -> str:
    """Return the element that a block of this type is shown as."""
    return _HEADINGS.get(kind, "div")


def lead(one: Line) -> str:
    """Return the sign that stands before a block's text."""
    match one.type:
        case "bulleted_list_item":
            return "•"
        case "toggle":
            return "▸"
        case "to_do":
            return "☑" if one.text.startswith("[x]") else "☐"
        case "numbered_list_item":
            return one.text.partition(" ")[0]
    return ""


def _bare(one: Line) -> str:
    if one.type == "numbered_list_item":
        return one.text.partition(" ")[2]
    if one.type == "quote":
        return re.sub(r"^> ?", "", one.text, flags=re.MULTILINE)
    if one.type in _HEADINGS or lead(one):
        return _MARK.sub("", one.text, count=1)
    return one.text


def _cells(text: str) -> Markup:
    cells = [cell.strip().replace("<br>", "\n") for cell in _CELL.split(text)[1:-1]]
    return Markup().join(Markup('<span class="cell">{}</span>').format(_inline(c)) for c in cells)


def _inline(markdown: str) -> Markup:
    return Markup(_parser().renderInline(markdown))  # noqa: S704 - the parser escapes all HTML


@cache
def _parser() -> MarkdownIt:
    """Make a parser that shows no picture and links to web addresses alone."""
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False, "breaks": True})
    parser.enable("strikethrough").disable("image")
    parser.add_render_rule("link_open", _link_open)
    return parser


def _link_open(renderer: Any, tokens: Any, at: int, options: Any, env: Any) -> str:
    if not _SAFE.match(str(tokens[at].attrGet("href") or "")):
        tokens[at].attrs.pop("href", None)
    tokens[at].attrSet("rel", "noopener noreferrer nofollow")
    tokens[at].attrSet("target", "_blank")
    return str(renderer.renderToken(tokens, at, options, env))
