"""Drafts: reviews that wait for a person, each comment as it will look, and what is decided."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup
from sqlite_utils import Database
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from daemon.operations import drafts
from daemon.console import markup as prose, views
from daemon.console.access import Refused
from daemon.console.context import Desk
from daemon.operations.drafts import Draft, Part, Unknown
from daemon.domain.errors import ReviewError
from daemon.store.views import browse
from daemon.store import database, pages, texts
from daemon.store import drafts as store
from daemon.store.views.browse import Word
from daemon.store.reviews import Kind, Sending
from daemon.store.texts import Line
from daemon.store.threads import KEPT_CHARS


SHOWN = 50
REASON_CHARS = 500
LARGEST = 2**63 - 1  # that SQLite takes


@dataclass(frozen=True, slots=True)
class Beside:
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
    words: tuple[Word, ...]
    text: str
    trouble: str = ""

    @property
    def on_its_way(self) -> bool:
        """Whether it was approved and is not posted yet."""
        return self.part.letter.state in (Sending.INTENT, Sending.SENDING, Sending.UNCLEAR)


_NAMES = {
    Kind.FINDING: "comment",
    Kind.REPLY: "reply",
    Kind.SUMMARY: "summary on the page",
    Kind.EDIT: "summary, in place of the one that stands",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """An edit that was not taken: of which comment, with what text, and why."""

    part: int = 0
    text: str = ""
    why: str = ""


def listed(_: Desk, state: Database | None, request: Request) -> Response:
    """Show the drafts that wait, the oldest first."""
    waiting = store.waiting(state) if state else []
    rows = waiting[:SHOWN]
    known = pages.known(state, [one.page_id for one in rows]) if state else {}
    return views.page(request, "drafts.html", rows=rows, known=known, count=len(waiting))


def shown(_: Desk, state: Database | None, request: Request) -> Response:
    """Show one draft."""
    number = _number(request)
    if state is None:
        raise Refused(404, "There is no such draft.")
    try:
        draft = drafts.shown(state, number)
    except Unknown as error:
        raise Refused(404, "There is no such draft.") from error
    return _page(state, request, draft, Refusal())


def _number(request: Request) -> int:
    number = int(request.path_params["number"])
    if number > LARGEST:
        raise Refused(404, "There is no such draft.")
    return number


def _page(state: Database, request: Request, draft: Draft, refusal: Refusal) -> Response:
    parts = [_beside(state, draft, part, refusal) for part in draft.parts]
    status = 409 if refusal.why else 200
    return views.page(request, "draft.html", status, draft=draft, parts=parts, trouble=refusal.why)


def _beside(state: Database, draft: Draft, part: Part, refusal: Refusal) -> Beside:
    mine = refusal.part == part.number
    line = _line(state, draft, part)
    return Beside(
        part=part,
        name=_NAMES[part.letter.kind],
        block=prose.line(line) if line else Markup(),
        kind=line.type if line else "",
        words=_words(state, part),
        text=refusal.text if mine else part.text,
        trouble=refusal.why if mine else "",
    )


def _line(state: Database, draft: Draft, part: Part) -> Line | None:
    read = texts.text(state, draft.number)
    lines = read.lines if read else ()
    return next((one for one in lines if one.id == part.letter.place), None)


def _words(state: Database, part: Part) -> tuple[Word, ...]:
    if part.letter.kind is not Kind.REPLY:
        return ()
    said = browse.people_said(state, part.letter.page_id, KEPT_CHARS)
    return tuple(word for word in said if word.thread_id == part.letter.target)


Decision = Callable[[Database, int, Mapping[str, str]], Any]
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


def act(desk: Desk, request: Request, given: Mapping[str, str]) -> Response:
    """Decide on a draft or on one of its comments, as the command does."""
    number, name = _number(request), request.path_params["act"]
    if name not in DECISIONS or not desk.state.exists():
        raise Refused(404, "There is no such action.")
    try:
        page_id = _decide(desk, number, DECISIONS[name], given)
        if name == "approve":
            desk.deliver(page_id)
    except Unknown as error:
        raise Refused(404, f"{error}.") from error
    except ReviewError as error:
        refusal = Refusal(_part(given), given.get("text", ""), str(error))
        with database.glance(desk.state) as state:
            if state is None:
                raise
            return _page(state, request, drafts.shown(state, number), refusal)
    part = _part(given)
    return RedirectResponse(f"/drafts/{number}" + (f"#part-{part}" if part else ""), 303)


def _decide(desk: Desk, number: int, decision: Decision, given: Mapping[str, str]) -> str:
    """Decide and return the page that the draft is of."""
    with database.told(desk.state), closing(database.open_state(desk.state)) as state:
        decision(state, number, given)
        return drafts.shown(state, number).row.page_id


def _part(given: Mapping[str, str]) -> int:
    part = given.get("part", "")
    return int(part) if part.isdecimal() and len(part) < 10 else 0  # noqa: PLR2004 - no long number
