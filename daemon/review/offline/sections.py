"""Whether a proposal speaks of what it has to, and whether its headings have text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from daemon.domain.notation import first_of
from daemon.review.offline.document import (
    Document,
    Hit,
    Kind,
    Passage,
    any_of,
    listed,
    shown,
    whole,
    words,
)


@dataclass(frozen=True, slots=True)
class Topic:
    """Something that a proposal has to speak of.

    Attributes:
        name: What a reader calls it.
        ask: What a section on it has to say.
        label: Finds it in a heading or in the words before a colon.
        strong: Finds a passage that treats it without a heading of its own.
        weak: Finds a word of it; two passages with one are taken to treat it.
    """

    name: str
    ask: str
    label: re.Pattern[str]
    strong: re.Pattern[str]
    weak: re.Pattern[str]


PROBLEM = Topic(
    "the problem",
    "what is wrong today and for whom",
    any_of(
        r"""problem | motivat | background | context\b | why\b | goals?\b | objective | purpose
        | introduct | overview | pains?\b | rationale | use cases?\b | needs?\b | opportunit
        | issues?\b | challenge | current (?:state|situation) | status quo | today\b | summary
        | abstract | tl;?dr | premise | situation | history | driver | justification | value
        | user stor | requirements | scope"""
    ),
    any_of(r"motivat | the (?:main |core |real )?problem\b | status quo | pain point"),
    any_of(
        r"""because | problem | currently | today | at present | too (?:slow|many|much|few)
        | fail | cannot | issue"""
    ),
)
PROPOSAL = Topic(
    "the proposal",
    "what exactly shall be done",
    any_of(
        r"""propos | solution | design | approach | specification | spec\b | implementation
        | architecture | plan\b | changes?\b | how it works | what we (?:will|want|do) | decision
        | explanation | details?\b | idea | recommend | policy | definition | concept | model
        | interface | api\b | schema | technical | transition | migration"""
    ),
    any_of(r"(?:we|I|this \w+) propose | the proposal | proposed"),
    any_of(r"will\b | should\b | shall\b"),
)
ALTERNATIVES = Topic(
    "alternatives",
    "what else was considered and why it lost",
    any_of(
        r"""alternativ | options?\b | considered | rejected | trade.?offs? | comparison | compared
        | prior art | why not | other (?:approach|solution|way|design) | rationale
        | decision drivers | pros and cons | variants | what else | strategies
        | (?:approaches|proposals|solutions|scenarios)\b"""
    ),
    any_of(
        r"""(?:we|I|they|also|were|was|been) (?:also |have |had |first |briefly )*(?:considered
        |rejected|ruled out|evaluated|weighed|discarded|compared) | rejected because
        | option [AB12]\b | (?:another|one|an|the main|possible) (?:option|alternative|approach)
        | pros and cons | alternatives? (?:is|was|would|are|were|to)"""
    ),
    any_of("alternativ | trade.?off | instead of | rather than | could also | prior art"),
)
RISKS = Topic(
    "risks",
    "what it costs and how it can fail",
    any_of(
        r"""risk | drawback | downside | failure | disadvantage | concern | trade.?off | limitation
        | caveat | cost | what (?:could|can|might) go wrong | consequence | impact | threat
        | hazard | weakness | cons\b | pros and cons | danger | security | mitigation
        | known issues | edge cases | assumption | compatibility | accountab | objection"""
    ),
    any_of(
        r"""drawback | downside | the (?:main |biggest |only |chief )?risks?\b | failure mode
        | go wrong"""
    ),
    any_of(
        r"""risk | disadvantage | caveat | limitation | concern | trade.?off | fail(?:s|ure)
        | break | worse | cost"""
    ),
)
ROLLOUT = Topic(
    "rollout",
    "how it ships and how it is taken back",
    any_of(
        r"""roll.?(?:out|back|ing) | deploy | release | launch | migrat | ship | phas | staging
        | stages?\b | steps?\b | milestone | timeline | plan\b | transition | adoption
        | stabili[sz]ation | implementation | schedule | cut.?over | switch.?over | revert
        | next steps | follow.?up | backwards?.compat | compatibility | operation | delivery
        | introduc | ratification | how we (?:get|will get) there | when\b | upgrade | go.?live
        | sequenc | experiment | pilot | future"""
    ),
    any_of(
        r"""feature flag | canary | behind a flag | dual.?writ | cut.?over | roll(?:ed|ing)? back
        | rollback"""
    ),
    any_of(
        r"""roll(?:ed|ing)?.?out | deploy | staged | gradual | phase | migrat | revert | launch
        | ship(?:s|ped)?\b | release | transition | deprecat | pilot | week \d"""
    ),
)
TOPICS = (PROBLEM, PROPOSAL, ALTERNATIVES, RISKS, ROLLOUT)

PROPOSAL_TITLE = any_of(
    r"""RFCs?\b | RFD\b | proposal\b | propos(?:e|ed|es)\b | design doc(?:ument)?\b
    | tech(?:nical)? (?:spec|design)\b"""
)
PROPOSAL_HEADING = any_of(
    r"""propos | alternativ | options considered | considered options | drawback | motivation
    | non.?goals | unresolved | open questions | rejected | trade.?offs"""
)
OTHER_KIND = any_of(
    r"""meeting | minutes\b | agenda | attendees | participants | 1:1 | stand.?up
    | retro(?:spective)?\b | post.?mortem | incident | root cause | runbook | playbook | how.?to\b
    | guide$ | tutorial | onboarding | change.?log | release notes | faq$ | glossary | weekly
    | status (?:report|update) | okrs?\b | handbook | interview | action items | troubleshooting
    | adr\b | decision record | brainstorm | journal | cheat.?sheet | newsletter"""
)
# What only a running system has; a language, a library or a policy is not rolled out.
RUNNING = any_of(
    r"""production\b | prod\b | deploy | customers?\b | traffic | on.?call | downtime
    | outages?\b | staging\b | postgres | mysql | redis | kafka | s3\b | kubernetes | k8s
    | dashboards?\b | alerts?\b | checkout | sign.?up\b | billing | invoices?\b | payments?\b
    | tenants?\b | incidents?\b | mobile app | web app | merchants?\b | orders\b
    | our (?:users|servers?|services?|api|database|backend|platform|data ?cent)"""
)
SERVED = any_of(
    r"""servers?\b | services?\b | databases?\b | endpoints?\b | latency | clusters?\b
    | queues?\b | workers?\b | cron\b | back.?end | front.?end | replicas?\b | regions?\b
    | caches?\b | shards?\b | jobs?\b | logs?\b | requests?\b"""
)


_TEMPLATE = any_of("template")
# A note of a few lines owes nobody its alternatives.
_ENOUGH_WORDS = 120
_ENOUGH_HEADINGS = 2
_ENOUGH_TOPICS = 2
_ENOUGH_WEAK = 2
_ENOUGH_RUNNING = 2
_ENOUGH_OPERATED = 4
# Words under headings that no topic knows: from here on they may well be the proposal.
_UNTITLED_PROPOSAL = 40
# Headings that wait for others to fill them.
_LEFT_TO_READERS = any_of(
    r"discussion | comments?\b | feedback | notes?\b | q\s?&\s?a | sign.?offs? | approv | votes?\b"
)
_BARE = frozenset({"paragraph", "divider"})
_LONG_HEADING = 12
# Notion knows no deeper heading: below one of these the sections of an imported text look alike.
_DEEPEST = 4
# From so many empty sections on, one comment names them all.
_MANY = 4
_NAMED = 8


def missing(document: Document) -> Iterator[Hit]:
    """Name the topics that a proposal leaves out, all in one hit."""
    if not _is_proposal(document):
        return
    absent = [topic for topic in TOPICS if not _speaks_of(document, topic)]
    heads = [heading for heading in document.headings if heading.block.commentable]
    if absent and heads:
        # A heading that opens the document stays in place; any other may move.
        first = next(p for p in document.passages if p.block.plain.strip())
        place = heads[0] if heads[0] is first else heads[-1]
        names = listed([f"{topic.name} ({topic.ask})" for topic in absent])
        advice = "Please add a section on each." if len(absent) > 1 else "Please add a section."
        about = listed([topic.name for topic in absent])
        yield whole(Kind.MISSING, place, f"I found nothing on {names}. {advice}", about)


def empty(document: Document) -> Iterator[Hit]:
    """Find headings with nothing under them."""
    hollow = [heading for heading in _hollow(document) if heading.is_prose]
    if len(hollow) < _MANY:
        for heading in hollow:
            says = "There is nothing under this heading yet. Write it, or drop the heading."
            yield whole(Kind.EMPTY, heading, says)
        return
    few, more = first_of(hollow[1:], _NAMED)
    names = [f"“{shown(heading.block.plain, 40)}”" for heading in few]
    others = listed([*names, f"{more} more"] if more else names)
    says = f"There is nothing here yet, nor under {others}. Write them, or drop the headings."
    yield whole(Kind.EMPTY, hollow[0], says)


def _is_proposal(document: Document) -> bool:
    page = document.snapshot.page
    if len(document.words) < _ENOUGH_WORDS or not document.is_english:
        return False
    heads = [heading.text for heading in document.headings]
    if len(heads) < _ENOUGH_HEADINGS or _TEMPLATE.search(page.title):
        return False
    named = [page.title, heads[0], *(text for _, text in page.properties)]
    is_named = any(PROPOSAL_TITLE.search(text) for text in named)
    if not is_named and any(OTHER_KIND.search(text) for text in (page.title, *heads)):
        return False
    known = [topic for topic in TOPICS if any(topic.label.search(head) for head in heads)]
    is_marked = is_named or any(PROPOSAL_HEADING.search(head) for head in heads)
    return is_marked and len(known) >= _ENOUGH_TOPICS


def _speaks_of(document: Document, topic: Topic) -> bool:
    if any(map(topic.label.search, document.labels)):
        return True
    if topic is PROPOSAL and _untitled_words(document) >= _UNTITLED_PROPOSAL:
        return True
    texts = [passage.prose for passage in document.passages]
    if any(map(topic.strong.search, texts)):
        return True
    if sum(bool(topic.weak.search(text)) for text in texts) >= _ENOUGH_WEAK:
        return True
    return topic is ROLLOUT and not _is_operated(texts)


def _is_operated(texts: list[str]) -> bool:
    """Whether the proposal is about a running system, by the words that it uses."""
    running, served = (
        {word.lower().rstrip("s") for text in texts for word in pattern.findall(text)}
        for pattern in (RUNNING, SERVED)
    )
    return len(running) >= _ENOUGH_RUNNING and len(running) + len(served) >= _ENOUGH_OPERATED


def _untitled_words(document: Document) -> int:
    """Count the words that stand under no heading that a topic knows."""
    known = {
        heading.index
        for heading in document.headings
        if any(topic.label.search(heading.text) for topic in TOPICS)
    }
    others = [p for p in document.passages if not p.level and p.heading not in known]
    return sum(len(words(passage.prose)) for passage in others)


def _hollow(document: Document) -> Iterator[Passage]:
    # Empty lines and rules say nothing; an image without text does.
    said = [
        passage
        for passage in document.passages
        if passage.block.plain.strip()
        or not (passage.block.type.startswith("heading") or passage.block.type in _BARE)
    ]
    for passage, follower in pairwise([*said, None]):
        if passage is None or not passage.level:
            continue
        # A heading of the first level that opens the page names the page, not a section.
        is_title = (
            passage is said[0]
            and passage.level == 1
            and not any(topic.label.match(passage.text) for topic in TOPICS)
        )
        if not is_title and _is_hollow(passage, follower):
            yield passage


def _is_hollow(heading: Passage, follower: Passage | None) -> bool:
    text = heading.text.strip()
    if text.endswith((".", ":", "!", "…")) or len(words(text)) > _LONG_HEADING:
        return False
    if _LEFT_TO_READERS.search(text):
        return False
    if follower is None:
        return heading.block.depth == 0
    is_near = follower.block.depth == heading.block.depth
    return is_near and 0 < follower.level <= heading.level and follower.level < _DEEPEST
