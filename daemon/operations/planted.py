"""Defects planted into a document, each with its place: how many of them does a reviewer find?

Every kind is a pure function of a snapshot and a seed. A kind that a document has no room for is
not planted there. Blocks keep their ids, so a place in the changed document is one in its twin.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise

from daemon.domain.values import Block, Finding, Snapshot


class Defect(StrEnum):
    """A kind of defect."""

    NUMBER = "number"  # changed in one of its several places
    STEP = "step"  # removed from a sequence
    NAME = "name"  # of a component, another one in one place
    PROMISE = "promise"  # reversed against an earlier section
    REFERENCE = "reference"  # leads nowhere
    ROLLBACK = "rollback"  # removed


@dataclass(frozen=True, slots=True)
class Planted:
    """A document with one defect.

    Attributes:
        kind: What kind of defect it is.
        snapshot: The document with it.
        places: The ids of the blocks that a point about it may stand on.
        was: The words that stood there.
        now: The words that stand there instead; "" where some were removed.
        named_by: Words that name it wherever a point stands; None where its place alone counts.
    """

    kind: Defect
    snapshot: Snapshot
    places: frozenset[str]
    was: str
    now: str
    named_by: re.Pattern[str] | None = None

    def is_found_by(self, finding: Finding) -> bool:
        """Return whether a point that the untouched document does not get is about the defect."""
        if finding.block_id in self.places:
            return True
        said = f"{finding.title}\n{finding.text}"
        return self.named_by is not None and bool(self.named_by.search(said))


def plant(kind: Defect, snapshot: Snapshot, seed: int) -> Planted | None:
    """Return the document with a defect of a kind, or None where it has no room for one.

    The same seed gives the same defect. Another seed may give another one.
    """
    rng = random.Random(f"{kind} {seed}")  # noqa: S311 - it chooses places, no secrets
    ways = list(_WAYS[kind](snapshot, rng))
    rng.shuffle(ways)
    return next((found for way in ways if (found := way.made(kind, snapshot))), None)


@dataclass(frozen=True, slots=True)
class _Edit:
    """Other words at one place of a block's plain text; `beside` are ids of further places."""

    block: Block
    start: int
    old: str
    new: str
    beside: frozenset[str] = frozenset()

    def made(self, kind: Defect, snapshot: Snapshot) -> Planted | None:
        """Make the edit; None where the line does not show the words as the plain text has them."""
        block, start, old, new = self.block, self.start, self.old, self.new
        if block.line.count(old) != block.plain.count(old):
            return None
        at = -1
        for _ in range(block.plain.count(old, 0, start) + 1):
            at = block.line.find(old, at + 1)
        line = block.line[:at] + new + block.line[at + len(old) :]
        plain = block.plain[:start] + new + block.plain[start + len(old) :]
        changed = _with(snapshot, replace(block, line=line, plain=plain))
        return Planted(kind, changed, self.beside | {block.id}, old, new)


@dataclass(frozen=True, slots=True)
class _Cut:
    """Blocks that go, by their ids; `after` are the items of a list that get a lower number."""

    gone: frozenset[str]
    places: frozenset[str]
    after: Sequence[Block] = ()
    named_by: re.Pattern[str] | None = None

    def made(self, kind: Defect, snapshot: Snapshot) -> Planted | None:
        """Cut them out."""
        was = "\n".join(one.plain for one in snapshot.blocks if one.id in self.gone)
        kept = tuple(one for one in snapshot.blocks if one.id not in self.gone)
        changed = replace(snapshot, blocks=kept)
        for one in self.after:
            line = _MARK.sub(lambda found: f"{int(found[1]) - 1}.", one.line)
            changed = _with(changed, replace(one, line=line))
        return Planted(kind, changed, self.places, was, "", self.named_by)


def _with(snapshot: Snapshot, changed: Block) -> Snapshot:
    blocks = (changed if one.id == changed.id else one for one in snapshot.blocks)
    return replace(snapshot, blocks=tuple(blocks))


_NO_PROSE = frozenset({"code", "equation", "image", "bookmark", "embed", "file", "table"})


def _prose(snapshot: Snapshot) -> list[Block]:
    """Return the blocks of running text on which a comment can stand."""
    return [
        block
        for block in snapshot.blocks
        if block.commentable and block.type not in _NO_PROSE and block.plain.strip()
        if not block.is_heading
    ]


# A number with its unit, in digits or as a word: one quantity, wherever it stands.
_WORDS = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven")
_QUANTITY = re.compile(
    rf"(?<![\w.,§#-])(?P<number>\d[\d,]*(?:\.\d+)?|(?:{'|'.join(_WORDS)})\b)"
    r" (?P<unit>%|[A-Za-z][\w-]*)"
)
_YEAR = re.compile(r"(?:19|20)\d\d ")
_MOST_PLACES = 4


def _number(snapshot: Snapshot, rng: random.Random) -> Iterator[_Edit]:
    places: dict[str, list[tuple[Block, re.Match[str]]]] = {}
    for block in _prose(snapshot):
        for found in _QUANTITY.finditer(block.plain):
            if not _YEAR.match(found[0]):
                places.setdefault(found[0], []).append((block, found))
    for phrase, stands in places.items():
        ids = [block.id for block, _ in stands]
        if not 1 < len(set(ids)) <= _MOST_PLACES:
            continue
        for block, found in stands:
            number = _other_number(found["number"], rng, is_share=found["unit"] == "%")
            new = f"{number} {found['unit']}"
            if new not in places and ids.count(block.id) == 1:
                yield _Edit(block, found.start(), phrase, new, frozenset(ids))


def _other_number(number: str, rng: random.Random, *, is_share: bool) -> str:
    """Return a number of the same form that is not near; a share gets smaller."""
    if number in _WORDS:
        return rng.choice([one for one in _WORDS if one != number])
    times = 1 / 2 if is_share else rng.choice((2, 3, 4))
    digits = number.replace(",", "")
    if "." in digits:
        return f"{float(digits) * times:.{len(digits.partition('.')[2])}f}"
    other = int((int(digits) or 2) * times)
    return f"{other:,}" if "," in number else str(other)


_LEAST_STEPS = 4
_MARK = re.compile(r"^(\d+)\.(?= )")
_WORD = re.compile(r"[^\W\d_]{5,}|[A-Za-z]\w*[_-]\w+")


def _step(snapshot: Snapshot, _: random.Random) -> Iterator[_Cut]:
    for steps in _sequences(snapshot):
        if len(steps) < _LEAST_STEPS or not all(_MARK.match(one.line) for one in steps):
            continue
        for at in range(1, len(steps) - 1):
            step = steps[at]
            mine = set(_WORD.findall(step.plain.casefold()))
            others = (one for one in _prose(snapshot) if one.id != step.id)
            is_mentioned = any(mine & set(_WORD.findall(one.plain.casefold())) for one in others)
            if is_mentioned:
                gone = frozenset({steps[at].id, *_below(snapshot, steps[at])})
                first = steps[0]
                lead = [one.id for one, after in pairwise(snapshot.blocks) if after.id == first.id]
                places = {steps[at - 1].id, steps[at + 1].id, *lead}
                yield _Cut(gone, frozenset(places), steps[at + 1 :])


def _sequences(snapshot: Snapshot) -> Iterator[list[Block]]:
    """Yield the numbered lists: items of one depth with nothing but what is below them between."""
    begun: dict[int, list[Block]] = {}
    for block in snapshot.blocks:
        is_item = block.type == "numbered_list_item"
        for depth in [one for one in begun if one >= block.depth + is_item]:
            yield begun.pop(depth)
        if is_item:
            begun.setdefault(block.depth, []).append(block)
    yield from begun.values()


def _below(snapshot: Snapshot, parent: Block) -> Iterator[str]:
    """Yield the ids of what belongs to a block: what is nested in it, or under it as a heading."""
    heads, is_under = parent.is_heading, False
    for one in snapshot.blocks:
        is_equal = one.type <= parent.type if heads else one.depth <= parent.depth
        if is_under and is_equal and (one.is_heading or not heads):
            return
        if is_under:
            yield one.id
        is_under |= one.id == parent.id


# A name with a form of its own, or a capital within a sentence; beside these what code marks.
_NAME = re.compile(
    r"\b[A-Z][a-z0-9]+(?:[A-Z][a-z0-9]+)+\b"
    r"|\b[a-z][a-z0-9]*(?:_[a-z0-9]+)+\b"
    r"|(?<=[a-z,] )[A-Z][a-z]{3,}\b"
)
_CODE = re.compile(r"`([A-Za-z]\w*[_-][\w-]+)`")
_LEAST_BLOCKS = 3
_PARTS = ("relay", "ledger", "broker", "bridge", "keeper", "router", "beacon", "anchor")


def _name(snapshot: Snapshot, rng: random.Random) -> Iterator[_Edit]:
    blocks = _prose(snapshot)
    text = "\n".join(block.plain for block in snapshot.blocks)
    seen = [(*_NAME.findall(one.plain), *_CODE.findall(one.line)) for one in blocks]
    for name in dict.fromkeys(name for names in seen for name in names):
        whole = re.compile(rf"(?<![\w-]){re.escape(name)}(?![\w-])")
        stands = [(one, found) for one in blocks if (found := [*whole.finditer(one.plain)])]
        new = next((one for one in _renamings(name, rng) if one not in text), "")
        if len(stands) < _LEAST_BLOCKS or not new:
            continue
        for (before, _), (block, found) in pairwise(stands):
            if len(found) == 1:
                yield _Edit(block, found[0].start(), name, new, frozenset({before.id}))


def _renamings(name: str, rng: random.Random) -> list[str]:
    """Return other names of the same form, in an order of chance."""
    sign = next((one for one in "_-" if one in name), "")
    parts = name.split(sign) if sign else re.findall(r"[A-Z][a-z0-9]+", name)
    words = _PARTS if sign else [one.capitalize() for one in _PARTS]
    found = [sign.join([*parts[:-1], one]) for one in words]
    rng.shuffle(found)
    return found


# What turns a promise into its opposite; of several that fit, the first.
_REVERSALS = """must not > may | must never > may | will not > will | cannot > can | never > always
always > never | must > need not | at least > at most | at most > at least
only after > even before | will > will not"""
_TURNS = [
    (re.compile(rf"\b{old}\b"), new)
    for old, _, new in (one.strip().partition(" > ") for one in re.split(r"[|\n]", _REVERSALS))
]
_SENTENCE = re.compile(r"[^.!?\n]+(?:[.!?](?!\s)[^.!?\n]+)*[.!?]?")
_SHARED_STEMS = 4
_STEM = 5
_COMMON = """about above after again against always because before being below between could every
first their there these thing those three under until where which while would other since should
never must will that this with from into than then them they have when what were been only also such
over more most each does"""
_STOP_WORDS = frozenset(_COMMON.split())


def _promise(snapshot: Snapshot, _: random.Random) -> Iterator[_Edit]:
    earlier: list[tuple[str, frozenset[str]]] = []
    section: list[tuple[str, frozenset[str]]] = []
    prose = {one.id for one in _prose(snapshot)}
    for block in snapshot.blocks:
        if block.is_heading:
            earlier, section = [*earlier, *section], []
        if block.id not in prose or block.type == "table_row":
            continue
        section.append((block.id, _stems(block.plain)))
        for sentence in _SENTENCE.finditer(block.plain):
            turns = ((turn, new) for old, new in _TURNS if (turn := old.search(sentence[0])))
            stems = _stems(sentence[0])
            like = max(((len(stems & theirs), id_) for id_, theirs in earlier), default=(0, ""))
            if like[0] >= _SHARED_STEMS and (found := next(turns, None)):
                start, beside = sentence.start() + found[0].start(), frozenset({like[1]})
                yield _Edit(block, start, found[0][0], found[1], beside)


def _stems(text: str) -> frozenset[str]:
    words = re.findall(r"[^\W\d_]{4,}", text.casefold())
    return frozenset(word[:_STEM] for word in words if word not in _STOP_WORDS)


_NUMBERED = re.compile(r"\b([Ss]tep|[Ss]ection|[Pp]hase) (\d{1,2})\b")
_ABSENT_TITLES = ("Capacity planning", "Access control", "Data retention", "Cost estimate")
_LEADS = r"(?:[Ss]ee|[Ii]n|[Uu]nder|section|chapter) (?:the section )?[\"“*]?"
_SHORTEST_TITLE = 5


def _reference(snapshot: Snapshot, rng: random.Random) -> Iterator[_Edit]:
    headings = [one.plain.strip() for one in snapshot.blocks if one.is_heading]
    titles = [one for one in headings if len(one) >= _SHORTEST_TITLE]
    absent = [one for one in _ABSENT_TITLES if one not in headings]
    steps = max((len(steps) for steps in _sequences(snapshot)), default=0)
    for block in _prose(snapshot):
        for found in _NUMBERED.finditer(block.plain):
            word, number = found[1], int(found[2])
            named = re.compile(rf"\W*(?:{word}\W+)?{number}\b", re.IGNORECASE)
            is_step = word.lower() != "section" and number <= steps
            if is_step or any(map(named.match, headings)):
                past = max(steps, len(headings), number) + rng.randint(2, 6)
                yield _Edit(block, found.start(), found[0], f"{word} {past}")
        for title in titles if absent else ():
            for found in re.finditer(rf"{_LEADS}({re.escape(title)})\b", block.plain):
                yield _Edit(block, found.start(1), title, rng.choice(absent))


_ROLLBACK = re.compile(
    r"\b(?:roll(?:ed|ing|s)?[ -]?back|revert(?:ed|ing|s)?|back ?out|undo(?:ing)?"
    r"|(?:go|going|turn|turning|switch|switched|switching|taken) back)\b",
    re.IGNORECASE,
)
_ONLY_ROLLBACK = re.compile(
    r"\W*(?:\d+\W+)?(?:roll(?:ing)?[ -]?back|revert(?:ing)?|going back|back ?out)(?: plan)?\W*",
    re.IGNORECASE,
)
_OPERATED = re.compile(r"roll|deploy|migrat|launch|release|shipping|revert", re.IGNORECASE)
_MOST_REMOVED = 3


def _rollback(snapshot: Snapshot, _: random.Random) -> Iterator[_Cut]:
    headings = [one for one in snapshot.blocks if one.is_heading]
    operated = {one.id for one in headings if _OPERATED.search(one.plain)}
    own = [one for one in headings if _ONLY_ROLLBACK.fullmatch(one.plain)][:1]
    gone = {id_ for one in own for id_ in (one.id, *_below(snapshot, one))}
    rest = (one for one in _prose(snapshot) if one.id not in gone)
    spoken = [one for one in rest if _ROLLBACK.search(one.plain)]
    gone.update(id_ for one in spoken for id_ in (one.id, *_below(snapshot, one)))
    if not operated or not gone or len(spoken) > _MOST_REMOVED:
        return
    edges = {
        one.id if after.id in gone else after.id
        for one, after in pairwise(snapshot.blocks)
        if (one.id in gone) != (after.id in gone)
    }
    yield _Cut(frozenset(gone), frozenset((operated - gone) | edges), named_by=_ROLLBACK)


_WAYS: Mapping[Defect, Callable[[Snapshot, random.Random], Iterable[_Edit | _Cut]]] = {
    Defect.NUMBER: _number,
    Defect.STEP: _step,
    Defect.NAME: _name,
    Defect.PROMISE: _promise,
    Defect.REFERENCE: _reference,
    Defect.ROLLBACK: _rollback,
}
