"""What a comment may not repeat: points of earlier reviews, and comments of this one. Pure.

What is certain is refused. What is not is doubted: refused once, with what it may repeat, and taken
when the model makes the call again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from daemon.domain.change import sections
from daemon.domain.findings import LIVE, SAID_NO
from daemon.domain.values import Block, Finding, Severity, Source, Verdict
from daemon.review.points import (
    OwnPoint,
    how_closed,
    is_repeat,
    is_same_elsewhere,
    is_same_matter,
    makes_anew,
    reanchored,
    says_the_same,
    words_of,
)
from daemon.review.prompt import clipped, one_line
from daemon.review.quotes import is_quote_of
from daemon.review.tool_specs import BLOCKS_NAMED, ToolContext, ToolRefusal


_OPEN, _GONE = "open", "its thread is gone; to make it anew, give the comment its title"
_NO = "turned down in this review"
_MOVED = "; where a move makes these words wrong, say that, and name the other block"
# How many characters of a person's no a refusal repeats.
NO_CHARS = 200
# What is ruled so needs no comment any more.
_ENDS = (Verdict.FIXED, Verdict.WITHDRAWN, Verdict.TURNED_DOWN)


# Titles are nearly the same that share so many words of weight, and differ in one at most. Such a
# word has so many letters, or a digit.
NEAR_TITLES, WEIGHTY_CHARS = 2, 4


def is_nearly_same(finding: Finding, other: Finding) -> bool:
    """Return whether the titles of two findings differ in one word of weight at most.

    Both findings are a model's. Whether they are one matter is not certain.
    """
    if Source.CHECK in (finding.source, other.source):
        return False
    one, two = (
        {w for w in words_of(title) if len(w) >= WEIGHTY_CHARS or any(map(str.isdigit, w))}
        for title in (finding.title, other.title)
    )
    return len(one & two) >= NEAR_TITLES and max(len(one - two), len(two - one)) <= 1


@dataclass(frozen=True, slots=True)
class Said:
    """What the comments of a review are held against.

    Attributes:
        context: What was said before the review.
        standing: The earlier findings whose words stand, each on the block that has them.
        made: The findings that the review made so far.
        ruled: Its rulings so far, by the points' numbers.
        doubted: What was doubted so far: a block or "", and the title that it may repeat.
    """

    context: ToolContext
    standing: Sequence[Finding]
    made: Sequence[Finding]
    ruled: Mapping[int, Verdict]
    doubted: set[tuple[str, str]]

    def refuse(self, finding: Finding, block: Block, words: str) -> None:
        """Do nothing with a finding that says something new; `words` are the model's own.

        Raises:
            ToolRefusal: It repeats something, or may do so and was not doubted yet.
        """
        is_of_move = self._is_of_move(block, words)
        for thread_id, point in self.context.points.items():
            thread = self.context.handles.of_thread[thread_id]
            self._refuse_own(finding, block, point, thread, is_of_move=is_of_move)
        self._refuse_elsewhere(finding)
        self._refuse_same(finding, block, is_of_move=is_of_move)
        if finding.source is Source.MODEL:
            likely = (self._near, self._crossing, self._turned_down)
            self._doubt([told for find in likely for told in find(finding)])
        self._refuse_unasked(finding, block, words)

    def on_block(self, block_id: str, floor: Severity) -> int:
        """Return how many comments on a block nobody settled; those below the floor aside."""
        points = self.context.points.values()
        ended = [one.finding for one in points if self.ruled.get(one.id) in _ENDS]
        live = [one.finding for one in self.context.ledger if one.state in LIVE]
        there = reanchored(
            (one for one in live if one not in ended), [*self.context.handles.blocks.values()]
        )
        there += [one for one in self.made if one.severity.rank <= floor.rank]
        return sum(one.block_id == block_id for one in there)

    def _is_of_move(self, block: Block, words: str) -> bool:
        """Tell whether a comment may say what a move made wrong: of what is closed, in other words.

        It names another block, and that one or its own stands elsewhere.
        """
        change, handles = self.context.change, self.context.handles
        names = [name for name in handles.parse(words, "B") if name in handles.blocks]
        others = {handles.blocks[name].id for name in names} - {block.id}
        shifted = {*change.moved, *change.regrouped}
        return bool(others) and not shifted.isdisjoint({block.id, *others})

    def _refuse_own(
        self, finding: Finding, block: Block, point: OwnPoint, thread: str, *, is_of_move: bool
    ) -> None:
        handle, title = self.context.handles.of_block[block.id], one_line(point.finding.title)
        is_again = is_repeat(finding, [point.finding], block)
        is_other = is_of_move and not says_the_same(finding, point.finding)
        if point.closed and is_again and not is_other:
            more = "" if point.mute else "; to open it again, use follow_up with not_yet"
            more += _MOVED if self.context.change.moved else ""
            raise ToolRefusal(
                f"“{title}” was raised on {handle} before, in {thread}, and is closed "
                f"({point.closed}); do not repeat it{more}"
            )
        ruled = self.ruled.get(point.id)
        is_over = ruled is not None and not (point.pasted and ruled is Verdict.NOT_YET)
        if point.closed or point.gone or is_over:
            return
        if is_same_matter(finding, point.finding, block):
            own = f"your own point “{title}” in {thread}"
            raise ToolRefusal(
                f"{own} stood on {handle} before that was cut and pasted, and is posted anew there "
                "without a call; comment only on another matter"
                if point.pasted
                else f"{own} stands on {handle} and is still open; rule on it with follow_up first"
            )

    def _others(self) -> Iterator[tuple[str, Finding, str]]:
        """Yield what a comment may repeat elsewhere: where it is, and how it stands."""
        handles = self.context.handles
        for thread_id, point in self.context.points.items():
            if self.ruled.get(point.id) in (Verdict.FIXED, Verdict.WITHDRAWN):
                continue
            at = handles.of_block.get(point.finding.block_id)
            where = f"your own point in {handles.of_thread[thread_id]}{f' on {at}' if at else ''}"
            how = point.closed or (_GONE if point.gone else _OPEN)
            ruled = self.ruled.get(point.id)
            if ruled is Verdict.TURNED_DOWN:
                how = _NO
            elif ruled is Verdict.NOT_YET and not point.gone:
                how = _OPEN
            yield where, point.finding, how
        for one in self.made:
            yield f"your comment on {handles.of_block[one.block_id]}", one, ""

    def _refuse_elsewhere(self, finding: Finding) -> None:
        anew = [
            point.finding
            for point in self.context.points.values()
            if point.gone and makes_anew(finding, point.finding)
        ]
        for where, one, how in self._others():
            is_same = how in ("", _OPEN, _NO) and is_same_elsewhere(finding, one)
            is_titled = one.block_id != finding.block_id and is_nearly_same(finding, one)
            is_titled = is_titled and words_of(finding.title) == words_of(one.title)
            is_twice = not how and any(makes_anew(one, point) for point in anew)
            if is_twice or ((is_same or is_titled) and one not in anew):
                raise ToolRefusal(
                    f"this is {where}, “{one_line(one.title)}”; {_instead_of_it(how)}. "
                    "If this is another one, say it in other words"
                )

    def _doubt(self, doubts: Sequence[tuple[tuple[str, str], str]]) -> None:
        """Refuse what may repeat something, once for each."""
        if new := [told for key, told in doubts if key not in self.doubted]:
            self.doubted.update(key for key, _ in doubts)
            why = "if this is another matter, say in the title what tells them apart"
            raise ToolRefusal("; ".join([*new, f"{why}, and make the call again"]))

    def _near(self, finding: Finding) -> Iterator[tuple[tuple[str, str], str]]:
        """Yield what has nearly the same title, or lost its place to this block."""
        for where, one, how in self._others():
            lost = how == _GONE and one.block_id == finding.block_id
            if (is_nearly_same(finding, one) or lost) and not (
                how == _GONE and makes_anew(finding, one)
            ):
                says = "may be the same" if lost else "says nearly the same"
                told = f"{where}{f' ({how})' if how else ''} {says}: “{one_line(one.title)}”"
                yield (finding.block_id, one.title), told

    def _crossing(self, finding: Finding) -> Iterator[tuple[tuple[str, str], str]]:
        """Yield what names the block of a comment, and stands on one that the comment names."""
        handles, of_block = self.context.handles, self.context.handles.of_block
        named = handles.named_in(finding.text, finding.block_id)
        for where, one, how in self._others():
            if one.block_id not in named or not (how in ("", _OPEN) or _is_no(how)):
                continue
            if finding.block_id in handles.named_in(one.text, one.block_id):
                on, at = of_block[finding.block_id], of_block[one.block_id]
                told = f"{where}{f' ({how})' if how else ''} names {on} as this names {at}"
                yield (finding.block_id, one.title), f"{told}: “{one_line(one.title)}”"

    def _turned_down(self, finding: Finding) -> Iterator[tuple[tuple[str, str], str]]:
        """Yield what people turned down in the section of a comment, while its words stand."""
        handles, under = self.context.handles, sections(self.context.handles.blocks.values())
        for thread_id, point in self.context.points.items():
            block = handles.blocks.get(handles.of_block.get(point.finding.block_id, ""))
            turned = self.ruled.get(point.id) is Verdict.TURNED_DOWN or (
                point.declined and point.id not in self.ruled
            )
            if not turned or block is None or under[block.id] != under[finding.block_id]:
                continue
            is_told = any(title == point.finding.title for where, title in self.doubted if where)
            is_told = is_told or is_nearly_same(finding, point.finding)
            if not is_told and is_quote_of(point.finding.quote, block.plain):
                how = point.closed or _NO
                said = f"{how}: “{clipped(one_line(point.no), NO_CHARS)}”" if point.no else how
                where = f"in {handles.of_thread[thread_id]} on {handles.of_block[block.id]}"
                title = one_line(point.finding.title)
                yield ("", point.finding.title), f"“{title}” {where} was turned down ({said})"

    def _refuse_same(self, finding: Finding, block: Block, *, is_of_move: bool) -> None:
        """Refuse what was said of the block before; of what is ruled on, only the same words.

        So too of what is closed, in a comment that may say what a move made wrong.
        """
        ruled = [one.finding for one in self.context.points.values() if one.id in self.ruled]
        over = [one.finding for one in self.context.ledger if one.state not in LIVE]
        moves = self.context.change.moved
        for one in [*self.standing, *self.made]:
            is_over = one in ruled or (is_of_move and one in over)
            is_again = not is_over and is_repeat(finding, [one], block)
            is_alike = one.block_id == block.id and says_the_same(finding, one)
            if is_again or (is_alike and (is_over or one in self.made)):
                title = f"“{one_line(one.title)}”" if one.title else "this"
                raise ToolRefusal(
                    f"{title} was raised on {self.context.handles.of_block[block.id]} before and "
                    f"{self._became(one)}; do not repeat it{_MOVED if moves else ''}"
                )

    def _became(self, one: Finding) -> str:
        """Say what became of a finding that was made before, or in this review."""
        for entry in self.context.ledger:
            if (entry.finding.quote, entry.finding.text) == (one.quote, one.text):
                how = how_closed(entry.state, entry.why)
                return f"is closed ({how})" if how else f"still stands ({entry.state.value})"
        return "still stands"

    def _refuse_unasked(self, finding: Finding, block: Block, words: str) -> None:
        """Refuse a comment on text that did not change, unless it names what makes it wrong."""
        context, handles = self.context, self.context.handles
        handle, change = handles.of_block[block.id], context.change
        known = {one.finding.block_id for one in context.ledger} & context.unchanged_blocks
        is_kept = is_repeat(finding, context.kept, block)
        if block.id not in known and (block.id not in context.closed_blocks or is_kept):
            return
        if context.edited(words):
            return
        told = "was commented on before, and it and its section say what they said then"
        if block.id not in known:
            told = "and its section say what they said at the last review"
        why = f"{handle} {told}"
        if edited := [*context.edited(" ".join(handles.blocks))]:
            more = " and others" if len(edited) > BLOCKS_NAMED else ""
            blocks = f"{', '.join(edited[:BLOCKS_NAMED])}{more}"
            raise ToolRefusal(
                f"{why}; comment on what is new, changed or moved, or name in the text the one of "
                f"these that makes it wrong: {blocks}"
            )
        if not (change.removed or change.fields):
            raise ToolRefusal(f"{why}; it takes another comment once one of them changes")
        if (block.id, "") not in self.doubted:
            self.doubted.add((block.id, ""))
            went = "what was removed or changed beside the blocks"
            raise ToolRefusal(f"{why}; where {went} makes it wrong, make the call again")


def _is_no(how: str) -> bool:
    return how == _NO or how.endswith(SAID_NO)


def _instead_of_it(how: str) -> str:
    """Say what to do in place of a comment, by how the point stands that it repeats."""
    if _is_no(how):
        return f"it was turned down ({how}): drop it"
    if how in ("", _OPEN):
        there = ": say it there with follow_up, and name this place" if how else ""
        return f"one matter, one comment{there}"
    return f"it is closed ({how}); where it holds again, say so with follow_up and not_yet"
