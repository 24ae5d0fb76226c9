"""The only HTTP to Notion: one limiter, one retry policy, one paginator, one bot identity."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from types import TracebackType
from typing import Any, Self

import httpx
import stamina
from notion_client import AsyncClient
from notion_client.errors import NotionClientErrorBase, RequestTimeoutError

from daemon.domain.errors import Incomplete, Unavailable
from daemon.domain.secrets import Place
from daemon.notion.retry import (
    ATTEMPTS,
    FAILURES,
    PATIENCE_SECONDS,
    TOKEN,
    Limiter,
    failure,
    is_too_slow,
    retry_after,
    wait_before_retry,
)


VERSION = "2026-03-11"
HOST = "https://api.notion.com"
PAGE_SIZE = 100
LEAST_PAGE_SIZE = 10
# Notion gives a request up after 60 s itself and says so, which is clearer than our own timeout.
READ_SECONDS = 70.0
CONNECT_SECONDS = 10.0
# Bounds an answer that comes in drops: httpx's timeouts hold for one read.
ANSWER_SECONDS = 120.0
# A page's blocks are asked for all at once; so many connections are open at a time.
IN_FLIGHT = 16
# Every answer of Notion's names its kind: https://developers.notion.com/reference/intro
_OWN_ANSWER = b'"object"'
_LONE_HALF = re.compile("[\ud800-\udfff]")

Json = dict[str, Any]
Check = Callable[[Any], Json]


@dataclass(frozen=True, slots=True)
class ResultPage:
    """One page of a query's results; `capped` where Notion stopped at its limit of rows."""

    rows: Sequence[Json]
    capped: bool


class Gateway:
    """Notion as this program uses it.

    Every method raises a `ReviewError`: `TokenRefused`, `Forbidden`, `Missing`, `Invalid`,
    `Incomplete`, `Unavailable`, and for a new comment `Unclear`. `files` is for what Notion keeps
    elsewhere under signed addresses: no token goes there.
    """

    def __init__(
        self,
        token: str,
        *,
        base_url: str = HOST,
        requests_per_minute: int = 170,
        limiter: Limiter | None = None,
        writes: bool = True,
        transport: httpx.AsyncBaseTransport | None = None,
        proxy: str = "",
        token_place: Place = TOKEN,
    ) -> None:
        self._http = httpx.AsyncClient(
            transport=transport, event_hooks={"response": [self._note_date]}
        )
        self._client = AsyncClient(
            client=self._http,
            auth=token,
            base_url=base_url,
            notion_version=VERSION,
            retry=False,
            logger=logging.getLogger("notion_client"),
            log_level=logging.ERROR,
        )
        self._http.timeout = httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS)
        self.files = httpx.AsyncClient(transport=transport, timeout=self._http.timeout)
        self._limiter = limiter or Limiter(requests_per_minute, PATIENCE_SECONDS)
        self._in_flight = asyncio.Semaphore(IN_FLIGHT)
        self._writes = writes
        self._proxy = proxy
        self._token_place = token_place
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
        await self.files.aclose()

    @property
    def now(self) -> datetime:
        """The server's time: the last `Date` header and what passed since."""
        if self._date is None:
            return self.machine_now
        date, at = self._date
        return date + timedelta(seconds=asyncio.get_running_loop().time() - at)

    @property
    def machine_now(self) -> datetime:
        """This machine's own time: nobody knows how far it is off."""
        return datetime.now(UTC)

    @property
    def surely_now(self) -> datetime:
        """The earlier of the server's and this machine's time: what is deleted by age goes by it.

        One wrong `Date` must not make everything old.
        """
        return min(self.now, self.machine_now)

    async def server_time(self) -> datetime:
        """Return the server's time; it is asked where no answer has told it yet."""
        if self._date is None:
            await self.me()
        return self.now

    async def me(self) -> Json:
        """Return the bot that the token belongs to."""
        return await self._call("your own user", self._client.users.me)

    async def user(self, user_id: str, begun: Callable[[], None]) -> Json:
        """Return one user; `begun` is called each time that the request is sent."""

        def send() -> Awaitable[Any]:
            begun()
            return self._client.users.retrieve(user_id)

        return await self._call("user", send)

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
            lambda **place: self._client.data_sources.query(
                source_id, result_type="page", **arguments, **place
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
            lambda **place: self._client.pages.properties.retrieve(page_id, property_id, **place),
        )

    async def block(self, block_id: str) -> Json:
        """Return one block."""
        return await self._call(f"block {block_id}", lambda: self._client.blocks.retrieve(block_id))

    async def children(
        self, block_id: str, may_go: Callable[[], None] = lambda: None
    ) -> list[Json]:
        """Return every child of a page or block, one level deep.

        `may_go` is called before each request, and what it raises ends the listing.
        """

        async def fetch(**place: Any) -> Any:
            may_go()
            return await self._client.blocks.children.list(block_id, **place)

        return await self._all(f"children of {block_id}", fetch)

    async def comments(self, block_id: str) -> list[Json]:
        """Return every open comment of a block, or the page-level ones of a page."""
        return await self._all(
            f"comments of {block_id}",
            lambda **place: self._client.comments.list(block_id=block_id, **place),
        )

    async def post_comment(
        self,
        target: Mapping[str, Any],
        rich_text: Sequence[Json],
        name: str,
        may_go: Callable[[], None] = lambda: None,
    ) -> Json:
        """Post a comment once; `target` is `{"parent": …}` or `{"discussion_id": …}`.

        It may wait for its turn, or because Notion asks for it: `may_go` is called right before
        each sending, and what it raises keeps the comment from being sent.

        Raises `Unclear` when the answer was lost: it is never sent again here.
        """
        self._refuse_if_dry()

        async def send() -> Any:
            may_go()
            return await self._client.comments.create(
                **target, rich_text=list(rich_text), display_name=_display_name(name)
            )

        return await self._call("posting a comment", send, repeatable=False)

    async def edit_comment(self, comment_id: str, rich_text: Sequence[Json]) -> Json:
        """Replace an own comment's text."""
        self._refuse_if_dry()
        return await self._call(
            f"editing comment {comment_id}",
            lambda: self._client.comments.update(comment_id, rich_text=list(rich_text)),
        )

    async def delete_comment(self, comment_id: str) -> Json:
        """Delete an own comment; `Missing` may mean that an answer was lost and it is gone."""
        self._refuse_if_dry()
        return await self._call(
            f"deleting comment {comment_id}", lambda: self._client.comments.delete(comment_id)
        )

    @property
    def writes(self) -> bool:
        """Whether Notion may be written to; False in a dry run."""
        return self._writes

    def _refuse_if_dry(self) -> None:
        if not self._writes:
            raise RuntimeError("a write to Notion in a dry run")

    async def _all(self, what: str, fetch: Callable[..., Awaitable[Any]]) -> list[Json]:
        return [row async for page in self._pages(what, fetch) for row in page["results"]]

    async def _pages(self, what: str, fetch: Callable[..., Awaitable[Any]]) -> AsyncIterator[Json]:
        place: dict[str, Any] = {"page_size": PAGE_SIZE}
        asked: set[str] = set()
        while True:
            try:
                page = await self._call(what, partial(fetch, **place), check=_list)
            except Unavailable as error:
                if place["page_size"] == LEAST_PAGE_SIZE or not is_too_slow(error.__cause__):
                    raise
                # Notion's advice with this answer: "reduce page_size".
                place["page_size"] = LEAST_PAGE_SIZE
                continue
            yield page
            if not page["has_more"]:  # alone decides: a stale cursor may stand beside it
                return
            cursor = page["next_cursor"]
            if cursor in asked:
                raise Incomplete(f"{what}: Notion leads round in a circle; asked again next time")
            asked.add(cursor)
            place["start_cursor"] = cursor

    async def _call(
        self,
        what: str,
        send: Callable[[], Awaitable[Any]],
        *,
        check: Check | None = None,
        repeatable: bool = True,
    ) -> Json:
        check, patience = check or _object, _Patience()
        attempts = stamina.retry_context(
            on=lambda error: wait_before_retry(error, repeatable=repeatable, left=patience.left()),
            attempts=ATTEMPTS,
            timeout=None,
            wait_initial=0.5,
            wait_max=10,
        )
        try:
            async for attempt in attempts:
                with attempt:
                    return check(await self._send(send))
        except FAILURES as error:
            raise failure(
                error, what, repeatable=repeatable, proxy=self._proxy, token=self._token_place
            ) from error
        raise AssertionError("stamina ends in a result or an error")

    async def _send(self, send: Callable[[], Awaitable[Any]]) -> Any:
        async with self._in_flight:
            await self._limiter.turn()
            self.requests += 1
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    return _without_halves(await send())
            except NotionClientErrorBase as error:
                if wait := retry_after(error):
                    self._limiter.pause(wait)
                raise
            except TimeoutError:
                raise RequestTimeoutError from None

    async def _note_date(self, response: httpx.Response) -> None:
        """Take the time from an answer of Notion's own; a proxy's page has the proxy's."""
        at = asyncio.get_running_loop().time()
        await response.aread()
        if _OWN_ANSWER not in response.content:
            return
        with suppress(ValueError):  # a date that cannot be read is none
            date = parsedate_to_datetime(response.headers.get("date", ""))
            self._date = (date.replace(tzinfo=date.tzinfo or UTC).astimezone(UTC), at)


class _Patience:
    """What is left of our patience with one request, counted from its first failure."""

    def __init__(self) -> None:
        self._until: float | None = None

    def left(self) -> float:
        now = asyncio.get_running_loop().time()
        self._until = self._until or now + PATIENCE_SECONDS
        return self._until - now


def _without_halves(answer: Any) -> Any:
    """Drop lone halves of a surrogate pair: JSON can hold them, UTF-8, and so the state, cannot."""
    match answer:
        case str() if not answer.isascii():
            return _LONE_HALF.sub("", answer)
        case dict():
            return {_without_halves(name): _without_halves(value) for name, value in answer.items()}
        case list():
            return [_without_halves(value) for value in answer]
    return answer


def _object(answer: Any) -> Json:
    """Check an answer that is one object.

    Raises:
        Incomplete: It is not.
    """
    if not isinstance(answer, dict) or not isinstance(answer.get("id"), str):
        raise Incomplete("Notion's answer is not the object that was asked for")
    return answer


def _list(answer: Any) -> Json:
    """Check an answer that is one page of a list: what is malformed must not pass for empty.

    Raises:
        Incomplete: It is not, or it says that there is more but not where.
    """
    if not isinstance(answer, dict) or not isinstance(answer.get("results"), list):
        raise Incomplete("Notion's answer holds no list")
    if not all(isinstance(row, dict) for row in answer["results"]):
        raise Incomplete("Notion's list has a hole")
    if not isinstance(answer.get("has_more"), bool):
        raise Incomplete("Notion's list does not say whether it ends")
    if answer["has_more"] and not isinstance(answer.get("next_cursor"), str):
        raise Incomplete("Notion says there is more, but not where")
    return answer


def _display_name(name: str) -> Json:
    # A function of its own, since its test switches this defence off: nobody speaks as a person.
    return {"type": "custom", "custom": {"name": name}}
