"""Endpoints of users, databases, data sources, pages and blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from daemon.sandbox import objects, requests, rich
from daemon.sandbox.blocks import TYPES
from daemon.sandbox.faults import archived, failed, invalid, missing_user
from daemon.sandbox.model import Json, Property, SandboxBlock, SandboxPage
from daemon.sandbox.properties import requested_value
from daemon.sandbox.requests import (
    ApiCall,
    block_at,
    database_at,
    need,
    page_at,
    source_at,
    unless_refused,
    valid_id,
)
from daemon.sandbox.state import Doing, grow, set_value


def me(call: ApiCall) -> Json:
    """Answer GET /v1/users/me, which needs no capability."""
    return objects.bot(call.state, call.bot, whole=True)


def users(call: ApiCall) -> Json:
    """Answer GET /v1/users."""
    need(allowed=call.bot.users)
    everyone = [*call.state.people, *call.state.bots]
    return requests.result_page(call, everyone, lambda one: objects.user(call.view, one), "user")


def user(call: ApiCall) -> Json:
    """Answer GET /v1/users/{user_id}."""
    need(allowed=call.bot.users)
    user_id = call.id("user_id")
    if user_id not in call.state.people and user_id not in call.state.bots:
        raise missing_user(user_id, call.bot.id)
    return objects.user(call.view, user_id)


def database(call: ApiCall) -> Json:
    """Answer GET /v1/databases/{database_id}."""
    need(allowed=call.bot.read_content)
    found = database_at(call, call.id("database_id"))
    unless_refused(call, Doing.READ, found.id)
    return objects.database(call.view, found)


def source(call: ApiCall) -> Json:
    """Answer GET /v1/data_sources/{data_source_id}."""
    need(allowed=call.bot.read_content)
    found = source_at(call, call.id("data_source_id"))
    unless_refused(call, Doing.READ, found.id)
    return objects.source(call.view, found)


def page(call: ApiCall) -> Json:
    """Answer GET /v1/pages/{page_id}."""
    need(allowed=call.bot.read_content)
    found = page_at(call, call.id("page_id"))
    unless_refused(call, Doing.READ, found.id)
    return objects.page(call.view, found)


def update_page(call: ApiCall) -> Json:
    """Answer PATCH /v1/pages/{page_id}: properties, in_trash, is_locked, icon, cover."""
    need(allowed=call.bot.update_content)
    found = page_at(call, call.id("page_id"))
    body = call.fields("properties", "in_trash", "is_locked", "icon", "cover")
    if call.state.in_trash(found.id) and "properties" in body:
        raise invalid("Can't edit page that is archived. Unarchive the page before editing.")
    for prop, value in _requested(call, found, body.get("properties") or {}):
        if prop.type == "title":
            call.state.pages[found.id] = replace(call.state.pages[found.id], title=value)
        else:
            set_value(call.state, found.id, prop, value)
    found = call.state.pages[found.id]
    trashed = bool(body.get("in_trash", found.in_trash))
    locked = bool(body.get("is_locked", found.is_locked))
    now, by = call.state.now(), call.bot.id
    shown = {name: body[name] for name in ("icon", "cover") if name in body}
    found = replace(found, in_trash=trashed, is_locked=locked, edited=now, edited_by=by, **shown)
    call.state.pages[found.id] = found
    return objects.page(call.view, found)


def _requested(call: ApiCall, found: SandboxPage, told: Json) -> list[tuple[Property, Any]]:
    """Read all properties of a request before any is set.

    Raises:
        ApiRefusal: 400, there is no such property or a value is not of its type.
    """
    read: list[tuple[Property, Any]] = []
    for name, value in told.items():
        prop = _property(call, found, name)
        if prop is None:
            raise invalid(f"{name} is not a property that exists.")
        read.append((prop, requested_value(prop, value, f"body.properties.{prop.name}")))
    return read


def _property(call: ApiCall, found: SandboxPage, name: str) -> Property | None:
    """Find a property of a page by its name, or by its id in either encoding."""
    for prop in objects.columns(call.state, found).values():
        if name == prop.name or unquote(name) == unquote(prop.id):
            return prop
    return None


def page_property(call: ApiCall) -> Json:
    """Answer GET /v1/pages/{page_id}/properties/{property_id}: whole, however long."""
    need(allowed=call.bot.read_content)
    found = page_at(call, call.id("page_id"))
    prop = _property(call, found, call.path["property_id"])
    if prop is None:
        raise call.missing("property", call.path["property_id"])
    shown = objects.value(call.view, found, prop)
    if prop.type not in objects.LIST_TYPES:
        return _item(prop, shown)
    listed = requests.result_page(call, shown, lambda one: _item(prop, one), "property_item")
    after = None
    if listed["has_more"]:
        path = f"https://api.notion.com/v1/pages/{call.id('page_id')}/properties/{prop.id}"
        after = f"{path}?start_cursor={listed['next_cursor']}"
    return listed | {
        "property_item": {"id": prop.id, "next_url": after, "type": prop.type, prop.type: {}}
    }


def _item(prop: Property, shown: Any) -> Json:
    return {"object": "property_item", "type": prop.type, "id": prop.id, prop.type: shown}


_MOST = 100
_LEVELS = 2
_RICH = ("rich_text", "caption", "title")


def block(call: ApiCall) -> Json:
    """Answer GET /v1/blocks/{block_id}; one in the trash is shown as such."""
    need(allowed=call.bot.read_content)
    found = block_at(call, call.id("block_id"))
    unless_refused(call, Doing.READ, found.id)
    return objects.block(call.view, found)


def children(call: ApiCall) -> Json:
    """Answer GET /v1/blocks/{block_id}/children: the first level, what is shared of it.

    Raises:
        ApiRefusal: 404; of a copy of a synced block too, unless it lists its source's blocks.
    """
    need(allowed=call.bot.read_content)
    found, state = block_at(call, call.id("block_id")), call.state
    unless_refused(call, Doing.LIST_BLOCKS, found.id)
    origin = found.content.get("synced_from") if found.type == "synced_block" else None
    if origin and not state.quirks.copies_list_children:
        raise call.missing("block", found.id)
    seen: list[SandboxBlock] = []
    for child in state.children.get(origin["block_id"] if origin else found.id, ()):
        own, page = state.blocks[child], state.pages.get(child)
        trashed = own.in_trash or (page is not None and page.in_trash)
        if not trashed and (origin or call.sees(child)):
            seen.append(own)
    return requests.result_page(call, seen, lambda one: objects.block(call.view, one), "block")


def append(call: ApiCall) -> Json:
    """Answer PATCH /v1/blocks/{block_id}/children."""
    need(allowed=call.bot.update_content)
    found = block_at(call, call.id("block_id"))
    if call.state.in_trash(found.id):
        raise archived()
    body = call.fields("children", "position")
    told = _checked(body.get("children"), "body.children", _LEVELS)
    made = grow(call.state, found.id, told, call.bot.id, after=_place(call, found, body))
    call.state.touch_page(found.page_id, call.bot.id, *(one.id for one in made))
    shown = [objects.block(call.view, one) for one in made]
    return requests.listing("block", shown)


def _place(call: ApiCall, held: SandboxBlock, body: Json) -> str | None:
    """Read after which block new ones go; None is the end."""
    position = body.get("position") or {"type": "end"}
    siblings = call.state.children.get(held.id, [])
    if position.get("type") != "after_block":
        return "" if position.get("type") == "start" else None
    after = valid_id(position["after_block"]["id"], "body.position.after_block.id")
    if after not in siblings:
        raise invalid(f"Could not find block with ID: {after}, to insert after.")
    return after


def _checked(told: Any, where: str, levels: int) -> Sequence[Json]:
    """Check blocks of a request and bring their rich text to the kept form."""
    if not isinstance(told, list):
        raise failed(where, "should be an array", told)
    if len(told) > _MOST:
        raise failed(f"{where}.length", f"should be ≤ `{_MOST}`", len(told))
    return [_new(one, f"{where}[{at}]", levels) for at, one in enumerate(told)]


def _new(told: Any, where: str, levels: int) -> Json:
    kind = told.get("type") or next((name for name in told if name in TYPES), None)
    if kind not in TYPES or not isinstance(told.get(kind), dict):
        raise failed(f"{where}.{kind or 'type'}", "should be defined", None)
    content = dict(told[kind])
    below = content.pop("children", None) or told.get("children") or []
    if below and levels <= 1:
        raise failed(f"{where}.{kind}.children", "should be not present", below)
    held = _written(content, f"{where}.{kind}")
    grown = _checked(below, f"{where}.{kind}.children", levels - 1)
    return {"type": kind, kind: _defaults(kind) | held, "children": grown}


def _written(content: Json, where: str) -> Json:
    written: Json = {
        name: rich.rich_text(content[name], f"{where}.{name}") for name in _RICH if name in content
    }
    if "cells" in content:
        written["cells"] = [
            rich.rich_text(cell, f"{where}.cells[{at}]") for at, cell in enumerate(content["cells"])
        ]
    return content | written


def _defaults(kind: str) -> Json:
    """Give what Notion fills in."""
    if kind in ("paragraph", "bulleted_list_item", "numbered_list_item", "quote", "toggle"):
        return {"rich_text": [], "color": "default"}
    if kind.startswith("heading_"):
        return {"rich_text": [], "color": "default", "is_toggleable": False}
    filled: dict[str, Json] = {
        "to_do": {"rich_text": [], "color": "default", "checked": False},
        "callout": {"rich_text": [], "color": "default", "icon": None},
        "code": {"rich_text": [], "caption": [], "language": "plain text"},
        "synced_block": {"synced_from": None},
    }
    return filled.get(kind, {})


def update(call: ApiCall) -> Json:
    """Answer PATCH /v1/blocks/{block_id}: new content, or to and from the trash."""
    need(allowed=call.bot.update_content)
    found = block_at(call, call.id("block_id"))
    body = call.fields(found.type, "type", "in_trash")
    if call.state.in_trash(found.id) and found.type in body:
        raise archived()
    content = found.content | _written(body.get(found.type) or {}, f"body.{found.type}")
    trashed = bool(body.get("in_trash", found.in_trash))
    return objects.block(call.view, _changed(call, found, content, trashed=trashed))


def delete(call: ApiCall) -> Json:
    """Answer DELETE /v1/blocks/{block_id}: to the trash."""
    need(allowed=call.bot.update_content)
    found = block_at(call, call.id("block_id"))
    return objects.block(call.view, _changed(call, found, found.content, trashed=True))


def _changed(call: ApiCall, found: SandboxBlock, content: Json, *, trashed: bool) -> SandboxBlock:
    state, by = call.state, call.bot.id
    if page := state.pages.get(found.id):
        state.pages[page.id] = replace(page, in_trash=trashed, edited=state.now(), edited_by=by)
        return replace(found, in_trash=trashed)
    if database := state.databases.get(found.id):
        state.databases[database.id] = replace(database, in_trash=trashed)
        return replace(found, in_trash=trashed)
    return state.touch(replace(found, content=content, in_trash=trashed), by)
