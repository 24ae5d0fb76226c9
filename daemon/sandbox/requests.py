"""A request: the log of all, the limit, the call on its way to its endpoint, pages of results."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from daemon.sandbox.faults import ApiRefusal, failed, invalid, missing, rate_limited, restricted
from daemon.sandbox.model import (
    Bot,
    Json,
    SandboxBlock,
    SandboxDatabase,
    SandboxPage,
    SandboxSource,
    dashed,
)
from daemon.sandbox.objects import View
from daemon.sandbox.state import Doing, State


WINDOW_SECONDS = 60


@dataclass(slots=True)
class LoggedRequest:
    """One request, as of its arrival.

    `template` is the path with names for ids; `status` stays 0 where no answer was given.
    """

    time: datetime
    method: str
    path: str
    template: str
    token: str
    status: int = 0


@dataclass(slots=True)
class RequestLog:
    """The log of requests, oldest first; the last 100,000 are kept, counts are never cut."""

    log: deque[LoggedRequest] = field(default_factory=lambda: deque(maxlen=100_000))
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, entry: LoggedRequest) -> None:
        """Note a request."""
        self.log.append(entry)
        self.counts[entry.method, entry.template] += 1

    def count(self, method: str | None = None, template: str | None = None) -> int:
        """Count requests by method and path template, such as ("POST", "/v1/comments")."""
        return sum(
            number
            for (asked, where), number in self.counts.items()
            if method in (None, asked) and template in (None, where)
        )

    def busiest(self, seconds: float = WINDOW_SECONDS) -> int:
        """Count the requests of the fullest span of that length, wherever it begins."""
        span, most = timedelta(seconds=seconds), 0
        inside: deque[datetime] = deque()
        for entry in self.log:
            inside.append(entry.time)
            while inside[0] <= entry.time - span:
                inside.popleft()
            most = max(most, len(inside))
        return most

    def reset(self) -> None:
        """Forget what was asked."""
        self.log.clear()
        self.counts.clear()


@dataclass(slots=True)
class RequestWindow:
    """Notion's limit: so many requests for a token in each fixed window of 60 seconds.

    https://developers.notion.com/reference/request-limits

    Attributes:
        now: The sandbox's clock.
        per_minute: The limit; None for none. Notion: 180, on larger plans 600.
        spent: Requests by token in the window that began at the time kept beside.
    """

    now: Callable[[], datetime]
    per_minute: int | None = None
    spent: dict[str, tuple[int, int]] = field(default_factory=dict)

    def spend(self, token: str) -> None:
        """Count a request of a token.

        Raises:
            ApiRefusal: 429, with the seconds until the next window.
        """
        if self.per_minute is None:
            return
        time = int(self.now().timestamp())
        window = time // WINDOW_SECONDS
        began, used = self.spent.get(token, (window, 0))
        used = used if began == window else 0
        if used >= self.per_minute:
            raise rate_limited(WINDOW_SECONDS - time % WINDOW_SECONDS)
        self.spent[token] = (window, used + 1)


@dataclass(frozen=True, slots=True)
class ApiCall:
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
            ApiRefusal: 400.
        """
        if not isinstance(self.body, dict):
            raise failed("body", "should be an object", self.body)
        for name, value in self.body.items():
            if name not in allowed:
                raise failed(f"body.{name}", "should be not present", value)
        return self.body

    def missing(self, kind: str, object_id: str) -> ApiRefusal:
        """Refuse an object in the words for what is gone or not shared."""
        return missing(kind, object_id, self.bot.id, self.bot.name)

    def sees(self, object_id: str) -> bool:
        """Tell whether the bot sees an object."""
        return self.state.is_shared(object_id, self.bot)


def valid_id(value: Any, where: str) -> str:
    """Check an id, with or without dashes.

    Raises:
        ApiRefusal: 400.
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
        ApiRefusal: 403.
    """
    if not allowed:
        raise restricted()


def unless_refused(call: ApiCall, doing: Doing, object_id: str) -> None:
    """Refuse what Notion refuses of this object, or of the page that it stands on.

    Raises:
        ApiRefusal: Any.
    """
    block = call.state.blocks.get(object_id)
    for place in (object_id, block.page_id if block else ""):
        if refused := call.state.refusals.get((place, doing)):
            raise refused


def page_at(call: ApiCall, page_id: str) -> SandboxPage:
    """Find a page that the bot sees.

    Raises:
        ApiRefusal: 404.
    """
    found = call.state.pages.get(page_id)
    if found is None or not call.sees(page_id):
        raise call.missing("page", page_id)
    return found


def database_at(call: ApiCall, database_id: str) -> SandboxDatabase:
    """Find a database that the bot sees.

    Raises:
        ApiRefusal: 404.
    """
    found = call.state.databases.get(database_id)
    if found is None or not call.sees(database_id):
        raise call.missing("database", database_id)
    return found


def source_at(call: ApiCall, source_id: str) -> SandboxSource:
    """Find a data source that the bot sees; a database's id is not one.

    Raises:
        ApiRefusal: 404.
    """
    found = call.state.sources.get(source_id)
    if found is None or found.in_trash or not call.sees(source_id):
        raise call.missing("data_source", source_id)
    return found


def block_at(call: ApiCall, block_id: str) -> SandboxBlock:
    """Find a block that the bot sees; a page and a database are blocks too.

    Raises:
        ApiRefusal: 404.
    """
    found = call.state.blocks.get(block_id) or _as_block(call.state, block_id)
    if found is None or not call.sees(block_id):
        raise call.missing("block", block_id)
    return found


def _as_block(state: State, object_id: str) -> SandboxBlock | None:
    """See a page of a data source, or something of the workspace, as a block."""
    page = state.pages.get(object_id)
    if page:
        return SandboxBlock(
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
    return SandboxBlock(
        object_id, "child_database", {}, database.parent.id, "", made, edited, by, by
    )


MAX_SIZE = 100
Row = TypeVar("Row")


def page_size(call: ApiCall) -> int:
    """Read how many results are wanted: from the body of a POST, else from the query string.

    Raises:
        ApiRefusal: 400.
    """
    part, given = _asked(call, "page_size")
    if given is None:
        return call.state.quirks.page_size
    try:
        wanted = int(given)
    except (TypeError, ValueError):
        raise failed(f"{part}.page_size", "should be a number", given) from None
    if wanted > MAX_SIZE:
        raise failed(f"{part}.page_size", f"should be ≤ `{MAX_SIZE}`", given)
    if wanted < 1:
        raise failed(f"{part}.page_size", "should be ≥ `1`", given)
    return min(wanted, call.state.quirks.page_size)


def _asked(call: ApiCall, name: str) -> tuple[str, Any]:
    if isinstance(call.body, dict):
        return "body", call.body.get(name)
    return "query", call.param(name)


def resume(call: ApiCall, walk: str) -> Any:
    """Read where the last page of a walk ended; None at its start.

    Args:
        call: The request.
        walk: What is walked; a cursor of another walk is refused.

    Raises:
        ApiRefusal: 400.
    """
    _, cursor = _asked(call, "start_cursor")
    if cursor is None:
        return None
    of, place = call.state.cursors.get(str(cursor), ("", None))
    if of != walk:
        raise invalid(f"The start_cursor provided is invalid: {cursor}")
    return place


def mark(call: ApiCall, walk: str, place: Any) -> str:
    """Make the cursor that resumes a walk at `place`."""
    cursor = call.state.serials()
    call.state.cursors[cursor] = (walk, place)
    return cursor


def listing(kind: str, results: Sequence[Json], cursor: str | None = None) -> Json:
    """Write the list object."""
    return {
        "object": "list",
        "results": list(results),
        "next_cursor": cursor,
        "has_more": cursor is not None,
        "type": kind,
        kind: {},
    }


def result_page(call: ApiCall, rows: Sequence[Row], show: Callable[[Row], Json], kind: str) -> Json:
    """Show one page of rows; the walk is the request's path and what it asks about."""
    walk = " ".join([kind, *call.path.values(), call.param("block_id") or ""])
    start = resume(call, walk) or 0
    end = start + page_size(call)
    cursor = mark(call, walk, end) if end < len(rows) else None
    return listing(kind, [show(row) for row in rows[start:end]], cursor)
