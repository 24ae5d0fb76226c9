"""A count in the text against the list that follows it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import takewhile

from daemon.review.offline.document import (
    LIST_TYPES,
    Document,
    Hit,
    Kind,
    Passage,
    alternatives,
    sentences,
)


_WORDS = "two|three|four|five|six|seven|eight|nine|ten|eleven|twelve"
_NUMBERS = {word: number for number, word in enumerate(_WORDS.split("|"), 2)}
# Things that a list lists. A number before others (weeks, replicas, requests) counts no items.
_NOUNS = alternatives(
    """actions | actors | additions | advantages | alternatives | applications | approaches | apps
    | areas | arguments | aspects | assumptions | audiences | behaviou?rs | benefits | blockers
    | bugs | candidates | capabilities | cases | categories | causes | challenges | changes |
    checks | choices | classes | commands | components | concerns | conditions | configurations
    | consequences | considerations | constraints | controllers | conventions | costs | criteria
    | decisions | definitions | deliverables | dependencies | differences | dimensions |
    disadvantages | downsides | drawbacks | elements | endpoints | enhancements | environments |
    events | examples | exceptions | factors | features | fields | flaws | forms | functions |
    gaps | goals | groups | guarantees | guidelines | headers | helpers | ideas | improvements |
    inputs | invariants | issues | items | jobs | kinds | layers | levels | limitations |
    measures | mechanisms | methods | metrics | milestones | mitigations | modes | modules |
    motivations | objections | objectives | obstacles | operations | options | outcomes |
    outputs | packages | pages | parameters | parts | paths | patterns | personas | phases |
    pieces | pillars | places | points | policies | possibilities | principles | priorities |
    problems | processes | products | projects | properties | proposals | purposes | questions |
    reasons | recommendations | repositories | requirements | resources | responsibilities |
    restrictions | risks | roles | rules | scenarios | sections | services | settings | signals
    | solutions | sorts | sources | stages | states | statuses | steps | strategies | structures
    | subfields | subsystems | systems | tasks | teams | techniques | things | tiers | tools |
    topics | traits | trade-offs | tweaks | types | updates | use.cases | values | variants |
    versions | ways | workflows | workstreams"""
)
_NOUN = re.compile(rf"\b(?:{_NOUNS})\b", re.IGNORECASE)
_COUNT = re.compile(
    rf"(?<![\w.,#/-])(?P<number>{_WORDS}|[2-9]|1[0-2])\s+"
    rf"(?:(?!(?:and|or|to|of)\b)[\w'/-]+\s+){{0,3}}?(?P<noun>{_NOUNS})\b(?P<rest>[^:.]*)",
    re.IGNORECASE,
)
_ANY_NUMBER = re.compile(rf"\b(?:\d+|one|{_WORDS})\b", re.IGNORECASE)
# "At least three", "two or three", "each of the four", "between the two", "the first two".
_VAGUE = alternatives(
    """at (?:least|most) | up to | about | around | roughly | some | approximately | over | under
    | than | nearly | almost | or | to | each | every | any | either | both | all | one | these
    | those | other | last | first | next | further | remaining | additional | more | between
    | across | among | per | version | phase | step | option | another | same | our | its | their
    | (?:of|for|in|into|on|with|by) (?:the|these|those|our|its|their) | of all"""
)
_VAGUE_BEFORE = re.compile(
    rf"\b(?:{_VAGUE})(?: of)?(?: (?:the|these|those|our|all))?\s*$", re.IGNORECASE
)
# "Day 2 operations", "Tier 1 services": a name, no count.
_NAME_BEFORE = re.compile(r"(?:[A-Z][^\W\d_]*|\b(?:day|tier|layer|level|phase|week|group))\s+$")
# A verb after the noun makes the list one of something else: "the two options share:".
_VERBS = alternatives(
    """share | need | require | must | should | will | can | cannot | may | satisfy | support | do
    | does | did | agree | lead | work | mean | look | use | provide | produce | return | give
    | take | get | run | make | call | differ | failed | passed | ago | later | before | until | if
    | because | plus | and | or | were (?:not|never)"""
)
_VERB = re.compile(rf"\s*(?:(?:also|both|each|all) )?(?:{_VERBS})\b", re.IGNORECASE)
_OPEN_END = re.compile(
    r"\b(?:to|that|by|each|both|satisfy|support|provide|require|need|share|must|should|can|will|includ(?:e|ing)"
    r"|except|plus|have|has|do|be|because|where|when|if|and|or|follow(?:s|ing))\W*$",
    re.IGNORECASE,
)
_ANNOUNCES = re.compile(
    r"^(?:there (?:are|were|remain)|(?:we|I) (?:see|have|considered|identified|propose|found"
    r"|weighed|looked at|evaluated)|this (?:rfc|document|proposal) has)\b",
    re.IGNORECASE,
)
_ASIDE = re.compile(r"\W*(?:note|optional|bonus|plus|also|stretch|n\.?b\.?)\b", re.IGNORECASE)
_REST_WORDS = 14
_NEAR = 40
_FEWEST = 2
# Farther apart than this, or than half, the list is probably one of something else.
_SLIP = 2
# How many blocks are searched for the items of one list.
_REACH = 200


def counts(document: Document) -> Iterator[Hit]:
    """Find a sentence that announces so many things before a list of another length."""
    if not document.is_english:
        return
    for passage in document.passages:
        lengths = _lengths(document, passage)
        found = _announced(passage) if lengths else None
        if found:
            number = found["number"].lower()
            said = _NUMBERS.get(number) or int(number)
            if said not in lengths and abs(said - lengths[0]) <= max(_SLIP, said // 2):
                noun = found["noun"].lower()
                says = f"The text says {number} {noun}, but the list below it has {lengths[0]}."
                yield Hit(Kind.COUNT, passage, found.start(), found.end("noun"), says)


def _announced(passage: Passage) -> re.Match[str] | None:
    """Return the count of items that the last sentence of a passage announces, its only number."""
    text = passage.own.rstrip()
    if not _COUNT.search(text):
        return None
    start, end = list(sentences(text))[-1]
    found = _COUNT.search(text, start)
    if not found or len(_ANY_NUMBER.findall(text, start, end)) != 1:
        return None
    before, rest = text[max(start, found.start() - _NEAR) : found.start()], found["rest"]
    is_name = found["number"].isdigit() and _NAME_BEFORE.search(before)
    if is_name or _VAGUE_BEFORE.search(before):
        return None
    if _VERB.match(rest) or _OPEN_END.search(rest) or _NOUN.search(rest):
        return None
    if len(rest.split()) > _REST_WORDS:
        return None
    is_announced = text[found.end() :].strip() == ":" or _ANNOUNCES.match(text[start:])
    return found if is_announced else None


def _lengths(document: Document, passage: Passage) -> tuple[int, ...]:
    """Return the lengths that the list after a passage may be said to have; () when unsure.

    The first is what a reader counts. A list that goes on after a paragraph also has the length of
    the whole, and an aside ("Note: ...") at its end may count or not.
    """
    if not passage.is_prose or passage.block.type == "table_row":
        return ()
    near = document.passages[passage.index + 1 : passage.index + 1 + _FEWEST]
    first = next((found for found in near if found.text.strip()), None)
    if first is None or first.block.type not in LIST_TYPES:
        return ()
    deeper = first.block.depth - passage.block.depth
    # An item of a list announces what is below it, not its own next items.
    if deeper not in (0, 1) or (deeper == 0 and passage.block.type in LIST_TYPES):
        return ()
    after = document.passages[first.index : first.index + _REACH]
    depth = first.block.depth
    section = list(takewhile(lambda p: not p.level and p.block.depth >= depth, after))
    runs = _runs(section)
    length, total = len(runs[0]), sum(map(len, runs))
    if length < _FEWEST or len(section) == _REACH:
        return ()
    asides = sum(bool(_ASIDE.match(item.own)) for item in runs[0])
    return (length, length - asides, *range(length + 1, total + 1))


def _runs(section: list[Passage]) -> list[list[Passage]]:
    """Return the items of the list that opens a section, run by run, and of those like it."""
    first = section[0].block
    runs: list[list[Passage]] = [[]]
    for passage in section:
        block = passage.block
        if block.depth == first.depth and block.type == first.type and passage.text.strip():
            runs[-1].append(passage)
        elif block.depth == first.depth and runs[-1]:
            runs.append([])
    return runs
