"""One request on its way to its endpoint, and the checks that all endpoints share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from daemon.sandbox.ids import dashed
from daemon.sandbox.model import Block, Bot, Database, Json, Page, Source
from daemon.sandbox.refusal import Refusal, failed, missing, restricted
from daemon.sandbox.state import State
from daemon.sandbox.view import OLD, View


@dataclass(frozen=True, slots=True)
class Call:
    """A request that has passed the gate. `body` is None where there was none."""

    view: View
    path: Mapping[str, str]
    query: Mapping[str, Sequence[str]]
    body: Any = None

    @property
    def state(self) -> State:
        """The world."""
        return self.view.state

    @property
    def bot(self) -> Bot:
        """Who asks."""
        return self.view.bot

    @property
    def is_old(self) -> bool:
        """Whether the request speaks the older version."""
        return self.view.version == OLD

    def id(self, name: str) -> str:
        """Read an id out of the path."""
        return valid_id(self.path[name], f"path.{name}")

    def param(self, name: str) -> str | None:
        """Read a parameter of the query string."""
        found = self.query.get(name)
        return found[0] if found else None

    def fields(self, *allowed: str) -> Json:
        """Read the body as an object that holds nothing but `allowed`.

        Raises:
            Refusal: 400.
        """
        if not isinstance(self.body, dict):
            raise failed("body", "should be an object", self.body)
        for name, value in self.body.items():
            if name not in allowed:
                raise failed(f"body.{name}", "should be not present", value)
        return self.body

    def missing(self, kind: str, object_id: str) -> Refusal:
        """Refuse an object in the words for what is gone or not shared."""
        return missing(kind, object_id, self.bot.id, self.bot.name)

    def sees(self, object_id: str) -> bool:
        """Tell whether the bot sees an object."""
        return self.state.is_shared(object_id, self.bot)


def valid_id(value: Any, where: str) -> str:
    """Check an id, with or without dashes.

    Raises:
        Refusal: 400.
    """
    if value is None:
        raise failed(where, "should be defined", None)
    found = dashed(value) if isinstance(value, str) else None
    if not found:
        raise failed(where, "should be a valid uuid", value)
    return found


def need(*, allowed: bool) -> None:
    """Refuse where a capability is off.

    Raises:
        Refusal: 403.
    """
    if not allowed:
        raise restricted()


def page_at(call: Call, page_id: str) -> Page:
    """Find a page that the bot sees.

    Raises:
        Refusal: 404.
    """
    found = call.state.pages.get(page_id)
    if found is None or not call.sees(page_id):
        raise call.missing("page", page_id)
    return found


def database_at(call: Call, database_id: str) -> Database:
    """Find a database that the bot sees.

    Raises:
        Refusal: 404.
    """
    found = call.state.databases.get(database_id)
    if found is None or not call.sees(database_id):
        raise call.missing("database", database_id)
    return found


def source_at(call: Call, source_id: str) -> Source:
    """Find a data source that the bot sees; a database's id is not one.

    Raises:
        Refusal: 404.
    """
    found = call.state.sources.get(source_id)
    if found is None or not call.sees(source_id):
        raise call.missing("data_source", source_id)
    return found


def block_at(call: Call, block_id: str) -> Block:
    """Find a block that the bot sees; a page and a database are blocks too.

    Raises:
        Refusal: 404.
    """
    found = call.state.blocks.get(block_id) or _as_block(call.state, block_id)
    if found is None or not call.sees(block_id):
        raise call.missing("block", block_id)
    return found


def _as_block(state: State, object_id: str) -> Block | None:
    """See a page of a data source, or something of the workspace, as a block."""
    page = state.pages.get(object_id)
    if page:
        return Block(
            page.id,
            "child_page",
            {},
            page.parent.id,
            page.id,
            page.created,
            page.edited,
            page.created_by,
            page.edited_by,
        )
    database = state.databases.get(object_id)
    if database is None:
        return None
    by = state.sources[database.source_id].created_by
    made, edited = database.created, database.edited
    return Block(object_id, "child_database", {}, database.parent.id, "", made, edited, by, by)
