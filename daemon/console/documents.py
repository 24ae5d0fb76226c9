"""The list of documents, and one document with everything that is known about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from sqlite_utils import Database
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from daemon.operations import explain, pages as operate
from daemon.console import views
from daemon.console.access import Refused
from daemon.console.context import Desk
from daemon.console.document import document
from daemon.console.now import standing
from daemon.store.views import browse
from daemon.store import history, pages
from daemon.store.views.browse import Key, Listed, Only, Wish
from daemon.store.database import iso


SHOWN = 50
ACTS = {"pause": operate.pause, "resume": operate.resume, "retry": operate.retry}


@dataclass(frozen=True, slots=True)
class Item:
    """A page in the list and where it stands."""

    page: Listed
    state: str


def listed(_: Desk, state: Database | None, request: Request) -> Response:
    """Show the list."""
    wish = _wish(request.query_params)
    rows = browse.listed(state, wish, SHOWN + 1) if state else []
    shown = rows[:SHOWN]
    older = _query(wish, shown[-1].key) if len(rows) > SHOWN else None
    return views.page(
        request,
        "documents.html",
        wish=wish,
        items=[Item(row, standing(row)) for row in shown],
        older=older,
        newest=_query(wish) if wish.after else None,
        counts=browse.counted(state) if state else dict.fromkeys(Only, 0),
        links={only: _query(Wish(only, wish.words, wish.source_id)) for only in Only},
        sources=browse.sources(state) if state else [],
    )


def _wish(asked: Mapping[str, str]) -> Wish:
    """Read what the address asks for.

    Raises:
        Refused: It asks for what there is not.
    """
    try:
        only = Only(asked.get("show", Only.ALL))
        edited, _, page_id = asked.get("after", "").partition("~")
        after = Key(datetime.fromisoformat(edited), page_id) if page_id else None
    except ValueError as error:
        raise Refused(404, "There is no such list.") from error
    return Wish(only, asked.get("q", "").strip(), asked.get("source", ""), after)


def _query(wish: Wish, after: Key | None = None) -> str:
    asked = {
        "show": "" if wish.only is Only.ALL else wish.only.value,
        "q": wish.words,
        "source": wish.source_id,
        "after": f"{iso(after.edited)}~{after.id}" if after else "",
    }
    given = urlencode({name: value for name, value in asked.items() if value})
    return f"/documents?{given}" if given else "/documents"


def shown(_: Desk, state: Database | None, request: Request) -> Response:
    """Show one document as its last review, or the one that is asked for, read it."""
    page_id = request.path_params["page_id"]
    row = pages.page(state, page_id) if state else None
    if state is None or row is None:
        raise Refused(404, "No sweep has seen this page.")
    found = document(state, row.id, _review(request))
    if found is None:
        raise Refused(404, "This page has no such review.")
    return views.page(
        request,
        "document.html",
        row=row,
        standing=standing(row),
        why=explain.why(state, row),
        explained=explain.explain(state, row.id)[1:],
        found=found,
        summary=_summary(state, found.step.review_id) if found.step else "",
        source=pages.source(state, row.source_id),
        acts=_acts(row),
    )


def _summary(state: Database, review_id: int) -> str:
    review = history.review(state, review_id)
    return review.summary if review else ""


def _review(request: Request) -> int | None:
    asked = request.query_params.get("review")
    if asked is None:
        return None
    if not asked.isdecimal() or len(asked) > 18:  # noqa: PLR2004 - what SQLite takes
        raise Refused(404, "This page has no such review.")
    return int(asked)


def _acts(row: pages.PageRow) -> list[str]:
    failed = row.state is pages.Standing.PARKED or row.attempts
    return ["resume" if row.paused else "pause", *(["retry"] if failed else [])]


def act(desk: Desk, request: Request, _: Mapping[str, str]) -> Response:
    """Pause, resume or retry a page, as the commands do."""
    page_id, name = request.path_params["page_id"], request.path_params["act"]
    if name not in ACTS:
        raise Refused(404, "There is no such action.")
    operate.do(ACTS[name], desk.state, page_id)
    return RedirectResponse(f"/documents/{page_id}", 303)
