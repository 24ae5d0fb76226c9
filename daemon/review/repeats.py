"""What a comment may not repeat: points of earlier reviews, and comments of this one. Pure.

What is certain is refused. What is not is asked once, when the model ends the review: `comparison`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from daemon.domain.findings import BY_PEOPLE, LIVE, SAID_NO
from daemon.domain.notation import counted
from daemon.domain.values import Block, Finding, Verdict
from daemon.review.points import (
    OwnPoint,
    became,
    free_words,
    how_closed,
    is_nearly_same,
    is_repeat,
    is_same_elsewhere,
    is_same_matter,
    is_titled,
    makes_anew,
    says_the_same,
    standing,
)
from daemon.review.prompt import clipped, one_line
from daemon.review.quotes import alike, is_quote_of
from daemon.review.tool_specs import ToolContext, ToolRefusal, listed


OPEN, LOST = "open", "its thread is gone; to make it anew, give the comment its title"
_NO = "turned down in this review"
_MOVED = "; where a move makes these words wrong, say that, and name the other block"
# How many characters of a person's no a refusal repeats.
NO_CHARS = 200
# What is ruled so needs no comment any more.
_ENDS = (Verdict.FIXED, Verdict.WITHDRAWN, Verdict.TURNED_DOWN)


@dataclass(frozen=True, slots=True)
class Other:
    """What a comment may repeat: an own point, or a comment of this review.

    Attributes:
        finding: The finding.
        at: The handle of its block; "" where that is gone.
        how: How it stands; "" of a comment of this review.
        thread: The handle of the thread that shows the point.
        point: The point; None of a comment of this review.
    """

    finding: Finding
    at: str
    how: str = ""
    thread: str = ""
    point: OwnPoint | None = None

    @property
    def title(self) -> str:
        """Its title on one line."""
        return one_line(self.finding.title)

    @property
    def is_no(self) -> bool:
        """Whether a person turned it down."""
        return self.how == _NO or self.how.endswith(SAID_NO)

    @property
    def where(self) -> str:
        """Where it is, in words."""
        if self.point is None:
            return f"your comment on {self.at}"
        return f"your own point in {self.thread}{f' on {self.at}' if self.at else ''}"

    @property
    def said(self) -> str:
        """How it stands, with the words of a person's no."""
        no = one_line(self.point.no) if self.point and self.is_no else ""
        return f"{self.how}: “{clipped(no, NO_CHARS)}”" if no else self.how

    def told(self, says: str) -> str:
        """Say to the model that it `says` the same, and how it stands."""
        return f"{self.where}{f' ({self.said})' if self.said else ''} {says}: “{self.title}”"


# Whether a person said no to what is repeated; what it is, what is to be done, and whether only the
# quoted words are the same: then it may be another matter.
_Refused = tuple[bool, str, str, bool]


@dataclass(frozen=True, slots=True)
class Said:
    """What the comments of a review are held against.

    Attributes:
        context: What was said before the review.
        standing: The earlier findings whose words stand, each on the block that has them.
        made: The findings that the review made so far.
        ruled: Its rulings so far, by the points' numbers.
        numbers: Of the comments that a model made, by their blocks and quotes.
    """

    context: ToolContext
    standing: Sequence[Finding]
    made: Sequence[Finding]
    ruled: Mapping[int, Verdict]
    numbers: Mapping[tuple[str, str], int]

    def refuse(self, finding: Finding, block: Block, words: str) -> None:
        """Do nothing with a finding that repeats nothing for certain; `words` are the model's own.

        Of what it repeats, a point that a person turned down is named before others, then the
        nearest.

        Raises:
            ToolRefusal: It repeats something, or its block takes no comment (now).
        """
        handle, most = self.context.handles.of_block[block.id], self.context.comments_per_block
        if not block.commentable:
            raise ToolRefusal(f"Notion takes no comment on {handle}; quote a block beside it")
        others, (why, unless) = self.others(finding), self.unasked(finding, block, words)
        moved = self._is_of_move(block, words)
        found = [*self._titled(finding, self.closed_by_people())]
        found += [one for other in others for one in self._own(finding, block, other, moved=moved)]
        found += self._elsewhere(finding, block, others)
        found += self._same(finding, block, moved=moved)
        told = [why] * bool(why and not unless)
        if found:
            _, what, instead, is_apart = min(found, key=lambda one: not one[0])
            instead += self._apart(finding, block, words) if is_apart else ""
            told = [what, instead, *told]
        if not told and self.on_block(block.id) >= most:
            told = [f"{handle} has {counted(most, 'comment')}, the limit; leave it"]
        if told:
            raise ToolRefusal("; ".join(told))

    def block_of(self, made: Finding) -> tuple[str, Block]:
        """Return the block of a comment of this review, after its handle."""
        handle = self.context.handles.of_block[made.block_id]
        return handle, self.context.handles.blocks[handle]

    def closed_by_people(self) -> list[Other]:
        """Return what people turned down or resolved, and no ruling opens again."""
        points, names = self.context.points.values(), self.context.handles.of_block
        shown = [one.finding for one in points]
        return [one for point in points for one in self._as_ruled(point) if one.is_no] + [
            Other(one.finding, names.get(one.finding.block_id, ""), how_closed(one.state, one.why))
            for one in self.context.ledger
            if one.state in BY_PEOPLE and one.finding not in shown
        ]

    def on_block(self, block_id: str) -> int:
        """Return how many comments on a block nobody settled; those below the floor aside."""
        points, floor = self.context.points.values(), self.context.least_severity
        ended = [one.finding for one in points if self.ruled.get(one.id) in _ENDS]
        live = [one.finding for one in self.context.ledger if one.state in LIVE]
        blocks = [*self.context.handles.blocks.values()]
        there = standing([one for one in live if one not in ended], blocks)
        there += [one for one in self.made if one.severity.rank <= floor.rank]
        return sum(one.block_id == block_id for one in there)

    def repeats(self, finding: Finding, point: OwnPoint) -> bool:
        """Tell whether a comment of this review repeats a point for certain, as that is ruled."""
        block, others = self.block_of(finding)[1], [*self._as_ruled(point)]
        own = (self._own(finding, block, one, moved=True) for one in others)
        noes = self._titled(finding, [one for one in others if one.is_no])
        return any(chain(noes, self._elsewhere(finding, block, others), *own))

    def _as_ruled(self, point: OwnPoint) -> Iterator[Other]:
        """Yield a point, and how it stands by the rulings so far; nothing where it is over."""
        how, handles = point.closed or (LOST if point.gone else OPEN), self.context.handles
        opened = how if point.gone else OPEN
        rulings = {None: how, Verdict.TURNED_DOWN: _NO, Verdict.NOT_YET: opened}
        if found := rulings.get(self.ruled.get(point.id)):
            at = handles.of_block.get(point.finding.block_id, "")
            yield Other(point.finding, at, found, handles.of_thread[point.thread_id], point)

    def others(self, finding: Finding) -> list[Other]:
        """Return what a finding may repeat: first what people turned down, then what is nearest."""
        at, points = self.context.handles.of_block, self.context.points.values()
        found = [one for point in points for one in self._as_ruled(point)]
        found += [Other(one, at[one.block_id]) for one in self.made]
        return sorted(found, key=lambda one: (not one.is_no, -self.likeness(finding, one.finding)))

    def _is_of_move(self, block: Block, words: str) -> bool:
        """Tell whether a comment may say what a move made wrong: of what is closed, in other words.

        It names another block, and that one or its own stands elsewhere.
        """
        change, handles = self.context.change, self.context.handles
        names = [name for name in handles.parse(words, "B") if name in handles.blocks]
        others = {handles.blocks[name].id for name in names} - {block.id}
        shifted = {*change.moved, *change.regrouped}
        return bool(others) and not shifted.isdisjoint({block.id, *others})

    def _titled(self, finding: Finding, noes: Iterable[Other]) -> Iterator[_Refused]:
        """Yield that a finding has the title of what people turned down or resolved."""
        for no in () if self.made_anew(finding) else noes:
            if is_titled(finding, no.finding):
                is_heard = no.point is not None and no.point.closed and not no.point.mute
                asked = f"where a person asks for it, use follow_up with not_yet in {no.thread}"
                way = asked if is_heard else "only a person can open it"
                instead = f"do not raise it again: {way}; give another matter another title"
                yield True, f"“{no.title}” is closed ({no.said})", instead, False

    def _own(
        self, finding: Finding, block: Block, other: Other, *, moved: bool
    ) -> Iterator[_Refused]:
        """Yield that a finding repeats an own point on its block."""
        point, handle = other.point, self.context.handles.of_block[block.id]
        if point is None or point.gone:
            return
        ruled, own = self.ruled.get(point.id), f"your own point “{other.title}” in {other.thread}"
        is_same = says_the_same(finding, point.finding)
        is_other = moved and not is_same
        if point.closed and is_repeat(finding, [point.finding], block) and not is_other:
            what = f"“{other.title}” was raised on {handle} before, in {other.thread}, and is "
            what += f"{other.how} again" if ruled else f"closed ({other.how})"
            more = "" if ruled or point.mute else "; to open it again, use follow_up with not_yet"
            if self.context.change.moved:
                more += _MOVED
            is_apart = not (is_same or self.context.change.moved)
            yield other.is_no, what, f"do not repeat it{more}", is_apart
        is_over = ruled is not None and not (point.pasted and ruled is Verdict.NOT_YET)
        is_heard = self._is_heard(other, block)
        is_matter = is_same_matter(finding, point.finding, block, is_heard=is_heard)
        if point.closed or is_over or not is_matter:
            return
        if point.pasted:
            what = f"{own} stood on {handle} before that was cut and pasted"
            what += ", and is posted anew there without a call"
            yield other.is_no, what, "comment only on another matter", False
        else:
            what = f"{own} stands on {handle} and is still open"
            is_quoted = is_quote_of(point.finding.quote, block.plain)
            but = "" if is_quoted else ", unless you can rule first that it is fixed or withdrawn"
            instead = "rule on it with follow_up first" if is_heard else f"drop this{but}"
            is_apart = is_quoted and not (is_heard or is_same)
            yield other.is_no, what, instead, is_apart

    def _apart(self, finding: Finding, block: Block, words: str) -> str:
        """Say where another matter than what has the words of a block can stand; "" for nowhere."""
        blocks, handle = self.context.handles.blocks, self.context.handles.of_block[block.id]
        is_taken = self._takes(finding, block, words)
        for one in self.context.handles.nearest(handle) if is_taken else ():
            free = free_words(blocks[one], [*self.standing, *self.made])
            if free and self._takes(finding, blocks[one], words):
                what = f"other words of {one}" if one == handle else f"words of {one} beside it"
                return f"; if this is another matter, quote {what}, such as “{free}”"
        return ""

    def _takes(self, finding: Finding, block: Block, words: str) -> bool:
        """Tell whether a block takes a comment more in this review."""
        is_full = self.on_block(block.id) >= self.context.comments_per_block
        return block.commentable and not is_full and not self.unasked(finding, block, words)[0]

    def _is_heard(self, other: Other, block: Block) -> bool:
        """Tell whether `not_yet` may say in the thread of an open point how a block bears on it."""
        context, point = self.context, other.point
        if point is None or point.id in self.ruled:
            return False
        anew, here = point.pasted and context.comments_on_blocks, context.handles.of_block[block.id]
        return anew or not context.unheard(other.thread, point, here)

    def _elsewhere(
        self, finding: Finding, block: Block, others: Sequence[Other]
    ) -> Iterator[_Refused]:
        """Yield what a finding repeats for certain on another block."""
        anew = self.made_anew(finding)
        for other in others:
            one, how = other.finding, other.how
            is_same = (how in ("", OPEN) or other.is_no) and is_same_elsewhere(finding, one)
            is_near = one.block_id != finding.block_id and is_nearly_same(finding, one)
            is_same |= is_near and is_titled(finding, one)
            is_twice = not how and any(makes_anew(one, point) for point in anew)
            if is_twice or (is_same and one not in anew):
                what = f"this is {other.where}, “{other.title}”"
                instead = self._instead(other, block)
                other_one = "If this is another one, give it another title, quote and text"
                yield other.is_no, what, f"{instead}. {other_one}", False

    def made_anew(self, finding: Finding) -> list[Finding]:
        """Return the points that lost their blocks, still hold, and that a finding makes anew."""
        lost = [one for one in self.context.points.values() if one.gone]
        held = [one for one in lost if self.ruled.get(one.id) is not Verdict.TURNED_DOWN]
        return [one.finding for one in held if makes_anew(finding, one.finding)]

    def _instead(self, other: Other, block: Block) -> str:
        """Say what to do in place of a comment on what was said on another block."""
        point = other.point
        if other.is_no:
            return f"it was turned down ({other.how}): drop it"
        if point is None:
            return f"one matter, one comment{self._widened(other.finding)}"
        if other.how != OPEN:
            again = "where it holds again, say so with follow_up and not_yet"
            return f"it is closed ({other.how}); {'drop it' if point.mute else again}"
        said = "say it there with follow_up, and name this place"
        heard = said if self._is_heard(other, block) else "it stays open, drop this"
        return f"one matter, one comment: {heard}"

    def likeness(self, finding: Finding, other: Finding) -> float:
        """Return how much two findings speak of the same, by words that are rare on the page."""
        page = (block.plain for block in self.context.handles.blocks.values())
        said = (f"{one.finding.title} {one.finding.text}" for one in self.context.ledger)
        one, two = (f"{each.title} {each.text} {each.quote}" for each in (finding, other))
        return alike(one, two, (*page, *said))

    def _same(self, finding: Finding, block: Block, *, moved: bool) -> Iterator[_Refused]:
        """Yield what was said of the block before; of what is ruled on, only the same words.

        So too of what is closed, in a comment that may say what a move made wrong.
        """
        over = [one.finding for one in self.context.points.values() if one.id in self.ruled]
        over += [one.finding for one in self.context.ledger if moved and one.state not in LIVE]
        handle = self.context.handles.of_block[block.id]
        for one in [*self.standing, *self.made]:
            is_again = one not in over and is_repeat(finding, [one], block)
            is_alike = one.block_id == block.id and says_the_same(finding, one)
            if is_again or (is_alike and (one in over or one in self.made)):
                how = became(one, self.context.ledger)
                name = f"“{one_line(one.title)}”" if one.title.strip() else "this"
                is_no = how.endswith(f"{SAID_NO})")
                more = _MOVED * bool(self.context.change.moved and how.startswith("is closed"))
                what = f"{name} was raised on {handle} before and {how}"
                instead = f"do not repeat it{more}{self._widened(one)}"
                yield is_no, what, instead, not (is_alike or more)

    def _widened(self, one: Finding) -> str:
        """Say how a comment of this review is made to say more; "" where it is none of a model."""
        number = self.numbers.get((one.block_id, one.quote))
        how = f"take_back P{number} and make it anew: with its quote it is P{number} again"
        return f"; to add to it, {how}" if number else ""

    def unasked(self, finding: Finding, block: Block, words: str) -> tuple[str, str]:
        """Say why a block takes no comment in this review, and what makes it right all the same.

        A comment is right that names what makes its block wrong, or makes a point anew.
        """
        context, handle = self.context, self.context.handles.of_block[block.id]
        known = {one.finding.block_id for one in context.ledger} & context.unchanged_blocks
        is_kept = is_repeat(finding, context.kept, block)
        is_free = block.id not in known and (block.id not in context.closed_blocks or is_kept)
        if context.is_anew or is_free or context.edited(words) or self.made_anew(finding):
            return "", ""
        told = "was commented on before, and it and its section say what they said then"
        if block.id not in known:
            told = "and its section say what they said at the last review"
        why = f"{handle} {told}"
        if edited := context.edited(" ".join(context.handles.blocks)):
            named = "comment on what is new, changed or moved, or name in the text the one of these"
            return f"{why}; {named} that makes it wrong: {listed(edited)}", ""
        if not (context.change.removed or context.change.fields):
            return f"{why}; it takes another comment once one of them changes", ""
        return why, "what was removed or changed beside the blocks makes it wrong"
