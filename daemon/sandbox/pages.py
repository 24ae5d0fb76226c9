"""Endpoints of users, databases, data sources, pages and search."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from daemon.sandbox import making, objects, paging, view
from daemon.sandbox.call import Call, database_at, need, page_at, source_at
from daemon.sandbox.model import Json, Page, Property, Source
from daemon.sandbox.properties import requested_value
from daemon.sandbox.query import page_wanted
from daemon.sandbox.refusal import failed, invalid, missing_user


def me(call: Call) -> Json:
    """Answer GET /v1/users/me, which needs no capability."""
    return view.bot(call.state, call.bot, whole=True)


def users(call: Call) -> Json:
    """Answer GET /v1/users."""
    need(allowed=call.bot.users)
    everyone = [*call.state.people, *call.state.bots]
    return paging.page(call, everyone, lambda one: view.user(call.view, one), "user")


def user(call: Call) -> Json:
    """Answer GET /v1/users/{user_id}."""
    need(allowed=call.bot.users)
    user_id = call.id("user_id")
    if user_id not in call.state.people and user_id not in call.state.bots:
        raise missing_user(user_id, call.bot.id)
    return view.user(call.view, user_id)


def database(call: Call) -> Json:
    """Answer GET /v1/databases/{database_id}."""
    need(allowed=call.bot.read_content)
    return objects.database(call.view, database_at(call, call.id("database_id")))


def source(call: Call) -> Json:
    """Answer GET /v1/data_sources/{data_source_id}."""
    need(allowed=call.bot.read_content)
    return objects.source(call.view, source_at(call, call.id("data_source_id")))


def page(call: Call) -> Json:
    """Answer GET /v1/pages/{page_id}."""
    need(allowed=call.bot.read_content)
    found = page_at(call, call.id("page_id"))
    return objects.page(call.view, found, page_wanted(call, objects.columns(call.state, found)))


def update_page(call: Call) -> Json:
    """Answer PATCH /v1/pages/{page_id}: properties, in_trash, is_locked."""
    need(allowed=call.bot.update_content)
    found = page_at(call, call.id("page_id"))
    trash = "archived" if call.is_old else "in_trash"
    body = call.fields("properties", "in_trash", "is_locked", "icon", "cover", trash)
    if call.state.in_trash(found.id) and "properties" in body:
        raise invalid("Can't edit page that is archived. Unarchive the page before editing.")
    wanted = _wanted(call, found, body.get("properties") or {})
    for prop, value in wanted:
        _set(call, found.id, prop, value)
    found = call.state.pages[found.id]
    trashed = bool(body.get("in_trash", body.get("archived", found.in_trash)))
    locked = bool(body.get("is_locked", found.is_locked))
    now, by = call.state.now(), call.bot.id
    found = replace(found, in_trash=trashed, is_locked=locked, edited=now, edited_by=by)
    call.state.pages[found.id] = found
    return objects.page(call.view, found)


def _wanted(call: Call, found: Page, told: Json) -> list[tuple[Property, Any]]:
    """Read all properties of a request before any is set.

    Raises:
        Refusal: 400, there is no such property or a value is not of its type.
    """
    columns = objects.columns(call.state, found)
    props = [(_prop(columns, name), value) for name, value in told.items()]
    return [
        (prop, requested_value(prop, value, f"body.properties.{prop.name}"))
        for prop, value in props
    ]


def _set(call: Call, page_id: str, prop: Property, value: Any) -> None:
    if prop.type == "title":
        call.state.pages[page_id] = replace(call.state.pages[page_id], title=value)
    else:
        making.set_value(call.state, page_id, prop, value)


def _prop(columns: dict[str, Property], name: str) -> Property:
    for prop in columns.values():
        if name in (prop.name, prop.id, unquote(prop.id)):
            return prop
    raise invalid(f"{name} is not a property that exists.")


def page_property(call: Call) -> Json:
    """Answer GET /v1/pages/{page_id}/properties/{property_id}: whole, however long."""
    need(allowed=call.bot.read_content)
    found = page_at(call, call.id("page_id"))
    prop = _prop_by_id(call, found, call.path["property_id"])
    shown = objects.value(call.view, found, prop)
    if prop.type in objects.LIST_TYPES:
        return _items(call, prop, shown)
    return _item(prop, shown)


def _prop_by_id(call: Call, found: Page, property_id: str) -> Property:
    for prop in objects.columns(call.state, found).values():
        if unquote(prop.id) == unquote(property_id):
            return prop
    raise call.missing("property", property_id)


def _item(prop: Property, shown: Any) -> Json:
    return {"object": "property_item", "type": prop.type, "id": prop.id, prop.type: shown}


def _items(call: Call, prop: Property, shown: list[Any]) -> Json:
    found = paging.page(call, shown, lambda one: _item(prop, one), "property_item")
    after = None
    if found["has_more"]:
        path = f"https://api.notion.com/v1/pages/{call.id('page_id')}/properties/{prop.id}"
        after = f"{path}?start_cursor={found['next_cursor']}"
    return found | {
        "property_item": {"id": prop.id, "next_url": after, "type": prop.type, prop.type: {}}
    }


def search(call: Call) -> Json:
    """Answer POST /v1/search: titles that hold the words, the latest edited first."""
    need(allowed=call.bot.read_content)
    body = call.fields("query", "filter", "sort", "start_cursor", "page_size")
    kind = (body.get("filter") or {}).get("value")
    if kind not in (None, "page", "data_source"):
        raise failed("body.filter.value", 'should be `"page"` or `"data_source"`', kind)
    found = _titled(call, str(body.get("query") or "").casefold(), kind)
    return paging.page(call, found, lambda one: _shown(call, one), "page_or_data_source")


def _titled(call: Call, words: str, kind: str | None) -> list[Page | Source]:
    state = call.state
    pages: list[Page | Source] = [p for p in state.pages.values() if words in p.name.casefold()]
    sources = [s for s in state.sources.values() if words in s.title.casefold()]
    several = (pages if kind != "data_source" else []) + (sources if kind != "page" else [])
    seen = (one for one in several if call.sees(one.id) and not state.in_trash(one.id))
    return sorted(seen, key=lambda one: one.edited, reverse=True)


def _shown(call: Call, one: Page | Source) -> Json:
    if isinstance(one, Page):
        return objects.page(call.view, one)
    return objects.source(call.view, one)
