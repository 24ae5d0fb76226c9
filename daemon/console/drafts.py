"""Drafts: reviews that wait for a person, each comment as it will look, and what is decided."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from daemon.console import views
from daemon.console.access import RequestRefused
from daemon.console.views import ConsoleContext, row_number
from daemon.domain.errors import ReviewError, UnknownItem
from daemon.domain.records import DeliveryState, MessageKind
from daemon.operations import drafts
from daemon.operations.drafts import Draft, Part
from daemon.store import database, pages, reviews
from daemon.store import drafts as store
from daemon.store.database import State
from daemon.store.views import browse
from daemon.store.views.browse import ThreadComment


SHOWN = 50
REASON_CHARS = 500


@dataclass(frozen=True, slots=True)
class DraftComment:
    """A comment of a draft with what it will stand beside.

    Attributes:
        part: The comment.
        name: What it is, in words.
        block: The block that it is about, as the review read it; empty where it is about none.
        kind: That block's type.
        words: What was said in the thread that it answers.
        text: What an edit begins with.
        trouble: Why an edit was not taken.
    """

    part: Part
    name: str
    block: Markup
    kind: str
    words: tuple[ThreadComment, ...]
    text: str
    trouble: str = ""

    @property
    def on_its_way(self) -> bool:
        """Whether it was approved and is not posted yet."""
        return self.part.message.state in (
            DeliveryState.INTENT,
            DeliveryState.SENDING,
            DeliveryState.UNCLEAR,
        )


MARK = "mark on a comment that is settled"
_NAMES = {
    MessageKind.FINDING: "comment",
    MessageKind.REPLY: "reply",
    MessageKind.SUMMARY: "summary on the page",
    MessageKind.EDIT: "summary, in place of the one that stands",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """An edit that was not taken: of which comment, with what text, and why."""

    part: int = 0
    text: str = ""
    why: str = ""


def listed(_: ConsoleContext, state: State | None, request: Request) -> Response:
    """Show the drafts that wait, the oldest first."""
    waiting = store.waiting(state) if state else []
    rows = waiting[:SHOWN]
    known = pages.by_ids(state, [one.page_id for one in rows]) if state else {}
    return views.page(request, "drafts.html", rows=rows, known=known, count=len(waiting))


def shown(_: ConsoleContext, state: State | None, request: Request) -> Response:
    """Show one draft."""
    number = _number(request)
    if state is None:
        raise RequestRefused(404, "There is no such draft.")
    try:
        draft = drafts.shown(state, number)
    except UnknownItem as error:
        raise RequestRefused(404, "There is no such draft.") from error
    return _page(state, request, draft, Refusal())


def _number(request: Request) -> int:
    number = row_number(request.path_params["number"])
    if number is None:
        raise RequestRefused(404, "There is no such draft.")
    return number


def _page(state: State, request: Request, draft: Draft, refusal: Refusal) -> Response:
    parts = [_beside(state, draft, part, refusal) for part in draft.parts]
    status = 409 if refusal.why else 200
    return views.page(request, "draft.html", status, draft=draft, parts=parts, trouble=refusal.why)


def _beside(state: State, draft: Draft, part: Part, refusal: Refusal) -> DraftComment:
    mine = refusal.part == part.number
    read = reviews.text(state, draft.number)
    lines = read.lines if read else ()
    reply = part.message.kind is MessageKind.REPLY
    said = browse.comments_of_people(state, part.message.page_id) if reply else ()
    line = next((one for one in lines if one.id == part.message.place), None)
    return DraftComment(
        part=part,
        name=MARK if part.message.marks else _NAMES[part.message.kind],
        block=views.line(line) if line else Markup(),
        kind=line.type if line else "",
        words=tuple(word for word in said if word.thread_id == part.message.target),
        text=refusal.text if mine else part.text,
        trouble=refusal.why if mine else "",
    )


Decision = Callable[[State, int, Mapping[str, str]], Any]
DECISIONS: Mapping[str, Decision] = {
    "approve": lambda state, number, _: drafts.approve(state, number),
    "refuse": lambda state, number, given: drafts.refuse(
        state, number, given.get("reason", "").strip()[:REASON_CHARS]
    ),
    "drop": lambda state, number, given: drafts.drop(state, number, _part(given)),
    "edit": lambda state, number, given: drafts.edit(
        state, number, _part(given), given.get("text", "")
    ),
}


def act(context: ConsoleContext, request: Request, given: Mapping[str, str]) -> Response:
    """Decide on a draft or on one of its comments, as the command does."""
    number, name = _number(request), request.path_params["act"]
    if name not in DECISIONS or not context.state.exists():
        raise RequestRefused(404, "There is no such action.")
    try:
        with (
            database.translated(context.state),
            closing(database.open_state(context.state)) as state,
        ):
            DECISIONS[name](state, number, given)
            page_id = drafts.shown(state, number).row.page_id
        if name == "approve":
            context.deliver(page_id)
    except UnknownItem as error:
        raise RequestRefused(404, f"{error}.") from error
    except ReviewError as error:
        refusal = Refusal(_part(given), given.get("text", ""), str(error))
        with database.quick_read(context.state) as now:
            if now is None:
                raise
            return _page(now, request, drafts.shown(now, number), refusal)
    part = _part(given)
    return RedirectResponse(f"/drafts/{number}" + (f"#part-{part}" if part else ""), 303)


def _part(given: Mapping[str, str]) -> int:
    return row_number(given.get("part", "")) or 0
