"""A document as its readers see it: what a review read, with findings and threads beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from markupsafe import Markup
from sqlite_utils import Database

from daemon.domain.change import Change, Reviewed
from daemon.console import markup as prose
from daemon.domain.values import Block, Page, Snapshot
from daemon.store.views import browse
from daemon.store import texts
from daemon.store.views.browse import Raised, Word
from daemon.store.findings import Step
from daemon.store.texts import Line, Text
from daemon.store.threads import KEPT_CHARS


# Reviews that can be stepped through; older ones are in `explain`.
STEPS = 200
_LONG_AGO = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class Note:
    """What stands in the margin: a finding with its thread, or a thread of people's own.

    `history` holds what became of the finding after it was made.
    """

    finding: Raised | None
    words: tuple[Word, ...] = ()
    history: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One block with its margin; `mark` is "new", "changed" or ""."""

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
class Document:
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

    step: texts.Step | None
    text: Text | None
    rows: tuple[Row, ...]
    removed: tuple[str, ...]
    fields: tuple[str, ...]
    on_page: tuple[Note, ...]
    elsewhere: tuple[Note, ...]
    steps: tuple[texts.Step, ...]

    @property
    def passages(self) -> list[list[Row]]:
        """The blocks, parted before each that has a margin: a note may reach down to the next."""
        parts: list[list[Row]] = [[]]
        for row in self.rows:
            if row.notes and parts[-1]:
                parts.append([])
            parts[-1].append(row)
        return parts

    @property
    def place(self) -> int:
        """Which one of the reviews this is, counted from the oldest."""
        return sum(1 for one in self.steps if self.step and one.review_id <= self.step.review_id)

    @property
    def earlier(self) -> texts.Step | None:
        """The review before this one."""
        older = (one for one in self.steps if self.step and one.review_id < self.step.review_id)
        return next(older, None)

    @property
    def later(self) -> texts.Step | None:
        """The review after this one."""
        newer = (one for one in self.steps if self.step and one.review_id > self.step.review_id)
        return min(newer, key=lambda one: one.review_id, default=None)


def document(db: Database, page_id: str, review_id: int | None = None) -> Document | None:
    """Return a page as its last review read it, or as an earlier one did; None for no such one."""
    steps = texts.steps(db, page_id, STEPS)
    step = next((one for one in steps if review_id in (None, one.review_id)), None)
    if step is None and review_id is not None:
        return None
    notes = _notes(db, page_id, step)
    text = texts.text(db, step.review_id) if step else None
    before = texts.before(db, page_id, step.review_id) if step and text else None
    change = _change(before, text) if text else Change(first=True)
    rows = tuple(_rows(text.lines, change, notes)) if text else ()
    shown = {row.id for row in rows}
    return Document(
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
    db: Database, page_id: str, step: texts.Step | None
) -> Mapping[str | None, Sequence[Note]]:
    """Gather what stands beside each block, under None what stands on the page."""
    words = [*browse.people_said(db, page_id, KEPT_CHARS), *browse.we_replied(db, page_id)]
    threads: dict[str, list[Word]] = {}
    for word in sorted(words, key=lambda one: one.at):
        threads.setdefault(word.thread_id, []).append(word)
    found: dict[str | None, list[Note]] = {}
    histories = browse.histories(db, page_id)
    for one in browse.raised(db, page_id):
        said = tuple(threads.pop(one.thread_id, ()))
        if step is None or one.review_id <= step.review_id:
            found.setdefault(one.block_id, []).append(Note(one, said, tuple(histories[one.id][1:])))
    for said in map(tuple, threads.values()):
        found.setdefault(said[0].block_id, []).append(Note(None, said))
    return found


def _rows(
    lines: Iterable[Line], change: Change, notes: Mapping[str | None, Sequence[Note]]
) -> Iterable[Row]:
    for one in lines:
        beside = tuple(notes.get(one.id, ()))
        if not one.text and not beside:
            continue
        yield Row(
            id=one.id,
            kind=one.type,
            element=prose.element(one.type),
            lead=prose.lead(one),
            depth=min(one.depth, 6),
            html=prose.line(one),
            mark="new" if one.id in change.new else "changed" if one.id in change.changed else "",
            was=_was(one, change),
            notes=beside,
        )


def _was(one: Line, change: Change) -> Markup:
    return prose.line(replace(one, text=change.changed.get(one.id, "")))


def _change(before: Text | None, now: Text) -> Change:
    """Compare as the review itself did."""
    page = Page("", "", now.title, "", _LONG_AGO, _LONG_AGO, now.properties)
    blocks = tuple(Block(one.id, one.type, one.depth, one.text, "") for one in now.lines)
    snapshot = Snapshot(page, blocks, (), _LONG_AGO)
    return Change.between(_reviewed(before) if before else None, snapshot)


def _reviewed(text: Text) -> Reviewed:
    return Reviewed(text.title, text.properties, tuple((one.id, one.text) for one in text.lines))
