"""A page in the embedded Notion and a process that delivers to it, in virtual time.

A process can be killed and another one started on the same state. Every request is watched: none
is made within a transaction, and no comment is posted that is not in the state as `sending`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx

from daemon.config import Config
from daemon.domain.records import MessageKind, OutboxMessage, PageRow, PageState, SourceRow
from daemon.domain.values import Finding, Outcome, Review, ReviewKind, Severity, Usage
from daemon.notion import from_markdown
from daemon.notion.gateway import Gateway
from daemon.sandbox import Sandbox, blocks
from daemon.store import findings, outbox, pages, reviews
from daemon.store.database import open_state
from daemon.sweep.context import Context
from daemon.sweep.delivery import posting
from daemon.sweep.people import People
from support import virtual_time
from support.dying import Killed


NAME = "RFC reviewer"
TEXTS = ("We need queues, and soon.", "Ten workers read them.", "Nobody watches the length.")
REVIEW = Review(Outcome.DONE, (), (), (), "", (), "offline", Usage())


class Watched(httpx.AsyncBaseTransport):
    """Hands requests on; `before` and `after` may look, change the world, or raise."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._inner = scene.box.transport()
        self.before: Callable[[httpx.Request], Any] = lambda _: None
        self.after: Callable[[httpx.Request], Any] = lambda _: None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._scene.check(request)
        self.before(request)
        answer = await self._inner.handle_async_request(request)
        self.after(request)
        return answer


class Scene:
    """The world, the state and the process of the moment."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.box = Sandbox(virtual_time.now)
        self.world = self.box.world
        self.ana = self.world.person("Ana Costa")
        self.rfcs = self.world.database("RFCs")
        self.token = self.box.token
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.state = open_state(path)
        self.source = SourceRow(self.rfcs.source_id, self.rfcs.id, "RFCs", virtual_time.now())
        pages.save_source(self.state, self.source)
        self._numbers = iter(range(1, 1000))
        self.start()
        self.page = self.add_page("Queues")

    # The process

    def start(self) -> Context:
        """Begin a new process on the state."""
        self.state.close()
        self.state = open_state(self.path)
        self.transport = Watched(self)
        gateway = Gateway(self.token, transport=self.transport)
        unused: Any = None
        self.context = Context(
            state=self.state,
            notion=gateway,
            people=People(self.state, gateway, self.token),
            models=unused,
            config=Config.model_validate({"databases": [{"id": self.rfcs.id}]}),
            chains={},
            emit=lambda event, /, **facts: self.told.append((event, facts)),
            deliver=posting.deliver,
            meter=unused,
        )
        return self.context

    def check(self, request: httpx.Request) -> None:
        """Fail where a request is made within a transaction or before its intent is kept."""
        assert not self.state.conn.in_transaction, "a request within a transaction"
        if request.method == "POST" and request.url.path == "/v1/comments":
            uri = f"file:{self.path}?mode=ro"
            with closing(sqlite3.connect(uri, uri=True)) as other:
                row = other.execute("SELECT count(*) FROM outbox WHERE state = 'sending'")
                assert row.fetchone()[0], "a comment is posted whose intent is not kept"

    async def deliver(self, page_id: str | None = None) -> None:
        """Deliver, as a sweep does."""
        await posting.deliver(self.context, page_id)

    async def deliver_until_killed(self, delivery: Awaitable[None] | None = None) -> bool:
        """Deliver; where the process dies, start another one and return True."""
        try:
            await (delivery or self.deliver())
        except Killed:
            self.start()
            return True
        return False

    # The world

    def add_page(self, title: str) -> PageRow:
        """Write a page that is read an hour later."""
        made = self.world.page(self.rfcs, title, [blocks.paragraph(text) for text in TEXTS])
        return self.read(made.id)

    def read(self, page_id: str, after: timedelta = timedelta(hours=1)) -> PageRow:
        """Record a reading of a page some time from now, and go on from there."""
        self.box.clock.advance(after)
        made = self.world.state.pages[page_id]
        row = PageRow(
            id=made.id,
            source_id=self.rfcs.source_id,
            title=made.name,
            url=made.url,
            edited=made.edited.replace(second=0, microsecond=0),
            state=PageState.DONE,
            read_at=self.box.clock(),
        )
        pages.save(self.state, [row])
        self.context.readings.whole.add(page_id)
        return row

    def block(self, number: int = 0, page: PageRow | None = None) -> Any:
        """Give a block of a page."""
        return self.world.blocks((page or self.page).id)[number]

    def question(self, number: int = 0) -> Any:
        """Let Ana ask something on a block."""
        return self.world.comment(self.block(number), "Which region?", by=self.ana)

    # Messages

    def finding(self, number: int = 0, text: str = "What then?", **more: Any) -> OutboxMessage:
        """Write a finding about the first words of a block."""
        page = more.pop("page", None) or self.page
        block = more.pop("block", None) or self.block(number, page)
        quote = more.pop("quote", " ".join(TEXTS[number].split()[:3]))
        finding = Finding(block.id, quote, text, Severity.IMPORTANT)
        review = reviews.add(
            self.state,
            page.id,
            REVIEW,
            kind=ReviewKind.REVIEW,
            prompt="",
            content_hash="",
            sweep_id=None,
            at=self.box.clock(),
        )
        finding_id = findings.add(self.state, review, page.id, finding, self.box.clock())
        body = from_markdown.finding_body(finding)
        target = {"target": block.id, "place": block.id, "finding_id": finding_id}
        return self.message(MessageKind.FINDING, page, body, **target | more)

    def reply(self, question: Any, text: str = "In Frankfurt.", **more: Any) -> OutboxMessage:
        """Write a reply into a person's thread."""
        page = more.pop("page", None) or self.page
        place = {"target": question.discussion_id, "place": question.parent_id}
        return self.message(MessageKind.REPLY, page, text, **place | more)

    def summary(self, text: str = "Name an owner.", **more: Any) -> OutboxMessage:
        """Write a summary."""
        page = more.pop("page", None) or self.page
        return self.message(MessageKind.SUMMARY, page, text, target=page.id, place=page.id, **more)

    def edit(self, comment_id: str, text: str, **more: Any) -> OutboxMessage:
        """Write a new text for a summary."""
        place = {"target": comment_id, "place": self.page.id}
        return self.message(MessageKind.EDIT, self.page, text, **place | more)

    def message(self, kind: MessageKind, page: PageRow, body: str, **more: Any) -> OutboxMessage:
        """Put a message into the outbox."""
        fields: dict[str, Any] = {
            "key": f"{kind.value} {next(self._numbers)}",
            "page_id": page.id,
            "kind": kind,
            "body": body,
            "name": NAME,
            "created_at": self.box.clock(),
        }
        message = OutboxMessage(**fields | more)
        outbox.add(self.state, [message])
        return message

    # What became of them

    @property
    def own(self) -> list[Any]:
        """The comments of bots, in order of posting."""
        return [c for c in self.world.comments() if c.author_id in self.world.state.bots]

    @property
    def texts(self) -> list[str]:
        """What the bots said, in order."""
        return ["".join(i["text"]["content"] for i in c.rich_text) for c in self.own]

    @property
    def fates(self) -> dict[str, str]:
        """The state of each message, by its key."""
        return dict(self.state.execute("SELECT key, state FROM outbox").fetchall())

    def sent(self, method: str = "POST", template: str = "/v1/comments") -> int:
        """How many requests of a kind were made."""
        return self.box.requests.count(method, template)


def play(path: Path, story: Callable[[Scene], Coroutine[Any, Any, Any]]) -> Any:
    """Tell a story in virtual time, with a fresh world and a state at `path`."""

    async def go() -> Any:
        scene = Scene(path)
        try:
            return await story(scene)
        finally:
            scene.state.close()

    return virtual_time.run(go())
