"""The demo in a browser: the embedded Notion's documents and the console side by side.

Write as a person on the left, press sweep, see the answer there and how it came about on the right.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

import click
from markupsafe import Markup
from sqlite_utils import Database
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from daemon.cli import demo
from daemon import loopback
from daemon.service import runner as run
from daemon.config import Settings
from daemon.console import markup as prose, serving, views
from daemon.console.access import Door, Refused
from daemon.console.app import Act, Show, application
from daemon.console.context import Desk
from daemon.notion import to_markdown as inline, canonical as text
from daemon.notion.blocks import FLAT
from daemon.sandbox import Sandbox, objects
from daemon.sandbox.control import page_of
from daemon.sandbox.model import Block, Page
from daemon.sandbox.view import View
from daemon.store.texts import Line


@dataclass(frozen=True, slots=True)
class Said:
    """A comment as its readers see it."""

    author: str
    own: bool
    html: Markup


@dataclass(frozen=True, slots=True)
class Talk:
    """A discussion; `id` is what one answers to."""

    id: str
    words: tuple[Said, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """One block with its discussions; `plain` is what an edit begins with, "" for no edit."""

    id: str
    kind: str
    element: str
    lead: str
    depth: int
    html: Markup
    plain: str
    talks: tuple[Talk, ...]


# Who presses sweep has ended the edit.
AT_ONCE = "settle: 0s\n"
_EDITED = ("paragraph", "bulleted_list_item", "numbered_list_item", "to_do", "quote")


def serve(env: Mapping[str, str], port: int, report: Callable[[Exception], None]) -> None:
    """Serve the demo until Ctrl-C; it leaves nothing behind.

    Raises:
        PortTaken: The port cannot be had.
    """
    box = Sandbox.with_documents()
    with TemporaryDirectory() as folder, box.serve() as url:
        settings = demo.settings_for(Path(folder), box, url, env, AT_ONCE)
        listening = serving.listen(port)
        door = Door(loopback.port_of(listening), framed=True, home="/demo")
        stage = Stage(box, settings)
        desk = Desk(settings.config, door, report, stage.deliver)
        server = serving.Server(
            lambda is_ending: application(desk, is_ending, stage.pages, stage.acts)
        )
        click.echo(f"{demo.reviewer(settings, box)}")
        click.echo(f"Open {door.address()}")
        click.echo("This address works once; Ctrl-C ends the demo, which keeps nothing.")
        serving.serve(server, listening)


class Stage:
    """The embedded Notion as pages of the console's application."""

    def __init__(self, box: Sandbox, settings: Settings) -> None:
        self._box = box
        self._settings = settings
        self._view = View(box.world.state, box.bot)
        self.pages: Mapping[str, Show] = {
            "/demo": lambda _, __, request: views.page(request, "demo.html"),
            "/demo/notion": self._listed,
            "/demo/notion/{page_id}": self._document,
        }
        self.acts: Mapping[str, Act] = {
            "/demo/comment": self._comment,
            "/demo/edit": self._edit,
            "/demo/sweep": self._sweep,
        }

    def _listed(self, _: Desk, __: Database | None, request: Request) -> Response:
        return views.page(request, "demo_list.html", pages=self._rows())

    def _rows(self) -> list[Page]:
        found = self._box.world.state.pages.values()
        return [one for one in found if one.parent.kind == "data_source_id" and not one.in_trash]

    def _document(self, _: Desk, __: Database | None, request: Request) -> Response:
        with self._box.world.state.lock:
            page = next((p for p in self._rows() if p.id == request.path_params["page_id"]), None)
            if page is None:
                raise Refused(404, "There is no such document.")
            talks = self._talks(page)
            people = [(one.id, one.name) for one in self._box.world.state.people.values()]
            blocks = list(self._blocks(page.id, 0, talks))
        return views.page(
            request,
            "demo_document.html",
            page=page,
            blocks=blocks,
            on_page=talks.get(page.id, []),
            people=people,
            by=request.query_params.get("by", people[0][0]),
        )

    def _talks(self, page: Page) -> Mapping[str, list[Talk]]:
        """Return the open discussions by what they stand on."""
        state = self._box.world.state
        found: dict[tuple[str, str], list[Said]] = {}
        for one in self._box.world.comments():
            if page_of(self._box.world, one.parent_id) != page.id:
                continue
            if not state.discussions[one.discussion_id].resolved:
                found.setdefault((one.parent_id, one.discussion_id), []).append(self._said(one))
        by_place: dict[str, list[Talk]] = {}
        for (place, discussion), words in found.items():
            by_place.setdefault(place, []).append(Talk(discussion, tuple(words)))
        return by_place

    def _said(self, one: Any) -> Said:
        shown = objects.comment(self._view, one)
        name = shown["display_name"]["resolved_name"] or "Someone"
        words = prose.comment(inline.markdown(shown["rich_text"]))
        return Said(name, one.author_id == self._box.bot.id, words)

    def _blocks(self, holder: str, depth: int, talks: Mapping[str, list[Talk]]) -> Iterator[Shown]:
        for number, one in enumerate(self._box.world.blocks(holder), 1):
            yield self._shown(one, depth, number, tuple(talks.get(one.id, ())))
            if one.type not in ("child_page", "child_database"):
                yield from self._blocks(one.id, depth + (one.type not in FLAT), talks)

    def _shown(self, one: Block, depth: int, number: int, talks: tuple[Talk, ...]) -> Shown:
        read = text.block(objects.block(self._view, one), depth, number)
        line = Line(one.id, one.type, depth, read.line)
        plain = read.plain if one.type in _EDITED else ""
        html, lead = prose.line(line), prose.lead(line)
        return Shown(one.id, one.type, prose.element(one.type), lead, depth, html, plain, talks)

    def _comment(self, _: Desk, __: Request, given: Mapping[str, str]) -> Response:
        if words := given.get("text", "").strip():
            with _known():
                self._box.world.comment(given["target"], words, by=given["by"])
        return _back(given)

    def _edit(self, _: Desk, __: Request, given: Mapping[str, str]) -> Response:
        with _known():
            self._box.world.edit_block(given["target"], given.get("text", ""), by=given["by"])
        return _back(given)

    def deliver(self, page_id: str) -> None:
        """Post what waits of a page."""
        run.deliver(self._settings, lambda *_, **__: None, page_id, to_end=asyncio.run)

    def _sweep(self, _: Desk, __: Request, given: Mapping[str, str]) -> Response:
        run.once(self._settings, lambda *_, **__: None, to_end=asyncio.run)
        return _back(given)


@contextmanager
def _known() -> Iterator[None]:
    """Refuse a form that names what is not there."""
    try:
        yield
    except LookupError as error:
        raise Refused(404, "There is no such thing to write on.") from error


def _back(given: Mapping[str, str]) -> Response:
    """Lead back to the document that the form stood in."""
    page, by, anchor = (given.get(name, "") for name in ("page", "by", "anchor"))
    if not page:
        return RedirectResponse("/demo/notion", 303)
    return RedirectResponse(f"/demo/notion/{quote(page)}?by={quote(by)}#{quote(anchor)}", 303)
