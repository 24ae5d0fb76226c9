"""The only HTTP to Notion: one limiter, one retry policy, one paginator, one bot identity."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from types import TracebackType
from typing import Any, Self

import httpx
import stamina
from notion_client import AsyncClient
from notion_client.errors import NotionClientErrorBase

from daemon.errors import Incomplete
from daemon.notion.limiter import Limiter
from daemon.notion.retry import (
    ATTEMPTS,
    PATIENCE_SECONDS,
    failure,
    retry_after,
    wait_before_retry,
)


VERSION = "2026-03-11"
HOST = "https://api.notion.com"
PAGE_SIZE = 100
TIMEOUT_MS = 60_000

Json = dict[str, Any]
_FAILURES = (NotionClientErrorBase, httpx.HTTPError, json.JSONDecodeError)


@dataclass(frozen=True, slots=True)
class ResultPage:
    """One page of a query's results; `capped` where Notion stopped at its limit of rows."""

    rows: Sequence[Json]
    capped: bool


class Gateway:
    """Notion as this program uses it.

    Every method raises a `ReviewError`: `TokenRefused`, `Forbidden`, `Missing`, `Invalid`,
    `Incomplete`, `Unavailable`, and for a new comment `Unclear`.
    """

    def __init__(
        self,
        token: str,
        *,
        base_url: str = HOST,
        requests_per_minute: int = 170,
        writes: bool = True,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._http = httpx.AsyncClient(
            transport=transport, event_hooks={"response": [self._note_date]}
        )
        self._client = AsyncClient(
            client=self._http,
            auth=token,
            base_url=base_url,
            notion_version=VERSION,
            timeout_ms=TIMEOUT_MS,
            retry=False,
            logger=logging.getLogger("notion_client"),
            log_level=logging.ERROR,
        )
        self._limiter = Limiter(requests_per_minute)
        self._writes = writes
        self._date: tuple[datetime, float] | None = None
        self.requests = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._http.aclose()

    @property
    def now(self) -> datetime:
        """The server's time: the last `Date` header and what passed since."""
        if self._date is None:
            return datetime.now(UTC)
        date, at = self._date
        return date + timedelta(seconds=asyncio.get_running_loop().time() - at)

    async def me(self) -> Json:
        """Return the bot that the token belongs to."""
        return await self._call("your own user", self._client.users.me)

    async def user(self, user_id: str) -> Json:
        """Return one user."""
        return await self._call("user", lambda: self._client.users.retrieve(user_id))

    async def database(self, database_id: str) -> Json:
        """Return a database: the container with its `data_sources`."""
        return await self._call(
            f"database {database_id}", lambda: self._client.databases.retrieve(database_id)
        )

    async def data_source(self, source_id: str) -> Json:
        """Return a data source with its properties."""
        return await self._call(
            f"data source {source_id}", lambda: self._client.data_sources.retrieve(source_id)
        )

    async def query(self, source_id: str, **arguments: Any) -> AsyncIterator[ResultPage]:
        """Yield the result pages of a query; `arguments` are `filter` and `sorts`."""
        pages = self._pages(
            f"query of data source {source_id}",
            lambda **cursor: self._client.data_sources.query(
                source_id, result_type="page", page_size=PAGE_SIZE, **arguments, **cursor
            ),
        )
        async for page in pages:
            # https://developers.notion.com/reference/query-a-data-source: at 10,000 rows
            status = page.get("request_status") or {}
            yield ResultPage(page["results"], status.get("type") == "incomplete")

    async def page(self, page_id: str) -> Json:
        """Return a page with its properties."""
        return await self._call(f"page {page_id}", lambda: self._client.pages.retrieve(page_id))

    async def property_items(self, page_id: str, property_id: str) -> list[Json]:
        """Return the whole value of a property that the page object cuts off at 25."""
        return await self._all(
            f"property {property_id} of page {page_id}",
            lambda **cursor: self._client.pages.properties.retrieve(
                page_id, property_id, page_size=PAGE_SIZE, **cursor
            ),
        )

    async def block(self, block_id: str) -> Json:
        """Return one block."""
        return await self._call(f"block {block_id}", lambda: self._client.blocks.retrieve(block_id))

    async def children(self, block_id: str) -> list[Json]:
        """Return every child of a page or block, one level deep."""
        return await self._all(
            f"children of {block_id}",
            lambda **cursor: self._client.blocks.children.list(
                block_id, page_size=PAGE_SIZE, **cursor
            ),
        )

    async def comments(self, block_id: str) -> list[Json]:
        """Return every open comment of a block, or the page-level ones of a page."""
        return await self._all(
            f"comments of {block_id}",
            lambda **cursor: self._client.comments.list(
                block_id=block_id, page_size=PAGE_SIZE, **cursor
            ),
        )

    async def post_comment(
        self, target: Mapping[str, Any], rich_text: Sequence[Json], name: str
    ) -> Json:
        """Post a comment once; `target` is `{"parent": …}` or `{"discussion_id": …}`.

        Raises `Unclear` when the answer was lost: it is never sent again here.
        """
        self._refuse_if_dry()
        return await self._call(
            "posting a comment",
            lambda: self._client.comments.create(
                **target, rich_text=list(rich_text), display_name=_display_name(name)
            ),
            repeatable=False,
        )

    async def edit_comment(self, comment_id: str, rich_text: Sequence[Json]) -> Json:
        """Replace an own comment's text."""
        self._refuse_if_dry()
        return await self._call(
            f"editing comment {comment_id}",
            lambda: self._client.comments.update(comment_id, rich_text=list(rich_text)),
        )

    async def delete_comment(self, comment_id: str) -> Json:
        """Delete an own comment."""
        self._refuse_if_dry()
        return await self._call(
            f"deleting comment {comment_id}", lambda: self._client.comments.delete(comment_id)
        )

    def _refuse_if_dry(self) -> None:
        if not self._writes:
            raise RuntimeError("a write to Notion in a dry run")

    async def _all(self, what: str, fetch: Callable[..., Awaitable[Any]]) -> list[Json]:
        return [row async for page in self._pages(what, fetch) for row in page["results"]]

    async def _pages(self, what: str, fetch: Callable[..., Awaitable[Any]]) -> AsyncIterator[Json]:
        cursor: dict[str, str] = {}
        while True:
            page = await self._call(what, partial(fetch, **cursor))
            if not isinstance(page.get("results"), list):
                raise Incomplete(f"{what}: Notion's answer holds no list; tried again next time")
            yield page
            if not page.get("has_more"):  # alone decides: a stale cursor may stand beside it
                return
            following = page.get("next_cursor")
            if not following or following == cursor.get("start_cursor"):
                raise Incomplete(f"{what}: Notion says there is more, but not where")
            cursor = {"start_cursor": following}

    async def _call(
        self,
        what: str,
        send: Callable[[], Awaitable[Any]],
        *,
        repeatable: bool = True,
    ) -> Json:
        try:
            return await self._attempts(what, send, repeatable=repeatable)
        except _FAILURES as error:
            raise failure(error, what, repeatable=repeatable) from error

    async def _attempts(
        self, what: str, send: Callable[[], Awaitable[Any]], *, repeatable: bool
    ) -> Json:
        attempts = stamina.retry_context(
            on=lambda error: wait_before_retry(error, repeatable=repeatable),
            attempts=ATTEMPTS,
            timeout=PATIENCE_SECONDS,
            wait_initial=0.5,
            wait_max=10,
        )
        async for attempt in attempts:
            with attempt:
                answer = await self._send(send)
        if not isinstance(answer, dict):
            raise Incomplete(f"{what}: Notion's answer is not an object")
        return answer

    async def _send(self, send: Callable[[], Awaitable[Any]]) -> Any:
        await self._limiter.turn()
        self.requests += 1
        try:
            return await send()
        except NotionClientErrorBase as error:
            if wait := retry_after(error):
                self._limiter.pause(min(wait, PATIENCE_SECONDS))
            raise

    async def _note_date(self, response: httpx.Response) -> None:
        if date := response.headers.get("date"):
            at = asyncio.get_running_loop().time()
            self._date = (parsedate_to_datetime(date).astimezone(UTC), at)


def _display_name(name: str) -> Json:
    return {"type": "custom", "custom": {"name": name}}
