"""The objects of the API as one bot sees them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import quote

from daemon.sandbox import properties, rich
from daemon.sandbox.blocks import FILE_TYPES
from daemon.sandbox.model import (
    Bot,
    Json,
    Parent,
    Person,
    Property,
    Rich,
    SandboxBlock,
    SandboxComment,
    SandboxDatabase,
    SandboxPage,
    SandboxSource,
    bare,
    database_time,
    exact,
    minute,
)
from daemon.sandbox.state import State


# The only version of the API that is spoken here: https://developers.notion.com/reference/versioning
VERSION = "2026-03-11"


@dataclass(frozen=True, slots=True)
class View:
    """The world, and the bot that looks at it."""

    state: State
    bot: Bot


def partial_user(user_id: str) -> Json:
    """Show a user by id alone, as `created_by` does."""
    return {"object": "user", "id": user_id}


def user(view: View, user_id: str) -> Json:
    """Show a user or group as far as the bot may know; a vanished one by id alone."""
    state = view.state
    if group := state.groups.get(user_id):
        return {"object": "group", "id": user_id, "name": group.name}
    if not view.bot.users:
        return partial_user(user_id)
    if found := state.people.get(user_id):
        return person(view, found)
    if other := state.bots.get(user_id):
        return bot(state, other, whole=other.id == view.bot.id)
    return partial_user(user_id)


def person(view: View, found: Person) -> Json:
    """Show a person; the address only to a bot that may know it."""
    told = {"email": found.email} if view.bot.emails and found.email else {}
    known: Json = {"name": found.name, "avatar_url": None, "type": "person", "person": told}
    return partial_user(found.id) | known


def bot(state: State, found: Bot, *, whole: bool) -> Json:
    """Show a bot; only itself sees its owner and workspace."""
    told: Json = {
        "owner": {"type": "workspace", "workspace": True},
        "workspace_name": state.workspace_name,
        "workspace_id": state.workspace_id,
        "workspace_limits": {"max_file_upload_size_in_bytes": 5242880},
    }
    known: Json = {"name": found.name, "avatar_url": None, "type": "bot"}
    return partial_user(found.id) | known | {"bot": told if whole else {}}


def text(view: View, items: Rich) -> Rich:
    """Show kept rich text."""
    return rich.answer(items, lambda kind, target: _mentioned(view, kind, target))


def _mentioned(view: View, kind: str, target: str) -> tuple[Json, str, str | None]:
    if kind == "user":
        shown = user(view, target)
        return shown, f"@{shown.get('name') or 'Anonymous'}", None
    state = view.state
    thing = state.pages.get(target) or state.databases.get(target)
    if thing is None or not state.is_shared(target, view.bot):
        return {"id": target}, "Untitled", f"https://app.notion.com/p/{bare(target)}"
    return {"id": target}, state.title_of(target) or "Untitled", thing.url


def plain(view: View, items: Rich) -> str:
    """Give the text of kept rich text, mentions by name."""
    return "".join(item["plain_text"] for item in text(view, items))


def parent(held: Parent, state: State) -> Json:
    """Show what holds a page or a database."""
    if held.kind == "workspace":
        return {"type": "workspace", "workspace": True}
    shown: Json = {"type": held.kind, held.kind: held.id}
    if held.kind == "data_source_id":
        shown["database_id"] = state.sources[held.id].database_id
    return shown


def signed(state: State, owner: str, name: str) -> Json:
    """Show a file that Notion keeps: an address that is another one at each read."""
    now = state.now()
    state.reads += 1
    signature = sha256(f"{owner}{name}{state.reads}".encode()).hexdigest()
    url = (
        f"https://prod-files-secure.s3.us-west-2.amazonaws.com/{state.workspace_id}/{owner}/"
        f"{quote(name)}?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date={now:%Y%m%dT%H%M%SZ}"
        f"&X-Amz-Expires=3600&X-Amz-Signature={signature}&x-id=GetObject"
    )
    return {"url": url, "expiry_time": exact(now + timedelta(hours=1))}


LIST_TYPES = ("title", "rich_text", "relation", "people")


def page(view: View, found: SandboxPage) -> Json:
    """Show a page."""
    return {
        "object": "page",
        "id": found.id,
        "created_time": minute(found.created),
        "last_edited_time": minute(found.edited),
        "created_by": partial_user(found.created_by),
        "last_edited_by": partial_user(found.edited_by),
        "cover": found.cover,
        "icon": found.icon,
        "parent": parent(found.parent, view.state),
        "in_trash": view.state.in_trash(found.id),
        "is_archived": found.is_archived,
        "is_locked": found.is_locked,
        "properties": page_properties(view, found),
        "url": found.url,
        "public_url": None,
    }


def columns(state: State, found: SandboxPage) -> dict[str, Property]:
    """List the properties of a page: its data source's, or the title alone."""
    source = state.sources.get(found.parent.id)
    return dict(source.properties) if source else {"title": Property("title", "title", "title")}


def page_properties(view: View, found: SandboxPage) -> Json:
    """Show the properties of a page, long ones cut at 25 references."""
    most = view.state.quirks.references
    properties_: Json = {}
    for name, prop in columns(view.state, found).items():
        shown = value(view, found, prop)
        properties_[name] = {"id": prop.id, "type": prop.type, prop.type: shown}
        if prop.type in LIST_TYPES:
            properties_[name][prop.type] = shown[:most]
        if prop.type == "relation":
            properties_[name]["has_more"] = len(shown) > most
    return properties_


def value(view: View, found: SandboxPage, prop: Property) -> Any:
    """Show the whole value of a property."""
    kind = prop.type
    if kind == "title":
        return text(view, found.title)
    if kind in properties.AUTOMATIC and kind != "unique_id":
        if kind.endswith("_time"):
            return minute(found.created if kind == "created_time" else found.edited)
        return user(view, found.created_by if kind == "created_by" else found.edited_by)
    held = found.values.get(prop.name, properties.empty(kind))
    shows: dict[str, Callable[[], Any]] = {
        "rich_text": lambda: text(view, held),
        "status": lambda: properties.choice(prop, held) if held else None,
        "select": lambda: properties.choice(prop, held) if held else None,
        "multi_select": lambda: [properties.choice(prop, name) for name in held],
        "people": lambda: [user(view, one) for one in held],
        "relation": lambda: [{"id": one} for one in held if view.state.is_shared(one, view.bot)],
        "files": lambda: [
            {"name": name, "type": "external", "external": {"url": url}}
            if url
            else {"name": name, "type": "file", "file": signed(view.state, found.id, name)}
            for name, url in held
        ],
    }
    return shows.get(kind, lambda: held)()


def database(view: View, found: SandboxDatabase) -> Json:
    """Show a database: its times have milliseconds, unlike everything else's."""
    sources = [view.state.sources[source_id] for source_id in found.sources]
    return {
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


def _title(words: str) -> Rich:
    return [rich.text(words)] if words else []


def source(view: View, found: SandboxSource) -> Json:
    """Show a data source with its columns."""
    database = view.state.databases[found.database_id]
    return {
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


def comment(view: View, found: SandboxComment) -> Json:
    """Show a comment."""
    kind = "page_id" if found.parent_id in view.state.pages else "block_id"
    display, custom = found.shown
    author = view.state.people.get(found.author_id) or view.state.bots.get(found.author_id)
    name = custom if display == "custom" else author.name if author else None
    shown: Json = {
        "object": "comment",
        "id": found.id,
        "parent": {"type": kind, kind: found.parent_id},
        "discussion_id": found.discussion_id,
        "created_time": minute(found.created),
        "last_edited_time": minute(found.edited),
        "created_by": partial_user(found.author_id),
        "rich_text": text(view, found.rich_text),
        "display_name": {"type": display, "resolved_name": name},
    }
    files = [
        {"category": category, "file": signed(view.state, found.id, name)}
        for category, name in found.attachments
    ]
    return shown | ({"attachments": files} if files else {})


def block(view: View, found: SandboxBlock) -> Json:
    """Show a block."""
    kind = found.type
    if found.id in view.state.quirks.partial:
        return {"object": "block", "id": found.id}
    held: Json = {"type": "page_id", "page_id": found.parent_id}
    if found.parent_id not in view.state.pages:
        held = {"type": "block_id", "block_id": found.parent_id}
    if own := view.state.pages.get(found.id) or view.state.databases.get(found.id):
        held = parent(own.parent, view.state)
    return {
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


def has_children(state: State, found: SandboxBlock) -> bool:
    """Tell whether a block holds others; a synced copy always says so."""
    if found.type == "meeting_notes" and not state.quirks.notes_list_children:
        return False
    if found.type == "synced_block" and found.content.get("synced_from"):
        return True
    below = state.children.get(found.id, ())
    return any(not state.blocks[child].in_trash for child in below)


def content(view: View, found: SandboxBlock) -> Json:
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
        names = ("summary_block_id", "notes_block_id", "transcript_block_id")
        below = view.state.children.get(found.id, ())
        shown["children"] = dict(zip(names, below, strict=False))
    return shown
