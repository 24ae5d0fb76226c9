"""What people and models wrote -> HTML in which nothing of it can be more than text. Pure."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from daemon.notion import from_markdown
from daemon.store.reviews import ReviewedLine


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
    html = Markup()
    for item in from_markdown.rich_text(markdown):
        shown = escape(item["text"]["content"])
        for name in item.get("annotations", {}):
            shown = Markup("<{0}>{1}</{0}>").format(_ANNOTATIONS[name], shown)
        if link := item["text"].get("link"):
            shown = Markup('<a href="{}" {}>{}</a>').format(link["url"], _REL, shown)
        html += shown
    return html


def web(url: str) -> str:
    """Return an address that may be linked, "" for any other."""
    return url if _SAFE.match(url) else ""


def title(text: str) -> str:
    """Return a title as it was typed, or words in its place."""
    return text.strip() or "(no title)"


def line(one: ReviewedLine) -> Markup:
    """Show a block's line without its mark; its kind is said by the element around it."""
    if one.type == "code":
        return Markup(_parser().render(one.text))  # noqa: S704 - the parser escapes all HTML
    if one.type == "table_row":
        cells = [cell.strip().replace("<br>", "\n") for cell in _CELL.split(one.text)[1:-1]]
        cell = Markup('<span class="cell">{}</span>')
        return Markup().join(cell.format(_inline(words)) for words in cells)
    if one.type == "numbered_list_item":
        return _inline(one.text.partition(" ")[2])
    if one.type == "quote":
        return _inline(re.sub(r"^> ?", "", one.text, flags=re.MULTILINE))
    has_mark = one.type in _HEADINGS or lead(one)
    return _inline(_MARK.sub("", one.text, count=1) if has_mark else one.text)


def element(kind: str) -> str:
    """Return the element that a block of this type is shown as."""
    return _HEADINGS.get(kind, "div")


def lead(one: ReviewedLine) -> str:
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


def _inline(markdown: str) -> Markup:
    return Markup(_parser().renderInline(markdown))  # noqa: S704 - the parser escapes all HTML


@cache
def _parser() -> MarkdownIt:
    """Return a parser that shows no picture and links to web addresses alone."""
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False, "breaks": True})
    parser.enable("strikethrough").disable("image")

    def link_open(renderer: Any, tokens: Any, at: int, options: Any, env: Any) -> str:
        if not _SAFE.match(str(tokens[at].attrGet("href") or "")):
            tokens[at].attrs.pop("href", None)
        tokens[at].attrSet("rel", "noopener noreferrer nofollow")
        tokens[at].attrSet("target", "_blank")
        return str(renderer.renderToken(tokens, at, options, env))

    parser.add_render_rule("link_open", link_open)
    return parser
