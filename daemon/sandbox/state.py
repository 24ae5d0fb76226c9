"""The tables of the world and the steps that every change is made of; decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from threading import RLock
from typing import Any

from daemon.sandbox import properties
from daemon.sandbox.faults import ApiRefusal
from daemon.sandbox.model import (
    Bot,
    Discussion,
    Group,
    Happening,
    Ids,
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
    Stamp,
)


EVERY_BOT = "*"


@dataclass(slots=True)
class Quirks:
    """What Notion leaves open or what a test wants smaller.

    Attributes:
        query_cap: Rows one query gives at most (10,000 at Notion since April 2026).
        floored_filters: Whether time filters see the floored time; Notion does not say.
        moving_cursors: Whether a query's cursor is a mere position, so that rows that move
            between two pages of results are skipped or seen twice.
        references: How many references a page object holds before it is cut.
        page_size: The most results one answer holds, whatever was asked for.
        partial: Ids of blocks that are shown by id alone.
        copies_list_children: Whether a synced copy lists its source's blocks as its own children.
            Public recordings show both.
        refused_content: What no comment may hold: "links", "marks", "text", as Notion refuses some
            content without saying which.
        notes_list_children: Whether meeting notes say that they have children; their parts can be
            listed by their ids all the same.
        lists_trash: Whether comments on a block in the trash can be listed; Notion does not say.
        date_off: By how many seconds the `Date` of every answer is wrong.
    """

    query_cap: int = 10_000
    floored_filters: bool = True
    moving_cursors: bool = False
    references: int = 25
    page_size: int = 100
    partial: set[str] = field(default_factory=set)
    copies_list_children: bool = False
    notes_list_children: bool = True
    refused_content: frozenset[str] = frozenset()
    lists_trash: bool = False
    date_off: float = 0


class Doing(StrEnum):
    """What Notion may refuse of one object and allow of all others."""

    READ = "read"  # the object itself: a page, block, database or data source
    QUERY = "query"
    LIST_BLOCKS = "list blocks"
    LIST_COMMENTS = "list comments"
    COMMENT = "comment"
    CHANGE_COMMENT = "change comment"


class State:
    """All tables. `lock` is held by whoever reads or changes more than one row."""

    def __init__(self, clock: Callable[[], datetime], seed: int) -> None:
        self.now = clock
        self.ids = Ids(seed)
        # Their own sequence: what is asked must not change what is made.
        self.serials = Ids(seed + 1)
        self.cursors: dict[str, tuple[str, Any]] = {}
        self.quirks = Quirks()
        self.refusals: dict[tuple[str, Doing], ApiRefusal] = {}
        self.lock = RLock()
        self.workspace_id = self.ids()
        self.workspace_name = "Sandbox"
        self.people: dict[str, Person] = {}
        self.bots: dict[str, Bot] = {}
        self.groups: dict[str, Group] = {}
        self.databases: dict[str, SandboxDatabase] = {}
        self.sources: dict[str, SandboxSource] = {}
        self.pages: dict[str, SandboxPage] = {}
        self.blocks: dict[str, SandboxBlock] = {}
        self.discussions: dict[str, Discussion] = {}
        self.comments: dict[str, SandboxComment] = {}
        self.rows: dict[str, list[str]] = {}
        self.children: dict[str, list[str]] = {}
        self.comments_on: dict[str, list[str]] = {}
        self.sharing: dict[tuple[str, str], bool] = {}
        self.reads = 0
        self.told: Callable[[Happening], None] = lambda _: None

    def add_block(self, block: SandboxBlock, after: str | None = None) -> SandboxBlock:
        """Put a block under its parent: last, or after a sibling ("" is the start)."""
        self.blocks[block.id] = block
        siblings = self.children.setdefault(block.parent_id, [])
        place = len(siblings)
        if after is not None:
            place = siblings.index(after) + 1 if after else 0
        siblings.insert(place, block.id)
        return block

    def detach(self, block: SandboxBlock) -> None:
        """Take a block out of its parent's list."""
        self.children[block.parent_id].remove(block.id)

    def add_page(self, page: SandboxPage) -> SandboxPage:
        """Put a page into its data source, or under its parent page as a child page."""
        self.pages[page.id] = page
        if page.parent.kind == "data_source_id":
            self.rows.setdefault(page.parent.id, []).append(page.id)
        elif page.parent.kind == "page_id":
            self._hang(page.id, "child_page", page.parent.id, page.created_by)
        return page

    def rehang(self, page: SandboxPage, parent: Parent) -> None:
        """Take a page out of what holds it and put it under another parent."""
        if page.parent.kind == "data_source_id":
            self.rows[page.parent.id].remove(page.id)
        elif page.parent.kind == "page_id":
            self.detach(self.blocks[page.id])
        self.add_page(replace(page, parent=parent))

    def put_below(self, block: SandboxBlock, parent_id: str, page_id: str) -> None:
        """Give a block another parent, and it and all below it another page."""
        self.blocks[block.id] = replace(block, parent_id=parent_id, page_id=page_id)
        for child in self.children.get(block.id, ()):
            if child not in self.pages:
                self.put_below(self.blocks[child], block.id, page_id)

    def add_database(self, database: SandboxDatabase, by: str) -> SandboxDatabase:
        """Put a database into the workspace, or under its parent page."""
        self.databases[database.id] = database
        if database.parent.kind == "page_id":
            self._hang(database.id, "child_database", database.parent.id, by)
        return database

    def _hang(self, object_id: str, kind: str, page_id: str, by: str) -> None:
        now = self.now()
        self.add_block(SandboxBlock(object_id, kind, {}, page_id, page_id, now, now, by, by))

    def touch_page(
        self, page_id: str, by: str, *parts: str, kind: str = "page.content_updated"
    ) -> None:
        """Move a page's time of last edit to now; `parts` are the blocks or properties changed."""
        page = self.pages[page_id]
        self.pages[page_id] = replace(page, edited=self.now(), edited_by=by)
        self.told(Happening(kind, page_id, by, page_id, parts=parts))

    def touch(self, block: SandboxBlock, by: str) -> SandboxBlock:
        """Move a block's time of last edit, and its page's, to now."""
        block = replace(block, edited=self.now(), edited_by=by)
        self.blocks[block.id] = block
        self.touch_page(block.page_id, by, block.id)
        return block

    def add_comment(self, comment: SandboxComment) -> SandboxComment:
        """Put a comment at the end of its parent's list. Bumps no time of last edit."""
        self.comments[comment.id] = comment
        self.comments_on.setdefault(comment.parent_id, []).append(comment.id)
        self._tell_of(comment, "created")
        return comment

    def change_comment(self, comment: SandboxComment) -> SandboxComment:
        """Put a comment in the place of what it was."""
        self.comments[comment.id] = comment
        self._tell_of(comment, "updated")
        return comment

    def _tell_of(self, comment: SandboxComment, done: str) -> None:
        page_id, place = self.page_of(comment.parent_id), comment.parent_id
        self.told(Happening(f"comment.{done}", page_id, comment.author_id, comment.id, place))

    def drop_comment(self, comment: SandboxComment) -> None:
        """Take a comment away; the last one takes its discussion along."""
        self._tell_of(comment, "deleted")
        del self.comments[comment.id]
        self.comments_on[comment.parent_id].remove(comment.id)
        if not any(self.thread(comment.discussion_id)):
            del self.discussions[comment.discussion_id]

    def thread(self, discussion_id: str) -> Iterator[SandboxComment]:
        """Go through the comments of a discussion in order."""
        parent_id = self.discussions[discussion_id].parent_id
        for comment_id in self.comments_on.get(parent_id, []):
            if self.comments[comment_id].discussion_id == discussion_id:
                yield self.comments[comment_id]

    def open_comments(self, parent_id: str) -> list[SandboxComment]:
        """List the comments of a page or block whose discussions are not resolved."""
        found = (self.comments[comment_id] for comment_id in self.comments_on.get(parent_id, []))
        return [c for c in found if not self.discussions[c.discussion_id].resolved]

    def page_of(self, object_id: str) -> str:
        """Give the page that a block stands on; a page gives itself."""
        block = self.blocks.get(object_id)
        return block.page_id if block and object_id not in self.pages else object_id

    def above(self, object_id: str) -> Iterator[str]:
        """Go up from an object: itself, then what holds it, up to the workspace."""
        current: str | None = object_id
        while current:
            yield current
            current = self._holder(current)

    def _holder(self, object_id: str) -> str | None:
        if page := self.pages.get(object_id):
            return page.parent.id or None
        if block := self.blocks.get(object_id):
            return block.parent_id
        if source := self.sources.get(object_id):
            return source.database_id
        if database := self.databases.get(object_id):
            return database.parent.id or None
        return None

    def is_shared(self, object_id: str, bot: Bot) -> bool:
        """Tell whether a bot sees an object: the nearest decision above it holds."""
        for holder in self.above(object_id):
            for who in (bot.id, EVERY_BOT):
                if (who, holder) in self.sharing:
                    return self.sharing[who, holder]
        return True

    def in_trash(self, object_id: str) -> bool:
        """Tell whether an object or anything that holds it is in the trash."""
        tables = (self.pages, self.blocks, self.sources, self.databases)
        found = (table.get(holder) for holder in self.above(object_id) for table in tables)
        return any(thing is not None and thing.in_trash for thing in found)

    def title_of(self, object_id: str) -> str:
        """Tell the title of a page, database or data source; empty where there is none."""
        if page := self.pages.get(object_id):
            return page.name
        named = self.databases.get(object_id) or self.sources.get(object_id)
        return named.title if named else ""


Columns = Mapping[str, str | Iterable[str] | SandboxDatabase | SandboxSource]


def parent_at(state: State, object_id: str | None) -> Parent:
    """Tell what an object holds: a data source or database its rows, a page its child pages."""
    if object_id is None:
        return Parent("workspace")
    if held := state.databases.get(object_id):
        return Parent("data_source_id", held.source_id)
    return Parent("data_source_id" if object_id in state.sources else "page_id", object_id)


def make_database(state: State, title: str, parent: Parent, by: str) -> SandboxDatabase:
    """Make a database that has no data source yet."""
    now = state.now()
    return state.add_database(SandboxDatabase(state.ids(), title, parent, (), now, now), by)


def make_source(
    state: State, database_id: str, title: str, columns: Columns, by: str
) -> SandboxSource:
    """Put a data source into a database."""
    now = state.now()
    made = SandboxSource(state.ids(), database_id, title, {}, now, now, by)
    name = next((name for name, kind in columns.items() if kind == "title"), "Name")
    others = {key: _column(state, made, key, kind) for key, kind in columns.items() if key != name}
    made = replace(made, properties={name: Property("title", name, "title"), **others})
    state.sources[made.id] = made
    held = state.databases[database_id]
    state.databases[database_id] = replace(held, sources=(*held.sources, made.id))
    return made


def _column(
    state: State,
    own: SandboxSource,
    name: str,
    kind: str | Iterable[str] | SandboxDatabase | SandboxSource,
) -> Property:
    new_id = state.ids.property()
    if kind == "relation":
        kind = own
    if isinstance(kind, SandboxDatabase):
        kind = state.sources[kind.source_id]
    if isinstance(kind, SandboxSource):
        target = {"database_id": kind.database_id, "data_source_id": kind.id}
        config = target | {"type": "single_property", "single_property": {}}
        return Property(new_id, name, "relation", config=config)
    if isinstance(kind, str):
        return Property(new_id, name, kind)
    return Property(new_id, name, "status", tuple(kind))


def make_page(state: State, parent: Parent, title: Rich, stamp: Stamp) -> SandboxPage:
    """Make an empty page."""
    times = (stamp.created, stamp.edited, stamp.by, stamp.by)
    made = state.add_page(SandboxPage(state.ids(), parent, title, {}, *times))
    state.told(Happening("page.created", made.id, stamp.by, made.id))
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


def grow(
    state: State, parent_id: str, built: Iterable[Json], by: str, after: str | None = None
) -> list[SandboxBlock]:
    """Put built blocks and all below them under a parent, now.

    Args:
        state: The world.
        parent_id: A page or a block.
        built: Blocks as `blocks` builds them.
        by: The id of who makes them.
        after: The sibling they follow; None for the end, "" for the start.
    """
    now = state.now()
    return plant(state, parent_id, built, Stamp(by, now, now), after)


def plant(
    state: State, parent_id: str, built: Iterable[Json], stamp: Stamp, after: str | None = None
) -> list[SandboxBlock]:
    """Put built blocks under a parent as of a time."""
    made: list[SandboxBlock] = []
    held = state.blocks.get(parent_id)
    page_id = parent_id if parent_id in state.pages or held is None else held.page_id
    times = (stamp.created, stamp.edited, stamp.by, stamp.by)
    for one in built:
        kind = one["type"]
        block = SandboxBlock(state.ids(), kind, dict(one[kind]), parent_id, page_id, *times)
        state.add_block(block, after)
        after = None if after is None else block.id
        plant(state, block.id, one.get("children", ()), stamp)
        made.append(block)
    return made
