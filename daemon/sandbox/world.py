"""The world as people see it: they write pages and comments, edit, resolve, share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from daemon.sandbox import comments
from daemon.sandbox.faults import ApiRefusal, restricted
from daemon.sandbox.model import (
    Bot,
    Discussion,
    Group,
    Happening,
    Json,
    Person,
    Rich,
    SandboxBlock,
    SandboxComment,
    SandboxDatabase,
    SandboxPage,
    SandboxSource,
    Stamp,
    Thing,
    ident,
)
from daemon.sandbox.rich import as_rich
from daemon.sandbox.state import (
    EVERY_BOT,
    Columns,
    Doing,
    Quirks,
    State,
    grow,
    make_database,
    make_page,
    make_source,
    parent_at,
    plant,
    put_value,
)


STATUS = ("Draft", "In review", "Ready", "Accepted", "Rejected")
COLUMNS: Columns = {"Status": STATUS, "Owner": "people"}


class World:
    """Everything in the workspace, and what people do to it.

    Objects come back as frozen values of the moment; every method takes an object or its id.
    `by` is who acts: a person or a bot; by default the first person of the workspace.
    """

    def __init__(self, state: State) -> None:
        self.state = state

    @property
    def quirks(self) -> Quirks:
        """What Notion leaves open, to be set by a test."""
        return self.state.quirks

    def person(self, name: str, email: str = "") -> Person:
        """Let a person join; the address is made from the name where none is given."""
        address = email or f"{name.lower().replace(' ', '.')}@example.com"
        made = Person(self.state.ids(), name, address)
        self.state.people[made.id] = made
        return made

    def leave(self, person: Thing) -> None:
        """Let a person leave: what they made stays, with their id alone."""
        del self.state.people[ident(person)]

    def group(self, name: str) -> Group:
        """Make a group, to stand in a property of people."""
        made = Group(self.state.ids(), name)
        self.state.groups[made.id] = made
        return made

    def bot(self, name: str, **capabilities: bool) -> Bot:
        """Make a connection; `capabilities` are fields of `model.Bot`."""
        made = Bot(self.state.ids(), name, self.state.ids.token(), **capabilities)
        self.state.bots[made.id] = made
        return made

    def _author(self, by: Thing | None) -> str:
        if by is not None:
            return ident(by)
        return next(iter(self.state.people), None) or self.person("Ana Costa").id

    def database(
        self, title: str, columns: Columns | None = None, *, parent: Thing | None = None
    ) -> SandboxDatabase:
        """Make a database with one data source of the same name.

        Args:
            title: Its title.
            columns: The type of each property; or the options of a status; or the database that
                a relation leads to ("relation" leads to its own). A property of type "title"
                renames the title. Default: Status and Owner.
            parent: A page to put it on; default: the workspace.
        """
        with self.state.lock:
            by = self._author(None)
            held = parent_at(self.state, None if parent is None else ident(parent))
            made = make_database(self.state, title, held, by)
            make_source(self.state, made.id, title, columns or COLUMNS, by)
            return self.state.databases[made.id]

    def source(self, database: Thing, title: str, columns: Columns | None = None) -> SandboxSource:
        """Put another data source into a database."""
        with self.state.lock:
            by = self._author(None)
            return make_source(self.state, ident(database), title, columns or COLUMNS, by)

    def page(
        self,
        place: Thing | None,
        title: str | Rich,
        blocks: Iterable[Json] = (),
        *,
        by: Thing | None = None,
        at: datetime | None = None,
        edited: datetime | None = None,
        properties: Mapping[str, Any] | None = None,
        **values: Any,
    ) -> SandboxPage:
        """Write a page.

        Args:
            place: A database, data source or page; None is the workspace.
            title: Its title.
            blocks: What `blocks` builds.
            by: Who writes.
            at: When; default: now.
            edited: When it was last edited; default: `at`.
            properties: Values by name; a column that the data source lacks is added.
            values: The same, for names that are no argument's.
        """
        with self.state.lock:
            first = at or self.state.now()
            stamp = Stamp(self._author(by), first, edited or first)
            held = parent_at(self.state, None if place is None else ident(place))
            made = make_page(self.state, held, as_rich(title), stamp)
            for name, value in {**(properties or {}), **values}.items():
                put_value(self.state, made.id, name, value)
            plant(self.state, made.id, blocks, stamp)
            return self.state.pages[made.id]

    def edit_property(self, page: Thing, name: str, value: Any, by: Thing | None = None) -> None:
        """Set a property from a Python value, such as a status's name or a list of people."""
        with self.state.lock:
            put_value(self.state, ident(page), name, value)
            self._touch_property(ident(page), name, by)

    def rename(self, page: Thing, title: str, by: Thing | None = None) -> None:
        """Give a page another title."""
        with self.state.lock:
            found = self.state.pages[ident(page)]
            self.state.pages[found.id] = replace(found, title=as_rich(title))
            self._touch_property(found.id, "title", by)

    def _touch_property(self, page_id: str, name: str, by: Thing | None) -> None:
        page = self.state.pages[page_id]
        source = self.state.sources.get(page.parent.id)
        known = {one.name: one.id for one in source.properties.values()} if source else {}
        self.state.touch_page(
            page_id, self._author(by), known.get(name, name), kind="page.properties_updated"
        )

    def rename_option(self, source: Thing, name: str, old: str, new: str) -> None:
        """Rename an option of a property: the pages that have it show the new name, unedited."""
        with self.state.lock:
            found = self.state.sources[ident(source)]
            prop = found.properties[name]
            options = tuple(new if one == old else one for one in prop.options)
            columns = {**found.properties, name: replace(prop, options=options)}
            self.state.sources[found.id] = replace(found, properties=columns)
            for page in list(self.state.pages.values()):
                if page.parent.id == found.id and page.values.get(name) == old:
                    values = {**page.values, name: new}
                    self.state.pages[page.id] = replace(page, values=values)

    def add_block(
        self, parent: Thing, block: Json, after: Thing | None = None, by: Thing | None = None
    ) -> SandboxBlock:
        """Write a block under a page or block: last, or after a sibling ("" is the start)."""
        with self.state.lock:
            follows = None if after is None else ident(after)
            who = self._author(by)
            made = grow(self.state, ident(parent), [block], who, follows)[0]
            self.state.touch_page(made.page_id, who, made.id)
            return made

    def edit_block(
        self, block: Thing, text: str | Rich | None = None, by: Thing | None = None, **content: Any
    ) -> SandboxBlock:
        """Write a block anew: its text, or fields of its content such as `checked=True`."""
        with self.state.lock:
            found = self.state.blocks[ident(block)]
            told = content if text is None else {"rich_text": as_rich(text), **content}
            changed = replace(found, content=found.content | told)
            return self.state.touch(changed, self._author(by))

    def delete_block(self, block: Thing, by: Thing | None = None) -> None:
        """Put a block into the trash."""
        with self.state.lock:
            found = replace(self.state.blocks[ident(block)], in_trash=True)
            self.state.touch(found, self._author(by))

    def move_block(
        self,
        block: Thing,
        *,
        after: Thing | None = None,
        to: Thing | None = None,
        by: Thing | None = None,
    ) -> None:
        """Move a block: after another, to the start of its holder (""), or to the end of `to`."""
        with self.state.lock:
            found, who = self.state.blocks[ident(block)], self._author(by)
            beside = self.state.blocks[ident(after)] if after else found
            holder = beside.parent_id if to is None else ident(to)
            siblings = [one for one in self.state.children.get(holder, []) if one != found.id]
            place = len(siblings)
            if after is not None:
                place = siblings.index(beside.id) + 1 if after else 0
            self.state.detach(found)
            self.state.children.setdefault(holder, []).insert(place, found.id)
            self.state.touch_page(found.page_id, who)
            target = self.state.blocks.get(holder)
            self.state.put_below(found, holder, target.page_id if target else holder)
            self.state.touch(self.state.blocks[found.id], who)

    def move_page(self, page: Thing, to: Thing | None) -> None:
        """Move a page to another database, data source or page, or to the workspace (None).

        Its time of last edit stays: what moves it, Notion does not say.
        """
        with self.state.lock:
            held = parent_at(self.state, None if to is None else ident(to))
            self.state.rehang(self.state.pages[ident(page)], held)
            self._tell("page.moved", ident(page))

    def move_source(self, source: Thing, to: Thing) -> None:
        """Move a data source, with its rows, to another database."""
        with self.state.lock:
            moved = replace(self.state.sources[ident(source)], database_id=ident(to))
            former = self.state.sources[moved.id].database_id
            self.state.sources[moved.id] = moved
            for held in (self.state.databases[former], self.state.databases[moved.database_id]):
                others = tuple(one for one in held.sources if one != moved.id)
                listed = (*others, moved.id) if held.id == moved.database_id else others
                self.state.databases[held.id] = replace(held, sources=listed)

    def rewrite(self, page: Thing, blocks: Iterable[Json], by: Thing | None = None) -> None:
        """Replace all blocks of a page, such as the prompt page's."""
        with self.state.lock:
            who = self._author(by)
            for child in list(self.state.children.get(ident(page), ())):
                self.delete_block(child, who)
            grow(self.state, ident(page), blocks, who)
            self.state.touch_page(ident(page), who)

    def blocks(self, holder: Thing) -> list[SandboxBlock]:
        """List the blocks right under a page or block, without those in the trash."""
        below = self.state.children.get(ident(holder), ())
        return [self.state.blocks[one] for one in below if not self.state.blocks[one].in_trash]

    def trash(self, thing: Thing) -> None:
        """Put a page or database into the trash."""
        self._set_trash(ident(thing), in_trash=True)

    def restore(self, thing: Thing) -> None:
        """Take a page or database out of the trash."""
        self._set_trash(ident(thing), in_trash=False)

    def archive(self, page: Thing, *, archived: bool = True) -> None:
        """Archive a page, or take it out of the archive: no query returns it meanwhile."""
        with self.state.lock:
            found = self.state.pages[ident(page)]
            self.state.pages[found.id] = replace(found, is_archived=archived)

    def _set_trash(self, object_id: str, *, in_trash: bool) -> None:
        with self.state.lock:
            if page := self.state.pages.get(object_id):
                self.state.pages[object_id] = replace(page, in_trash=in_trash)
                self._tell("page.deleted" if in_trash else "page.undeleted", object_id)
            else:
                found = self.state.databases[object_id]
                self.state.databases[object_id] = replace(found, in_trash=in_trash)

    def _tell(self, kind: str, page_id: str) -> None:
        self.state.told(Happening(kind, page_id, self._author(None), page_id))

    def share(self, thing: Thing, bot: Thing | None = None) -> None:
        """Let a bot, or every bot, see an object and what it holds."""
        self.state.sharing[ident(bot) if bot else EVERY_BOT, ident(thing)] = True

    def unshare(self, thing: Thing, bot: Thing | None = None) -> None:
        """Hide an object and what it holds from a bot, or from every bot."""
        self.state.sharing[ident(bot) if bot else EVERY_BOT, ident(thing)] = False

    def refuse(self, thing: Thing, *doings: Doing, refusal: ApiRefusal | None = None) -> None:
        """Have Notion refuse something of one object for ever; by default as 403.

        What is refused of a page's comments and blocks is refused of each of its blocks.
        """
        for doing in doings:
            self.state.refusals[ident(thing), doing] = refusal or restricted()

    def allow(self, thing: Thing) -> None:
        """Have Notion allow again all that it refused of an object."""
        for key in [key for key in self.state.refusals if key[0] == ident(thing)]:
            del self.state.refusals[key]

    def delete_source(self, source: Thing) -> None:
        """Delete a data source: its database lists it no more, and its rows are gone with it."""
        with self.state.lock:
            gone = replace(self.state.sources[ident(source)], in_trash=True)
            self.state.sources[gone.id] = gone
            held = self.state.databases[gone.database_id]
            left = tuple(one for one in held.sources if one != gone.id)
            self.state.databases[held.id] = replace(held, sources=left)

    def comment(
        self,
        target: Thing,
        text: str | Rich,
        *,
        by: Thing | None = None,
        at: datetime | None = None,
        files: Iterable[tuple[str, str]] = (),
    ) -> SandboxComment:
        """Say something on a page, on a block (a new thread), or in a discussion.

        Args:
            target: A page, a block, a discussion's id, or a comment to answer.
            text: Inline Markdown or rich text.
            by: Who says it.
            at: When; default: now.
            files: Attachments as (category, name); the category such as "image".
        """
        with self.state.lock:
            who = self._author(by)
            shown = ("user" if who in self.state.people else "integration", "")
            discussion = self._discussion(ident(target))
            made = comments.post(self.state, discussion, as_rich(text), who, shown)
            time = at or made.created
            made = replace(made, created=time, edited=time, attachments=tuple(files))
            self.state.comments[made.id] = made
            return made

    def _discussion(self, target: str) -> Discussion:
        if found := self.state.comments.get(target):
            return self.state.discussions[found.discussion_id]
        if target in self.state.discussions:
            return self.state.discussions[target]
        if target in self.state.pages:
            return comments.page_discussion(self.state, target)
        return Discussion(self.state.ids(), self.state.blocks[target].id)

    def edit_comment(self, comment: Thing, text: str | Rich) -> SandboxComment:
        """Write a comment anew."""
        with self.state.lock:
            found = self.state.comments[ident(comment)]
            changed = replace(found, rich_text=as_rich(text), edited=self.state.now())
            return self.state.change_comment(changed)

    def delete_comment(self, comment: Thing) -> None:
        """Take a comment away."""
        with self.state.lock:
            self.state.drop_comment(self.state.comments[ident(comment)])

    def resolve(self, thread: Thing) -> None:
        """Close a thread, given by a comment or a discussion: it leaves every list."""
        self._set_resolved(ident(thread), resolved=True)

    def reopen(self, thread: Thing) -> None:
        """Open a closed thread again."""
        self._set_resolved(ident(thread), resolved=False)

    def _set_resolved(self, thread: str, *, resolved: bool) -> None:
        with self.state.lock:
            found = self._discussion(thread)
            self.state.discussions[found.id] = replace(found, resolved=resolved)

    def comments(self, target: Thing | None = None) -> list[SandboxComment]:
        """List comments in order of posting, resolved threads included: all, or of one object."""
        found = list(self.state.comments.values())
        return [c for c in found if target is None or c.parent_id == ident(target)]
