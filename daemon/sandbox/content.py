"""Endpoints of blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from daemon.sandbox import objects, paging, requested
from daemon.sandbox.blocks import TYPES
from daemon.sandbox.call import Call, block_at, need, valid_id
from daemon.sandbox.model import Block, Json
from daemon.sandbox.refusal import archived, failed, invalid
from daemon.sandbox.tree import grow


_MOST = 100
_LEVELS = 2
_RICH = ("rich_text", "caption", "title")


def block(call: Call) -> Json:
    """Answer GET /v1/blocks/{block_id}; one in the trash is shown as such."""
    need(allowed=call.bot.read_content)
    return objects.block(call.view, block_at(call, call.id("block_id")))


def children(call: Call) -> Json:
    """Answer GET /v1/blocks/{block_id}/children: the first level, what is shared of it.

    Raises:
        Refusal: 404, also for a copy of a synced block: read the original.
    """
    need(allowed=call.bot.read_content)
    found = block_at(call, call.id("block_id"))
    if found.type == "synced_block" and found.content.get("synced_from"):
        raise call.missing("block", found.id)
    state = call.state
    below = [state.blocks[child] for child in state.children.get(found.id, ())]
    seen = [one for one in below if not one.in_trash and _is_open(call, one)]
    return paging.page(call, seen, lambda one: objects.block(call.view, one), "block")


def _is_open(call: Call, one: Block) -> bool:
    page = call.state.pages.get(one.id)
    return call.sees(one.id) and not (page and page.in_trash)


def append(call: Call) -> Json:
    """Answer PATCH /v1/blocks/{block_id}/children."""
    need(allowed=call.bot.update_content)
    found = block_at(call, call.id("block_id"))
    if call.state.in_trash(found.id):
        raise archived()
    body = call.fields("children", "after" if call.is_old else "position")
    told = _checked(body.get("children"), "body.children", _LEVELS)
    made = grow(call.state, found.id, told, call.bot.id, after=_place(call, found, body))
    call.state.touch_page(found.page_id, call.bot.id)
    shown = [objects.block(call.view, one) for one in made]
    return paging.listing("block", shown)


def _place(call: Call, held: Block, body: Json) -> str | None:
    """Read after which block new ones go; None is the end."""
    position = body.get("position") or {"type": "end"}
    siblings = call.state.children.get(held.id, [])
    if "after" in body:
        where, told = "body.after", body["after"]
    elif position.get("type") == "after_block":
        where, told = "body.position.after_block.id", position["after_block"]["id"]
    else:
        return "" if position.get("type") == "start" else None
    after = valid_id(told, where)
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
    rich: Json = {
        name: requested.rich_text(content[name], f"{where}.{name}")
        for name in _RICH
        if name in content
    }
    if "cells" in content:
        rich["cells"] = [
            requested.rich_text(cell, f"{where}.cells[{at}]")
            for at, cell in enumerate(content["cells"])
        ]
    return content | rich


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


def update(call: Call) -> Json:
    """Answer PATCH /v1/blocks/{block_id}: new content, or to and from the trash."""
    need(allowed=call.bot.update_content)
    found = block_at(call, call.id("block_id"))
    trash = "archived" if call.is_old else "in_trash"
    body = call.fields(found.type, "type", "in_trash", trash)
    if call.state.in_trash(found.id) and found.type in body:
        raise archived()
    content = found.content | _written(body.get(found.type) or {}, f"body.{found.type}")
    trashed = bool(body.get("in_trash", body.get("archived", found.in_trash)))
    return objects.block(call.view, _changed(call, found, content, trashed=trashed))


def delete(call: Call) -> Json:
    """Answer DELETE /v1/blocks/{block_id}: to the trash."""
    need(allowed=call.bot.update_content)
    found = block_at(call, call.id("block_id"))
    return objects.block(call.view, _changed(call, found, found.content, trashed=True))


def _changed(call: Call, found: Block, content: Json, *, trashed: bool) -> Block:
    state, by = call.state, call.bot.id
    if page := state.pages.get(found.id):
        state.pages[page.id] = replace(page, in_trash=trashed, edited=state.now(), edited_by=by)
        return replace(found, in_trash=trashed)
    if database := state.databases.get(found.id):
        state.databases[database.id] = replace(database, in_trash=trashed)
        return replace(found, in_trash=trashed)
    return state.touch(replace(found, content=content, in_trash=trashed), by)
