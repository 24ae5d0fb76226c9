"""How things stand now: the last sweeps, what waits and why, alerts; and the list of documents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from daemon.config import schedule
from daemon.console import views
from daemon.console.access import RequestRefused
from daemon.console.views import ConsoleContext
from daemon.domain.notation import iso
from daemon.domain.records import PageRow, PageState
from daemon.operations import explain
from daemon.operations.status import status
from daemon.store import lock, pages
from daemon.store.database import State
from daemon.store.views import browse
from daemon.store.views.browse import ListedPage, PageCursor, PageFilter, PageQuery


STRIP = 48  # two days of an hourly service
SWEEPS = 12
WAITING = 20


@dataclass(frozen=True, slots=True)
class Sweep:
    """A sweep in the strip: `state` is its outcome, or that it runs or was cut short."""

    id: int
    started: datetime
    state: str
    result: dict[str, Any] | None
    reviewed: int = 0


@dataclass(frozen=True, slots=True)
class Waiting:
    """A page that waits, in what state, and why."""

    row: PageRow
    state: str
    why: str


def now(context: ConsoleContext, state: State | None, request: Request) -> Response:
    """Show how things stand."""
    holder = lock.holder(context.state)
    sweeps = _sweeps(state, running=holder is not None) if state else []
    next_sweep = None
    if holder and sweeps and sweeps[0].state != "running":
        # As the schedule has it; after failures the service rests longer.
        due = schedule.next_run(context.config.schedule, sweeps[0].started)
        next_sweep = due if due > datetime.now(UTC) else None
    return views.page(
        request,
        "now.html",
        found=status(state, context.config),
        framed=context.door.framed,
        limits=context.config.limits,
        holder=holder,
        sweeps=sweeps,
        shown=SWEEPS,
        next_sweep=next_sweep,
        waiting=_waiting(state, context.config.prompts) if state else [],
    )


def _sweeps(state: State, *, running: bool) -> list[Sweep]:
    """Return the last sweeps, the newest first; only that one can be running still."""
    sweeps = []
    for number, row in enumerate(browse.sweeps(state, STRIP)):
        if row.result is not None:
            sweeps.append(Sweep(row.id, row.started, row.result["outcome"], row.result))
            continue
        name = "running" if running and number == 0 else "cut short"
        reviewed = browse.reviewed_in(state, row.id)
        sweeps.append(Sweep(row.id, row.started, name, None, reviewed))
    return sweeps


def _waiting(state: State, given: Mapping[str, str]) -> list[Waiting]:
    found = pages.by_ids(state, browse.waiting_pages(state, WAITING)).values()
    late = datetime.max.replace(tzinfo=UTC)
    # What failed first: the rest goes on by itself.
    rows = sorted(found, key=lambda row: (not row.attempts, row.due_at or late, row.id))
    return [
        Waiting(row, page_label(row), explain.why(state, row, given, views.remedy)) for row in rows
    ]


def page_label(row: Any, at: datetime | None = None) -> str:
    """Say in a word or two where a page stands; takes what has a page's state and times."""
    if row.paused:
        return "paused"
    match PageState(row.state):
        case PageState.PARKED:
            return "given up"
        case PageState.DUE if row.attempts:
            return "failed"
        case PageState.DUE:
            moment = at or datetime.now(UTC)
            settles = row.due_at and row.due_at > moment + timedelta(seconds=1)
            return "settling" if settles else "due"
        case PageState.DONE:
            return "reviewed" if row.reviewed_at else "read"
        case other:
            return _LEFT[other]


_LEFT = {
    PageState.BASELINED: "older",
    PageState.LEFT: "left",
    PageState.GONE: "gone",
}


SHOWN = 50


@dataclass(frozen=True, slots=True)
class Item:
    """A page in the list and where it stands."""

    page: ListedPage
    state: str


def listed(_: ConsoleContext, state: State | None, request: Request) -> Response:
    """Show the list."""
    wish = _wish(request.query_params)
    rows = browse.list_pages(state, wish, SHOWN + 1) if state else []
    shown = rows[:SHOWN]
    older = _query(wish, shown[-1].key) if len(rows) > SHOWN else None
    return views.page(
        request,
        "documents.html",
        wish=wish,
        items=[Item(row, page_label(row)) for row in shown],
        older=older,
        newest=_query(wish) if wish.after else None,
        counts=browse.count_pages(state) if state else dict.fromkeys(PageFilter, 0),
        links={only: _query(PageQuery(only, wish.words, wish.source_id)) for only in PageFilter},
        sources=browse.sources(state) if state else [],
    )


def _wish(asked: Mapping[str, str]) -> PageQuery:
    """Read what the address asks for; its times are in UTC where they name no other zone.

    Raises:
        RequestRefused: It asks for what there is not.
    """
    try:
        only, after = PageFilter(asked.get("show", PageFilter.ALL)), None
        edited, _, page_id = asked.get("after", "").partition("~")
        if page_id:
            at = datetime.fromisoformat(edited)
            at = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
            after = PageCursor(at, page_id)
    except (ValueError, OverflowError) as error:
        raise RequestRefused(404, "There is no such list.") from error
    return PageQuery(only, asked.get("q", "").strip(), asked.get("source", ""), after)


def _query(wish: PageQuery, after: PageCursor | None = None) -> str:
    asked = {
        "show": "" if wish.only is PageFilter.ALL else wish.only.value,
        "q": wish.words,
        "source": wish.source_id,
        "after": f"{iso(after.edited)}~{after.id}" if after else "",
    }
    given = urlencode({name: value for name, value in asked.items() if value})
    return f"/documents?{given}" if given else "/documents"
