"""Builders of blocks. Text is inline Markdown, or a list of rich text items.

A built block is {"type", <type>: {...}} with its children, if any, under "children".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from daemon.sandbox.model import Json, Named, Rich, ident
from daemon.sandbox.rich import as_rich


Text = str | Rich

# What nobody can comment on in Notion's app, so that the API refuses it too.
UNCOMMENTABLE = frozenset(
    [
        "column_list",
        "column",
        "divider",
        "breadcrumb",
        "table_of_contents",
        "tab",
        "unsupported",
        "child_database",
    ]
)
TYPES = frozenset(
    [
        "paragraph",
        "heading_1",
        "heading_2",
        "heading_3",
        "heading_4",
        "bulleted_list_item",
        "numbered_list_item",
        "quote",
        "toggle",
        "to_do",
        "callout",
        "template",
        "code",
        "image",
        "video",
        "audio",
        "pdf",
        "file",
        "embed",
        "bookmark",
        "link_preview",
        "equation",
        "table",
        "table_row",
        "column_list",
        "column",
        "tab",
        "synced_block",
        "child_page",
        "child_database",
        "link_to_page",
        "meeting_notes",
        "divider",
        "breadcrumb",
        "table_of_contents",
        "unsupported",
    ]
)
FILE_TYPES = ("image", "video", "audio", "pdf", "file")


def block(kind: str, content: Json | None = None, children: Iterable[Json] = ()) -> Json:
    """Build a block of any type from its content as the API writes it."""
    below = list(children)
    return {"type": kind, kind: content or {}} | ({"children": below} if below else {})


def _textual(kind: str, text: Text, children: Iterable[Json] = (), **more: Any) -> Json:
    return block(kind, {"rich_text": as_rich(text), "color": "default", **more}, children)


def paragraph(text: Text = "", *children: Json) -> Json:
    """Build a paragraph."""
    return _textual("paragraph", text, children)


def heading(level: int, text: Text, *children: Json) -> Json:
    """Build a heading of level 1 to 4; with children it is a toggle heading."""
    return _textual(f"heading_{level}", text, children, is_toggleable=bool(children))


def bullet(text: Text, *children: Json) -> Json:
    """Build an item of a bulleted list."""
    return _textual("bulleted_list_item", text, children)


def numbered(text: Text, *children: Json, start: int | None = None, form: str = "") -> Json:
    """Build an item of a numbered list; `start` and `form` belong to a list's first item."""
    given = {"list_start_index": start, "list_format": form}
    more = {name: value for name, value in given.items() if value}
    return _textual("numbered_list_item", text, children, **more)


def to_do(text: Text, *children: Json, checked: bool = False) -> Json:
    """Build a to-do."""
    return _textual("to_do", text, children, checked=checked)


def toggle(text: Text, *children: Json) -> Json:
    """Build a toggle."""
    return _textual("toggle", text, children)


def quote(text: Text, *children: Json) -> Json:
    """Build a quote."""
    return _textual("quote", text, children)


def callout(text: Text, *children: Json, icon: str = "💡") -> Json:
    """Build a callout."""
    return _textual("callout", text, children, icon={"type": "emoji", "emoji": icon})


def template(text: Text, *children: Json) -> Json:
    """Build a template button, a type that Notion no longer makes but still serves."""
    return block("template", {"rich_text": as_rich(text)}, children)


def code(text: Text, language: str = "plain text", caption: Text = "") -> Json:
    """Build a code block; a string is taken as it stands, not as Markdown."""
    literal = [{"type": "text", "text": {"content": text}}] if isinstance(text, str) else text
    written = as_rich(literal if text else [])
    return block("code", {"caption": as_rich(caption), "rich_text": written, "language": language})


def equation(expression: str) -> Json:
    """Build an equation."""
    return block("equation", {"expression": expression})


def external(kind: str, url: str, caption: Text = "") -> Json:
    """Build an image, video, audio, pdf or file that lies elsewhere."""
    content: Json = {"caption": as_rich(caption), "type": "external", "external": {"url": url}}
    return block(kind, content | ({"name": url.rsplit("/", 1)[-1]} if kind == "file" else {}))


def hosted(kind: str, name: str, caption: Text = "") -> Json:
    """Build an image, video, audio, pdf or file kept by Notion: its address never stays."""
    content: Json = {"caption": as_rich(caption), "type": "file", "file": {"name": name}}
    return block(kind, content | ({"name": name} if kind == "file" else {}))


def image(url: str, caption: Text = "") -> Json:
    """Build an image that lies elsewhere."""
    return external("image", url, caption)


def bookmark(url: str, caption: Text = "") -> Json:
    """Build a bookmark."""
    return block("bookmark", {"caption": as_rich(caption), "url": url})


def embed(url: str, caption: Text = "") -> Json:
    """Build an embed."""
    return block("embed", {"caption": as_rich(caption), "url": url})


def link_preview(url: str) -> Json:
    """Build a link preview."""
    return block("link_preview", {"url": url})


def link_to_page(target: Named | str, kind: str = "page_id") -> Json:
    """Build a link to a page, or with another `kind` to a database_id or comment_id."""
    return block("link_to_page", {"type": kind, kind: ident(target)})


def table(rows: Sequence[Sequence[Text]]) -> Json:
    """Build a table with its rows; short rows are filled up."""
    width = max((len(row) for row in rows), default=1)
    content = {"table_width": width, "has_column_header": True, "has_row_header": False}
    return block("table", content, [table_row(row, width) for row in rows])


def table_row(cells: Sequence[Text], width: int = 0) -> Json:
    """Build one row of a table."""
    filled = [as_rich(cell) for cell in cells] + [[] for _ in range(width - len(cells))]
    return block("table_row", {"cells": filled})


def columns(*contents: Sequence[Json]) -> Json:
    """Build columns side by side."""
    return block("column_list", {}, [block("column", {}, content) for content in contents])


def tabs(**contents: Sequence[Json]) -> Json:
    """Build a tab block: each keyword is a label, its value what the tab shows."""
    labels = [paragraph(label, *content) for label, content in contents.items()]
    return block("tab", {}, labels)


def synced(*children: Json) -> Json:
    """Build the original of a synced block."""
    return block("synced_block", {"synced_from": None}, children)


def synced_copy(original: Named | str) -> Json:
    """Build a copy of a synced block; its own children answer 404."""
    source = {"type": "block_id", "block_id": ident(original)}
    return block("synced_block", {"synced_from": source})


def meeting_notes(title: Text, **parts: Sequence[Json]) -> Json:
    """Build meeting notes; `parts` are summary, notes and transcript."""
    below = [paragraph("", *parts.get(part, ())) for part in ("summary", "notes", "transcript")]
    return block("meeting_notes", {"title": as_rich(title), "status": "notes_ready"}, below)


def divider() -> Json:
    """Build a divider."""
    return block("divider")


def breadcrumb() -> Json:
    """Build a breadcrumb."""
    return block("breadcrumb")


def table_of_contents() -> Json:
    """Build a table of contents."""
    return block("table_of_contents", {"color": "default"})


def unsupported(kind: str = "button") -> Json:
    """Build a block that the API names but cannot show, such as a button or a form."""
    return block("unsupported", {"block_type": kind})
