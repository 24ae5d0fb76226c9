"""How things stand now: the last sweeps, what waits and why, alerts, the next sweep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlite_utils import Database
from starlette.requests import Request
from starlette.responses import Response

from daemon.operations import explain
from daemon.config import schedule as timetable
from daemon.config import Config
from daemon.console import views
from daemon.console.context import Desk
from daemon.operations.status import status
from daemon.store.views import browse
from daemon.store import lock, pages
from daemon.store.views.browse import SweepRow
from daemon.store.pages import PageRow, Standing


STRIP = 48  # two days of an hourly service
SHOWN = 12
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


def now(desk: Desk, state: Database | None, request: Request) -> Response:
    """Show how things stand."""
    holder = lock.holder(desk.state)
    sweeps = _sweeps(state, running=holder is not None) if state else []
    return views.page(
        request,
        "now.html",
        found=status(state, desk.config),
        limits=desk.config.limits,
        holder=holder,
        sweeps=sweeps,
        shown=SHOWN,
        next_sweep=_next(desk.config, sweeps) if holder else None,
        waiting=_waiting(state) if state else [],
    )


def _sweeps(state: Database, *, running: bool) -> list[Sweep]:
    rows = browse.sweeps(state, STRIP)
    newest = rows[0].id if rows else 0
    return [_sweep(state, row, running=running and row.id == newest) for row in rows]


def _sweep(state: Database, row: SweepRow, *, running: bool) -> Sweep:
    if row.result is not None:
        return Sweep(row.id, row.started, row.result["outcome"], row.result)
    name = "running" if running else "cut short"
    return Sweep(row.id, row.started, name, None, browse.reviewed_in(state, row.id))


def _next(config: Config, sweeps: Sequence[Sweep]) -> datetime | None:
    """Return when the schedule asks for the next sweep; after failures the service rests longer."""
    at = datetime.now(UTC)
    if not sweeps or sweeps[0].state == "running":
        return None
    due = timetable.trigger(config.schedule).get_next_fire_time(sweeps[0].started, at)
    return due if due and due > at else None


def _waiting(state: Database) -> list[Waiting]:
    found = pages.known(state, browse.waiting(state, WAITING)).values()
    late = datetime.max.replace(tzinfo=UTC)
    # What failed first: the rest goes on by itself.
    rows = sorted(found, key=lambda row: (not row.attempts, row.due_at or late, row.id))
    return [Waiting(row, standing(row), explain.why(state, row)) for row in rows]


def standing(row: Any, at: datetime | None = None) -> str:
    """Say in a word or two where a page stands; takes what has a page's state and times."""
    if row.paused:
        return "paused"
    match Standing(row.state):
        case Standing.PARKED:
            return "given up"
        case Standing.DUE if row.attempts:
            return "failed"
        case Standing.DUE:
            moment = at or datetime.now(UTC)
            settles = row.due_at and row.due_at > moment + timedelta(seconds=1)
            return "settling" if settles else "due"
        case Standing.DONE:
            return "reviewed" if row.reviewed_at else "read"
        case other:
            return _LEFT[other]


_LEFT = {
    Standing.BASELINED: "older",
    Standing.LEFT: "not selected",
    Standing.GONE: "gone",
}
