"""What a proposal has to speak of, and the words by which it is known."""

from __future__ import annotations

import re
from dataclasses import dataclass

from daemon.review.offline.patterns import any_of


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
