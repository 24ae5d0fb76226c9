"""Deep reading: a document in sections, each whole, with a digest of what was read before.

What a model notes of one section is what it can hold the next against, and what a later review
goes by: after an edit only what changed is read again, and what the digest ties to that.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from daemon.domain.findings import TITLE_WORDS
from daemon.domain.notation import counted
from daemon.domain.values import Finding
from daemon.review.agent import ENDS, NOTE, ToolResult, ToolSpec
from daemon.review.digest import (
    DIGEST_TOKENS,
    Digest,
    Noted,
    levelled,
    notes_near,
    notes_that_name,
    size,
)
from daemon.review.excerpt import Recall
from daemon.review.models.failures import WindowTooSmall
from daemon.review.prompt import (
    BYTES_PER_TOKEN,
    INDENT,
    Excerpt,
    ReviewInput,
    body_text,
    estimated_tokens,
    one_line,
    opening_text,
)
from daemon.review.sections import (
    CHANGED,
    HANDLE,
    RELATED,
    Part,
    changes_elsewhere,
    grouped,
    naming_parts,
    nearest,
    not_made_again,
    open_threads,
    parts_of,
    rarity,
    rulings_told,
    telling,
    threads_by_title,
    titles_of,
    touched,
    why_shown,
    words_changed,
)
from daemon.review.tool_specs import NOTED, ToolContext, ToolRefusal, listed, text_arguments
from daemon.review.tools import NUMBER, ReviewTools


# A document is read in about so many passes, where the window allows it and each has so many tokens
# of text: more would cost more than they find.
PASSES, LEAST_PASS = 5, 2_000
# The part of the digest of what one pass is shown, and of a long document; the tokens that it may
# have of that at least.
DIGEST_PART, DOCUMENT_PART, LEAST_DIGEST = 3, 20, 400
# How much of what the digest may take is noted: the rest is for the margin of each line. Each pass
# has room for so many tokens of notes; where not all can be shown, what is near is.
NOTED_PART, PASS_NOTES = 0.9, 40
# Tokens of text that a pass has room for at least, and those of the words around it.
LEAST_TEXT, AROUND = 80, 80
# The part of a pass for the points that were made and for what changed elsewhere, and its most
# tokens.
BESIDE_PART, BESIDE_TOKENS = 12, 4_000

_MADE = "Your points in this review so far:"
_RULED = "Your rulings so far; a later one on the same point takes its place:"
_OUTLINE = "the headings alone, as far as they fit: every section was read; read shows {} to {}"
NO_ROOM = "its window has no room for the document beside the instructions and the prompt page"
_LOOKS = ("read", "look_up")  # calls that correct nothing
_ORDER = {"type": "string", "description": "Your points, the most important first: P3, P1"}


def _so_cut(point: Finding) -> str:
    """Say how a title that was cut can be said otherwise: the pass had ended when that was told."""
    again = f"a title has at most {TITLE_WORDS} words; for another, comment again with the quote"
    return f" (so cut: {again} “{one_line(point.quote)}”)" if point.title.endswith("…") else ""


@dataclass(frozen=True, slots=True)
class Shown:
    """What one pass is shown, and the names of the sections that come after it."""

    document: str
    later: tuple[str, ...] = ()


class SectionTools(ReviewTools):
    """The tools of a review that is read in sections, and the digest of what was read."""

    def __init__(self, context: ToolContext, recall: Recall | None = None) -> None:
        self._handles, self._names = context.handles, context.handles.of_block
        is_asked = any(one.waiting for one in context.handles.threads.values())
        self._unused = set() if is_asked else {"reply", "leave"}
        self._unused |= set() if context.points else {"follow_up"}
        super().__init__(context, recall)
        self._group: list[Part] = []
        self._is_over, self._is_held = False, False

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
        whole = sum(estimated_tokens(one.line) for one in self._handles.blocks.values())
        noted_most = int(max(whole // DOCUMENT_PART, LEAST_DIGEST) / NOTED_PART)
        self._shown = min(DIGEST_TOKENS, self._room // DIGEST_PART, noted_most)
        text = self._room - self._shown - AROUND
        if text < LEAST_TEXT:
            raise WindowTooSmall(NO_ROOM)
        text = max(text - self._room // BESIDE_PART, LEAST_TEXT)
        self._parts = parts_of(task, self._handles, text)
        self._part_of = {key: one for one in reversed(self._parts) for key in one.pieces}
        self._most = min(text, max(sum(one.tokens for one in self._parts) // PASSES, LEAST_PASS))
        passes = grouped(self._parts, self._most)
        most = max(self._shown, min(len(passes) * PASS_NOTES, DIGEST_TOKENS))
        limit = int(most * NOTED_PART * BYTES_PER_TOKEN)
        self._digest = Digest(self._handles, passes, limit, noted)
        unread = {key for key, words in noted or () if not words}
        self._touched = touched(task.change, self._parts)
        anew = [one for one in self._parts if one in self._touched or unread & one.pieces.keys()]
        self._anew = self._parts if noted is None else anew
        self._unread = {one.number for one in self._anew}
        self._queue = grouped(self._anew, self._most)
        self._went = self._digest.gone | self._on_changed(self._digest.forget(self._anew))
        self._naming = notes_that_name(noted or (), task.change, self._handles)
        self._is_later = noted is not None
        self._is_edit, self._named = len(self._anew) < len(self._parts), list[int]()
        return self.next_pass() or Shown("")

    @property
    def specs(self) -> tuple[ToolSpec, ...]:
        """The tools that are offered, the same in every pass."""
        *others, finish = super().specs
        kept = (one for one in others if one.name not in self._unused)
        shape: dict[str, Any] = dict(finish.parameters)
        shape |= {"properties": {**shape["properties"], "order": _ORDER}}
        shape |= {"required": [*shape["required"], "order"]}
        return (*kept, NOTED, replace(finish, parameters=shape))

    @property
    def digest(self) -> Noted:
        """What was noted, by the id of a block each, and "" for each block that was not read."""
        unread = [key for one in self._parts if one.number in self._unread for key in one.pieces]
        return (*((key, "") for key in dict.fromkeys(unread)), *self._digest.kept)

    @property
    def noted(self) -> Noted:
        """What was noted, by the id of a block each, with words for the threads."""
        return self._digest.without_threads

    def next_pass(self, said: str = "") -> Shown | None:
        """Begin the next pass: more of the sections, or the last look at all; None after that.

        What was `said` in place of a call that ends the pass is noted as such a call's words are.

        Raises:
            WindowTooSmall: There is no room for the last look.
        """
        if said and self._group:
            self._digest.take(said, self._group, self._unread)
        self._unread -= {one.number for one in self._group}
        same = all(one not in self._touched for one in self._group)
        self._digest.close(self._group, same=same)
        self._is_held = False
        if not self._queue and self._is_edit:
            self._queue = self._tied()
        self.finished, self._heard, self._group = False, 0, []
        if self._queue:
            self._group, *self._queue = self._queue
            later = [part for group in self._queue for part in group]
            return Shown(self._section(), titles_of(later, self._parts))
        if self._is_over:
            return None
        self._is_over = True
        return Shown(self._last())

    def _on_changed(self, notes: Iterable[tuple[str, str]]) -> set[str]:
        """Return those of some notes that are on a block that changed, or name one."""
        blocks, change = self._handles.blocks, self._task.change
        edited = {name for name, block in blocks.items() if change.is_edited(block.id)}
        return {line for _, line in notes if edited & {one[0] for one in HANDLE.finditer(line)}}

    def _tied(self) -> list[list[Part]]:
        """Return the parts that are read again for what changed in others.

        First those with an open point that names it, then those with a note that does, then in turn
        those whose notes share the rarest words with the notes on it, and with its words.
        """
        self._is_edit = False
        anew = {one.number for one in self._anew}
        naming = naming_parts(self._task, self._handles, self._part_of)
        naming += [self._part_of[key].number for key in self._naming if key in self._part_of]
        self._named = [one for one in dict.fromkeys(naming) if one not in anew][:RELATED]
        came, others = list[tuple[str, str]](), dict[int, list[str]]()
        for key, line in self._digest.noted:
            number = self._part_of[key].number
            if number in anew:
                came.append((key, line))
            else:
                others.setdefault(number, []).append(line)
        blocks = self._task.snapshot.by_id
        texts = {
            one.number: [*(blocks[key].plain for key in one.pieces), *others.get(one.number, ())]
            for one in self._parts
            if one.number not in anew
        }
        weights = rarity(telling("\n".join(one)) for one in texts.values())
        noted = telling(HANDLE.sub("", "\n".join(self._went ^ self._on_changed(came))))
        wanted = noted, words_changed(self._task.change, blocks)
        numbers = [*dict.fromkeys([*self._named, *nearest(wanted, others, weights)])][:RELATED]
        again = [self._parts[number] for number in sorted(numbers)]
        self._digest.forget(again)
        self._unread |= {*numbers}
        return grouped(again, self._most)

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
            kept=[one for one in not_made_again(task, self.accepted) if one.block_id in there],
            question="",
        )
        bare = replace(task, ledger=(), reported=(), noticed=(), kept=())
        for said, seen in ((task, shown), (bare, replace(shown, threads=frozenset()))):
            text = "\n".join([*self._told(), body_text(said, self._handles, seen)])
            if estimated_tokens(text) <= self._room:
                break  # else what stands beside the text waits for the last pass
        left = self._room - estimated_tokens(text)
        return "\n".join([*self._beside(there, left), text])

    def _place(self) -> str:
        first, last, count = self._group[0].number, self._group[-1].number, len(self._parts)
        said = f"part {first + 1}" if first == last else f"parts {first + 1} to {last + 1}"
        before = f"; before it: {self._parts[first - 1].title}" if first else ""
        after = f"; after it: {self._parts[last + 1].title}" if last + 1 < count else ""
        told = why_shown(self._group, self._touched, self._anew, self._named)
        why = f"; {told}" if self._is_later else ""
        cut = f"; of your last notes {self._digest.cut}" if self._digest.cut else ""
        room = self._digest.room(self._group, self._unread)
        return (
            f"{said} of {count}{before}{after}{why}{cut}; "
            f"room for notes here: {room} bytes with line ends"
        )

    def _told(self, share: float = 1) -> list[str]:
        """Return what was noted of other sections, in a share of its room."""
        read = [self._task.snapshot.by_id[key].plain for one in self._group for key in one.pieces]
        texts = read or [f"{one.title}\n{one.text}" for one in self._points().values()]
        return notes_near(self._digest.lines, texts, int(self._shown * BYTES_PER_TOKEN * share))

    def _beside(self, there: Container[str], left: int) -> list[str]:
        """Return what changed elsewhere, and the points, by title and at last whole."""
        most, is_last = int(min(left - 1, BESIDE_TOKENS) * BYTES_PER_TOKEN), not self._group
        made = [
            f"{INDENT}P{number} on {self._names[one.block_id]} ({one.severity.value}): "
            f"“{one_line(one.title)}”{_so_cut(one)}{f': {one_line(one.text)}' if is_last else ''}"
            for number, one in self._points().items()
        ]
        changes = changes_elsewhere(self._task, self._handles, there, removed=not is_last)
        changed = [f"{INDENT}{one}" for one in changes] if self._is_later else []
        told, own = list[str](), self._context.points.values()
        ruled = [*rulings_told(self.rulings, own, self._handles, is_last=is_last)]
        shown = (CHANGED, changed, most // 2), (_MADE, made, most), (_RULED, ruled, most)
        for label, lines, part in shown:
            kept = levelled(lines, part - size(label) - sum(map(size, told)))
            told += [label, *kept] if kept else []
        return told

    def _last(self) -> str:
        """Write the document of the last pass: outline, digest, threads and points.

        Raises:
            WindowTooSmall: There is no room for them.
        """
        task = replace(self._task, kept=not_made_again(self._task, self.accepted))
        asked, ranked = open_threads(task, self._handles, self._dealt())
        headings = [block for block in self._handles.blocks.values() if block.is_heading]
        beside = self._beside((), self._room // DIGEST_PART)
        kinds, names = sorted({block.type for block in headings}), [*self._handles.blocks]
        note = _OUTLINE.format(names[0], names[-1])

        def written(share: float, depth: int, shown: frozenset[str], most: int | None) -> str:
            outline = {block.id for block in headings if block.type in kinds[:depth]}
            out = frozenset(self._names.keys() - outline)
            body = body_text(task, self._handles, Excerpt(out, note=note, threads=shown))
            rest = [one for one in ranked if one not in shown]
            titles = [] if most is None else threads_by_title(task, self._handles, rest, most)
            text = "\n".join([*self._told(share), body, *titles, *beside])
            return text if estimated_tokens(text) <= self._room else ""

        wider = [(share, len(kinds), len(ranked)) for share in (3, 2)]
        fewer = [(0.25, 0, most) for most in (*reversed(range(len(ranked))), None)]
        ways = (*wider, *product((1, 0.5, 0.25), range(len(kinds), -1, -1), (len(ranked),)), *fewer)
        for share, depth, most in ways:
            if not (text := written(share, depth, asked, most)):
                continue
            for one in ranked:
                if more := written(share, depth, asked | {one}, most):
                    text, asked = more, asked | {one}
            return text
        raise WindowTooSmall(NO_ROOM)

    def _dealt(self) -> set[str]:
        """Return the ids of the threads that were answered, left or ruled on."""
        points = {key for key, one in self._context.points.items() if self._is_ruled(one)}
        return points | {*self.left, *(one.thread_id for one in self.replies)}

    def call(
        self, name: str, arguments: Mapping[str, Any], *, refused: int = 0, is_last: bool = False
    ) -> ToolResult:
        """Run one call; the first one that is accepted after `note` waited for it ends the pass."""
        result = super().call(name, arguments, refused=refused, is_last=is_last)
        corrects = self._is_held and result.accepted and name not in (*ENDS, *_LOOKS)
        self.finished = self.finished or corrects
        return result

    def _run(self, name: str, arguments: Mapping[str, Any], refused: int) -> str:
        if name != NOTE:
            return super()._run(name, arguments, refused)
        digest = text_arguments(NOTE, ("digest",), arguments)["digest"]
        return self._end_section(refused, digest, bare=True)

    def _finish(
        self,
        answers: Mapping[int, str],
        refused: int,
        summary: str,
        question: str,
        order: str = "",
    ) -> str:
        if self._group:
            at = self._names[next(iter(self._group[0].pieces))]
            asked = f"{at}: Open question: {question}" if question else ""
            return self._end_section(refused, "\n".join(filter(None, (summary, asked))))
        points = self._points()
        numbers = [*map(int, NUMBER.findall(order))]
        first = [points[number] for number in numbers if number in points]
        unknown = listed([f"P{number}" for number in numbers if number not in points])
        self._unranked = f"order names {unknown}; {self._known}" if points and unknown else ""
        self.accepted = [*dict.fromkeys([*first, *self.accepted])]  # of one severity posted so
        return super()._finish(answers, refused, summary, question)

    def _end_section(self, refused: int, digest: str, *, bare: bool = False) -> str:
        """Take the notes of the sections that are shown, and end the pass.

        Raises:
            ToolRefusal: A call of the turn was refused, and the model has not heard why.
        """
        self._digest.take(digest, self._group or self._parts, self._unread, bare=bare)
        if self.finished and not self._is_held:
            return "noted; the section has ended"
        if why := self._unheard(refused):
            self._is_held = bool(self._group)
            raise ToolRefusal("; ".join(why))
        self.finished, self._is_held = bool(self._group), False
        more = f"; of your notes {self._digest.cut}" if self._digest.cut else ""
        return f"noted{more}{'' if self._group else '; all is read: call finish'}"

    def _unheard(self, refused: int) -> list[str]:
        why = super()._unheard(refused)
        failed = f"{counted(refused, 'call')} of this turn failed, and your notes are kept: "
        ends = "correct what failed, and what comes next follows; or call note alone to drop it"
        return [failed + ends] if why and self._group else why
