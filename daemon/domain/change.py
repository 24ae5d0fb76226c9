"""What differs between a page as it was last reviewed and as it reads now. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from daemon.domain.values import Block, Page, Snapshot


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What is kept of a reviewed snapshot: enough to say what changed since.

    `blocks` holds (id, line) pairs in document order.
    """

    title: str
    properties: tuple[tuple[str, str], ...]
    blocks: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, snapshot: Snapshot) -> Reviewed:
        """Keep what a later comparison needs."""
        page = snapshot.page
        blocks = tuple((block.id, block.line) for block in snapshot.blocks)
        return cls(page.title, page.properties, blocks)


@dataclass(frozen=True, slots=True)
class Change:
    """What differs from the last reviewed snapshot. A block that only moved did not change.

    `changed` maps a block id to its old line; `removed` holds the lines that are gone.
    `fields` names what changed besides blocks: "title" or a property's name. `moved` maps the id
    that a block got when it was cut and pasted to the one that it had.
    """

    first: bool
    new: frozenset[str] = frozenset()
    changed: Mapping[str, str] = field(default_factory=dict)
    removed: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    moved: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def between(cls, before: Reviewed | None, now: Snapshot) -> Change:
        """Compare block by block; without an earlier review everything is first."""
        if before is None:
            return cls(first=True)
        old = dict(before.blocks)
        lines = {block.id: block.line for block in now.blocks}
        moved = _moved(old, lines)
        there_before = {*old, *moved}
        still_there = {*lines, *moved.values()}
        return cls(
            first=False,
            new=frozenset(key for key, line in lines.items() if key not in there_before and line),
            changed={
                block.id: old[block.id]
                for block in now.blocks
                if block.id in old and not _says_the_same(old[block.id], block)
            },
            removed=tuple(line for key, line in before.blocks if key not in still_there and line),
            fields=_changed_fields(before, now.page),
            moved=moved,
        )

    @property
    def says_something(self) -> bool:
        """False where blocks only moved: nothing was said anew."""
        return self.first or bool(self.new or self.changed or self.removed or self.fields)


def _moved(old: Mapping[str, str], now: Mapping[str, str]) -> dict[str, str]:
    """Return the blocks that came with the very words of one that is gone: new id to old."""
    gone: dict[str, list[str]] = {}
    for key, line in reversed(list(old.items())):
        if key not in now and line:
            gone.setdefault(line, []).append(key)
    return {key: gone[line].pop() for key, line in now.items() if key not in old and gone.get(line)}


_NUMBER = re.compile(r"\w+\. ")


def _says_the_same(old: str, block: Block) -> bool:
    """Compare lines; an item put into a list before this one changes its number, not its text."""
    if block.type == "numbered_list_item":
        return _NUMBER.sub("", old, count=1) == _NUMBER.sub("", block.line, count=1)
    return old == block.line


def _changed_fields(before: Reviewed, page: Page) -> tuple[str, ...]:
    old, new = dict(before.properties), dict(page.properties)
    names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    return tuple((["title"] if before.title != page.title else []) + names)
