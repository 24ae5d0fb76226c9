"""Handles: the short names, such as B3 and T1, by which the model names blocks and threads."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import NamedTuple

from daemon.domain.change import Change
from daemon.domain.findings import LEAST_WORDS, cut_short
from daemon.domain.values import Block, Snapshot, Thread
from daemon.notion.from_markdown import INNER, as_typed
from daemon.review.quotes import fold


# The most characters and words of a block that stand in a text for people in place of its handle;
# in a title, and where it is named again, they are fewer.
OPENING, BRIEF = (40, 8), (32, 4)
# The most of one that begins as another in its section does.
LONGER = (80, 16)

_NAME = re.compile(r"(?<![A-Za-z0-9])([BbTt])[ -]?0*([1-9]\d{0,5})(?![A-Za-z0-9])")
# How a block is marked, see `Change.mark`.
MARKS = r"(?:new|changed(?: and moved)?|moved)"
_NUMBER = re.compile(r"\W*0*([1-9]\d{0,5})\W*")
# A handle in brackets, as the model reads it, or bare, also as code, but not within an address or
# identifier. `B3-B5` is two handles.
_WRITTEN = re.compile(
    r"(?P<code>`)?(?:"
    rf"\[(?P<marked>[BbTt][1-9]\d{{0,5}})(?: on [^\[\]]{{1,60}})?(?: {MARKS})?\](?!\()"
    r"|(?<![A-Za-z0-9/#=._])(?P<bare>[BT][1-9]\d{0,5})\b(?: (?:new|changed)\b)?"
    r"(?![/=_]|-(?!\[?[BT]\d)))(?(code)`)"
)
_THREAD_ON = re.compile(
    r"(?P<name>`?\[?(?<![A-Za-z0-9/#=._])(?P<thread>T[1-9]\d{0,5})\b\]?`?)"
    r" on (?:(?:the |this )?block )?`?\[?(?P<block>B[1-9]\d{0,5})\b"
    rf"(?: {MARKS}(?=\]))?\]?`?(?![\w/=_-])"
)
# What marks words in the middle of a line. Elsewhere a backslash could make an address of code.
_MARK = re.compile(r"[\\`*\[\]<&~]|(?<![^\W_])_|_(?![^\W_])")
_URL = re.compile(r"https?://([^\s/]+)\S*")
_SENTENCE = re.compile(r"(?<=[.!?])\s")
_WORD = re.compile(r"\b[BT][1-9]\d{0,5}\b")
_APART = re.compile(r"(?<![A-Za-z0-9/#=._])(\[?[BT][1-9]\d{0,5}\]?)([/–-])(?=\[?[BT][1-9])")  # noqa: RUF001
# What stands around a handle and would read ill around words: quotation marks, or the noun and the
# brackets of "this block (B3)" and “its words” (B3).
_AROUND = re.compile(
    r"(?P<before>(?:“[^“”\n]+”|\"[^\"\n]+\"|\w) \()?(?P<noun>\b(?:[Tt]h(?:is|e) )?[Bb]lock )?"
    rf"(?P<mark>[“\"‘'])?{_WRITTEN.pattern}(?(mark)[”\"’'])(?(before)\))"  # noqa: RUF001
)
# A block as a text for people names it, and a mark that was set apart there.
_TOLD = re.compile(
    r"(?P<all>(?:`(?P<code>[^`\n]+)`|“(?P<words>[^“”\n]+)”))"
    r"(?: [(\[](?:“(?P<section>[^“”\n]+)”(?:, )?)?(?P<number>\d+)?[)\]])?"
)
# Words in quotation marks; fewer may stand in another block by chance.
_QUOTED = re.compile(r"[“\"]([^“”\"\n]{12,})[”\"]")


class _Label(NamedTuple):
    """What names a block: its first words, its section, and its number among those alike there."""

    block: Block
    words: str
    section: str
    number: int = 0


@dataclass(frozen=True, slots=True)
class Handles:
    """The handles of one snapshot's blocks and threads.

    `words` are those of the document, its comments and the prompt page that read as a handle does,
    such as `T1` for a tier: in a text they are words, and no block or thread has that handle.
    """

    blocks: Mapping[str, Block]
    threads: Mapping[str, Thread]
    words: frozenset[str]

    @classmethod
    def of(cls, snapshot: Snapshot, prompt: str = "") -> Handles:
        """Return the handles of a snapshot: blocks with text and threads, numbered in order."""
        speaking, page = [block for block in snapshot.blocks if block.line], snapshot.page
        said = [prompt, page.title, *(" ".join(pair) for pair in page.properties)]
        said += [block.plain for block in speaking]
        said += [one.plain for thread in snapshot.threads for one in thread.comments]
        words = frozenset(_WORD.findall(" ".join(said)))
        return cls(
            dict(zip(_free("B", words), speaking, strict=False)),
            dict(zip(_free("T", words), snapshot.threads, strict=False)),
            words,
        )

    @classmethod
    def over(cls, blocks: Iterable[Block], text: str) -> Handles:
        """Return the handles of blocks alone, none of them a word of a text."""
        words = frozenset(_WORD.findall(text))
        return cls(dict(zip(_free("B", words), blocks, strict=False)), {}, words)

    @property
    def of_block(self) -> dict[str, str]:
        """Block id to handle; the first handle when a listing repeats a block."""
        return {block.id: handle for handle, block in reversed(list(self.blocks.items()))}

    @property
    def of_thread(self) -> dict[str, str]:
        """Thread id to handle."""
        return {thread.id: handle for handle, thread in self.threads.items()}

    def where_stood(self, block_id: str, change: Change) -> str:
        """Say where a moved block stood, by handles: “under B1 “Rollout”, below B3, inside B2”.

        "" where the block was not moved, or went along with the one before it.
        """
        stood = change.moved.get(block_id)
        if stood is None or not stood.leads:
            return ""
        told, names, heading = [], self.of_block, change.regrouped.get(block_id)
        if heading:
            told.append(f"under {names[heading]} “{_opening(self.blocks[names[heading]], BRIEF)}”")
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
        return ", ".join(told or ["at the top"])

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

        A block is named by its first words and its heading; of those that begin alike there by
        more words, or where these are alike too by its number. Code is shown as code. Named again,
        a block is named more briefly. The block that the text stands on is “this block”.

        Args:
            text: The words of the model.
            own: The id of the block that the text stands on: its heading goes without saying.
            briefly: Name a block by a few of its words alone and without marks, as in a title.
        """
        while text != (apart := _APART.sub(_set_apart, text)):
            text = apart
        text = _THREAD_ON.sub(self._once, text)
        if not _WRITTEN.search(text):
            return text
        spelling = _Spelling(self, self._labels(briefly=briefly), "" if briefly else own, briefly)
        return _AROUND.sub(spelling.replaced, text)

    def with_handles(self, text: str, own: str = "") -> str:
        """Return a text for people with the handle behind the words that name a block.

        Args:
            text: What `spelled_out` gave, maybe on an earlier state of the document.
            own: The id of the block that the text stands on.
        """
        labels = self._labels(briefly=False)
        names = {handle: {one.words, _opening(one.block, BRIEF)} for handle, one in labels.items()}
        home = labels[self.of_block[own]].section if own in self.of_block else ""
        named = set[str]()

        def told(found: re.Match[str]) -> str:
            said = found["code"] or found["words"]
            alike = [handle for handle in labels if said in names[handle]]
            if found["number"]:
                alike = [one for one in alike if labels[one].number == int(found["number"])]
            if found["section"]:
                alike = [one for one in alike if labels[one].section == found["section"]]
            for likelier in (named, {one for one in alike if labels[one].section == home}):
                alike = [one for one in alike if one in likelier] or alike
            named.update(alike)
            return f"{found['all']} ({alike[0]})" if len(alike) == 1 else found[0]

        return _TOLD.sub(told, as_typed(text))

    def named_in(self, text: str, own: str) -> set[str]:
        """Return the ids of the other blocks that a text for people names or quotes.

        Args:
            text: What `spelled_out` gave.
            own: The id of the block that the text stands on.
        """
        told = self.with_handles(text, own)
        named = {self.blocks[one].id for one in self.parse(told, "B") if one in self.blocks}
        texts = {block.id: fold(block.plain).text for block in self.blocks.values()}
        quoted = [fold(words).text for words in _QUOTED.findall(told)]
        elsewhere = [words for words in quoted if words not in texts.get(own, "")]
        named |= {id_ for id_, text in texts.items() if any(one in text for one in elsewhere)}
        return named - {own}

    def unknown(self, text: str) -> list[str]:
        """Return the handles in a text that do not exist and are no words of the page.

        What stands as code is a name.
        """
        prose = re.sub(r"`[^`]*`", "", text)
        names = dict.fromkeys(
            (found["marked"] or found["bare"]).upper() for found in _WRITTEN.finditer(prose)
        )
        known = {*self.blocks, *self.threads, *self.words}
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

    def _once(self, found: re.Match[str]) -> str:
        """Return the handle of a thread alone where that of its own block follows."""
        thread, block = self.threads.get(found["thread"]), self.blocks.get(found["block"])
        is_there = thread and block and thread.block_id == block.id
        return found["name"] if is_there else found[0]

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
        for (first, _), handles in alike.items():
            if len(handles) == 1:
                continue
            most = OPENING if briefly else LONGER
            longer = [_opening(labels[one].block, most) for one in handles]
            is_enough = len({*longer}) == len(longer) and not ({*longer} - {first}) & {
                one for one, _ in alike
            }
            for number, (handle, words) in enumerate(zip(handles, longer, strict=True), 1):
                told = {"words": words} if is_enough else {"number": number}
                labels[handle] = labels[handle]._replace(**told)
        return labels


@dataclass(frozen=True, slots=True)
class _Spelling:
    """What one text said so far of the blocks that it names.

    `told` has the brief name of each; `sections` are those that need not be said again.
    """

    handles: Handles
    labels: Mapping[str, _Label]
    own: str
    briefly: bool
    told: dict[str, str] = field(default_factory=dict)
    sections: set[str] = field(default_factory=set)

    def replaced(self, found: re.Match[str]) -> str:
        """Return the words that stand for a handle, with what stands around it."""
        handles, before = self.handles, found["before"] or ""
        handle = (found["marked"] or found["bare"]).upper()
        if handle not in {*handles.blocks, *handles.threads}:
            return found[0]
        ahead = found.string[: found.start()] + before
        thread = handles.threads.get(handle)
        on = handles.of_block.get(thread.block_id or "") if thread else handle
        is_own = on is not None and handles.blocks[on].id == self.own
        if not thread and before and (is_own or _quotes(before, handles.blocks[handle])):
            return before.removesuffix(" (")
        brackets = "[]" if ahead.count("(") > ahead.count(")") else "()"
        said = "this block" if is_own else self._named(on, brackets) if on else ""
        if thread and not said:
            said = "that thread" if thread.block_id else "the thread on this page"
        elif thread:
            said = f"the thread on {said}"
        noun = "" if is_own and not thread else found["noun"] or ""
        start = ahead.rstrip(" *_")
        if not noun and (not start or start[-1] in ".!?\n"):
            said = said[0].upper() + said[1:]
        return before + noun + said + ")" * bool(before)

    def _named(self, handle: str, brackets: str) -> str:
        block, shown, section, number = self.labels[handle]
        brief = _opening(block, BRIEF)
        if self.own in self.handles.of_block:
            self.sections.add(self.labels[self.handles.of_block[self.own]].section)
        is_alone = [one.words for one in self.labels.values()].count(shown) == 1
        under = "" if is_alone and section in self.sections else section
        if block.id in self.told and [*self.told.values()].count(brief) == 1:
            shown, under, number = brief, "", 0
        self.told[block.id] = brief
        self.sections.add(section or shown)
        more = [f"“{under}”"] * bool(under) + [str(number)] * bool(number)
        rest = f" {brackets[0]}{', '.join(more)}{brackets[1]}" if more else ""
        if self.briefly or not shown:
            return f"“{shown}”{rest}" if shown else "that block"
        is_code = block.type == "code" and "`" not in shown
        words = f"`{shown}`" if is_code else _MARK.sub(r"\\\g<0>", f"“{shown}”")
        return words + _MARK.sub(r"\\\g<0>", rest)


def _quotes(before: str, block: Block) -> bool:
    """Tell whether what stands before a handle in brackets is a quotation of its block."""
    quote, text = (" ".join(one.split()).casefold() for one in (before[1:-3], block.plain))
    return before[0] in '“"' and quote in text


def _free(letter: str, words: Collection[str]) -> Iterator[str]:
    """Give the handles with a letter that are no words of the page."""
    return (name for number in count(1) if (name := f"{letter}{number}") not in words)


def _opening(block: Block, most: tuple[int, int]) -> str:
    """Return a block's first words, of code its first line, of an address its host; "" for none."""
    chars, words = most
    is_code = block.type == "code"
    lines = block.plain.splitlines() if is_code and most != LONGER else [block.plain]
    text = next((line for line in lines if any(map(str.isalnum, line))), "")
    text = " ".join(_URL.sub(r"\1…", text).split()).translate(INNER)
    first = text if is_code or most == LONGER else _SENTENCE.split(text, maxsplit=1)[0]
    text = (first if len(first.split()) >= LEAST_WORDS else text).rstrip(".,;:| ")
    kept = text if is_code or len(text) <= chars else cut_short(text.split()[:words])
    if len(kept) > chars:
        whole = kept[: chars + 1].rsplit(" ", 1)[0]
        # A long word is cut rather than left out: a word or two name no block.
        kept = cut_short(whole.split()) if chars // 2 < len(whole) <= chars else kept[:chars]
    return kept if kept == text else f"{kept.rstrip('.,;:|… ')}…"


def _set_apart(found: re.Match[str]) -> str:
    return f"{found[1]} {'/' if found[2] == '/' else '–'} "  # noqa: RUF001 - a dash of Latin text
