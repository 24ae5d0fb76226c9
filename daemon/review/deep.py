"""Deep reading: a document in sections, each whole, with a digest of what was read before.

What a model notes of one section is what it can hold the next against, and what a later review
goes by: after an edit only what changed is read again, and what the digest ties to that.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from daemon.domain.change import Change
from daemon.domain.times import counted
from daemon.domain.values import Finding
from daemon.review.agent import NOTE, ToolSpec
from daemon.review.excerpt import Recall
from daemon.review.handles import Handles
from daemon.review.models.failures import WindowTooSmall
from daemon.review.prompt import (
    BYTES_PER_TOKEN,
    INDENT,
    Excerpt,
    ReviewInput,
    body_text,
    clipped,
    estimated_tokens,
    one_line,
    opening_text,
)
from daemon.review.sections import Part, grouped, parts_of, related
from daemon.review.tool_specs import ToolContext, ToolRefusal, text_arguments
from daemon.review.tools import ReviewTools


# A document is read in about so many passes, where the window allows it and each has so many tokens
# of text: more would cost more than they find.
PASSES, LEAST_PASS = 5, 2_000
# The most tokens of the digest, its part of what one pass is shown and of a long document, and what
# it may have of that at least.
DIGEST_TOKENS, DIGEST_PART, DOCUMENT_PART = 2_000, 3, 20
LEAST_DIGEST = 400
NOTE_CHARS = 240
# Tokens of text that a pass has room for at least, and those of the words around it.
LEAST_TEXT, AROUND = 80, 80

_ANCHOR = re.compile(r"[\W_]*(B[1-9]\d{0,5})\b[\W_]*(.*)", re.IGNORECASE)
_BULLET = re.compile(r"^[-*•\s]+")
_NUMBER = re.compile(r"\d+")
_NOTED = "What you noted of the sections that are not shown:"
_MADE = "Your points in this review so far:"
_OUTLINE = "the outline alone: every section was read; read shows what stands under a heading"
NO_ROOM = "its window has no room for the document beside the instructions and the prompt page"
_NOTE = ToolSpec(
    NOTE,
    "Note what other sections can be held against, and go on to the next.",
    {
        "type": "object",
        "properties": {
            "digest": {
                "type": "string",
                "description": "A fact a line, with its handle: B12: sessions end after 30 days",
            }
        },
        "required": ["digest"],
        "additionalProperties": False,
    },
)
_ORDER = {"type": "string", "description": "Your points, the most important first: P3, P1"}


# Pairs of a block's id and what was noted of it, see `SectionTools.digest`.
Noted = tuple[tuple[str, str], ...]


def is_asked(handles: Handles) -> bool:
    """Tell whether a thread waits for an answer."""
    return any(one.waiting for one in handles.threads.values())


def _touched(change: Change, parts: Sequence[Part]) -> list[Part]:
    """Return the parts with a new or changed block; of a section that only lost some, the first."""
    blocks = {*change.new, *change.changed}
    anew = [one for one in parts if blocks & one.pieces.keys()]
    lost = change.stirred - {one.section for one in anew}
    return [*anew, *(one for one in parts if one.first in lost)]


@dataclass(frozen=True, slots=True)
class Shown:
    """What one pass is shown, and the names of the sections that come after it."""

    document: str
    later: tuple[str, ...] = ()


class SectionTools(ReviewTools):
    """The tools of a review that is read in sections, and the digest of what was read."""

    def __init__(self, context: ToolContext, recall: Recall | None = None) -> None:
        self._handles, self._names = context.handles, context.handles.of_block
        self._unused = set() if is_asked(context.handles) else {"reply", "leave"}
        self._unused |= set() if context.points else {"follow_up"}
        super().__init__(context, recall)
        self._group: list[Part] = []
        self._is_over = False
        self._listed: list[Finding] = []  # as the last pass names them

    def begin(self, task: ReviewInput, room: int, noted: Noted | None) -> Shown:
        """Choose what is read, all or after an edit what changed, and begin the first pass.

        Args:
            task: The review.
            room: Tokens for the first message of one pass.
            noted: What the last review noted; None where all is to be read.

        Raises:
            WindowTooSmall: There is no room for any of the document.
        """
        self._task, self._room = task, room - estimated_tokens(opening_text(task))
        self._limit = min(DIGEST_TOKENS, self._room // DIGEST_PART)
        text = self._room - self._limit - AROUND
        if text < LEAST_TEXT:
            raise WindowTooSmall(NO_ROOM)
        self._parts = parts_of(task, self._handles, text)
        self._part_of = {key: one for one in reversed(self._parts) for key in one.pieces}
        self._tokens = sum(one.tokens for one in self._parts)
        self._limit = min(self._limit, max(self._tokens // DOCUMENT_PART, LEAST_DIGEST))
        self._most = min(text, max(self._tokens // PASSES, LEAST_PASS))
        unread = {key for key, words in noted or () if not words}
        touched = _touched(task.change, self._parts)
        anew = [one for one in self._parts if one in touched or unread & one.pieces.keys()]
        self._anew = self._parts if noted is None else anew
        self._unread = {one.number for one in self._anew}
        self._queue = grouped(self._anew, self._most)
        self._noted = [one for one in noted or () if one[1] and one[0] in self._part_of]
        self._went = {words for key, words in noted or () if key not in self._part_of}
        self._went |= self._forget(self._anew)
        self._is_edit = len(self._anew) < len(self._parts)
        return self.next_pass() or Shown("")

    def _forget(self, parts: Iterable[Part]) -> set[str]:
        """Drop and return what was noted of parts that are to be read again."""
        out = {block_id for part in parts for block_id in part.pieces}
        dropped = {words for key, words in self._noted if key in out}
        self._noted = [one for one in self._noted if one[0] not in out]
        return dropped

    @property
    def specs(self) -> tuple[ToolSpec, ...]:
        """The tools that are offered, the same in every pass."""
        *others, finish = super().specs
        kept = (one for one in others if one.name not in self._unused)
        shape: dict[str, Any] = dict(finish.parameters)
        shape |= {"properties": {**shape["properties"], "order": _ORDER}}
        shape |= {"required": [*shape["required"], "order"]}
        return (*kept, _NOTE, replace(finish, parameters=shape))

    @property
    def digest(self) -> Noted:
        """What was noted, by the id of a block each, and "" for each block that was not read."""
        spelled = ((key, self._handles.spelled_out(words)) for key, words in self._noted)
        unread = [key for one in self._parts if one.number in self._unread for key in one.pieces]
        return (*((key, "") for key in dict.fromkeys(unread)), *spelled)

    def next_pass(self) -> Shown | None:
        """Begin the next pass: more of the sections, or the last look at all; None after that.

        Raises:
            WindowTooSmall: There is no room for the last look.
        """
        self._unread -= {one.number for one in self._group}
        if not self._queue and self._is_edit:
            self._queue = self._tied()
        self.finished, self._heard, self._group = False, 0, []
        if self._queue:
            self._group, *self._queue = self._queue
            return Shown(self._section(), self._later())
        if self._is_over:
            return None
        self._is_over = True
        return Shown(self._last())

    def _tied(self) -> list[list[Part]]:
        """Return the parts that are read again since notes on which theirs depend came or went."""
        self._is_edit = False
        came, others = set[str](), dict[int, list[str]]()
        for key, words in self._noted:
            part = self._part_of[key]
            if part in self._anew:
                came.add(self._handles.spelled_out(words))
            else:
                others.setdefault(part.number, []).append(words)
        again = [self._parts[number] for number in related(self._went ^ came, others)]
        self._forget(again)
        self._unread |= {one.number for one in again}
        return grouped(again, self._most)

    def _later(self) -> tuple[str, ...]:
        """Return the names of the sections that are not read yet."""
        later = [part for group in self._queue for part in group]
        numbers = {part.number for part in later}
        begun = {part.section for part in self._parts if part.number not in numbers}
        titles = (f"part of {one.title}" if one.section in begun else one.title for one in later)
        return tuple(dict.fromkeys(titles))

    def _section(self) -> str:
        """Write the document of a pass: the digest, and the sections that are read in it."""
        task, pieces = self._task, dict[str, tuple[int, int]]()
        for part in self._group:
            for key, (begin, end) in part.pieces.items():
                pieces[key] = pieces.get(key, (begin, end))[0], end
        blocks, there = self._task.snapshot.by_id, pieces.keys()
        dealt, threads = self._dealt(), self._handles.threads.values()
        shown = Excerpt(
            left_out=frozenset(self._names.keys() - there),
            note=self._place(),
            pieces={key: one for key, one in pieces.items() if one != (0, len(blocks[key].line))},
            threads=frozenset(one.id for one in threads if one.block_id in there) - dealt,
        )
        task = replace(
            task,
            change=replace(task.change, fields=(), removed=()),
            kept=[one for one in task.kept if one.block_id in there],
            question="",
        )
        bare = replace(task, ledger=(), reported=(), noticed=(), kept=())
        for said, seen in ((task, shown), (bare, replace(shown, threads=frozenset()))):
            text = "\n".join([*self._told(), body_text(said, self._handles, seen)])
            if estimated_tokens(text) <= self._room:
                break  # else what stands beside the text waits for the last pass
        return text

    def _place(self) -> str:
        first, last, count = self._group[0].number, self._group[-1].number, len(self._parts)
        said = f"part {first + 1}" if first == last else f"parts {first + 1} to {last + 1}"
        before = f"; before it: {self._parts[first - 1].title}" if first else ""
        after = f"; after it: {self._parts[last + 1].title}" if last + 1 < count else ""
        chars = int(self._left_for_notes() * BYTES_PER_TOKEN)
        return f"{said} of {count}{before}{after}; room for notes here: {chars} characters"

    def _told(self) -> list[str]:
        """Return what was noted of other sections, in document order, as far as there is room."""
        order = {block.id: at for at, block in enumerate(self._handles.blocks.values())}
        noted = sorted(self._noted, key=lambda one: order[one[0]])
        lines = _within(
            (f"{INDENT}{self._names[key]}: {words}" for key, words in noted), self._limit
        )
        return [_NOTED, *lines] if lines else []

    def _left_for_notes(self) -> int:
        """Return the tokens that may be noted by now: notes of later sections need room too."""
        later = self._unread - {one.number for one in self._group}
        read = sum(one.tokens for one in self._parts if one.number not in later)
        used = sum(estimated_tokens(f"B1000: {words}") for _, words in self._noted)
        return max(self._limit * read // self._tokens - used, 0)

    def _last(self) -> str:
        """Write the document of the last pass: outline, digest, threads and points.

        Raises:
            WindowTooSmall: There is no room for them.
        """
        task, dealt = self._task, self._dealt()
        threads = [one for one in self._handles.threads.values() if one.id not in dealt]
        asked = {one.id for one in threads if one.waiting}
        own = {one for one, point in task.points.items() if not point.closed} - dealt
        on_page = {one.id for one in threads if one.block_id is None}
        headings = [block for block in self._handles.blocks.values() if block.is_heading]
        self._listed = [*self.accepted]
        made = _within(map(self._named, range(len(self._listed))), self._room // DIGEST_PART)
        around = [[_MADE, *made] if made else [], self._told()]
        kinds = sorted({block.type for block in headings})
        for depth in reversed(range(len(kinds) + 1)):
            outline = {block.id for block in headings if block.type in kinds[:depth]}
            out = frozenset(self._names.keys() - outline)
            for shown in (asked | own | on_page, asked | own, asked):
                seen = Excerpt(left_out=out, note=_OUTLINE, threads=frozenset(shown))
                body = body_text(task, self._handles, seen)
                text = "\n".join([*around[1], body, *around[0]])
                if estimated_tokens(text) <= self._room:
                    return text
        raise WindowTooSmall(NO_ROOM)

    def _named(self, number: int) -> str:
        one = self._listed[number]
        at, title = self._names[one.block_id], one_line(one.title)
        return f"{INDENT}P{number + 1} on {at} ({one.severity.value}): “{title}”"

    def _dealt(self) -> set[str]:
        """Return the ids of the threads that were answered, left or ruled on."""
        ruled = {one.finding_id for one in self.rulings}
        points = {key for key, one in self._context.points.items() if one.id in ruled}
        return points | {*self.left, *(one.thread_id for one in self.replies)}

    def _run(self, name: str, arguments: Mapping[str, Any], refused: int) -> str:
        if name != NOTE:
            return super()._run(name, arguments, refused)
        return self._end_section(refused, text_arguments(NOTE, ("digest",), arguments)["digest"])

    def _finish(
        self,
        answers: Mapping[int, str],
        refused: int,
        summary: str,
        question: str,
        order: str = "",
    ) -> str:
        if self._group:
            return self._end_section(refused, summary)
        numbers = (int(number) - 1 for number in _NUMBER.findall(order))
        first = [self._listed[number] for number in numbers if 0 <= number < len(self._listed)]
        ordered = dict.fromkeys([*first, *self.accepted])  # of one severity they are posted so
        self.accepted = [one for one in ordered if one in self.accepted]
        return super()._finish(answers, refused, summary, question)

    def _end_section(self, refused: int, digest: str) -> str:
        """Take the notes of the sections that are shown, and end the pass.

        Raises:
            ToolRefusal: A call of the turn was refused, and the model has not heard why.
        """
        if self.finished:
            return "the section has ended"
        lost = self._take(digest)
        if why := self._unheard(refused):
            raise ToolRefusal("; ".join(why))
        self.finished = bool(self._group)
        more = f", without {counted(lost, 'line')}: there is no more room" if lost else ""
        return f"noted{more}" if self._group else f"noted{more}; all is read: call finish"

    def _take(self, digest: str) -> int:
        """Keep what was noted as far as there is room; return how many lines were not kept."""
        shown = self._group or self._parts
        here = [key for part in shown for key in part.pieces]
        room, lost = self._left_for_notes(), 0
        for line in map(one_line, digest.splitlines()):
            found = _ANCHOR.fullmatch(line)
            block = self._handles.blocks.get(found[1].upper()) if found else None
            named = found is not None and block is not None and block.id in here
            words = found[2] if found and named else _BULLET.sub("", line)
            one = (block.id if block and named else here[0], clipped(words, NOTE_CHARS))
            cost = estimated_tokens(f"B1000: {one[1]}")
            if not words or one in self._noted:
                continue
            if cost > room:
                lost += 1
                continue
            room -= cost
            self._noted.append(one)
        return lost


def _within(lines: Iterable[str], most: int) -> list[str]:
    """Return the first lines that take at most so many tokens."""
    kept = []
    for line in lines:
        most -= estimated_tokens(line)
        if most < 0:
            break
        kept.append(line)
    return kept
