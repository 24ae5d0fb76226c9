"""The sections of a document: cut to what is read at once, and the digest of what was noted."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from daemon.domain.change import Change, differing_part
from daemon.domain.notation import counted
from daemon.domain.values import Block, Finding, Ruling
from daemon.review.excerpt import section_name, sections_of
from daemon.review.handles import MARKS, Handles
from daemon.review.points import OwnPoint, words_of
from daemon.review.prompt import (
    BYTES_PER_TOKEN,
    INDENT,
    Excerpt,
    ReviewInput,
    block_lines,
    document_text,
    estimated_tokens,
    indented,
    one_line,
)


# The most sections that are read again for what changed in others.
RELATED = 2
# A shorter word without a digit ties no two sections.
LONG_WORD = 4
# Where not all lines fit, the longest are cut to so many bytes at least, then the last left out.
LEAST_LINE = 40
# The bytes for the notes of sections that are read again at least.
LEAST_NOTES = 240

_LED = re.compile(rf"\[?(B[1-9]\d{{0,5}})\b(?: {MARKS}(?=[\]:]))?\]?(.*)", re.IGNORECASE)
_BULLET = re.compile(r"^[-*•\s]+")
_HANDLE = re.compile(r"(?<![A-Za-z0-9])([BT])[1-9]\d{0,5}\b")
_GONE = {"B": "a block that is gone", "T": "a thread that is gone"}
_KEPT = re.compile(r"\{([BT]):([^{}\s]+)\}")

# Pairs of a block's id and what was noted of it.
Noted = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Part:
    """A section, or as much of a long one as is read at once.

    Attributes:
        number: Its place in the document, from 0.
        section: The id of the block that its section begins with.
        title: The name of its section, for people.
        pieces: Where in the lines of its blocks it begins and ends, by the blocks' ids.
        tokens: About how many tokens it takes.
    """

    number: int
    section: str
    title: str
    pieces: Mapping[str, tuple[int, int]]
    tokens: int

    @property
    def first(self) -> str:
        """The id of its first block."""
        return next(iter(self.pieces))


def parts_of(task: ReviewInput, handles: Handles, room: int) -> tuple[Part, ...]:
    """Cut a document along its headings; a section above `room` tokens is cut at its blocks.

    Every text is in one part, in order. A block that is too long alone is cut between words.
    """
    found: list[Part] = []
    names = handles.of_block

    def add(blocks: Sequence[Block], pieces: Mapping[str, tuple[int, int]], taken: int) -> None:
        title = section_name(blocks[0] if blocks[0].is_heading else None)
        found.append(Part(len(found), blocks[0].id, title, pieces, taken))

    for heading, body in sections_of(handles.blocks):
        blocks = [heading, *body] if heading else [*body]
        pieces, taken = dict[str, tuple[int, int]](), 0
        for block in blocks:
            whole = estimated_tokens("\n".join(block_lines(task, handles, names[block.id])))
            all_of_it = [(0, len(block.line), whole)]
            for begin, end, cost in all_of_it if whole <= room else _pieces(block, room):
                if pieces and taken + cost > room:
                    add(blocks, pieces, taken)
                    pieces, taken = {}, 0
                pieces[block.id] = begin, end
                taken += cost
        add(blocks, pieces, taken)
    return tuple(found)


def _pieces(block: Block, room: int) -> Iterator[tuple[int, int, int]]:
    """Yield where each piece of a line begins and ends, and its tokens."""
    line, begin, margin = block.line, 0, INDENT * (block.depth + 3)

    def cost(end: int) -> int:
        return estimated_tokens(f"[B10000] … {margin}{indented(line[begin:end], margin)}")

    while begin < len(line):
        end = min(len(line), begin + int(room * BYTES_PER_TOKEN))
        while cost(end) > room and end > begin + 1:
            end = begin + (end - begin) * 4 // 5
        if end < len(line):
            last = max(line.rfind(" ", begin, end), line.rfind("\n", begin, end))
            end = last + 1 if last > begin else end
        yield begin, end, cost(end)
        begin = end


def grouped(parts: Iterable[Part], most: int) -> list[list[Part]]:
    """Put neighbouring parts together up to `most` tokens."""
    groups: list[list[Part]] = []
    for part in parts:
        last = groups[-1] if groups else []
        follows = bool(last) and last[-1].number == part.number - 1
        if follows and sum(one.tokens for one in last) + part.tokens <= most:
            last.append(part)
        else:
            groups.append([part])
    return groups


def related(differing: Iterable[str], noted: Mapping[int, Iterable[str]]) -> list[int]:
    """Return the numbers of the parts whose notes share most with notes that came or went.

    A word that many parts note tells nothing. `noted` has the notes of each part that may be read
    again.
    """
    changed = set[str]().union(*map(_telling, differing))
    words = {number: set[str]().union(*map(_telling, lines)) for number, lines in noted.items()}
    holders = Counter(word for one in words.values() for word in one)
    shared = {
        number: sum(holders[word] <= RELATED for word in one & changed)
        for number, one in words.items()
    }
    best = sorted((number for number in shared if shared[number]), key=lambda one: -shared[one])
    return sorted(best[:RELATED])


def sections_near(
    points: Sequence[Finding],
    also: Collection[str],
    task: ReviewInput,
    handles: Handles,
    noted: Iterable[tuple[str, str]],
    room: int,
) -> Excerpt:
    """Show the headings, the sections of the points and the blocks `also`; with more room, more.

    First the sections that the points name, then those that say, or of which was noted, what is
    nearest to one.
    """
    sections = [
        {one.id: one for one in (head, *body) if one} for head, body in sections_of(handles.blocks)
    ]
    under = {key: number for number, body in enumerate(sections) for key in body}
    texts = {number: [one.plain for one in body.values()] for number, body in enumerate(sections)}
    for key, words in noted:
        texts[under[key]] += [words] if key in under else []
    named, near = list[Iterable[str]](), list[Iterable[str]]()
    for one in points:
        said = handles.with_handles(f"{one.title}\n{one.text}", one.block_id)
        there = (
            handles.blocks[name].id for name in handles.parse(said, "B") if name in handles.blocks
        )
        named += [keys for key in there for keys in (sections[under[key]], [key])]
        others = {number: body for number, body in texts.items() if number != under[one.block_id]}
        near += [sections[number] for number in related([said, one.quote], others)]
    out = {block.id for block in handles.blocks.values() if not block.is_heading}
    out -= {key for one in points for key in sections[under[one.block_id]]}
    out.difference_update(also)
    room -= estimated_tokens(document_text(task, handles, Excerpt(frozenset(out))))
    for keys in (*named, *near):
        more = out.intersection(keys)
        lines = [block_lines(task, handles, handles.of_block[key]) for key in more]
        cost = sum(estimated_tokens("\n".join(one)) for one in lines)
        out, room = (out - more, room - cost) if cost <= room else (out, room)
    return Excerpt(frozenset(out))


def _telling(line: str) -> set[str]:
    return {one for one in words_of(line) if len(one) >= LONG_WORD or any(map(str.isdigit, one))}


def size(line: str) -> int:
    """Return the bytes of a line with its end."""
    return len(line.encode(errors="replace")) + 1


def levelled(lines: Sequence[str], most: int) -> list[str]:
    """Return lines that take at most `most` bytes with their ends: the longest are cut first."""
    sizes = [size(line) - 1 for line in lines]
    lengths = range(max(sizes, default=0) + 1)
    longest = bisect_right(lengths, most, key=lambda cut: sum(min(one, cut) + 1 for one in sizes))
    longest, kept = max(longest - 1, LEAST_LINE), list[str]()
    for line in lines:
        within = line.encode(errors="replace")[: longest - 3].decode(errors="ignore")
        cut = line if size(line) <= longest + 1 else f"{within.rstrip()}…"
        most -= size(cut)
        if most < 0:
            break
        kept.append(cut)
    return kept


class Digest:
    """What was noted of blocks: of those that are read now, and of all others.

    Attributes:
        noted: The blocks' ids, each with a line that begins with the block's handle.
        gone: What was noted of blocks that are gone.
        cut: What of the last notes was cut or not kept, in words; "" for nothing.
    """

    def __init__(
        self, handles: Handles, parts: Sequence[Part], limit: int, kept: Noted | None
    ) -> None:
        """Take up what a review kept, None for nothing; `limit` is in bytes."""
        self._handles, self._parts, self._limit = handles, parts, limit
        self._is_later, self._is_noted, self.cut = kept is not None, False, ""
        self._order = {block.id: at for at, block in enumerate(handles.blocks.values())}
        told = [(key, _as_now(key, words, handles)) for key, words in kept or () if words]
        self.noted = [one for one in told if one[0] in self._order]
        self.gone = {words for key, words in told if key not in self._order}
        self._given: list[tuple[str, str]] = []  # in this pass
        self._was: list[tuple[str, str]] = []  # of sections that are read again

    @property
    def lines(self) -> list[str]:
        """What was noted in other passes, in document order."""
        return [line for _, line in sorted(self.noted, key=lambda one: self._order[one[0]])]

    @property
    def kept(self) -> Noted:
        """What is kept: ids stand for handles, which are others at the next review."""
        ids = {name: block.id for name, block in self._handles.blocks.items()}
        ids |= {name: thread.id for name, thread in self._handles.threads.items()}

        def kept(found: re.Match[str]) -> str:
            return f"{{{found[1]}:{ids[found[0]]}}}" if found[0] in ids else found[0]

        return tuple((key, _HANDLE.sub(kept, words)) for key, words in self._pairs())

    @property
    def spelled_out(self) -> Noted:
        """The same with words in place of handles."""
        return tuple((key, self._handles.spelled_out(words)) for key, words in self._pairs())

    def _pairs(self) -> Iterator[tuple[str, str]]:
        names = self._handles.of_block
        for key, line in (*self.noted, *self._given):
            yield key, line.removeprefix(f"{names[key]}: ")

    def forget(self, parts: Iterable[Part]) -> set[str]:
        """Drop and return what was noted of parts that are to be read again."""
        out = {block_id for part in parts for block_id in part.pieces}
        dropped = [one for one in self.noted if one[0] in out]
        self.noted = [one for one in self.noted if one[0] not in out]
        self._was += dropped
        return {line for _, line in dropped}

    def room(self, group: Sequence[Part], unread: Collection[int]) -> int:
        """Return the bytes for the notes of a pass: those of unread parts need room too.

        What is read again has the room that its old notes took, and its share of all, at least.
        """
        numbers, shown = {one.number for one in group}, _blocks(group)
        all_of_it = sum(one.tokens for one in self._parts)
        later = sum(one.tokens for one in self._parts if one.number in {*unread} - numbers)
        share = self._limit * sum(one.tokens for one in group) // all_of_it
        was = sum(size(line) for key, line in self._was if key in shown)
        used = sum(size(line) for line in self.lines)
        left = self._limit * (all_of_it - later) // all_of_it - used
        return max(left, share, was, LEAST_NOTES if self._is_later else 0)

    def take(self, text: str, group: Sequence[Part], unread: Collection[int]) -> None:
        """Keep what is noted in a pass; where there is no room for it, its longest lines are cut.

        A line that begins with no handle of a block that is shown is put to the first of them.
        """
        here = _blocks(group)
        for said in map(one_line, text.splitlines()):
            line = _BULLET.sub("", said)
            found = _LED.fullmatch(line)
            block = self._handles.blocks.get(found[1].upper()) if found else None
            if found and block and block.id in here:
                says = any(map(str.isalnum, found[2]))
                one = block.id, f"{found[1].upper()}{found[2]}" if says else ""
            else:
                first = next(iter(here))
                one = first, f"{self._handles.of_block[first]}: {line}" if line else ""
            if one[1] and one not in (*self.noted, *self._given):
                self._given.append(one)
        lines, self._is_noted = [line for _, line in self._given], True
        kept = levelled(lines, self.room(group, unread))
        lost = len(lines) - len(kept)
        less = sum(one != short for one, short in zip(lines, kept, strict=False))
        told = [f"{counted(less, 'line')} cut"] * bool(less)
        told += [f"{counted(lost, 'line')} not kept"] * bool(lost)
        self.cut = f"{' and '.join(told)}, for want of room" if told else ""
        pairs = zip(self._given, kept, strict=False)
        self._given = [(key, line) for (key, _), line in pairs]

    def close(self, group: Sequence[Part], *, same: bool) -> None:
        """End a pass. Where nothing was noted in it, old notes may stay.

        They do where no notes were taken at all, or where the text is the `same` as it was.
        """
        shown, stays = _blocks(group), same or not self._is_noted
        was = [one for one in self._was if stays and one[0] in shown]
        self.noted += self._given or was
        self._given, self._is_noted = [], False


def _blocks(group: Iterable[Part]) -> dict[str, None]:
    return dict.fromkeys(key for part in group for key in part.pieces)


def _as_now(key: str, kept: str, handles: Handles) -> str:
    """Return a kept note with the handles of today, its own first."""
    names = {"B": handles.of_block, "T": handles.of_thread}
    says = _KEPT.sub(lambda found: names[found[1]].get(found[2], _GONE[found[1]]), kept)
    own, led = names["B"].get(key), _LED.match(says)
    return says if own is None or (led and led[1] == own) else f"{own}: {says}"


def touched(change: Change, parts: Sequence[Part]) -> list[Part]:
    """Return the parts with a marked block; of a section that only lost some, the first."""
    anew = [one for one in parts if any(map(change.is_edited, one.pieces))]
    lost = change.stirred - {one.section for one in anew}
    return [*anew, *(one for one in parts if one.first in lost)]


def rulings_told(
    rulings: Iterable[Ruling], points: Iterable[OwnPoint], handles: Handles, *, is_last: bool
) -> Iterator[str]:
    """Yield the rulings so far by the titles of their points; in the last pass with their words."""
    own = {one.id: one for one in points}
    for one in rulings:
        if point := own.get(one.finding_id):  # else a rule ruled
            words = f": {one_line(one.text)}" if is_last and one.text else ""
            named = f"{handles.of_thread[point.thread_id]} “{one_line(point.finding.title)}”"
            yield f"{INDENT}{named}: {one.verdict.value}{words}"


def changes_elsewhere(
    task: ReviewInput, handles: Handles, there: Container[str], *, removed: bool
) -> Iterator[str]:
    """Yield, a line each, the blocks that changed and are not `there`, and those that went."""
    change = task.change
    for name, block in handles.blocks.items():
        if block.id in there:
            continue
        if block.id in change.new:
            yield f"{INDENT}{name} is new: {one_line(block.line)}"
        elif (old := change.changed.get(block.id)) is not None:
            parts = differing_part(old, block.line), differing_part(block.line, old)
            was, now = map(one_line, parts)
            yield f"{INDENT}{name} was: {was or '(empty)'}; it is: {now}"
        if stood := one_line(handles.where_stood(block.id, change)):
            yield f"{INDENT}{name} was moved, it {stood}: {one_line(block.line)}"
    yield from (f"{INDENT}removed: {one_line(line)}" for line in change.removed if removed)
