"""The demo, in a terminal or a browser: an embedded Notion, and sweeps over its documents."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click
from markupsafe import Markup
from rich.console import Console
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from daemon import loopback
from daemon.cli.options import PORT, program, temporary_folder
from daemon.cli.terminal import Document, Said, draw, on_terminal
from daemon.config import Settings, load
from daemon.console import app, views
from daemon.console.access import Door, RequestRefused
from daemon.console.app import Act, Show, application
from daemon.console.views import ConsoleContext
from daemon.domain.notation import counted
from daemon.domain.providers import PROVIDERS
from daemon.domain.values import Author, AuthorKind
from daemon.notion import blocks, properties, reading, to_markdown
from daemon.notion.gateway import Gateway
from daemon.sandbox import Sandbox, objects
from daemon.sandbox.model import SandboxPage
from daemon.sandbox.objects import View
from daemon.service import runner
from daemon.service.system import until_signal
from daemon.store.database import State
from daemon.store.reviews import ReviewedLine
from daemon.sweep.sweep import Result, exit_code


_CONFIG = """\
databases:
  - id: {database}
    name: RFCs
    prompt: {prompt}
    properties: [Status, Owner]
models: [{models}]
state: notion-review.db
"""
_MODELS = {provider.key_variable: provider.default_model for provider in PROVIDERS.values()}


def demo(env: Mapping[str, str], *, whole: bool = False) -> int:
    """Run the demo and return its exit code; it leaves nothing behind.

    With `whole` every block of the documents is shown.
    """
    console = Console()
    box = Sandbox.with_documents()
    with temporary_folder() as folder, box.serve() as url:
        settings = settings_for(folder, box, url, env)
        console.print("An embedded Notion with four documents runs until the demo ends.")
        console.print(f"{reviewer(settings, box)}\n")
        first, code = _sweep(settings, console, "First sweep")
        documents = until_signal(_documents(settings, box))
        for one in documents:
            draw(console, one, whole=whole)
        console.print()
        code = max(code, _sweep(settings, console, "Second sweep, nothing was edited since")[1])
        console.print(_ending(first, documents, whole=whole))
        return code


def _ending(first: Result, documents: Sequence[Document], *, whole: bool) -> str:
    """Return what came of it, and what to do next."""
    posted = [
        counted(first.comments_posted, "comment"),
        counted(first.replies_posted, "reply"),
        counted(first.summaries_posted, "summary"),
    ]
    more = [] if whole else [("The documents whole", "demo --all")]
    more += [
        ("In a browser, with the console", f"demo --serve  (http://127.0.0.1:{PORT})"),
        ("Your own Notion", "init"),
    ]
    return "\n".join(
        [
            f"{counted(len(documents), 'document')}: {', '.join(posted)}.",
            "",
            *(f"{what}:\n    {program()} {words}" for what, words in more),
        ]
    )


def _database(box: Sandbox) -> str:
    return next(iter(box.world.state.databases))


def reviewer(settings: Settings, box: Sandbox) -> str:
    """Return a sentence that names the reviewer."""
    model = settings.chains[_database(box)][0]
    if model == "offline":
        return "Rules review it; with ANTHROPIC_API_KEY or OPENAI_API_KEY set, a model does."
    return f"The reviewer is {model}."


def settings_for(
    folder: Path, box: Sandbox, url: str, env: Mapping[str, str], more: str = ""
) -> Settings:
    """Write a config.yaml for an embedded Notion at `url`, with `more` lines, and read it."""
    models = [model for key, model in _MODELS.items() if env.get(key) or env.get(f"{key}_FILE")]
    words = _CONFIG.format(
        database=_database(box), prompt=box.prompt.id, models=", ".join(models or ["offline"])
    )
    path = folder / "config.yaml"
    path.write_text(words + more, "utf-8")
    return load(path, {**env, "NOTION_TOKEN": box.token, "NOTION_BASE_URL": url})


def _sweep(settings: Settings, console: Console, title: str) -> tuple[Result, int]:
    console.print(f"[bold]{title}[/]")
    with on_terminal(console) as emit:
        result, errors = runner.once(settings, emit)
    for error in errors:
        console.print(f"[red]{error}[/]")
    console.print()
    return result, exit_code(result, errors)


async def _documents(settings: Settings, box: Sandbox) -> list[Document]:
    """Read the documents, those with most comments first."""
    url = settings.addresses.notion or ""
    async with Gateway(box.token, base_url=url, requests_per_minute=600) as notion:
        found = [
            await document(notion, raw["id"])
            async for page in notion.query(next(iter(box.world.state.sources)))
            for raw in page.rows
        ]
    return sorted(found, key=lambda one: -len(one.threads))


@dataclass(frozen=True, slots=True)
class DemoComment:
    """A comment as its readers see it."""

    author: str
    own: bool
    html: Markup


@dataclass(frozen=True, slots=True)
class DemoThread:
    """A discussion; a reply is sent to its `id`."""

    id: str
    words: tuple[DemoComment, ...]


@dataclass(frozen=True, slots=True)
class DemoBlock:
    """One block with its discussions; `plain` is what an edit begins with, "" for no edit."""

    id: str
    kind: str
    element: str
    lead: str
    depth: int
    html: Markup
    plain: str
    talks: tuple[DemoThread, ...]


# The person ends an edit and then presses Sweep: there is nothing to wait for.
AT_ONCE = "settle: 0s\n"
# By the embedded Notion's clock: less is no time for a look at every block again.
BETWEEN_SWEEPS = timedelta(minutes=1)
_EDITED = ("paragraph", "bulleted_list_item", "numbered_list_item", "to_do", "quote")


def serve(env: Mapping[str, str], port: int, report: Callable[[Exception], None]) -> None:
    """Serve the demo until Ctrl-C; it leaves nothing behind.

    Raises:
        PortTaken: The port cannot be had.
    """
    box = Sandbox.with_documents()
    with temporary_folder() as folder, box.serve() as url:
        settings = settings_for(folder, box, url, env, AT_ONCE)
        listening = app.listen(port)
        door = Door(loopback.port_of(listening), framed=True, home="/demo")
        demo_pages = DemoPages(box, settings)
        context = ConsoleContext(settings.config, door, report, demo_pages.deliver)
        server = app.Server(
            lambda is_ending: application(context, is_ending, demo_pages.pages, demo_pages.acts)
        )
        click.echo(f"{reviewer(settings, box)}")
        click.echo(f"Open {door.address()}")
        click.echo("This address works once; Ctrl-C ends the demo, which keeps nothing.")
        app.serve(server, listening)


class DemoPages:
    """The embedded Notion as pages of the console's application."""

    def __init__(self, box: Sandbox, settings: Settings) -> None:
        self._box = box
        self._settings = settings
        self._view = View(box.world.state, box.bot)
        self.pages: Mapping[str, Show] = {
            "/demo": lambda _, __, request: views.page(request, "demo.html"),
            "/demo/notion": lambda _, __, request: views.page(
                request, "demo_list.html", pages=self._rows()
            ),
            "/demo/notion/{page_id}": self._document,
        }
        self.acts: Mapping[str, Act] = {
            f"/demo/{name}": self._act for name in ("comment", "edit", "sweep")
        }

    def _rows(self) -> list[SandboxPage]:
        found = self._box.world.state.pages.values()
        return [one for one in found if one.parent.kind == "data_source_id" and not one.in_trash]

    def _document(self, _: ConsoleContext, __: State | None, request: Request) -> Response:
        with self._box.world.state.lock:
            page = next((p for p in self._rows() if p.id == request.path_params["page_id"]), None)
            if page is None:
                raise RequestRefused(404, "There is no such document.")
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

    def _talks(self, page: SandboxPage) -> Mapping[str, list[DemoThread]]:
        """Return the open discussions by what they stand on."""
        world = self._box.world
        found: dict[tuple[str, str], list[DemoComment]] = {}
        for one in world.comments():
            if world.state.page_of(one.parent_id) != page.id:
                continue
            if world.state.discussions[one.discussion_id].resolved:
                continue
            shown = objects.comment(self._view, one)
            name = shown["display_name"]["resolved_name"] or "Someone"
            words = views.comment(to_markdown.markdown(shown["rich_text"]))
            comment = DemoComment(name, one.author_id == self._box.bot.id, words)
            found.setdefault((one.parent_id, one.discussion_id), []).append(comment)
        by_place: dict[str, list[DemoThread]] = {}
        for (place, discussion), comments in found.items():
            by_place.setdefault(place, []).append(DemoThread(discussion, tuple(comments)))
        return by_place

    def _blocks(
        self, holder: str, depth: int, talks: Mapping[str, list[DemoThread]]
    ) -> Iterator[DemoBlock]:
        for number, one in enumerate(self._box.world.blocks(holder), 1):
            read = blocks.read_block(objects.block(self._view, one), depth, number)
            line = ReviewedLine(one.id, one.type, depth, read.line)
            plain = read.plain if one.type in _EDITED else ""
            html, lead = views.line(line), views.lead(line)
            yield DemoBlock(
                one.id,
                one.type,
                views.element(one.type),
                lead,
                depth,
                html,
                plain,
                tuple(talks.get(one.id, ())),
            )
            if one.type not in ("child_page", "child_database"):
                yield from self._blocks(one.id, depth + (not blocks.is_flat(one.type)), talks)

    def _act(self, _: ConsoleContext, request: Request, given: Mapping[str, str]) -> Response:
        """Comment or edit as a person, or sweep; then show the document of the form again."""
        act, words = request.url.path, given.get("text", "")
        if act == "/demo/sweep":
            self._box.clock.advance(BETWEEN_SWEEPS)
            runner.once(self._settings, lambda *_, **__: None, to_end=asyncio.run)
        try:
            if act == "/demo/edit":
                self._box.world.edit_block(given["target"], words, by=given["by"])
            elif act == "/demo/comment" and words.strip():
                self._box.world.comment(given["target"], words.strip(), by=given["by"])
        except LookupError as error:
            raise RequestRefused(404, "It does not exist any more; load the page again.") from error
        page, by, anchor = (quote(given.get(name, "")) for name in ("page", "by", "anchor"))
        address = f"/demo/notion/{page}?by={by}#{anchor}" if page else "/demo/notion"
        return RedirectResponse(address, 303)

    def deliver(self, page_id: str) -> None:
        """Post what waits of a page."""
        runner.deliver(self._settings, lambda *_, **__: None, page_id, to_end=asyncio.run)


async def document(notion: Gateway, page_id: str) -> Document:
    """Read a page as its readers see it."""
    page = properties.read_page(await notion.page(page_id), "", ["Status", "Owner"])
    found = await reading.blocks(notion, page_id)
    places = [block.id for block in found if block.may_hold_comments]
    listed, _ = await reading.threads(notion, page_id, places, _author)
    threads: dict[str, list[list[Said]]] = {}
    for thread in listed:
        words = [
            Said(one.author.name, one.text, is_own=one.author.kind is not AuthorKind.PERSON)
            for one in thread.comments
        ]
        threads.setdefault(thread.block_id or "", []).append(words)
    lines = [ReviewedLine(one.id, one.type, one.depth, one.line) for one in found]
    return Document(page.title, [text for _, text in page.properties], lines, threads)


async def _author(comment: dict[str, Any]) -> Author:
    """Take the shown name: this is for reading, nothing is decided by it."""
    shown = comment.get("display_name") or {}
    person = shown.get("type") == "user"
    kind = AuthorKind.PERSON if person else AuthorKind.BOT
    return Author("", str(shown.get("resolved_name") or "Someone"), kind)
