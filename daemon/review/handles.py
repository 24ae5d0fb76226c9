"""Handles: the short names, such as B3 and T1, by which the model names blocks and threads."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from daemon.domain.values import Block, Snapshot, Thread


# The most characters and words of a block that stand in a text for people in place of its handle;
# in a title, and where it is named again, they are fewer.
OPENING, BRIEF = (40, 8), (32, 4)

_NAME = re.compile(r"(?<![A-Za-z0-9])([BbTt])[ -]?0*([1-9]\d{0,5})(?![A-Za-z0-9])")
_NUMBER = re.compile(r"\W*0*([1-9]\d{0,5})\W*")
# A handle in brackets, as the model reads it, or bare, also as code, but not within an address or
# identifier. `B3-B5` is two handles.
_WRITTEN = re.compile(
    r"(?P<code>`)?(?:"
    r"\[(?P<marked>[BbTt][1-9]\d{0,5})(?: on [^\[\]]{1,60})?(?: (?:new|changed))?\](?!\()"
    r"|(?<![A-Za-z0-9/#=._])(?P<bare>[BT][1-9]\d{0,5})\b(?: (?:new|changed)\b)?"
    r"(?![/=_]|-(?!\[?[BT]\d)))(?(code)`)"
)
# What marks words in the middle of a line. Elsewhere a backslash could make an address of code.
_MARK = re.compile(r"[\\`*\[\]<&~]|(?<![^\W_])_|_(?![^\W_])")
_URL = re.compile(r"https?://([^\s/]+)\S*")
_WORD = re.compile(r"\b[BT][1-9]\d{0,5}\b")
_SLASHED = re.compile(r"(?<![A-Za-z0-9/#=._])(\[?[BT][1-9]\d{0,5}\]?)/(?=\[?[BT][1-9])")


class _Label(NamedTuple):
    """What names a block: its first words, its section, and its number among those alike there."""

    block: Block
    words: str
    section: str
    number: int = 0


@dataclass(frozen=True, slots=True)
class Handles:
    """The handles of one snapshot's blocks and threads.

    `words` are those of the document and the prompt page that read as a handle does, such as `T1`
    for a tier: in a text they are words.
    """

    blocks: Mapping[str, Block]
    threads: Mapping[str, Thread]
    words: frozenset[str]

    @classmethod
    def of(cls, snapshot: Snapshot, prompt: str = "") -> Handles:
        """Return the handles of a snapshot: blocks with text and threads, numbered in order."""
        speaking, page = [block for block in snapshot.blocks if block.line], snapshot.page
        said = [prompt, page.title, *(" ".join(pair) for pair in page.properties)]
        return cls(
            {f"B{number}": block for number, block in enumerate(speaking, 1)},
            {f"T{number}": thread for number, thread in enumerate(snapshot.threads, 1)},
            frozenset(_WORD.findall(" ".join([*said, *(block.plain for block in speaking)]))),
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

        A block is named by its first words, its heading, and its number among those that begin
        alike there, in signs that every language has. Named again, it is named more briefly.

        Args:
            text: The words of the model.
            own: The id of the block that the text stands on: its heading goes without saying.
            briefly: Name a block by a few of its words alone and without marks, as in a title.
        """
        while text != (apart := _SLASHED.sub(r"\1 / ", text)):
            text = apart
        if not _WRITTEN.search(text):
            return text
        labels, told, sections = self._labels(briefly=briefly), dict[str, str](), set[str]()

        def named(handle: str) -> str:
            block, shown, section, number = labels[handle]
            brief = _opening(block, BRIEF)
            under = "" if section in sections or block.id == own else section
            if block.id in told and [*told.values()].count(brief) == 1:
                shown, under, number = brief, "", 0
            told[block.id] = brief
            sections.add(section or shown)
            more = [f"“{under}”"] * bool(under) + [str(number)] * bool(number)
            said = f"“{shown}”" if shown else "that block"
            said += f" ({', '.join(more)})" if more else ""
            return said if briefly else _MARK.sub(r"\\\g<0>", said)

        def replaced(found: re.Match[str]) -> str:
            handle = (found["marked"] or found["bare"]).upper()
            if handle in self.words or handle not in {*self.blocks, *self.threads}:
                return found[0]
            if handle in self.blocks:
                return named(handle)
            on = self.of_block.get(self.threads[handle].block_id or "")
            return f"the thread on {named(on)}" if on else "the thread on this page"

        return _WRITTEN.sub(replaced, text)

    def unknown(self, text: str) -> list[str]:
        """Return the handles in a text that do not exist and are no words of the page.

        What stands as code is a name.
        """
        prose = re.sub(r"`[^`]*`", "", text)
        names = dict.fromkeys(
            (found["marked"] or found["bare"]).upper() for found in _WRITTEN.finditer(prose)
        )
        comments = (one.plain for thread in self.threads.values() for one in thread.comments)
        known = {*self.blocks, *self.threads, *self.words, *_WORD.findall(" ".join(comments))}
        return [name for name in names if name not in known]

    def without_unknown(self, text: str) -> str:
        """Return a text with plain words in place of the handles that do not exist."""
        unknown = {*self.unknown(text)}

        def said(found: re.Match[str]) -> str:
            name = (found["marked"] or found["bare"]).upper()
            if found["code"] or name not in unknown:
                return found[0]
            return "that block" if name[0] == "B" else "that thread"

        return _WRITTEN.sub(said, text)

    def _labels(self, *, briefly: bool) -> dict[str, _Label]:
        """Return what names each block; one without words is named as its heading is."""
        labels, alike = dict[str, _Label](), defaultdict[tuple[str, str], list[str]](list)
        heading = _Label(Block("", "", 0, "", ""), "", "")
        for handle, block in self.blocks.items():
            words = _opening(block, BRIEF if briefly else OPENING)
            section = "" if block.is_heading or briefly else heading.words
            labels[handle] = _Label(block, words, section) if words else heading
            heading = labels[handle] if block.is_heading else heading
            alike[words, section] += [handle] * bool(words)
        for handles in alike.values():
            for number, handle in enumerate(handles, 1):
                if len(handles) > 1:
                    labels[handle] = labels[handle]._replace(number=number)
        return labels


def _opening(block: Block, most: tuple[int, int]) -> str:
    """Return a block's first words, of code its first line, of an address its host; "" for none."""
    chars, count = most
    lines = block.plain.splitlines() if block.type == "code" else [block.plain]
    text = next((line for line in lines if any(map(str.isalnum, line))), "")
    text = " ".join(_URL.sub(r"\1…", text).split()).rstrip(".,;:| ")
    kept = text if len(text) <= chars else " ".join(text.split()[:count])
    if len(kept) > chars:
        whole = kept[: chars + 1].rsplit(" ", 1)[0]
        # A long word is cut rather than left out: a word or two name no block.
        kept = whole if chars // 2 < len(whole) <= chars else kept[:chars]
    return kept if kept == text else f"{kept.rstrip('.,;:|… ')}…"
