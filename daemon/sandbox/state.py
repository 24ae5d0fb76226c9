"""The tables of the world and the steps that every change is made of; decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from threading import RLock
from typing import Any

from daemon.sandbox.ids import Ids
from daemon.sandbox.model import (
    Block,
    Bot,
    Comment,
    Database,
    Discussion,
    Group,
    Page,
    Parent,
    Person,
    Source,
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
    """

    query_cap: int = 10_000
    floored_filters: bool = True
    moving_cursors: bool = False
    references: int = 25
    page_size: int = 100
    partial: set[str] = field(default_factory=set)


class State:
    """All tables. `lock` is held by whoever reads or changes more than one row."""

    def __init__(self, clock: Callable[[], datetime], seed: int) -> None:
        self.now = clock
        self.ids = Ids(seed)
        # Their own sequence: what is asked must not change what is made.
        self.serials = Ids(seed + 1)
        self.cursors: dict[str, tuple[str, Any]] = {}
        self.quirks = Quirks()
        self.lock = RLock()
        self.workspace_id = self.ids()
        self.workspace_name = "Sandbox"
        self.people: dict[str, Person] = {}
        self.bots: dict[str, Bot] = {}
        self.groups: dict[str, Group] = {}
        self.databases: dict[str, Database] = {}
        self.sources: dict[str, Source] = {}
        self.pages: dict[str, Page] = {}
        self.blocks: dict[str, Block] = {}
        self.discussions: dict[str, Discussion] = {}
        self.comments: dict[str, Comment] = {}
        self.rows: dict[str, list[str]] = {}
        self.children: dict[str, list[str]] = {}
        self.comments_on: dict[str, list[str]] = {}
        self.sharing: dict[tuple[str, str], bool] = {}
        self.reads = 0

    def add_block(self, block: Block, after: str | None = None) -> Block:
        """Put a block under its parent: last, or right after the sibling `after`."""
        self.blocks[block.id] = block
        siblings = self.children.setdefault(block.parent_id, [])
        siblings.insert(siblings.index(after) + 1 if after else len(siblings), block.id)
        return block

    def detach(self, block: Block) -> None:
        """Take a block out of its parent's list."""
        self.children[block.parent_id].remove(block.id)

    def add_page(self, page: Page) -> Page:
        """Put a page into its data source, or under its parent page as a child page."""
        self.pages[page.id] = page
        if page.parent.kind == "data_source_id":
            self.rows.setdefault(page.parent.id, []).append(page.id)
        elif page.parent.kind == "page_id":
            self._hang(page.id, "child_page", page.parent.id, page.created_by)
        return page

    def add_database(self, database: Database, by: str) -> Database:
        """Put a database into the workspace, or under its parent page."""
        self.databases[database.id] = database
        if database.parent.kind == "page_id":
            self._hang(database.id, "child_database", database.parent.id, by)
        return database

    def _hang(self, object_id: str, kind: str, page_id: str, by: str) -> None:
        now = self.now()
        self.add_block(Block(object_id, kind, {}, page_id, page_id, now, now, by, by))

    def touch_page(self, page_id: str, by: str) -> None:
        """Move a page's time of last edit to now."""
        page = self.pages[page_id]
        self.pages[page_id] = replace(page, edited=self.now(), edited_by=by)

    def touch(self, block: Block, by: str) -> Block:
        """Move a block's time of last edit, and its page's, to now."""
        block = replace(block, edited=self.now(), edited_by=by)
        self.blocks[block.id] = block
        self.touch_page(block.page_id, by)
        return block

    def add_comment(self, comment: Comment) -> Comment:
        """Put a comment at the end of its parent's list. Bumps no time of last edit."""
        self.comments[comment.id] = comment
        self.comments_on.setdefault(comment.parent_id, []).append(comment.id)
        return comment

    def drop_comment(self, comment: Comment) -> None:
        """Take a comment away; the last one takes its discussion along."""
        del self.comments[comment.id]
        self.comments_on[comment.parent_id].remove(comment.id)
        if not any(self.thread(comment.discussion_id)):
            del self.discussions[comment.discussion_id]

    def thread(self, discussion_id: str) -> Iterator[Comment]:
        """Go through the comments of a discussion in order."""
        parent_id = self.discussions[discussion_id].parent_id
        for comment_id in self.comments_on.get(parent_id, []):
            if self.comments[comment_id].discussion_id == discussion_id:
                yield self.comments[comment_id]

    def open_comments(self, parent_id: str) -> list[Comment]:
        """List the comments of a page or block whose discussions are not resolved."""
        found = (self.comments[comment_id] for comment_id in self.comments_on.get(parent_id, []))
        return [c for c in found if not self.discussions[c.discussion_id].resolved]

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

    def parent_kind(self, parent: Parent) -> Parent:
        """Name a parent as answers do: a page, a block, a data source or the workspace."""
        if parent.kind == "id":
            return Parent("page_id" if parent.id in self.pages else "block_id", parent.id)
        return parent
