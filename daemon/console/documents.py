"""One document with everything that is known of it, two of its reviews, versions of a prompt."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from difflib import SequenceMatcher
from itertools import groupby

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from daemon.console import views
from daemon.console.access import RequestRefused
from daemon.console.overview import page_label
from daemon.console.views import ConsoleContext, row_number
from daemon.domain import records
from daemon.domain.change import Change
from daemon.domain.findings import FindingState
from daemon.domain.records import StateChange
from daemon.domain.values import Block, Page, Snapshot
from daemon.operations import explain
from daemon.operations.pages import do, pause, resume, retry
from daemon.store import pages, prompts, reviews
from daemon.store.database import State
from daemon.store.reviews import ReviewedLine, ReviewedText
from daemon.store.views import browse
from daemon.store.views.browse import (
    FindingView,
    ThreadComment,
)


# Reviews that can be stepped through; older ones are in `explain`.
STEPS = 200
_LONG_AGO = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class Note:
    """What stands in the margin: a finding with its thread, or a thread of people's own.

    `history` holds what became of the finding after it was made.
    """

    finding: FindingView | None
    words: tuple[ThreadComment, ...] = ()
    history: tuple[StateChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One block with its margin; `mark` is "new", "changed", "moved", "changed and moved" or ""."""

    id: str
    kind: str
    element: str
    lead: str
    depth: int
    html: Markup
    mark: str = ""
    was: Markup = Markup()  # noqa: RUF009 - as immutable as a string
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class ReviewedPage:
    """A page as one review read it.

    Attributes:
        step: The review shown; None before the first.
        text: What it read; None where that is kept no longer.
        rows: Its blocks.
        removed: Lines that the review before had read and that were gone.
        fields: The title and properties that had changed.
        on_page: Threads of the page itself, and what people wrote elsewhere.
        elsewhere: Findings whose block is not in this text.
        steps: Every review that one can step to, the newest first.
    """

    step: reviews.ReviewSummary | None
    text: ReviewedText | None
    rows: tuple[Row, ...]
    removed: tuple[str, ...]
    fields: tuple[str, ...]
    on_page: tuple[Note, ...]
    elsewhere: tuple[Note, ...]
    steps: tuple[reviews.ReviewSummary, ...]

    @property
    def passages(self) -> list[list[Row]]:
        """The blocks, parted before each that has a margin: a note may reach down to the next."""
        parts: list[list[Row]] = [[]]
        for row in self.rows:
            if row.notes and parts[-1]:
                parts.append([])
            parts[-1].append(row)
        return parts

    def place(self, review_id: int) -> int:
        """Which one of the reviews that is, counted from the oldest."""
        return sum(one.review_id <= review_id for one in self.steps)

    @property
    def earlier(self) -> reviews.ReviewSummary | None:
        """The review before this one."""
        older = (one for one in self.steps if self.step and one.review_id < self.step.review_id)
        return next(older, None)

    @property
    def later(self) -> reviews.ReviewSummary | None:
        """The review after this one."""
        newer = (one for one in self.steps if self.step and one.review_id > self.step.review_id)
        return min(newer, key=lambda one: one.review_id, default=None)


def document(db: State, page_id: str, review_id: int | None = None) -> ReviewedPage | None:
    """Return a page as its last review read it, or as an earlier one did; None for no such one."""
    steps = reviews.recent(db, page_id, STEPS)
    step = next((one for one in steps if review_id in (None, one.review_id)), None)
    if step is None and review_id is not None:
        return None
    notes = _notes(db, page_id, step)
    text = reviews.text(db, step.review_id) if step else None
    before = reviews.text_before(db, page_id, step.review_id) if step and text else None
    change = _change(before, text) if text else Change(first=True)
    rows = tuple(_rows(text.lines, change, notes)) if text else ()
    shown = {row.id for row in rows}
    return ReviewedPage(
        step,
        text,
        rows,
        change.removed,
        change.fields,
        tuple(notes.get(None, ())),
        tuple(n for place, found in notes.items() if place and place not in shown for n in found),
        tuple(steps),
    )


def _notes(
    db: State, page_id: str, step: reviews.ReviewSummary | None
) -> Mapping[str | None, Sequence[Note]]:
    """Gather what stands beside each block, under None what stands on the page."""
    words = [*browse.comments_of_people(db, page_id), *browse.own_replies(db, page_id)]
    threads: dict[str, list[ThreadComment]] = {}
    for word in sorted(words, key=lambda one: one.at):
        threads.setdefault(word.thread_id, []).append(word)
    found: dict[str | None, list[Note]] = {}
    histories = browse.finding_histories(db, page_id)
    for one in browse.findings_of(db, page_id):
        said = tuple(threads.pop(one.thread_id, ()))
        # A second look gives a reason for the first state.
        became = histories[one.id][one.state != FindingState.REFUTED :]
        if step is None or one.review_id <= step.review_id:
            found.setdefault(one.block_id, []).append(Note(one, said, tuple(became)))
    for said in map(tuple, threads.values()):
        found.setdefault(said[0].block_id, []).append(Note(None, said))
    return found


def _rows(
    lines: Iterable[ReviewedLine], change: Change, notes: Mapping[str | None, Sequence[Note]]
) -> Iterable[Row]:
    for one in lines:
        beside = tuple(notes.get(one.id, ()))
        if not one.text and not beside:
            continue
        moved = ["moved"] * (one.id in change.moved)
        yield Row(
            id=one.id,
            kind=one.type,
            element=views.element(one.type),
            lead=views.lead(one),
            depth=min(one.depth, 6),
            html=views.line(one),
            mark=" and ".join(filter(None, [change.mark(one.id), *moved])),
            was=views.line(replace(one, text=change.changed.get(one.id, ""))),
            notes=beside,
        )


def _change(before: ReviewedText | None, now: ReviewedText) -> Change:
    """Compare as the review itself did."""
    page = Page("", "", now.title, "", _LONG_AGO, _LONG_AGO, now.properties)
    blocks = tuple(Block(one.id, one.type, one.depth, one.text, "") for one in now.lines)
    snapshot = Snapshot(page, blocks, (), _LONG_AGO)
    return Change.between(before.reviewed if before else None, snapshot)


ACTS = {"pause": pause, "resume": resume, "retry": retry}


def shown(context: ConsoleContext, state: State | None, request: Request) -> Response:
    """Show one document as its last review, or the one that is asked for, read it."""
    page_id = request.path_params["page_id"]
    row = pages.page(state, page_id) if state else None
    if state is None or row is None:
        raise RequestRefused(404, "No sweep has seen this page.")
    asked = request.query_params.get("review")
    wanted = None if asked is None else row_number(asked)
    is_one = asked is None or wanted is not None
    found = document(state, row.id, wanted) if is_one else None
    if found is None:
        raise RequestRefused(404, "This page has no such review.")
    review = reviews.review(state, found.step.review_id) if found.step else None
    failed = row.state is records.PageState.PARKED or row.attempts
    return views.page(
        request,
        "document.html",
        row=row,
        page_label=page_label(row),
        why=explain.why(state, row, context.config.prompts, views.remedy),
        explained=explain.explain(state, row.id, context.config.prompts)[1:],
        found=found,
        prompt_names=prompts.version_names(state),
        summary=review.summary if review else "",
        source=pages.source(state, row.source_id),
        acts=["resume" if row.paused else "pause", *(["retry"] if failed else [])],
    )


def act(context: ConsoleContext, request: Request, _: Mapping[str, str]) -> Response:
    """Pause, resume or retry a page, as the commands do."""
    page_id, name = request.path_params["page_id"], request.path_params["act"]
    if name not in ACTS:
        raise RequestRefused(404, "There is no such action.")
    do(ACTS[name], context.state, page_id)
    return RedirectResponse(f"/documents/{page_id}", 303)


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two reviews: how the page was read, and what was raised about no block of it."""

    page: ReviewedPage
    step: reviews.ReviewSummary
    summary: str
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True)
class Pair:
    """A block as the earlier and as the later review read it; None where it was not there.

    Its notes are those that the review itself made.
    """

    earlier: Row | None
    later: Row | None

    @property
    def is_same(self) -> bool:
        """Whether both read the same."""
        both = self.earlier, self.later
        return len({(one.kind, one.lead, one.html) if one else None for one in both}) == 1

    @property
    def is_quiet(self) -> bool:
        """Whether there is nothing to see: the same text, and neither review said a word."""
        return self.is_same and not any(one and one.notes for one in (self.earlier, self.later))


def aligned(earlier: Sequence[Row], later: Sequence[Row]) -> Iterator[Pair]:
    """Pair the blocks of two readings by their ids, in the order of both.

    A block that was moved is gone from one place and new at the other.
    """
    old, new = ([row.id for row in rows] for rows in (earlier, later))
    for kind, *at in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        gone, came = earlier[at[0] : at[1]], later[at[2] : at[3]]
        if kind == "equal":
            yield from map(Pair, gone, came)
        else:
            yield from (Pair(row, None) for row in gone)
            yield from (Pair(None, row) for row in came)


def compared(_: ConsoleContext, state: State | None, request: Request) -> Response:
    """Show two reviews of a document side by side: those asked for, else the last two."""
    page_id, asked = request.path_params["page_id"], request.query_params
    row = pages.page(state, page_id) if state else None
    steps = reviews.recent(state, row.id, 2) if state and row else []
    if state is None or row is None or len(steps) < len(("earlier", "later")):
        raise RequestRefused(404, "There are no two reviews of this page to compare.")
    last = {"earlier": str(steps[1].review_id), "later": str(steps[0].review_id)}
    wanted = [row_number(asked.get(name, number)) for name, number in last.items()]
    sides = [_side(state, row.id, number) for number in sorted(one or 0 for one in wanted)]
    pairs = aligned(*(one.page.rows for one in sides))
    return views.page(
        request,
        "comparison.html",
        row=row,
        sides=dict(zip(last, sides, strict=True)),
        names=prompts.version_names(state),
        parts=[(quiet, list(found)) for quiet, found in groupby(pairs, lambda one: one.is_quiet)],
    )


def _side(state: State, page_id: str, review_id: int) -> Side:
    page = document(state, page_id, review_id)
    review = reviews.review(state, review_id)
    if page is None or page.step is None or review is None:
        raise RequestRefused(404, "This page has no such review.")

    def own(notes: tuple[Note, ...]) -> tuple[Note, ...]:
        return tuple(one for one in notes if one.finding and one.finding.review_id == review_id)

    rows = tuple(replace(one, mark="", notes=own(one.notes)) for one in page.rows)
    notes = own((*page.on_page, *page.elsewhere))
    return Side(replace(page, rows=rows), page.step, review.summary, notes)


def prompt(_: ConsoleContext, state: State | None, request: Request) -> Response:
    """Show what a version of a prompt says, and what the one before it said otherwise."""
    version = request.path_params["version"]
    found = prompts.version(state, version) if state else None
    if state is None or found is None:
        raise RequestRefused(404, "What this version of a prompt says is not kept.")
    said, since = found
    before = prompts.version_before(state, version)
    earlier = prompts.version(state, before) if before else None
    return views.page(
        request,
        "prompt.html",
        version=version,
        prompt=said,
        since=since,
        names=prompts.version_names(state),
        before=before,
        rows=_compared(earlier[0].text if earlier else said.text, said.text),
        knowledge=[(title, [row for _, row in _lines(text)]) for title, text in said.knowledge],
        beside=earlier is not None
        and (earlier[0].knowledge, earlier[0].rules) != (said.knowledge, said.rules),
    )


def _compared(before: str, now: str) -> Iterator[Row]:
    """Yield the lines of two texts, those that came or went marked "new" or "gone"."""
    old, new = _lines(before), _lines(now)
    was, said = ([text for text, _ in one] for one in (old, new))
    for kind, *at in SequenceMatcher(None, was, said, autojunk=False).get_opcodes():
        if kind != "equal":
            yield from (replace(row, mark="gone") for _, row in old[at[0] : at[1]])
        mark = "" if kind == "equal" else "new"
        yield from (replace(row, mark=mark) for _, row in new[at[2] : at[3]])


_MARKED = re.compile(
    r"(?P<heading>#{1,4}) |(?P<bulleted_list_item>[-*+] )|(?P<numbered_list_item>\d+[.)] )"
    r"|(?P<to_do>\[[ x]\] )|(?P<quote>>)|(?P<table_row>\|.*\|$)"
)
_FENCE = re.compile(r"`{3,}")


def _lines(markdown: str) -> list[tuple[str, Row]]:
    """Return the lines of a text that say something, and each as it is shown."""
    found, fence = list[tuple[str, Row]](), ""
    for text in markdown.splitlines():
        words, kind = text.strip(), "paragraph"
        opens = _FENCE.match(words)
        if fence or opens:
            html = Markup("<code>{}</code>").format(text)
            found.append((text, Row("", kind, "div", "", 0, html)))
            fence = "" if words == fence else fence or (opens[0] if opens else "")
        elif words:
            if marked := _MARKED.match(words):
                kind = str(marked.lastgroup)
                kind = f"heading_{len(marked[0]) - 1}" if kind == "heading" else kind
            depth = min((len(text) - len(text.lstrip())) // 2, 6)
            line = ReviewedLine("", kind, depth, words)
            element, lead = views.element(kind), views.lead(line)
            found.append((text, Row("", kind, element, lead, depth, views.line(line))))
    return found
