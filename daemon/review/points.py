"""The points of a page: open, closed, or made again. Pure.

What repeats one that was made before, and where its quote stands now.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from daemon.domain.findings import SAID_NO, UNREAD, FindingState, LedgerEntry, who_said_no
from daemon.domain.values import (
    Block,
    Finding,
    Severity,
    Snapshot,
    Source,
)
from daemon.notion.from_markdown import as_typed
from daemon.review.cleaning import beginning, person_name, visible
from daemon.review.quotes import (
    blocks_with,
    fold,
    is_quote_of,
    overlap,
    stands_in,
    unmarked_line,
    weighty,
)


TAKEN_BACK = "I take this point back."
GONE_CHARS = 60
SAID_ALREADY = "that was said of this text already"


@dataclass(frozen=True, slots=True)
class SettledPoint:
    """A point of a review of another page, of which is known whether the text bears it.

    Attributes:
        finding: The point, on a block of the passage. The ids of blocks of one text sort as they
            stand there.
        is_true: Whether an author acted on it; else the reviewer withdrew it for words of the text.
        passage: The text around it as that review read it, with what answers it.
    """

    finding: Finding
    is_true: bool
    passage: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class OwnPoint:
    """A finding of the reviewer that is still open, or that a ruling may open again.

    Attributes:
        id: The finding's number.
        finding: The finding.
        thread_id: The thread that shows it to the model.
        before: What the page said when it was made, text by text.
        last: What it said at the last review.
        mute: Why nothing more can be said in its thread; "" where something can.
        made: When it was made.
        opened: When it was opened last: when it was made, or when it was opened again.
        again: Why it is open again since the last review; "" where it is not.
        closed: How it was closed; "" while it is open.
        declined: Whether it is closed by a person's no.
        no: The words of that no; "" where they are not known.
        pasted: Whether its block was cut and pasted, so that its thread went.
        gone: Whether its thread went with its block, and its text came into no other one since.
        unread: Since when words in its old thread could not be read; None where all were read.
        fires: Whether it is a rule's, and the rule finds it in the text as it is.
        moved: The blocks that were moved near it since it was made, and where each stands now.
        beside: The other blocks that it names, by id, and what became of the text of each; ""
            where that stands as it did.
        taken: Whether its block took the wording that it offers.
        own: What its block says; None where that is gone.
        was: What its block said when it was made, and when it was opened again, as far as known.
        ended: What it said at the last review; "" where it is not gone, or was gone by then.
        since: What it said at the first review after it was opened again; () where none read it.
    """

    id: int
    finding: Finding
    thread_id: str
    before: tuple[str, ...] = ()
    last: tuple[str, ...] = ()
    mute: str = ""
    made: datetime | None = None
    opened: datetime | None = None
    again: str = ""
    closed: str = ""
    declined: bool = False
    no: str = ""
    pasted: bool = False
    gone: bool = False
    unread: datetime | None = None
    fires: bool = False
    moved: Mapping[str, str] = field(default_factory=dict)
    beside: Mapping[str, str] = field(default_factory=dict)
    taken: bool = False
    own: str | None = None
    was: tuple[str, ...] = ()
    ended: str = ""
    since: tuple[str, ...] = ()

    @property
    def ruled(self) -> bool:
        """Whether it was ruled not yet since its page and its thread changed."""
        return self.mute == SAID_ALREADY

    def stands(self, names: Mapping[str, str], unseen: Container[str] = ()) -> str:
        """Say to the model how it stands.

        `names` are the handles of the blocks, by id, and `unseen` the ids of those not shown.
        """
        at = names.get(self.finding.block_id, "another block")
        where = f"; its thread stands on a block that is gone, its text stands in {at} now"
        pasted = where if self.pasted else ""
        if self.closed:
            return f" (closed: {self.closed}{f'; {self.mute}' if self.mute else ''}){pasted}"
        pasted += ", where it is posted anew while it is open" if self.pasted else ""
        is_changed = self.own is not None and any(text != self.own for text in self.was)
        own = f"; {at}, its block, changed since"
        own *= is_changed and self.finding.block_id in unseen
        others = "".join(
            f"; {names.get(block_id, 'a block')}, which it names, {became or 'is unchanged'}"
            for block_id, became in self.beside.items()
            if became or self.taken
        )
        is_reworded = self.ended and not is_quote_of(self.finding.quote, self.ended)
        ended = f"; its block said at last: “{gone_words(self.ended)}”" if is_reworded else ""
        again = f"; open again: {as_typed(self.again)}" if self.again else ""
        if self.taken and others:
            again = "; its block took your wording"
            others += "; rule whether they agree now"
        unread = f"; {UNREAD.format(self.unread)}" if self.unread else ""
        shut = f"; nothing can be said in it: {self.mute}" if self.mute and not self.pasted else ""
        return ended + again + own + others + pasted + unread + shut


def gone_words(text: str) -> str:
    """Return the first words of a block that is gone, on one line, for the model."""
    return beginning(" ".join(visible(text).split()), GONE_CHARS)


_CLOSED = {
    FindingState.ADDRESSED: "you ruled that it is fixed",
    FindingState.ADOPTED: "its block says what you offered instead",
    FindingState.WITHDRAWN: "you withdrew it",
    FindingState.RESOLVED: "its thread was resolved or deleted",
    FindingState.RETRACTED: "an operator took it back",
    FindingState.REFUSED: "a person refused its draft",
}


def how_closed(state: FindingState, why: str) -> str:
    """Say to the model how a finding was closed, and by whom; "" for one that is open.

    `why` is the last line of its history.
    """
    if state is FindingState.DISMISSED:
        name = who_said_no(why).replace("\\", "")
        return f"{person_name(name) if name else 'a person'}{SAID_NO}"
    return _CLOSED.get(state, "")


def became(one: Finding, ledger: Iterable[LedgerEntry]) -> str:
    """Say what became of a finding that was made before, or in this review."""
    for entry in ledger:
        if (entry.finding.quote, entry.finding.text) == (one.quote, one.text):
            how = how_closed(entry.state, entry.why)
            return f"is closed ({how})" if how else f"still stands ({entry.state.value})"
    return "still stands"


def page_texts(snapshot: Snapshot) -> tuple[str, ...]:
    """Return all that a page says: its title, its properties and its blocks.

    A block's text is made of its line, as that of a kept review is: so both can be compared letter
    by letter.
    """
    page = snapshot.page
    said = (page.title, *(text for _, text in page.properties))
    return (*said, *(unmarked_line(block.line) for block in snapshot.blocks))


# The most characters of a posted text. A longer text is cut and says so; one that repeats itself is
# cut after its first REPETITIVE_CHARS.
FINDING_CHARS = REPLY_CHARS = 6_000
SUMMARY_CHARS = 12_000
REPETITIVE_CHARS = 1_000
# Two texts about one block make the same point from this likeness on (0 to 100). A text with fewer
# than SAME_POINT_FROM different words must have exactly the same words.
SAME_POINT, SAME_POINT_FROM, SAME_QUOTE_FROM = 88.0, 4, 6
# A shorter quote may be in another block by chance.
MOVED_QUOTE_CHARS = 12


def is_repeat(finding: Finding, earlier: Iterable[Finding], block: Block) -> bool:
    """Return whether a finding repeats an earlier one whose quote is still in the block.

    It repeats it when the quotes overlap, or when both texts use nearly the same words.

    Args:
        finding: The new finding.
        earlier: The earlier findings of the page.
        block: The block that the new finding is about.
    """
    return any(
        overlap(finding.quote, old.quote, block.plain) or are_same_texts(finding.text, old.text)
        for old in earlier
        if old.block_id == block.id and is_quote_of(old.quote, block.plain)
    )


def says_the_same(finding: Finding, other: Finding) -> bool:
    """Return whether two findings about one block have the same title or nearly the same words."""
    return is_titled(finding, other) or are_same_texts(finding.text, other.text)


def is_titled(finding: Finding, other: Finding) -> bool:
    """Return whether two findings of a model have the same title, in whatever case and order."""
    by_model = Source.CHECK not in (finding.source, other.source)
    return by_model and words_of(finding.title) == words_of(other.title) != set()


def are_same_texts(one: str, other: str) -> bool:
    """Return whether two texts use nearly the same words, or one of them some of the other's."""
    from rapidfuzz import fuzz

    words, others = (re.findall(r"\w+", fold(text).text) for text in (one, other))
    # The ratio counts a subset of words as equal, so a short text would equal many others.
    if min(len(set(words)), len(set(others))) < SAME_POINT_FROM:
        return set(words) == set(others)
    return fuzz.token_set_ratio(" ".join(words), " ".join(others)) >= SAME_POINT


def standing(earlier: Iterable[Finding], blocks: Iterable[Block]) -> list[Finding]:
    """Return the findings whose quote is still in their own blocks."""
    by_id = {block.id: block for block in blocks}
    return [
        one
        for one in earlier
        if one.block_id in by_id and is_quote_of(one.quote, by_id[one.block_id].plain)
    ]


def holding(one: Finding, blocks: Iterable[Block]) -> list[Block]:
    """Return the blocks that have the words of a finding letter by letter, as whole words.

    A quote shorter than MOVED_QUOTE_CHARS may stand anywhere by chance, so none counts.
    """
    is_sure = len(fold(one.quote).text) >= MOVED_QUOTE_CHARS
    return [block for block in blocks if is_sure and stands_in(one.quote, block.plain)]


def standing_in(one: Finding, blocks: Sequence[Block]) -> list[Block]:
    """Return the blocks that have the words of a finding: its own, else every other, in order.

    A quote shorter than MOVED_QUOTE_CHARS counts in its own block alone.
    """
    if standing([one], blocks):
        return [block for block in blocks if block.id == one.block_id]
    return blocks_with(one.quote, blocks) if len(fold(one.quote).text) >= MOVED_QUOTE_CHARS else []


def ranked(findings: Iterable[Finding], floor: Severity) -> list[Finding]:
    """Return the findings that are not below `floor`, the most severe first.

    Of equals the model's come before those of the rules, each in the order they were made in.
    """
    told = (one for one in findings if one.severity.rank <= floor.rank)
    return sorted(told, key=lambda one: (one.severity.rank, one.source is Source.CHECK))


def is_same_matter(
    finding: Finding, point: Finding, block: Block, *, is_heard: bool = True
) -> bool:
    """Return whether a finding is about what an open point is about.

    It is when their quotes overlap, when both say the same of one block, or when the
    point's words are gone from that block: whether the new text mends them is to be ruled first.

    Args:
        finding: The new finding.
        point: The open point.
        block: The block that the new finding is about.
        is_heard: Whether the point can be ruled not yet: what cannot be ruled first is not asked.
    """
    if point.block_id != block.id:
        return False
    return (
        (is_heard and not is_quote_of(point.quote, block.plain))
        or overlap(finding.quote, point.quote, block.plain)
        or says_the_same(finding, point)
    )


def is_same_elsewhere(finding: Finding, other: Finding) -> bool:
    """Return whether two findings are one matter for certain, though they stand on two blocks.

    Both are a model's: a rule says the same of every place that it finds. They have the same title,
    the same quote or the same text, of SAME_POINT_FROM different words at least, a quote of
    SAME_QUOTE_FROM: fewer name a kind of flaw, or begin many sentences. In a text, the order of the
    words does not count, nor one word more for each SAME_POINT_FROM; one word for another, such as
    a number or a name, makes another matter.
    """
    if finding.block_id == other.block_id or Source.CHECK in (finding.source, other.source):
        return False
    pairs = (finding.title, other.title), (finding.quote, other.quote), (finding.text, other.text)
    for pair, least in zip(pairs, (SAME_POINT_FROM, SAME_QUOTE_FROM, SAME_POINT_FROM), strict=True):
        few, many = sorted(map(words_of, pair), key=len)
        more = len(few) // SAME_POINT_FROM if pair is pairs[-1] else 0
        if len(few) >= least and few <= many and len(many) <= len(few) + more:
            return True
    return False


# How many words of a block a refusal offers to quote, of so many characters at least.
FREE_WORDS, FREE_CHARS = 8, 5
_AT_WORDS = re.compile(r"^\W+|\W+$")

# Titles are nearly the same that share so many words of weight, and differ in one at most. One is
# near to a heading with which it shares as many.
NEAR_TITLES = 2


def free_words(block: Block, others: Iterable[Finding]) -> str:
    """Return the first words of the longest part of a block that no finding quotes; "" for none."""
    hay, taken = fold(block.plain), set[int]()
    said = [one.quote for one in others if one.block_id == block.id and fold(one.quote).text]
    for quote in (fold(one).text for one in said):
        spans = (one.start() for one in re.finditer(f"(?={re.escape(quote)})", hay.text))
        taken |= {at for start in spans for at in hay.at[start : start + len(quote)]}
    left = "".join("\n" if at in taken else sign for at, sign in enumerate(block.plain))
    parts = [" ".join(_AT_WORDS.sub("", part).split()[:FREE_WORDS]) for part in left.split("\n")]
    # They may stand a second time, in a quote.
    free = [one for one in parts if not any(overlap(one, quote, block.plain) for quote in said)]
    return max((one for one in free if len(one) >= FREE_CHARS), key=len, default="")


def is_nearly_same(finding: Finding, other: Finding) -> bool:
    """Return whether the titles of two findings differ in one word of weight at most.

    Both findings are a model's. Whether they are one matter is not certain.
    """
    if Source.CHECK in (finding.source, other.source):
        return False
    one, two = weighty(finding.title), weighty(other.title)
    return len(one & two) >= NEAR_TITLES and max(len(one - two), len(two - one)) <= 1


def makes_anew(finding: Finding, point: Finding) -> bool:
    """Return whether a finding takes the place of a point whose block is gone."""
    return is_titled(finding, point) or is_same_elsewhere(finding, point)


def words_of(text: str) -> set[str]:
    """Return the different words of a text, without case, width and accents."""
    return {*re.findall(r"\w+", fold(text).text)}


def nearest_heading(prompt: str, raised: Finding) -> str:
    """Return the heading of a prompt that the title of a finding is nearest to; "" for none.

    A word of the heading counts for two of those below it. None is nearest where two are, and where
    fewer than two words are shared.
    """
    title, found, head = weighty(raised.title), Counter[str](), ""
    for line in prompt.splitlines():
        if is_head := line.startswith("#"):
            head = line.strip("# ")
        found[head] += len(title & weighty(line)) * (2 if is_head else 1)
    (first, most), (_, second) = [*found.most_common(2), ("", 0), ("", 0)][:2]
    return first if most >= NEAR_TITLES and most > second else ""
