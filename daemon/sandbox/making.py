"""The making of databases, data sources and pages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from daemon.sandbox import properties
from daemon.sandbox.model import Database, Page, Parent, Property, Rich, Source, Stamp
from daemon.sandbox.state import State


Columns = Mapping[str, str | Iterable[str] | Database | Source]


def place(state: State, object_id: str | None) -> Parent:
    """Tell what an object holds: a data source or database its rows, a page its child pages."""
    if object_id is None:
        return Parent("workspace")
    if held := state.databases.get(object_id):
        return Parent("data_source_id", held.source_id)
    return Parent("data_source_id" if object_id in state.sources else "page_id", object_id)


def database(state: State, title: str, parent: Parent, by: str) -> Database:
    """Make a database that has no data source yet."""
    now = state.now()
    return state.add_database(Database(state.ids(), title, parent, (), now, now), by)


def source(state: State, database_id: str, title: str, columns: Columns, by: str) -> Source:
    """Put a data source into a database."""
    now = state.now()
    made = Source(state.ids(), database_id, title, {}, now, now, by)
    made = replace(made, properties=_columns(state, made, columns))
    state.sources[made.id] = made
    held = state.databases[database_id]
    state.databases[database_id] = replace(held, sources=(*held.sources, made.id))
    return made


def _columns(state: State, own: Source, given: Columns) -> dict[str, Property]:
    title = next((name for name, kind in given.items() if kind == "title"), "Name")
    columns = {title: Property("title", title, "title")}
    for name, kind in given.items():
        if name != title:
            columns[name] = _column(state, own, name, kind)
    return columns


def _column(
    state: State, own: Source, name: str, kind: str | Iterable[str] | Database | Source
) -> Property:
    new_id = state.ids.property()
    if kind == "relation":
        kind = own
    if isinstance(kind, Database):
        kind = state.sources[kind.source_id]
    if isinstance(kind, Source):
        target = {"database_id": kind.database_id, "data_source_id": kind.id}
        config = target | {"type": "single_property", "single_property": {}}
        return Property(new_id, name, "relation", config=config)
    if isinstance(kind, str):
        return Property(new_id, name, kind)
    return Property(new_id, name, "status", tuple(kind))


def page(state: State, parent: Parent, title: Rich, stamp: Stamp) -> Page:
    """Make an empty page."""
    times = (stamp.created, stamp.edited, stamp.by, stamp.by)
    made = state.add_page(Page(state.ids(), parent, title, {}, *times))
    source = state.sources.get(parent.id)
    for prop in source.properties.values() if source else ():
        if prop.type == "unique_id":
            number = {"prefix": prop.config.get("prefix"), "number": len(state.rows[parent.id])}
            set_value(state, made.id, prop, number)
    return state.pages[made.id]


def put_value(state: State, page_id: str, name: str, value: Any) -> None:
    """Set a property from a Python value; a column that is not there is added."""
    source = state.sources[state.pages[page_id].parent.id]
    prop = source.properties.get(name)
    if prop is None:
        prop = Property(state.ids.property(), name, properties.guess(value))
    set_value(state, page_id, prop, properties.stored(prop.type, value))


def set_value(state: State, page_id: str, prop: Property, held: Any) -> None:
    """Set a property to a value in its kept form, new options of a choice included."""
    found = state.pages[page_id]
    state.pages[page_id] = replace(found, values={**found.values, prop.name: held})
    source = state.sources[found.parent.id]
    grown = replace(prop, options=properties.with_options(prop, held))
    columns = {**source.properties, prop.name: grown}
    state.sources[source.id] = replace(source, properties=columns)
