"""References to a place in the document that is not there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from daemon.review.offline.document import (
    Document,
    Hit,
    Kind,
    Passage,
    alternatives,
    any_of,
    sentence_at,
    shown,
    words,
)


_NUMBERED = re.compile(
    r"(?:^|\b(?i:see|in|per|to|as|from|by|under|also|than|with|at|and|or|of|cf\.|via)\s+|[.,:;]\s+|\()"
    r"(?P<text>(?:[Ss]ections?\s+|§\s?)(?P<number>\d{1,2}(?:\.\d{1,2}){0,3})"
    r"|[Aa]ppendix\s+(?P<letter>[A-Z]))(?![\w(]|\.\d|-\w)"
)
_IN = "(?:described|discussed|covered|explained|listed|detailed|outlined|defined)"
_SEE = rf"\b(?:[Ss]ee|{_IN} in|[Rr]efer to) (?:also )?"
_QUOTED = r"\"(?P<quoted>[^\"\n]{3,60})\""
_NAME = rf"(?:{_QUOTED}|(?P<name>[A-Z][\w'/&-]*(?:\s+[\w'/&-]+){{0,4}}?))"
_NAMED = (
    re.compile(
        rf"{_SEE}(?:the )?(?:section (?:on |about |called )?)?{_NAME}"
        r"(?: section)? (?:below|above)\b"
    ),
    re.compile(rf"{_SEE}(?:the )?{_NAME} section\b"),
    re.compile(rf"{_SEE}(?:the )?section (?:called |titled )?(?P<name>){_QUOTED}"),
)
# Without one of these no pattern can match; it spares most blocks the dearer search.
_CUE = re.compile(r"ection|ppendix|§|below|above")
# Words that name something other than a section.
_THING = any_of(
    r"""figures?\b | tables?\b | diagrams?\b | listings?\b | comments?\b | discussions?\b
    | threads?\b | examples?\b | code\b | images?\b | charts?\b | graphs?\b | snippets?\b
    | screenshots?\b | paragraphs?\b | definitions?\b | notes?\b | footnotes?\b | equations?\b
    | lists?\b | links?\b | rows?\b | columns?\b | steps?\b | points?\b | items?\b | options?\b
    | questions?\b | drawings?\b | sketch | pictures?\b | quotes?\b"""
)
_NO_NAME = re.compile(r"\d|'s\b")
# Words by which a sentence speaks of another text.
_ELSEWHERE = re.compile(
    r"\b(?:RFCs?|RFD|ISO|IEEE|IETF|ADR|PEP|UTS|UAX|Acts?|GDPR|HIPAA|PCI|SOC)\b|[\w)]\s*#\d|(?i:"
    + alternatives(
        r"""\blaw\b | \bstatute | \bcode of | \bbook\b | \bpaper\b | \bmanual\b | \bhandbook
        | \bguide(?:book)?\b | \bspec(?:ification)?\b | \bstandard\b | \bdocumentation | \bdocs\b
        | \bpolicy | \bagreement | \bcontract\b | \blicen[cs]e | \bterms\b | \bwiki\b | \bpage\b
        | \breport\b | \bmemo\b | \breference\b | \breadme | \barticle | \btheir\b"""
    )
    + ")"
)
_HERE = re.compile(
    r"\b(?:this|the present) (?:RFC|document|doc|page|spec|paper|proposal)\b", re.IGNORECASE
)
_OF_OTHER = re.compile(r"\s*(?:of|in|from|on)\s+(?!this\b)", re.IGNORECASE)
_NUMBER = re.compile(
    r"\s*(?:(?:section|part|chapter|§)\s*)?(\d{1,2}(?:\.\d{1,2}){0,4})(?:[.):]?\s|[.):]|$)",
    re.IGNORECASE,
)
_APPENDIX = re.compile(r"\s*(?:appendix|annex)\b(?:\s+([A-Z])\b)?|\s*([A-Z])[.)]\s", re.IGNORECASE)
_BLOCK_ID = re.compile(r"[0-9a-f]{32}")
_STEM = 5
_HEADING_LENGTH = 120
_SHORT = 2
_ANCHOR = re.compile(r"(?:\{#|<a (?:id|name)=\")([\w-]{1,80})[}\"]")


@dataclass(frozen=True, slots=True)
class _Places:
    """What a reference can lead to.

    Attributes:
        slugs: Headings and labels as anchors, letters and digits only.
        ids: The block ids without dashes.
        numbers: The numbers that open a block, each with those it lies in ("4" for "4.2").
        is_numbered: Whether the headings are numbered.
        letters: Letters of appendices; "" for one without a letter.
        counted: For each top heading, how many headings lie under it.
        items: The length of the longest numbered list, whose items may be called sections.
        stems: Beginnings of the words of the title and of whatever may serve as a heading.
    """

    slugs: frozenset[str]
    ids: frozenset[str]
    numbers: frozenset[str]
    is_numbered: bool
    letters: frozenset[str]
    counted: tuple[int, ...]
    items: int
    stems: frozenset[str]


def references(document: Document) -> Iterator[Hit]:
    """Find links and words that lead to a place that the document does not have."""
    places = None
    for passage in document.passages:
        if passage.is_prose and (passage.links or _CUE.search(passage.prose)):
            places = places or _places(document)
            found = _dead_link(document, places, passage)
            if not found and _CUE.search(passage.prose):
                found = _dead_number(places, passage) or _dead_name(places, passage)
            if found:
                yield found


def _places(document: Document) -> _Places:
    labels = document.labels
    headed = _numbers(heading.text for heading in document.headings)
    appendices = [found for text in labels if (found := _APPENDIX.match(text))]
    named = [*labels, document.snapshot.page.title]
    texts = [passage.text for passage in document.passages]
    # A short text, such as a line in bold, may be a heading in all but type.
    short = [text for text in texts if len(text) <= _HEADING_LENGTH]
    # Anchors that an author wrote for another renderer.
    anchors = [found[1] for text in texts for found in _ANCHOR.finditer(text)]
    return _Places(
        slugs=frozenset(map(_slug, [*labels, *short, *anchors])),
        ids=frozenset(passage.block.id.replace("-", "") for passage in document.passages),
        numbers=frozenset(_numbers(labels) | headed),
        is_numbered="1" in headed and len(headed) > 1,
        letters=frozenset((found[1] or found[2] or "").upper() for found in appendices),
        counted=_counted(document),
        items=_longest_numbered(document),
        stems=frozenset(word[:_STEM] for text in named for word in words(text)),
    )


def _numbers(labels: Iterable[str]) -> set[str]:
    found = [match[1] for text in labels if (match := _NUMBER.match(text))]
    return {number.rsplit(".", cut)[0] for number in found for cut in range(number.count(".") + 1)}


def _counted(document: Document) -> tuple[int, ...]:
    """Count the headings under each top heading; a single first one on top is the title."""
    levels = [heading.level for heading in document.headings]
    if levels and levels[0] == min(levels) and levels.count(levels[0]) == 1:
        levels = levels[1:]
    top = min(levels, default=0)
    counts: list[int] = []
    for level in levels:
        if level == top:
            counts.append(0)
        elif counts:
            counts[-1] += 1
    return tuple(counts)


def _longest_numbered(document: Document) -> int:
    longest = run = 0
    for passage in document.passages:
        if passage.block.type == "numbered_list_item":
            run += 1
        elif passage.block.depth == 0:
            run = 0
        longest = max(longest, run)
    return longest


def _dead_link(document: Document, places: _Places, passage: Passage) -> Hit | None:
    here = document.snapshot.page.id.replace("-", "")
    for link in passage.links:
        text = passage.block.plain[link.start : link.end]
        address, _, anchor = link.target.partition("#")
        bare = anchor.replace("-", "").lower()
        if _BLOCK_ID.fullmatch(bare):
            is_here = not address or here in address.replace("-", "")
            is_dead = is_here and bare not in places.ids
        else:
            anchor = anchor.removeprefix("user-content-")
            # A second heading of the same name has "-1" after its anchor.
            slugs = {_slug(anchor), _slug(re.sub(r"-\d+$", "", anchor))} - {""}
            is_dead = not address and bool(slugs) and not slugs & places.slugs
        if is_dead and text.strip():
            says = f"The link “{shown(text, 60)}” leads to no place in this document."
            return Hit(Kind.REFERENCE, passage, link.start, link.end, says)
    return None


def _dead_number(places: _Places, passage: Passage) -> Hit | None:
    for found in _NUMBERED.finditer(passage.own):
        number, letter = found["number"], found["letter"]
        is_dead = _is_no_section(places, number) if number else not {letter, ""} & places.letters
        if is_dead and not _is_elsewhere(passage, found):
            name = found["text"] if letter else found["text"].lower()
            says = f"There is no {name} in this document."
            return Hit(Kind.REFERENCE, passage, *found.span("text"), says)
    return None


def _is_no_section(places: _Places, number: str) -> bool:
    """Whether no heading bears `number`; where none bears one, whether counting leads nowhere."""
    if number in places.numbers or places.is_numbered:
        return number not in places.numbers
    top, *below = (int(part) for part in number.split("."))
    if 0 < top <= len(places.counted):
        return bool(below) and below[0] > places.counted[top - 1]
    return bool(below) or top > places.items


def _dead_name(places: _Places, passage: Passage) -> Hit | None:
    for pattern in _NAMED:
        for found in pattern.finditer(passage.prose):
            name = found["quoted"] or found["name"]
            parts = [word for word in words(name) if len(word) > _SHORT]
            if not parts or name.isupper() or _THING.search(name) or _NO_NAME.search(name):
                continue
            # One word in common with a label is enough.
            is_known = any(word[:_STEM] in places.stems for word in parts)
            if not is_known and not _is_elsewhere(passage, found):
                says = f"There is no section called “{shown(name, 60)}” in this document."
                return Hit(Kind.REFERENCE, passage, *found.span(), says)
    return None


def _is_elsewhere(passage: Passage, found: re.Match[str]) -> bool:
    """Whether the sentence speaks of another text: by name, or with a link."""
    start, end = sentence_at(passage.prose, found.start())
    sentence = _HERE.sub("", passage.prose[start:end])
    if _OF_OTHER.match(passage.prose, found.end()) or _ELSEWHERE.search(sentence):
        return True
    return any(
        link.start < end and start < link.end and not link.target.startswith("#")
        for link in passage.links
    )


def _slug(text: str) -> str:
    return re.sub(r"[\W_]+", "", text.lower())
