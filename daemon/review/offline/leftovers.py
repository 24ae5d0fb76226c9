"""What drafting left behind: TODO, TBD, text of the template."""

from __future__ import annotations

import re
from collections.abc import Iterator

from daemon.review.offline.document import Document, Passage
from daemon.review.offline.hits import Hit, Kind
from daemon.review.offline.patterns import alternatives, any_of


_ABOUT_MARKERS = alternatives(
    """comments? | lists? | items? | apps? | markers? | tags? | macros? | boards? | counts?
    | labels? | and FIXME | or FIXME | badges?"""
)
_MARKER = re.compile(
    r"(?<![\w/.#@`-])(?:TODO|FIXME|TBD|TBC|XXX(?=[:!(\s]|$))"
    rf"(?!\s+(?:{_ABOUT_MARKERS})\b)(?![\w/.-]*[\w/-])"
    r"|(?<![\w?!\ufffc])\?{3,}(?![\w?!\ufffc])|\b[Ll]orem ipsum\b"
)
# The marks that may stand in a list of open questions; a TODO may not.
_UNDECIDED = ("TB", "?")
_PHRASE = re.compile(
    r"(?:^|[:|(-]\s*)(?P<text>[Tt]o be (?:determined|decided|defined|written|filled in|completed"
    r"|added|announced|confirmed)|[Cc]oming soon|tbd|todo)\s*(?:[.)|]|$)"
)
_TEMPLATE = re.compile(
    r"[\[<{]{1,2}(?:(?:insert|describe|explain|fill in|enter|replace|add|list)\s+"
    r"(?:your|the|a|an|here|this|why|what|how|with)|your|name of|link to|placeholder|e\.g\.)\b"
    r"[^\[\]<>{}\n]{0,80}[\]>}]{1,2}(?![(\[:])",
    re.IGNORECASE,
)
_OPEN = any_of(
    r"""open\b | unresolved | outstanding | undecided | future | next steps | to.?do\b | later\b
    | follow.?ups?\b"""
)
_CLAUSE_END = re.compile(r"[)\]|\n]|(?<=[.!?])\s")
_QUOTE = 80


def leftovers(document: Document) -> Iterator[Hit]:
    """Find marks of unfinished work, one for each block."""
    for passage in document.passages:
        if passage.is_prose:
            found = _marked(document, passage) or _templated(passage)
            if found:
                yield found


def _marked(document: Document, passage: Passage) -> Hit | None:
    found = _MARKER.search(passage.own)
    if found:
        start, end = found.span()
        may_be_open = found[0].startswith(_UNDECIDED)
    else:
        found = _PHRASE.search(passage.own)
        if not found:
            return None
        start, end = found.span("text")
        may_be_open = True
    if may_be_open and _is_open_section(document, passage):
        return None
    marker = passage.block.plain[start:end]
    advice = "Settle it here, or list it among the open questions with an owner."
    detail = f"“{marker}” is still in the text. {advice}"
    return Hit(Kind.LEFTOVER, passage, start, _clause_end(passage, end), detail)


def _templated(passage: Passage) -> Hit | None:
    found = _TEMPLATE.search(passage.own)
    detail = "this is still the text of a template. Put your own in its place."
    return Hit(Kind.LEFTOVER, passage, *found.span(), detail) if found else None


def _clause_end(passage: Passage, start: int) -> int:
    """Return where the clause ends that begins before `start`: quote "TODO: ask Ana" whole."""
    rest = passage.block.plain[start : start + _QUOTE]
    clause = _CLAUSE_END.split(rest, maxsplit=1)[0]
    if len(clause) == _QUOTE:
        clause = clause.rpartition(" ")[0]
    return start + len(clause.rstrip())


def _is_open_section(document: Document, passage: Passage) -> bool:
    heading = document.heading_of(passage)
    return heading is not None and bool(_OPEN.search(heading.text))
