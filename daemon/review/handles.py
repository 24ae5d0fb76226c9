"""Handles: the short names, such as B3 and T1, by which the model names blocks and threads."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from typing import NamedTuple

from daemon.domain.change import sections
from daemon.domain.values import AuthorKind, Block, Severity, Snapshot, Thread
from daemon.notion.from_markdown import INNER, SETTLED_SIGN, as_typed
from daemon.review.cleaning import REMOVED, first_words, person_name
from daemon.review.quotes import fold


# The most characters and words of a block that stand in a text for people in place of its handle,
# where it is named again, and of one that begins as another in its section does.
OPENING, BRIEF, LONGER = (40, 8), (32, 4), (80, 16)

_NAME = re.compile(r"(?<![A-Za-z0-9])([BbTt])[ -]?0*([1-9]\d{0,5})(?![A-Za-z0-9])")
# How a block is marked, see `Change.mark`.
MARKS = r"(?:new|changed)"
_NUMBER = re.compile(r"\W*0*([1-9]\d{0,5})\W*")
# A handle in brackets, as the model reads it, or bare, also as code, but not within an address or
# identifier. `B3-B5` is two handles.
_WRITTEN = re.compile(
    r"(?P<code>`)?(?:"
    rf"\[(?P<marked>[BbTt][1-9]\d{{0,5}})(?: on [^\[\]]{{1,60}})?(?: {MARKS})?\](?!\()"
    r"|(?<![A-Za-z0-9/#=._])(?P<bare>[BT][1-9]\d{0,5})\b(?: (?:new|changed)\b)?"
    r"(?![/=_]|-(?!\[?[BT]\d)))(?(code)`)"
)
# What marks words in the middle of a line. Elsewhere a backslash could make an address of code.
_MARK = re.compile(r"[\\`*\[\]<&~]|(?<![^\W_])_|_(?![^\W_])")
_WORD = re.compile(r"\b[BT][1-9]\d{0,5}\b")
_APART = re.compile(r"(?<![A-Za-z0-9/#=._])(\[?[BT][1-9]\d{0,5}\]?)([/–-])(?=\[?[BT][1-9])")  # noqa: RUF001
_DASH = {ord("-"): "\u2013"}
_WORDS = r"“[^“”\n]+”|\"[^\"\n]+\"|`[^`\n]+`"
# What stands around a handle and would read ill around a name: quotation marks, the brackets of
# "this part (B3)" and “its words” (B3), and “its first words” in B3.
_AROUND = re.compile(
    rf"(?P<before>(?P<words>{_WORDS}|\w)"
    r" (?:(?P<round>\()|(?:in|of|dans|en|em) ))?"
    rf"(?P<mark>[“\"‘'])?{_WRITTEN.pattern}(?(mark)[”\"’'])(?(round)\))"  # noqa: RUF001
)
# B3 (“its words”), or B3: “its words”.
_FOLLOWED = re.compile(
    rf"(?P<handle>{_WRITTEN.pattern})(?: \((?P<beside>{_WORDS})\)|: (?P<after>{_WORDS}))"
)
# A place as a text for people names it.
_TOLD = re.compile(r"“(?P<words>[^“”\n]+)”(?: \((?P<number>\d+)\))?")
# Between a heading and what stands below it; without the heading too, so that nobody takes the name
# of a place for words that are to be written.
UNDER = " › "
# How a comment that raises a point begins, also once it is settled.
_RAISED = re.compile(
    rf"{SETTLED_SIGN} \w+: “(?P<closed>[^\n]+?)”(?: · |\n)"
    rf"|(?P<open>[^\n]+?) · (?:{'|'.join(Severity)})\b"
)
# Words in quotation marks; fewer may stand in another block by chance.
_QUOTED = re.compile(r"[“\"]([^“”\"\n]{12,})[”\"]")


class _Label(NamedTuple):
    """What names a block: its first words, the heading above, and its number among those alike."""

    block: Block
    words: str
    section: str
    number: int = 0


@dataclass(frozen=True)
class Handles:
    """The handles of one snapshot's blocks and threads.

    `words` are those of the document, its comments and the prompt page that read as a handle does,
    such as `T1` for a tier: they are no handle of a block or thread. `title` is the page's.
    """

    blocks: Mapping[str, Block]
    threads: Mapping[str, Thread]
    words: frozenset[str]
    title: str = ""

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
            page.title,
        )

    @classmethod
    def over(cls, blocks: Iterable[Block], text: str) -> Handles:
        """Return the handles of blocks alone, none of them a word of a text."""
        words = frozenset(_WORD.findall(text))
        return cls(dict(zip(_free("B", words), blocks, strict=False)), {}, words)

    @cached_property
    def of_block(self) -> dict[str, str]:
        """Block id to handle; the first handle when a listing repeats a block."""
        return {block.id: handle for handle, block in reversed(list(self.blocks.items()))}

    @cached_property
    def of_thread(self) -> dict[str, str]:
        """Thread id to handle."""
        return {thread.id: handle for handle, thread in self.threads.items()}

    def nearest(self, handle: str) -> list[str]:
        """Return the blocks of a section by handle: one, those above it upwards, those below it."""
        under = sections(self.blocks.values())
        home = under[self.blocks[handle].id]
        names = [name for name, one in self.blocks.items() if under[one.id] == home]
        at = names.index(handle)
        return [handle, *reversed(names[:at]), *names[at + 1 :]]

    def brief(self, block_id: str) -> str:
        """Return a block's handle and its first words."""
        handle = self.of_block[block_id]
        return f"{handle} “{opening(self.blocks[handle], BRIEF)}”"

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

    def spelled_out(self, text: str, own: str = "", *, briefly: bool = False) -> str:
        """Return a text with names in place of handles, which people never see.

        A name is no word of any language: it stands in quotation marks and says what the page says.
        A block is named by its first words below its heading, “Costs › To be done”, or by those
        that are quoted beside it; without the heading where that goes without saying, “› To be
        done”. Blocks that begin alike there have more words, or else a number; one without words
        has its signs. Named again, it has fewer. A thread is named by the title of its point, or by
        who began it and how; that of a summary by the page's title.

        Args:
            text: The words of the model.
            own: The id of the block that the text stands on: its heading goes without saying.
            briefly: Name a block by few words and without marks, as in a title: where it has more
                than a few, or words that another has, by the first ones of its heading.
        """
        while text != (apart := _APART.sub(lambda a: f"{a[1]} {a[2].translate(_DASH)} ", text)):
            text = apart
        if not _WRITTEN.search(text):
            return text
        spelling = _Spelling(self, "" if briefly else own, briefly)
        return _AROUND.sub(spelling.replaced, _FOLLOWED.sub(spelling.turned, text))

    def with_handles(self, text: str, own: str = "") -> str:
        """Return a text for people with the handle behind the words that name a block.

        Args:
            text: What `spelled_out` gave, maybe on an earlier state, with other words of a heading.
            own: The id of the block that the text stands on.
        """
        labels, named = self.labels, set[str]()
        home = labels[self.of_block[own]].section if own in self.of_block else ""

        def told(found: re.Match[str]) -> str:
            name = found["words"].replace("`", "").removeprefix(UNDER.lstrip())
            end = name.rpartition(UNDER)[2]
            alone = self._by_name.get(end, [])
            alike = self._by_name.get(name) or alone * (len(alone) == 1)
            if not alike and UNDER.strip() in found["words"]:  # it was named by other words of it
                holds, words = self._folded.items(), fold(end).text
                alike = [self.of_block[id_] for id_, text in holds if words and words in text]
            if found["number"]:
                alike = [one for one in alike if labels[one].number == int(found["number"])]
            for likelier in (named, {one for one in alike if labels[one].section == home}):
                alike = [one for one in alike if one in likelier] or alike
            named.update(alike)
            return f"{found[0]} ({alike[0]})" if len(alike) == 1 else found[0]

        return _TOLD.sub(told, as_typed(text))

    def named_in(self, text: str, own: str, *, surely: bool = False) -> set[str]:
        """Return the ids of the other blocks that a text for people names or quotes.

        Args:
            text: What `spelled_out` gave.
            own: The id of the block that the text stands on.
            surely: Leave out words that stand in several blocks, such as a term.
        """
        if "“" not in text and '"' not in text:
            return set()
        told = self.with_handles(text, own)
        named = {self.blocks[one].id for one in self.parse(told, "B") if one in self.blocks}
        for words in (fold(one).text for one in _QUOTED.findall(told)):
            holders = {id_ for id_, text in self._folded.items() if words in text}
            if own not in holders and (len(holders) == 1 or not surely):
                named |= holders
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
        """Return a text without the handles that do not exist."""
        unknown = {*self.unknown(text)}

        def said(found: re.Match[str]) -> str:
            name = (found["marked"] or found["bare"]).upper()
            return found[0] if found["code"] or name not in unknown else REMOVED

        return _WRITTEN.sub(said, text)

    @cached_property
    def labels(self) -> dict[str, _Label]:
        """What names each block, by its handle."""
        return _labelled(self.blocks)

    @cached_property
    def _folded(self) -> dict[str, str]:
        return {block.id: fold(block.plain).text for block in self.blocks.values()}

    @cached_property
    def _by_name(self) -> dict[str, list[str]]:
        """The handles of the blocks that a name may mean."""
        found = defaultdict[str, list[str]](list)
        for handle, one in self.labels.items():
            for words in {one.words, opening(one.block, BRIEF)}:
                for name in {words, f"{one.section}{UNDER}{words}"}:
                    if any(map(str.isalnum, words)):
                        found[name.replace("`", "")].append(handle)
        for thread in self.threads.values():  # to name one is to name its block
            if thread.block_id in self.of_block:
                found[_begun(thread, self.title)].append(self.of_block[thread.block_id])
        return {name: [*dict.fromkeys(handles)] for name, handles in found.items()}


def _labelled(blocks: Mapping[str, Block]) -> dict[str, _Label]:
    """Return what names each block: its words below its heading."""
    openings = {handle: opening(block, OPENING) for handle, block in blocks.items()}
    heads = Counter(openings[handle] for handle, block in blocks.items() if block.is_heading)
    labels, above = dict[str, _Label](), list[_Label]()
    alike = defaultdict[tuple[str, str], list[str]](list)
    for handle, block in blocks.items():
        words, section = openings[handle], ""
        if block.is_heading:
            above = [one for one in above if one.block.type < block.type]
            # Of headings that are alike the one above tells them apart.
            section = above[-1].words if above and heads[words] > 1 else ""
        elif above:
            section = UNDER.join(filter(None, (above[-1].section, above[-1].words)))
        label = labels[handle] = _Label(block, words, section)
        above += [label] * (block.is_heading and any(map(str.isalnum, words)))
        alike[words, label.section].append(handle)
    firsts = {first for first, _ in alike}
    for (first, _), handles in alike.items():
        if len(handles) == 1:
            continue
        # More of the code would be no name.
        longer = [
            first if blocks[one].type == "code" else opening(blocks[one], LONGER) for one in handles
        ]
        is_enough = len({*longer}) == len(longer) and not ({*longer} - {first}) & firsts
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
    own: str
    briefly: bool
    told: dict[str, str] = field(default_factory=dict)
    sections: set[str] = field(default_factory=set)

    def replaced(self, found: re.Match[str]) -> str:
        """Return the name that stands for a handle, with what stands around it."""
        handles, before, words = self.handles, found["before"] or "", found["words"] or ""
        handle = (found["marked"] or found["bare"]).upper()
        block, thread = handles.blocks.get(handle), handles.threads.get(handle)
        if block:
            text, is_own = block.plain, block.id == self.own
            if self._is_name(words, handle) or (found["round"] and _quotes(words, text)):
                said = words if words[0] == "`" else words[1:-1]
                return f"“{said}”" if is_own or self.briefly else self._named(handle, said)
            name = self._named(handle)
        elif thread:
            text, is_own = _begun(thread, handles.title), False
            name = f"“{text if self.briefly else _literal(text)}”"
        else:
            return found[0]
        if found["round"] and (is_own or _quotes(words, text)):
            return words
        return f"{before}{name}{')' * bool(found['round'])}"

    def turned(self, found: re.Match[str]) -> str:
        """Return words that follow a handle and name its block before it, or leave them out."""
        name, words = (found["marked"] or found["bare"]).upper(), found["beside"] or found["after"]
        label = self.handles.labels.get(name)
        if label and self._is_name(words, name):
            return f"{words} ({name})"
        is_shown = label and found["beside"] and words[1:-1].rstrip(".,;:… ") in label.words
        return found["handle"] if is_shown else found[0]

    def _is_name(self, words: str, handle: str) -> bool:
        """Tell whether a quotation begins with the words that name a block; in a title no other."""
        name = self.handles.labels[handle].words
        names = [one.words for one in self.handles.labels.values()] if self.briefly else [name]
        said = " ".join(words[1:-1].translate(INNER).split()).strip("`").casefold()
        is_begun = said.startswith(name.rstrip("…").casefold())
        return names.count(name) == 1 and any(map(str.isalnum, name)) and is_begun

    def _named(self, handle: str, said: str = "") -> str:
        """Return the name of a block: with words of it that were `said` in place of its first."""
        labels = self.handles.labels
        block, shown, section, number = labels[handle]
        brief, is_code = opening(block, BRIEF), block.type == "code"
        is_sign = not any(map(str.isalnum, shown))
        is_alone = not is_sign and [one.words for one in labels.values()].count(shown) == 1
        if self.briefly:
            is_told = block.is_heading or (is_alone and brief == shown and not is_code)
            head = shown if is_told else section.rpartition(UNDER)[2] or brief
            return f"“{first_words(head, BRIEF, is_whole=True) if '…' in head else head}”"
        if self.own in self.handles.of_block:
            self.sections.add(labels[self.handles.of_block[self.own]].section)
        under = "" if is_alone and section in self.sections else section
        if block.id in self.told and [*self.told.values()].count(brief) == 1:
            shown, under, number = brief, "", 0
        self.told[block.id] = brief
        self.sections.add(section or shown)
        words = f"`{shown}`" if is_code and "`" not in shown else _literal(shown)
        sign = UNDER if under else UNDER.lstrip() * (not block.is_heading)
        return f"“{_literal(under)}{sign}{said or words}”" + f" ({number})" * bool(number)


def _literal(words: str) -> str:
    """Return words as Markdown that shows just these."""
    return _MARK.sub(r"\\\g<0>", words)


def _begun(thread: Thread, title: str) -> str:
    """Return how a thread begins: the title of its point, or who began it and how.

    That of a summary, which says something else at each review, has the page's title.
    """
    first = thread.comments[0]
    if first.author.kind is AuthorKind.OWN:
        raised = _RAISED.match(first.plain) if thread.block_id else None
        return ((raised["closed"] or raised["open"]) if raised else title).translate(INNER)
    words = first_words(first.plain, OPENING)
    return f"{person_name(first.author.name)}: {words or '…'}"


def _quotes(words: str, text: str) -> bool:
    """Tell whether what stands before a handle in brackets is a quotation of a text."""
    quote, text = (" ".join(one.split()).casefold() for one in (words[1:-1], text))
    return words[0] in '“"' and quote in text


def _free(letter: str, words: Collection[str]) -> Iterator[str]:
    """Give the handles with a letter that are no words of the page."""
    return (name for number in count(1) if (name := f"{letter}{number}") not in words)


def opening(block: Block, most: tuple[int, int]) -> str:
    """Return a block's first words, or its signs: the first line of code, or cell of a table."""
    by = {"code": "\n", "table_row": " | "}.get(block.type, "")
    parts = block.plain.split(by) if by and most != LONGER else [block.plain]
    text = next((part for part in parts if any(map(str.isalnum, part))), "")
    signs = "🖼" if block.type == "image" else " ".join(block.plain.split())[: BRIEF[0]] or "…"
    is_whole = most == LONGER or block.type == "code" or block.is_heading
    return first_words(text, most, is_whole=is_whole) or signs.translate(INNER)
