"""Whether a page changed, by its hash, and what differs from its last review. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field

from daemon.domain.notation import addresses_by_id
from daemon.domain.order import Order, Stood
from daemon.domain.phrases import bare
from daemon.domain.values import Block, Page, Snapshot


# The version of the canonical form. Any change of what `canonical` gives for the same page, so also
# of how a line is written, needs a new one: else every page would seem edited.
FORM = 2
# The id in a note that names a block, `{B:id}`.
_NAMED_ID = re.compile(r"(?<=\{B:)[^{}\s]+(?=\})")


def canonical(page: Page, blocks: Iterable[Block]) -> str:
    """Write a page as the text that its hash is taken of: one JSON array a line.

    It holds the title, the properties with a digest of what they refer to, and of each block the
    type, depth and line. It leaves out what changes while the page says the same: ids, times,
    signed addresses, colours, comments, and all but the ids of Notion's own addresses.
    """
    lines: list[list[object]] = [["form", FORM], ["title", page.title]]
    lines += [["property", name, addresses_by_id(text)] for name, text in page.properties]
    lines += [["reference", name, digest] for name, digest in page.references]
    lines += [[block.type, block.depth, addresses_by_id(block.line)] for block in blocks]
    return "\n".join(json.dumps(line, ensure_ascii=False) for line in lines)


def content_hash(page: Page, blocks: Iterable[Block]) -> str:
    """Return the SHA-256 of the canonical form, in hex."""
    return hashlib.sha256(canonical(page, blocks).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Reviewed:
    """The part of a reviewed snapshot that is kept, to tell later what changed since.

    `blocks` holds (id, line) pairs in document order, `depths` how deep each stands. `references`
    and `depths` are None where a version of the program kept it that did not know of them. `digest`
    is what the reviewer noted where it read the document in sections, see `Review.digest`.
    """

    title: str
    properties: tuple[tuple[str, str], ...]
    blocks: tuple[tuple[str, str], ...]
    references: tuple[tuple[str, str], ...] | None = None
    digest: tuple[tuple[str, str], ...] | None = None
    depths: tuple[int, ...] | None = None

    @classmethod
    def of(cls, snapshot: Snapshot, digest: tuple[tuple[str, str], ...] | None = None) -> Reviewed:
        """Return what a later comparison needs of a snapshot."""
        page = snapshot.page
        blocks = tuple((block.id, block.line) for block in snapshot.blocks)
        depths = tuple(block.depth for block in snapshot.blocks)
        return cls(page.title, page.properties, blocks, page.references, digest, depths)

    def digest_now(self, now: Snapshot) -> tuple[tuple[str, str], ...] | None:
        """Return the digest with the ids that blocks got since when they were cut and pasted."""
        as_now = {was: key for key, was in Change.between(self, now).pasted.items()}

        def renamed(found: re.Match[str]) -> str:
            return as_now.get(found[0], found[0])

        return self.digest and tuple(
            (as_now.get(key, key), _NAMED_ID.sub(renamed, said)) for key, said in self.digest
        )


@dataclass(frozen=True, slots=True)
class Change:
    """What differs from the last reviewed snapshot.

    Attributes:
        first: Whether there is no earlier one.
        new: The ids of the blocks that came.
        changed: The old lines of those that say something else, by id.
        removed: The lines that are gone.
        fields: What changed besides blocks, "title" or a property, with what it said before.
        pasted: The ids that blocks had before they were cut and pasted, by those that they have.
            One that was pasted with small changes or as another type is in `changed` too.
        moved: Where blocks stood that were moved, see `Order`.
        regrouped: The headings that blocks stood under which stand under another one now; "" for
            none.
        stirred: The headings under which, up to the next one, a block came, changed, moved or
            went, and the blocks beside which one stood, or stands, that was moved.
    """

    first: bool
    new: frozenset[str] = frozenset()
    changed: Mapping[str, str] = field(default_factory=dict)
    removed: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    pasted: Mapping[str, str] = field(default_factory=dict)
    moved: Mapping[str, Stood] = field(default_factory=dict)
    regrouped: Mapping[str, str] = field(default_factory=dict)
    stirred: frozenset[str] = frozenset()

    @classmethod
    def between(cls, before: Reviewed | None, now: Snapshot) -> Change:
        """Compare block by block; without an earlier review everything is first."""
        if before is None:
            return cls(first=True)
        old = dict(before.blocks)
        lines = {block.id: block.line for block in now.blocks}
        pasted = _pasted(old, lines)
        there_before = {*old, *pasted}
        still_there = {*lines, *pasted.values()}
        new = frozenset(key for key, line in lines.items() if key not in there_before and line)
        pairs = [(block, old.get(pasted.get(block.id, block.id))) for block in now.blocks]
        changed = {
            block.id: line
            for block, line in pairs
            if line is not None and not _says_the_same(line, block)
        }
        now_as = {was: key for key, was in pasted.items()}
        order = Order.of([now_as.get(key, key) for key, _ in before.blocks], before.depths, now)
        shifted = {*order.moved, *order.regrouped}
        differs = {*new, *changed, *shifted}
        here = [(block.id, block.id in differs) for block in now.blocks]
        headings = {block.id for block in now.blocks if block.is_heading}
        said = [
            (now_as.get(key, key), key) for key, line in before.blocks if line or key in headings
        ]
        was = [(key, former not in still_there or key in shifted) for key, former in said]
        return cls(
            first=False,
            new=new,
            changed=changed,
            removed=tuple(line for key, line in before.blocks if key not in still_there and line),
            fields=_changed_fields(before, now.page),
            pasted=pasted,
            moved=order.moved,
            regrouped=order.regrouped,
            stirred=_stirred(here, headings) | _stirred(was, headings) | order.beside,
        )

    def where_stood(
        self, block_id: str, names: Mapping[str, str], brief: Callable[[str], str]
    ) -> str:
        """Say where a moved block stood: “stood under B1 “Rollout”, below B3”.

        "" where the block was not moved, or went along with the one before it.

        Args:
            block_id: The block.
            names: What names each block of the page, by id.
            brief: Returns the name and the first words of a block.
        """
        stood = self.moved.get(block_id)
        if stood is None or not stood.leads:
            return ""
        told, heading = list[str](), self.regrouped.get(block_id)
        if heading:
            told.append(f"under {brief(heading)}")
        elif heading is not None:
            told.append("above the first heading")
        if stood.below != (heading or ""):
            told.append(f"below {names[stood.below]}" if stood.below else "at the top")
        if stood.inside is not None:
            told.append(
                f"inside {names.get(stood.inside, 'another block')}"
                if stood.inside
                else "inside no block"
            )
        return f"stood {', '.join(told or ['at the top'])}"

    @property
    def says_something(self) -> bool:
        """Whether words came, changed, moved or went."""
        differs = self.new or self.changed or self.removed or self.fields or self.moved
        return self.first or bool(differs)

    def mark(self, block_id: str) -> str:
        """Return how a block's line is marked: "new", "changed" or ""."""
        return "new" if block_id in self.new else "changed" if block_id in self.changed else ""

    def is_edited(self, block_id: str) -> bool:
        """Tell whether a block came, was changed or was moved."""
        return bool(self.mark(block_id)) or block_id in self.moved


def _stirred(blocks: Iterable[tuple[str, bool]], headings: Container[str]) -> frozenset[str]:
    """Return the headings under which a block is marked; each block comes with its mark."""
    under, found = "", set[str]()
    for block_id, is_marked in blocks:
        under = block_id if block_id in headings else under
        found |= {under} if is_marked and under else set()
    return frozenset(found)


# Two texts of so many characters are one, pasted with small changes, from this likeness on (0 to
# 100), where no other text is as like either, but for so much.
ALIKE, ALIKE_FROM, ALIKE_BY = 80.0, 12, 10.0
# Where more pairs would be compared, the document is another, and it would take seconds.
MOST_PAIRS = 250_000


def _pasted(old: Mapping[str, str], lines: Mapping[str, str]) -> dict[str, str]:
    """Return the old ids of the blocks that were cut and pasted, by the new ones.

    First come those that read as they did, then those that differ in their marks or a little.
    """
    gone: dict[str, list[str]] = {}
    for key, line in reversed(list(old.items())):
        if key not in lines and line:
            gone.setdefault(addresses_by_id(line), []).append(key)
    came = {key: addresses_by_id(line) for key, line in lines.items() if gone and key not in old}
    pasted = {key: gone[line].pop() for key, line in came.items() if gone.get(line)}
    lost = {key: bare(old[key]) for keys in gone.values() for key in keys}
    fresh = {key: bare(line) for key, line in came.items() if key not in pasted and line}
    if not 0 < len(lost) * len(fresh) <= MOST_PAIRS:
        return pasted
    from rapidfuzz import fuzz, process

    others = {key: bare(line) for key, line in lines.items() if key in old or key in pasted}
    for key, words in fresh.items():
        rivals = [one for other, one in fresh.items() if other != key]
        near = process.extract(words, lost, scorer=fuzz.ratio, score_cutoff=ALIKE, limit=2)
        if not near or (words != near[0][0] and len(words) < ALIKE_FROM):
            continue
        was, score, old_key = near[0]
        least = max(score - ALIKE_BY, ALIKE)
        stands = [*others.values(), *rivals, *(one for one, _, _ in near[1:])]
        if not process.extractOne(was, stands, scorer=fuzz.ratio, score_cutoff=least):
            pasted[key] = old_key
            del lost[old_key]
    return pasted


FIRST = Change(first=True)
_NUMBER = re.compile(r"\w+\. ")


def _says_the_same(old: str, block: Block) -> bool:
    """Compare lines; an item put into a list before this one changes its number, not its text."""
    if old == block.line:
        return True
    lines = [addresses_by_id(line) for line in (old, block.line)]
    if block.type == "numbered_list_item":
        lines = [_NUMBER.sub("", line, count=1) for line in lines]
    return lines[0] == lines[1]


_MARKS = re.compile(r"[\W_]+")


def _changed_fields(before: Reviewed, page: Page) -> tuple[str, ...]:
    names = _differing(
        *({name: addresses_by_id(text) for name, text in one.properties} for one in (before, page))
    )
    title = before.title != page.title
    if before.references is None:
        # Titles were kept as Markdown then.
        title = _MARKS.sub("", before.title) != _MARKS.sub("", page.title)
    else:
        names |= _differing(dict(before.references), dict(page.references))
    was, now = dict(before.properties), dict(page.properties)
    told = [_and_was("title", before.title, page.title)] if title else []
    return (*told, *(_and_was(name, was.get(name, ""), now.get(name, "")) for name in names))


def _and_was(name: str, old: str, now: str) -> str:
    return f"{name} (was “{differing_part(old, now)}”)" if old not in ("", now) else name


def _differing(old: Mapping[str, str], new: Mapping[str, str]) -> dict[str, None]:
    return dict.fromkeys(name for name in {**old, **new} if old.get(name) != new.get(name))


# A longer old text is shown only where it differs, with this many characters around that part.
WAS_WHOLE, WAS_AROUND = 120, 30


def differing_part(old: str, now: str) -> str:
    """Return the part of a long old text that differs from the new text, with words around it."""
    if len(old) <= WAS_WHOLE:
        return old
    begin = _shared(old, now)
    end = _shared(old[begin:][::-1], now[begin:][::-1])
    first = old.rfind(" ", 0, max(begin - WAS_AROUND, 0)) + 1
    last = old.find(" ", len(old) - end + WAS_AROUND)
    part = old[first:] if last < 0 else f"{old[first:last]} …"
    return f"… {part}" if first else part


def _shared(one: str, other: str) -> int:
    """Return the length of the common beginning of two texts."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))


def unchanged_blocks(change: Change, blocks: Iterable[Block]) -> frozenset[str]:
    """Return the ids of the blocks that have the same text and place as at the last review.

    What comes, changes, moves or goes in its section, up to the next heading, can make a block
    wrong, and so can what is moved away from its side, or to it: then it is not among them. Blocks
    above the first heading count each for itself.
    """
    if change.first:
        return frozenset()
    return frozenset(
        block_id
        for block_id, under in sections(blocks).items()
        if change.stirred.isdisjoint((under, block_id)) and not change.is_edited(block_id)
    )


def sections(blocks: Iterable[Block]) -> dict[str, str]:
    """Return the heading that each block stands under, or itself above the first one; all by id."""
    heading, found = "", dict[str, str]()
    for block in blocks:
        heading = block.id if block.is_heading else heading
        found[block.id] = heading or block.id
    return found


def closed_blocks(change: Change, blocks: Iterable[Block]) -> frozenset[str]:
    """Return the ids of the blocks that take no comment because they did not change.

    When a block was removed, or when no block is new, changed or moved and so the title or a
    property is, that can make any other block wrong, so none is closed.
    """
    if change.removed or not (change.new or change.changed or change.moved):
        return frozenset()
    return unchanged_blocks(change, blocks)
