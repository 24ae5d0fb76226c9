"""The objects of the API as one bot sees them under one version."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from daemon.sandbox import properties, rich
from daemon.sandbox.blocks import FILE_TYPES
from daemon.sandbox.clock import database_time, minute
from daemon.sandbox.model import Block, Comment, Database, Json, Page, Property, Rich, Source
from daemon.sandbox.state import State
from daemon.sandbox.view import OLD, View, parent, partial_user, signed, text, user


LIST_TYPES = ("title", "rich_text", "relation", "people")


def page(view: View, found: Page, only: Iterable[str] | None = None) -> Json:
    """Show a page; `only` names the properties that are wanted."""
    icon = {"type": "emoji", "emoji": found.icon} if found.icon else None
    return view.with_archived(
        {
            "object": "page",
            "id": found.id,
            "created_time": minute(found.created),
            "last_edited_time": minute(found.edited),
            "created_by": partial_user(found.created_by),
            "last_edited_by": partial_user(found.edited_by),
            "cover": None,
            "icon": icon,
            "parent": parent(found.parent, view.state),
            "in_trash": view.state.in_trash(found.id),
            "is_archived": False,
            "is_locked": found.is_locked,
            "properties": page_properties(view, found, only),
            "url": found.url,
            "public_url": None,
        }
    )


def columns(state: State, found: Page) -> dict[str, Property]:
    """List the properties of a page: its data source's, or the title alone."""
    source = state.sources.get(found.parent.id)
    return dict(source.properties) if source else {"title": Property("title", "title", "title")}


def page_properties(view: View, found: Page, only: Iterable[str] | None = None) -> Json:
    """Show the properties of a page, long ones cut at 25 references."""
    wanted = None if only is None else set(only)
    return {
        name: {"id": prop.id, "type": prop.type} | _cut(view, prop.type, value(view, found, prop))
        for name, prop in columns(view.state, found).items()
        if wanted is None or name in wanted
    }


def _cut(view: View, kind: str, shown: Any) -> Json:
    if kind not in LIST_TYPES:
        return {kind: shown}
    most = view.state.quirks.references
    more = {"has_more": len(shown) > most} if kind == "relation" else {}
    return {kind: shown[:most]} | more


def value(view: View, found: Page, prop: Property) -> Any:
    """Show the whole value of a property."""
    kind = prop.type
    if kind == "title":
        return text(view, found.title)
    if kind in properties.AUTOMATIC and kind != "unique_id":
        return _automatic(view, found, kind)
    held = found.values.get(prop.name, properties.empty(kind))
    shows: dict[str, Callable[[], Any]] = {
        "rich_text": lambda: text(view, held),
        "status": lambda: properties.choice(prop, held) if held else None,
        "select": lambda: properties.choice(prop, held) if held else None,
        "multi_select": lambda: [properties.choice(prop, name) for name in held],
        "people": lambda: [user(view, one) for one in held],
        "relation": lambda: [{"id": one} for one in held if view.state.is_shared(one, view.bot)],
        "files": lambda: [_attached(view, found.id, name, url) for name, url in held],
    }
    return shows.get(kind, lambda: held)()


def _automatic(view: View, found: Page, kind: str) -> Any:
    if kind.endswith("_time"):
        return minute(found.created if kind == "created_time" else found.edited)
    return user(view, found.created_by if kind == "created_by" else found.edited_by)


def _attached(view: View, owner: str, name: str, url: str) -> Json:
    if url:
        return {"name": name, "type": "external", "external": {"url": url}}
    return {"name": name, "type": "file", "file": signed(view.state, owner, name)}


def database(view: View, found: Database) -> Json:
    """Show a database: its times have milliseconds, unlike everything else's."""
    sources = [view.state.sources[source_id] for source_id in found.sources]
    return view.with_archived(
        {
            "object": "database",
            "id": found.id,
            "title": text(view, _title(found.title)),
            "description": [],
            "parent": parent(found.parent, view.state),
            "is_inline": False,
            "in_trash": view.state.in_trash(found.id),
            "is_locked": False,
            "created_time": database_time(found.created),
            "last_edited_time": database_time(found.edited),
            "data_sources": [{"id": one.id, "name": one.title} for one in sources],
            "icon": None,
            "cover": None,
            "url": found.url,
            "public_url": None,
        }
    )


def _title(words: str) -> Rich:
    return [rich.text(words)] if words else []


def source(view: View, found: Source) -> Json:
    """Show a data source with its columns."""
    database = view.state.databases[found.database_id]
    return view.with_archived(
        {
            "object": "data_source",
            "id": found.id,
            "cover": None,
            "icon": None,
            "created_time": minute(found.created),
            "created_by": partial_user(found.created_by),
            "last_edited_by": partial_user(found.created_by),
            "last_edited_time": minute(found.edited),
            "title": text(view, _title(found.title)),
            "description": [],
            "is_inline": False,
            "properties": {name: properties.schema(p) for name, p in found.properties.items()},
            "parent": {"type": "database_id", "database_id": found.database_id},
            "database_parent": parent(database.parent, view.state),
            "url": database.url,
            "public_url": None,
            "in_trash": view.state.in_trash(found.id),
        }
    )


def comment(view: View, found: Comment) -> Json:
    """Show a comment."""
    kind = "page_id" if found.parent_id in view.state.pages else "block_id"
    shown: Json = {
        "object": "comment",
        "id": found.id,
        "parent": {"type": kind, kind: found.parent_id},
        "discussion_id": found.discussion_id,
        "created_time": minute(found.created),
        "last_edited_time": minute(found.edited),
        "created_by": partial_user(found.author_id),
        "rich_text": text(view, found.rich_text),
        "display_name": {"type": found.shown[0], "resolved_name": _shown_name(view.state, found)},
    }
    files = [
        {"category": category, "file": signed(view.state, found.id, name)}
        for category, name in found.attachments
    ]
    return shown | ({"attachments": files} if files else {})


def _shown_name(state: State, found: Comment) -> str | None:
    kind, name = found.shown
    if kind == "custom":
        return name
    author = state.people.get(found.author_id) or state.bots.get(found.author_id)
    return author.name if author else None


def block(view: View, found: Block) -> Json:
    """Show a block. Meeting notes had another name under the older version."""
    kind = found.type
    if found.id in view.state.quirks.partial:
        return {"object": "block", "id": found.id}
    if kind == "meeting_notes" and view.version == OLD:
        kind = "transcription"
    held: Json = {"type": "page_id", "page_id": found.parent_id}
    if found.parent_id not in view.state.pages:
        held = {"type": "block_id", "block_id": found.parent_id}
    if found.id in view.state.pages or found.id in view.state.databases:
        held = _page_parent(view, found)
    return view.with_archived(
        {
            "object": "block",
            "id": found.id,
            "parent": held,
            "created_time": minute(found.created),
            "last_edited_time": minute(found.edited),
            "created_by": partial_user(found.created_by),
            "last_edited_by": partial_user(found.edited_by),
            "has_children": has_children(view.state, found),
            "in_trash": view.state.in_trash(found.id),
            "type": kind,
            kind: content(view, found),
        }
    )


def _page_parent(view: View, found: Block) -> Json:
    state = view.state
    held = state.pages.get(found.id) or state.databases[found.id]
    return parent(held.parent, state)


def has_children(state: State, found: Block) -> bool:
    """Tell whether a block holds others; a synced copy always says so."""
    if found.type == "synced_block" and found.content.get("synced_from"):
        return True
    below = state.children.get(found.id, ())
    return any(not state.blocks[child].in_trash for child in below)


def content(view: View, found: Block) -> Json:
    """Show what stands under a block's type."""
    kind, held = found.type, found.content
    if kind in ("child_page", "child_database"):
        return {"title": view.state.title_of(found.id)}
    if kind == "table_row":
        return {"cells": [text(view, cell) for cell in held["cells"]]}
    shown = dict(held)
    for name in ("rich_text", "caption", "title"):
        if name in shown:
            shown[name] = text(view, shown[name])
    if kind in FILE_TYPES and held.get("type") == "file":
        shown["file"] = signed(view.state, found.id, held["file"]["name"])
    if kind == "paragraph":
        shown.setdefault("icon", None)
    if kind == "meeting_notes":
        shown["children"] = _note_parts(view.state, found)
    return shown


def _note_parts(state: State, found: Block) -> Json:
    names = ("summary_block_id", "notes_block_id", "transcript_block_id")
    return dict(zip(names, state.children.get(found.id, ()), strict=False))
