"""Handles: the short names, such as B3 and T1, by which the model names blocks and threads."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from daemon.domain.values import Block, Snapshot, Thread


# Characters of a block that replace its handle in a text for people.
OPENING_CHARS, AGAIN_CHARS = 40, 20

_NAME = re.compile(r"(?<![A-Za-z0-9])([BbTt])[ -]?0*([1-9]\d{0,5})(?![A-Za-z0-9])")
_NUMBER = re.compile(r"\W*0*([1-9]\d{0,5})\W*")
# A handle in brackets, as the model reads it, or bare, but not within an address or identifier.
# `B3-B5` is two handles.
_WRITTEN = re.compile(
    r"\[(?P<marked>[BbTt][1-9]\d{0,5})(?: on [^\[\]]{1,20})?(?: (?:new|changed))?\](?!\()"
    r"|(?<![A-Za-z0-9/#=._])(?P<bare>[BT][1-9]\d{0,5})\b(?: (?:new|changed)\b)?"
    r"(?![/=_]|-(?!\[?[BT]\d))"
)
_SLASHED = re.compile(r"(?<![A-Za-z0-9/#=._])(\[?[BT][1-9]\d{0,5}\]?)/(?=\[?[BT][1-9])")


@dataclass(frozen=True, slots=True)
class Handles:
    """The handles of one snapshot's blocks and threads."""

    blocks: Mapping[str, Block]
    threads: Mapping[str, Thread]

    @classmethod
    def of(cls, snapshot: Snapshot) -> Handles:
        """Return the handles of a snapshot: blocks with text and threads, numbered in order."""
        speaking = [block for block in snapshot.blocks if block.line]
        return cls(
            {f"B{number}": block for number, block in enumerate(speaking, 1)},
            {f"T{number}": thread for number, thread in enumerate(snapshot.threads, 1)},
        )

    @property
    def of_block(self) -> dict[str, str]:
        """Block id to handle; the first handle when a listing repeats a block."""
        return {block.id: handle for handle, block in reversed(list(self.blocks.items()))}

    @property
    def of_thread(self) -> dict[str, str]:
        """Thread id to handle."""
        return {thread.id: handle for handle, thread in self.threads.items()}

    def parse(self, text: str, kind: str) -> list[str]:
        """Return the handles of a kind, "B" or "T", in an argument such as "b3", "[B3 new]" or "3".

        Handles that do not exist are returned too, so that a refusal can name them.
        """
        found = [
            f"{kind}{number}" for letter, number in _NAME.findall(text) if letter.upper() == kind
        ]
        if not found and (number := _NUMBER.fullmatch(text)):
            found = [f"{kind}{number[1]}"]
        return list(dict.fromkeys(found))

    def threads_on(self, block: Block) -> list[str]:
        """Return the handles of the threads on a block."""
        return [handle for handle, thread in self.threads.items() if thread.block_id == block.id]

    def spelled_out(self, text: str, own: str = "", *, briefly: bool = False) -> str:
        """Return a text with words in place of handles, which people never see.

        A block is named by its first words and the heading above it, in signs that every language
        has. The heading is named once, and a block more briefly the second time.
        A handle that is also a word of the document stays, such as `T1` for a tier.

        Args:
            text: The words of the model.
            own: The id of the block that the text stands on: its heading goes without saying.
            briefly: Name a block by a few of its words alone, as in a title.
        """
        while text != (apart := _SLASHED.sub(r"\1 / ", text)):
            text = apart
        if not _WRITTEN.search(text):
            return text
        words = set(re.findall(r"\w+", " ".join(block.plain for block in self.blocks.values())))
        told: set[str] = set()

        def named(handle: str) -> str:
            block, heading = self.blocks[handle], self._heading(handle)
            shown = _opening(block, AGAIN_CHARS if briefly or block.id in told else OPENING_CHARS)
            if heading is None or heading is block or briefly or not shown:
                return shown or _opening(heading or block) or "that block"
            section = "" if {heading.id, block.id} & told or block.id == own else _opening(heading)
            told.update((heading.id, block.id))
            return f"{shown} ({section})" if section else shown

        def replaced(found: re.Match[str]) -> str:
            handle = (found["marked"] or found["bare"]).upper()
            if (found["marked"] or found["bare"]) in words:
                return found[0]
            if handle in self.blocks:
                return named(handle)
            if handle not in self.threads:
                return found[0]
            block = self.of_block.get(self.threads[handle].block_id or "")
            return f"the thread on {named(block)}" if block else "the thread on this page"

        return _WRITTEN.sub(replaced, text)

    def unknown(self, text: str, page: Iterable[str] = ()) -> list[str]:
        """Return the handles in a text that do not exist and are no words of the page.

        What stands as code is a name. `page` holds what the page says beside blocks and threads.
        """
        prose = re.sub(r"`[^`]*`", "", text)
        names = dict.fromkeys(
            (found["marked"] or found["bare"]).upper() for found in _WRITTEN.finditer(prose)
        )
        missing = [name for name in names if name not in {*self.blocks, *self.threads}]
        if not missing:
            return []
        blocks = (block.plain for block in self.blocks.values())
        comments = (one.plain for thread in self.threads.values() for one in thread.comments)
        words = set(re.findall(r"\w+", " ".join([*page, *blocks, *comments])))
        return [name for name in missing if name not in words]

    def _heading(self, handle: str) -> Block | None:
        """Return the heading that a block stands under, or is; None above the first one."""
        heading = None
        for name, block in self.blocks.items():
            heading = block if block.type.startswith("heading_") else heading
            if name == handle:
                break
        return heading


def _opening(block: Block, most: int = OPENING_CHARS) -> str:
    """Return a block's first words in quotation marks, of code its first line; "" for none."""
    lines = block.plain.splitlines() if block.type == "code" else [block.plain]
    text = next((" ".join(line.split()) for line in lines if any(map(str.isalnum, line))), "")
    if not text:
        return ""
    if len(text) <= most:
        return f"“{text}”"
    whole = text[:most].rsplit(" ", 1)[0]
    # A long word is cut rather than left out: a word or two name no block.
    return f"“{whole if len(whole) > most // 2 else text[:most]}…”"
