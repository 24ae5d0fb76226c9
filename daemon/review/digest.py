"""What a reviewer notes of the sections of a document: kept within bounds, and shown as it fits."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence

from daemon.domain.change import Change
from daemon.domain.notation import counted
from daemon.domain.values import Finding
from daemon.review.handles import MARKS, Handles
from daemon.review.prompt import (
    BYTES_PER_TOKEN,
    INDENT,
    Excerpt,
    ReviewInput,
    document_text,
    estimated_tokens,
    one_line,
)
from daemon.review.sections import (
    CHANGED,
    HANDLE,
    Part,
    changes_elsewhere,
    names_what_changed,
    sections_near,
    telling,
)
from daemon.review.tool_specs import listed


DIGEST_TOKENS = 2_000  # of a digest, at most
# Where not all lines fit, the longest are cut to so many bytes at least, then the last left out; of
# notes that are shown, those that are farthest from what is read.
LEAST_LINE, LEAST_NOTE = 40, 100
# The bytes for the notes of a pass at least, where the limit has them, and of what is read again.
LEAST_PASS_NOTES, LEAST_NOTES = 120, 240
NOTED = "What you noted of the sections that are not shown:"
OTHERS = "Notes on other sections:"

_LED = re.compile(rf"\[?(B[1-9]\d{{0,5}})\b(?: {MARKS}(?=[\]:]))?\]?(.*)", re.IGNORECASE)
_BULLET = re.compile(r"^[-*•\s]+")
_GONE = {"B": "a block that is gone", "T": "a thread that is gone"}
_KEPT = re.compile(r"\{([BT]):([^{}\s]+)\}")

# Pairs of a block's id and what was noted of it.
Noted = tuple[tuple[str, str], ...]


def size(line: str) -> int:
    """Return the bytes of a line with its end."""
    return len(line.encode(errors="replace")) + 1


def levelled(lines: Sequence[str], most: int, least: int = LEAST_LINE) -> list[str]:
    """Return lines that take at most `most` bytes with their ends: the longest are cut first."""
    sizes = [size(line) - 1 for line in lines]
    lengths = range(max(sizes, default=0) + 1)
    longest = bisect_right(lengths, most, key=lambda cut: sum(min(one, cut) + 1 for one in sizes))
    longest, kept = max(longest - 1, least), list[str]()
    for line in lines:
        within = line.encode(errors="replace")[: longest - 3].decode(errors="ignore")
        cut = line if size(line) <= longest + 1 else f"{within.rstrip()}…"
        most -= size(cut)
        if most < 0:
            break
        kept.append(cut)
    return kept


def fitting(lines: Iterable[str], most: int) -> list[str]:
    """Return the first lines that take at most `most` bytes with their ends.

    The one after them is cut at a word where half of it fits, or where none stands before it.
    """
    kept = list[str]()
    for line in lines:
        if size(line) > most:
            within = line.encode(errors="replace")[: max(most - 3, 0)].decode(errors="ignore")
            words = within.rpartition(" ")[0]
            cut = f"{words if ' ' in words else within[:-1]}…"
            kept += [cut] * (size(cut) <= most and (not kept or size(cut) * 2 >= size(line)))
            break
        kept.append(line)
        most -= size(line)
    return kept


def notes_near(
    lines: Sequence[str], texts: Iterable[str], most: int, label: str = NOTED, kind: str = "note"
) -> list[str]:
    """Return what is shown of notes, or lines of another kind, in their order.

    They take at most `most` bytes with line ends. Where not all fit, those come first that share
    words with some texts, then those that share words with each other; the others are counted.
    """
    lines = [f"{INDENT}{line}" for line in lines]
    most -= size(label)
    if sum(map(size, lines)) <= most:
        return [label, *lines] if lines else []
    words, near = [*map(telling, lines)], set[str]().union(*map(telling, texts))
    holders = Counter(word for one in words for word in one)

    def shared(at: int) -> tuple[float, float]:
        also = {word for word in words[at] if holders[word] > 1}
        weights = (sum(1 / holders[word] for word in one) for one in (words[at] & near, also))
        return next(weights), next(weights)

    ranked = sorted(range(len(lines)), key=shared, reverse=True)
    left_out = f"{INDENT}({counted(len(lines), f'more {kind}')} left out)"
    kept = levelled([lines[at] for at in ranked], most - size(left_out), LEAST_NOTE)
    left = len(lines) - len(kept)
    shown = [line for _, line in sorted(zip(ranked, kept, strict=False))]
    told = [f"{INDENT}({counted(left, f'more {kind}')} left out)"] * bool(left)
    return [label, *shown, *told] if shown else []


def notes_for_threads(
    noted: Noted, task: ReviewInput, handles: Handles, shown: Excerpt, tokens: int
) -> str:
    """Return what stands beside a part of a document where threads alone are answered.

    Of the blocks that are not shown that is what was noted; of those that came or changed since,
    how they read now. What is nearest to the waiting comments and their blocks comes first.
    """
    out, change = shown.left_out, task.change
    told = [line for key, line in notes_now(noted, handles) if key in out and not change.mark(key)]
    changed = [*changes_elsewhere(task, handles, handles.of_block.keys() - out, removed=False)]
    waiting, blocks = [one for one in handles.threads.values() if one.waiting], task.snapshot.by_id
    texts = [said.plain for one in waiting for said in one.waiting]
    texts += [blocks[one.block_id].plain for one in waiting if one.block_id in blocks]
    most = int(max(min(tokens, DIGEST_TOKENS), 0) * BYTES_PER_TOKEN)
    lines = notes_near(changed, texts, most // 2, CHANGED, "change")
    return "\n".join([*lines, *notes_near(told, texts, most - sum(map(size, lines)))])


def shown_near(
    points: Sequence[Finding],
    also: Collection[str],
    task: ReviewInput,
    handles: Handles,
    noted: Noted,
    room: tuple[int, int],
    way: int,
) -> tuple[Excerpt, str]:
    """Return what is shown near points, see `sections_near`, and what was noted of the rest.

    `noted` is as `notes_now` takes it. `room` is for both, and of that for the notes at most
    what they need, in tokens.
    """
    told = notes_now(noted, handles)
    needed = estimated_tokens("\n".join([OTHERS, *(f"{INDENT}{line}" for _, line in told)]))
    noting = min(room[1], DIGEST_TOKENS, needed)
    shown = sections_near(points, also, task, handles, told, room[0] - noting, way)
    left = max(room[0] - estimated_tokens(document_text(task, handles, shown)), noting)
    lines = [line for key, line in told if key in shown.left_out]
    near = (f"{one.title}\n{one.text}\n{one.quote}" for one in points)
    return shown, "\n".join(notes_near(lines, near, int(left * BYTES_PER_TOKEN), OTHERS))


def notes_now(noted: Noted, handles: Handles) -> list[tuple[str, str]]:
    """Return what was noted, by the ids of blocks, with the handles of today; a line each."""
    return [(key, _as_now(key, words, handles)) for key, words in noted if words]


def notes_that_name(noted: Noted, change: Change, handles: Handles) -> list[str]:
    """Return the ids of the blocks whose notes name a block that changed or went."""
    named = (
        (key, [one[2] for one in _KEPT.finditer(words) if one[1] == "B"]) for key, words in noted
    )
    return [key for key, ids in named if names_what_changed(ids, change, handles.of_block)]


class Digest:
    """What was noted of blocks: of those that are read now, and of all others.

    Attributes:
        noted: The blocks' ids, each with a line that begins with the block's handle.
        gone: What was noted of blocks that are gone.
        cut: What of the last notes was cut or left out, in words; "" for nothing.
    """

    def __init__(
        self, handles: Handles, passes: Sequence[Sequence[Part]], limit: int, kept: Noted | None
    ) -> None:
        """Take up what a review kept, None for nothing; all notes have a `limit` in bytes."""
        self._handles, self._parts = handles, [part for parts in passes for part in parts]
        tokens = [sum(one.tokens for one in parts) for parts in passes]
        self._least = min(limit // len(passes), LEAST_PASS_NOTES)
        short = sum(limit * one // sum(tokens) < self._least for one in tokens)
        self._limit = limit - self._least * short
        self._is_later, self._is_noted, self.cut = kept is not None, False, ""
        self._order = {block.id: at for at, block in enumerate(handles.blocks.values())}
        told = notes_now(kept or (), handles)
        self.noted = [one for one in told if one[0] in self._order]
        self.gone = {words for key, words in told if key not in self._order}
        self._said: list[tuple[str, str]] = []  # in this pass, whole
        self._given: list[tuple[str, str]] = []  # as much of that as fits
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

        return tuple((key, HANDLE.sub(kept, words)) for key, words in self._pairs())

    @property
    def without_threads(self) -> Noted:
        """The same with words for the threads, for whoever does not see these."""

        def said(found: re.Match[str]) -> str:
            thread = self._handles.of_thread.get(found[2])
            return self._handles.spelled_out(thread, briefly=True) if thread else found[0]

        return tuple((key, _KEPT.sub(said, words)) for key, words in self.kept)

    def _pairs(self) -> Iterator[tuple[str, str]]:
        names = self._handles.of_block
        for key, line in (*self.noted, *self._given):
            yield key, line.removeprefix(f"{names[key]}: ")

    def forget(self, parts: Iterable[Part]) -> list[tuple[str, str]]:
        """Drop and return what was noted of parts that are to be read again."""
        out = {block_id for part in parts for block_id in part.pieces}
        dropped = [one for one in self.noted if one[0] in out]
        self.noted = [one for one in self.noted if one[0] not in out]
        self._was += dropped
        return dropped

    def room(self, group: Sequence[Part], unread: Collection[int]) -> int:
        """Return the bytes for the notes of a pass: those of unread parts need room too.

        Each has its share of all, and a line or two, at least; what is read again the room that its
        old notes took.
        """
        numbers, shown = {one.number for one in group}, _blocks(group)
        all_of_it = sum(one.tokens for one in self._parts)
        later = sum(one.tokens for one in self._parts if one.number in {*unread} - numbers)
        share = self._limit * sum(one.tokens for one in group) // all_of_it
        was = sum(size(line) for key, line in self._was if key in shown)
        used = sum(size(line) for line in self.lines)
        left = self._limit * (all_of_it - later) // all_of_it - used
        least = LEAST_NOTES if self._is_later else self._least
        return max(left, share, was, least)

    def take(
        self, text: str, group: Sequence[Part], unread: Collection[int], *, bare: bool = False
    ) -> None:
        """Keep what is noted in a pass, as much as fits: the last notes are left out.

        A line that begins with no handle of a block that is shown is put to the first of them; in
        words that are no notes it is left out where there are some, unless wanted `bare`.
        """
        self._is_noted = True
        led = dict.fromkeys(self._led(text, group, bare=bare or not self._said))
        self._said += [one for one in led if one not in (*self.noted, *self._said)]
        lines = [line for _, line in self._said]
        kept = fitting(lines, self.room(group, unread))
        self._given = [(key, line) for (key, _), line in zip(self._said, kept, strict=False)]
        names = [self._handles.of_block[key] for key, _ in self._said]
        less = [name for name, *two in zip(names, lines, kept, strict=False) if len({*two}) > 1]
        lost = dict.fromkeys(names[len(kept) :])
        told = [f"those on {listed(less)} were cut"] * bool(less)
        told += [f"those on {listed([*lost])} left out"] * bool(lost)
        self.cut = f"{' and '.join(told)}, for want of room" if told else ""

    def _led(self, text: str, group: Sequence[Part], *, bare: bool) -> Iterator[tuple[str, str]]:
        """Yield the lines of notes, each with the block that it is put to.

        Those that begin with no handle are among them where they are wanted `bare`.
        """
        here = _blocks(group)
        for said in map(one_line, text.splitlines()):
            line = _BULLET.sub("", said)
            found = _LED.fullmatch(line)
            block = self._handles.blocks.get(found[1].upper()) if found else None
            if found and block and block.id in here:
                if any(map(str.isalnum, found[2])):
                    yield block.id, f"{found[1].upper()}{found[2]}"
            elif line and bare:
                first = next(iter(here))
                yield first, f"{self._handles.of_block[first]}: {line}"

    def close(self, group: Sequence[Part], *, same: bool) -> None:
        """End a pass. Where nothing was noted in it, old notes may stay.

        They do where no notes were taken at all, or where the text is the `same` as it was.
        """
        shown, stays = _blocks(group), same or not self._is_noted
        was = [one for one in self._was if stays and one[0] in shown]
        self.noted += self._given or was
        self.cut = self.cut if self._is_noted else ""
        self._said, self._given, self._is_noted = [], [], False


def _blocks(group: Iterable[Part]) -> dict[str, None]:
    return dict.fromkeys(key for part in group for key in part.pieces)


def _as_now(key: str, kept: str, handles: Handles) -> str:
    """Return a kept note with the handles of today, its own first."""
    names = {"B": handles.of_block, "T": handles.of_thread}
    says = _KEPT.sub(lambda found: names[found[1]].get(found[2], _GONE[found[1]]), kept)
    own, led = names["B"].get(key), _LED.match(says)
    return says if own is None or (led and led[1] == own) else f"{own}: {says}"
