"""What drafting left behind: TODO, TBD, text of the template."""

from __future__ import annotations

import re
from collections.abc import Iterator

from daemon.review.offline.document import (
    Document,
    Hit,
    Kind,
    Passage,
    alternatives,
    any_of,
    shown,
    vocabulary,
)


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
            hit = _marked(document, passage)
            if not hit and (found := _TEMPLATE.search(passage.own)):
                says = "This is still the template's text. Please put your own here."
                hit = Hit(Kind.LEFTOVER, passage, *found.span(), says)
            if hit:
                yield hit


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
    heading = document.heading_of(passage)
    if may_be_open and heading and _OPEN.search(heading.text):
        return None
    advice = "Settle it, or move it to the open questions with an owner."
    says = f"There is still a “{passage.block.plain[start:end]}” here. {advice}"
    # The quote has the whole clause, as in "TODO: ask Ana".
    clause = _CLAUSE_END.split(passage.block.plain[end : end + _QUOTE], maxsplit=1)[0]
    if len(clause) == _QUOTE:
        clause = clause.rpartition(" ")[0]
    return Hit(Kind.LEFTOVER, passage, start, end + len(clause.rstrip()), says)


_DOUBLED = re.compile(r"(?<![\w'.-])([^\W\d_]{1,20})(\s+)(\1)(?![\w'-]|\.\w)", re.IGNORECASE)
_PAIR = re.compile(
    r"(?<![\w'-])((?:of|in|to|on|at|for|from|with|by|that|and|is|as) (?:the|a|an|be|this|it|we))"
    r"\s+(\1)(?![\w'-])"
)
# Doubled on purpose, or at least grammatical.
_MAY_DOUBLE = vocabulary(
    """again aye blah boo bye chop class dear do far ha had hear her hey ho hush knock long many
    more much my never night no now oh ok okay one over pat please quite round so sure that there
    tut two very way well win yes"""
)
# "Log in in the app": the verb owns the first of the two.
_PARTICLES = vocabulary("down in off on out over through up")
_PHRASAL = re.compile(
    r"\b(?:back|bail|bak|break|bring|buil[dt]|call|carr|check|com|cut|dial|drop|fill|fold|giv|go"
    r"|hand|hold|kick|lock|log|mov|opt|phas|plug|pull|push|roll|set|sign|switch|tak|tie|tun|turn)"
    r"(?:e|es|s|y|ied|ies|ed|ing|[gnpt](?:ed|ing))?(?: \w+)?\s+$",
    re.IGNORECASE,
)
# "What it is is", "the team which this belongs to to decide": one clause ends, the next begins.
_TAILS = vocabulary("about are as at by do does for from has is it to was with")
_CLAUSE = re.compile(r"\b(?:what|whatever|which|who|whom|where|how)\b", re.IGNORECASE)
# Between cells and over a line break, only these cannot meet by chance.
_FUNCTION = vocabulary(
    """a an and any are as at be but by can could does for from has have if in into is it its may
    must not of on or our shall should than the their then these they this those to was we were
    when where which will with would you your"""
)
_REACH = 80


def doubled(document: Document) -> Iterator[Hit]:
    """Find words, and pairs such as "of the of the", that stand twice."""
    if not document.is_english:
        return
    for passage in document.passages:
        if not passage.is_prose:
            continue
        slips = [found for found in _DOUBLED.finditer(passage.own) if _is_slip(passage, found)]
        for found in (*slips, *_PAIR.finditer(passage.own)):
            quote = passage.block.plain[found.start() : found.end()]
            yield Hit(Kind.DOUBLED, passage, *found.span(), f"“{shown(quote)}”: one is enough.")


def _is_slip(passage: Passage, found: re.Match[str]) -> bool:
    first, gap, word = found.groups()
    if word in _MAY_DOUBLE or not word.islower() or first not in (word, word.capitalize()):
        return False
    if len(word) == 1 and word != "a":
        return False
    if passage.block.type == "table_row" or gap != " ":
        return word in _FUNCTION
    before = passage.own[max(0, found.start() - _REACH) : found.start()]
    if word in _PARTICLES and _PHRASAL.search(before):
        return False
    return not (word in _TAILS and _CLAUSE.search(before))
