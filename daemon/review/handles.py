"""The short names by which the model speaks of blocks and threads."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from daemon.domain.values import Block, Snapshot, Thread


# Characters of a block that stand for its handle in a text for people.
NAMED_BY = 40

_NAME = re.compile(r"(?<![A-Za-z0-9])([BbTt])[ -]?0*([1-9]\d{0,5})(?![A-Za-z0-9])")
_NUMBER = re.compile(r"\W*0*([1-9]\d{0,5})\W*")
# As the model reads it, in brackets; or bare, but not within addresses and identifiers: `B3-B5` is
# two.
_WRITTEN = re.compile(
    r"\[(?P<marked>[BbTt][1-9]\d{0,5})(?: on [^\[\]]{1,20})?(?: (?:new|changed))?\](?!\()"
    r"|(?<![A-Za-z0-9/#=._])(?P<bare>[BT][1-9]\d{0,5})\b(?: (?:new|changed)\b)?"
    r"(?![/=_]|-(?!\[?[BT]\d))"
)
_SLASHED = re.compile(r"(?<![A-Za-z0-9/#=._])(\[?[BT][1-9]\d{0,5}\]?)/(?=\[?[BT][1-9])")


@dataclass(frozen=True, slots=True)
class Handles:
    """The short names of one snapshot's blocks and threads."""

    blocks: Mapping[str, Block]
    threads: Mapping[str, Thread]

    @classmethod
    def of(cls, snapshot: Snapshot) -> Handles:
        """Number the blocks that say something, and the threads."""
        speaking = [block for block in snapshot.blocks if block.line]
        return cls(
            {f"B{number}": block for number, block in enumerate(speaking, 1)},
            {f"T{number}": thread for number, thread in enumerate(snapshot.threads, 1)},
        )

    @property
    def of_block(self) -> dict[str, str]:
        """Block id to handle; the first, where a listing repeats a block."""
        return {block.id: handle for handle, block in reversed(list(self.blocks.items()))}

    def named(self, text: str, kind: str) -> list[str]:
        """Return the handles of a kind, "B" or "T", that an argument names: "b3", "[B3 new]", "3".

        Handles that do not exist are returned too: a refusal names them.
        """
        found = [
            f"{kind}{number}" for letter, number in _NAME.findall(text) if letter.upper() == kind
        ]
        if not found and (number := _NUMBER.fullmatch(text)):
            found = [f"{kind}{number[1]}"]
        return list(dict.fromkeys(found))

    def on(self, block: Block) -> list[str]:
        """Return the handles of the threads on a block."""
        return [handle for handle, thread in self.threads.items() if thread.block_id == block.id]

    def spelled_out(self, text: str) -> str:
        """Replace handles, which people never see, by the words that they stand for.

        One that also stands in the document is a word of its own, such as `T1` for a tier.
        """
        words = set(re.findall(r"\w+", " ".join(block.plain for block in self.blocks.values())))

        def replaced(found: re.Match[str]) -> str:
            named = found["marked"] or found["bare"]
            return found[0] if named in words else self._words(named.upper(), found[0])

        while text != (apart := _SLASHED.sub(r"\1 / ", text)):
            text = apart
        return _WRITTEN.sub(replaced, text)

    def _words(self, handle: str, written: str) -> str:
        if handle in self.blocks:
            return _opening(self.blocks[handle])
        if handle not in self.threads:
            return written
        block_id = self.threads[handle].block_id
        on = self.blocks.get(self.of_block.get(block_id or "", ""))
        return f"the thread on {_opening(on)}" if on else "the thread on this page"


def _opening(block: Block) -> str:
    text = " ".join(block.plain.split())
    if not text:
        return "that block"
    words = text if len(text) <= NAMED_BY else text[:NAMED_BY].rsplit(" ", 1)[0] + "…"
    return f"“{words}”"
