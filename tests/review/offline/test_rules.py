"""Every rule finds what it is for, several ways, and leaves alone what only looks like it."""

from dataclasses import replace
from datetime import date

import pytest

from daemon.domain.values import Block, Finding, Severity
from daemon.review import offline
from support.offline_markdown import PAGE_ID, snapshot
from support.places import FIXTURES


TODAY = date(2026, 8, 1)
OFFLINE_DOCUMENTS = FIXTURES / "offline"
CLEAN = sorted((OFFLINE_DOCUMENTS / "clean").glob("*.md"))


def found(markdown, title="", properties=()):
    findings = offline.findings(snapshot(markdown, title, properties), TODAY)
    return [(finding.title.partition(":")[0], finding.quote) for finding in findings]


LEFT_OPEN = [
    ("TODO: ask Ana for the numbers.", "TODO: ask Ana for the numbers."),
    ("The limit is TBD.", "TBD."),
    ("The limit (TBD) holds for all.", "TBD"),
    ("The alert goes off at ??? errors a minute.", "??? errors a minute."),
    ("FIXME this contradicts the table", "FIXME this contradicts the table"),
    ("XXX: verify this", "XXX: verify this"),
    ("TODO(ana): say how. The rest holds.", "TODO(ana"),
    ("- Owner: TBC", "TBC"),
    ("- [ ] TODO name an owner", "TODO name an owner"),
    ("| Owner | Date |\n|---|---|\n| Ana | TBD |", "TBD"),
    ("Lorem ipsum dolor sit amet.", "Lorem ipsum dolor sit amet."),
    ("## Risks (TBD)\n\nTwo are known.", "TBD"),
    ("Rollback: to be determined", "to be determined"),
    ("To be written.", "To be written."),
    ("Coming soon", "Coming soon"),
    ("Owner: tbd", "tbd"),
    ("[Describe the problem here]", "[Describe the problem here]"),
    ("Owner: [your name]", "[your name]"),
    ("The team is {{insert the team}}.", "{{insert the team}}"),
]


@pytest.mark.parametrize(("markdown", "quote"), LEFT_OPEN)
def test_what_drafting_left_behind_is_found(markdown, quote):
    assert found(markdown) == [("Unfinished", quote)]


@pytest.mark.parametrize(
    "markdown",
    [
        "The parser leaves `TODO` in the file.",
        "The parser leaves ``a `TODO` b`` in the file.",
        "```\n# TODO: later\n```",
        'Rows that it cannot read say "TODO".',
        "Rows that it cannot read say “TBD”, not \u2018???\u2019.",
        "> TODO: the customer's own words",
        "All TODO comments in the code have an owner.",
        "The TODO list of the team is long.",
        "See https://example.com/TODO for it.",
        "The file notes/TODO.md and the constant TODO_LIMIT stay.",
        "Really??? It did.",
        "The operators `??` and `???` differ.",
        "~~TODO: ask Ana~~ Ana said 400.",
        "## Open questions\n\n- Retention: TBD",
        "## Future work\n\nA second region, details to be decided.",
        "Whether it pays is to be decided by the board, as every year.",
        "The limit has yet to be determined by a test that we run in May.",
        "Click [Add a card](https://example.com) to begin.",
        "The tuple is written [a, b] and the type <T>.",
    ],
)
def test_a_marker_that_is_spoken_of_is_left_alone(markdown):
    assert found(markdown) == []


def test_a_todo_among_the_open_questions_is_still_found():
    assert found("## Open questions\n\n- TODO ask legal") == [("Unfinished", "TODO ask legal")]


GERMAN = (
    "Die Rechnungen, die die Kasse schreibt, liegen in der Datenbank; wer sie sucht, der der "
    "Kasse glaubt, findet sie dort, denn sie sie zu finden ist leicht, wenn man weiß, wo sie "
    "liegen und wer sie schreibt."
)


@pytest.mark.parametrize(
    ("markdown", "quote"),
    [
        ("We store the the file.", "the the"),
        ("The the file is stored.", "The the"),
        ("It is stored in in the cache.", "in in"),
        ("We need to to know.", "to to"),
        ("A low degree degree of trust.", "degree degree"),
        ("It is part of the of the plan.", "of the of the"),
        ("Give it a a name.", "a a"),
        ("The key is **is** stored.", "is is"),
        ("| a | b |\n|---|---|\n| stored in the the cache | b |", "the the"),
    ],
)
def test_a_word_written_twice_is_found(markdown, quote):
    assert found(markdown) == [("Repeated word", quote)]


@pytest.mark.parametrize(
    "markdown",
    [
        "We know that that type is open, and we had had worse.",
        "Workers log in in the morning and turn on on demand.",
        "What it is is a cache.",
        "The team that it belongs to, to be honest, is small.",
        "The team which this belongs to to this day is small.",
        "It is very very slow, and New York New York is a song.",
        "The flag `the the` is a `the` the test sets.",
        "> it said the the",
        'The log said "the the" twice.',
        "The words are the, the and a.",
        "| a | b |\n|---|---|\n| slow | slow |",
        "A 1 1 ratio of the-the and the.the.",
        GERMAN,
    ],
)
def test_a_word_that_may_stand_twice_is_left_alone(markdown):
    assert found(markdown) == []


@pytest.mark.parametrize(
    ("markdown", "quote"),
    [
        ("There are three options:\n\n- a\n- b\n- c\n- d", "three options"),
        ("We considered 3 alternatives:\n\n1. a\n2. b", "3 alternatives"),
        ("It has four main parts:\n\n* a\n* b\n* c", "four main parts"),
        ("The work falls into two phases:\n\n1. a\n2. b\n3. c", "two phases"),
        ("We see five risks.\n\n- a\n- b\n- c\n- d", "five risks"),
        ("This is for two reasons:\n\n- a\n  - of a\n- b\n- c", "two reasons"),
        ("- It has two parts:\n  - a\n  - b\n  - c\n- It is new.", "two parts"),
        ("## Goals\n\nThe service has two goals:\n\n- [ ] a\n- [x] b\n- [ ] c", "two goals"),
    ],
)
def test_a_count_that_its_list_does_not_bear_out_is_found(markdown, quote):
    assert found(markdown) == [("Wrong count", quote)]


@pytest.mark.parametrize(
    "markdown",
    [
        "There are three options:\n\n- a\n- b\n- c",
        "There are three options:\n\n- a\n  - of a\n- b\n- c",
        "There are at least three options:\n\n- a\n- b\n- c\n- d",
        "There are two or three options:\n\n- a\n- b\n- c\n- d",
        "Each of the two options costs:\n\n- a\n- b\n- c",
        "The two options differ in the following:\n\n- a\n- b\n- c",
        "These two options are cheap:\n\n- a\n- b\n- c",
        "The first two options are:\n\n- a\n- b\n- c",
        "After three weeks we had:\n\n- a\n- b",
        "We have two services and three tables:\n\n- a\n- b\n- c\n- d",
        "Day 2 operations:\n\n- a\n- b\n- c",
        "RFC 3 options:\n\n- a\n- b",
        "The two stages are cut, with steps in between:\n\n- a\n- b\n- c",
        "There are three options:\n\n- a\n- b\n\nBoth are cheap.\n\n- c",
        "There are two options:\n\n- a\n- b\n- Note: both are cheap",
        "There are two options.\n\nThe rest is below.\n\n- a\n- b\n- c",
        "There are two scenarios:\n\n1. a\n2. b\n3. c\n4. d\n5. e\n6. f",
        "- There are two options:\n- a\n- b\n- c",
        "Two options remain, as I said. Others are:\n\n- a\n- b\n- c",
    ],
)
def test_a_number_that_counts_no_list_is_left_alone(markdown):
    assert found(markdown) == []


NUMBERED = "## 1. Problem\n\nIt is slow.\n\n## 2. Proposal\n\n### 2.1 Cache\n\nWe add one.\n\n"


@pytest.mark.parametrize(
    ("markdown", "quote"),
    [
        (NUMBERED + "See section 4.2 for the limits.", "section 4.2"),
        (NUMBERED + "The limits (§ 3) hold.", "§ 3"),
        (NUMBERED + "This follows from section 2.2 of this document.", "section 2.2"),
        ("## Problem\n\nIt is slow; see section 4.2 for how slow.", "section 4.2"),
        ("## Problem\n\nIt is slow, as Section 9 shows.", "Section 9"),
        ("## Problem\n\nSee Appendix B for the numbers.", "Appendix B"),
        ("## Problem\n\nIt is slow. See Rollback below.", "See Rollback below"),
        (
            "## Problem\n\nIt is described in the Rollback section.",
            "described in the Rollback section",
        ),
        (
            '## Problem\n\nSee the section "Failure modes" for that.',
            'See the section "Failure modes"',
        ),
        ("## Problem\n\nSee [the plan](#rollout-plan) for it.", "the plan"),
        (f"## Problem\n\nSee [it](https://notion.so/{PAGE_ID}#{'0' * 32}).", "it"),
    ],
)
def test_a_reference_to_a_missing_place_is_found(markdown, quote):
    assert found(markdown) == [("Broken reference", quote)]


@pytest.mark.parametrize(
    "markdown",
    [
        NUMBERED + "See section 2.1 and § 1.",
        NUMBERED + "See section 2 for all of it.",
        NUMBERED + "RFC 7231, section 4.2 says so; so does section 4.2 of the handbook.",
        NUMBERED + "The GDPR wants it, see section 17.",
        NUMBERED + "See [section 5.2](https://example.com/paper) on that.",
        "## A\n\nx\n\n## B\n\nSee section 2 for it.",
        "## A\n\n1. x\n2. y\n3. z\n\nSee section 3 for it.",
        "## A\n\nSee Appendix A.\n\n## Appendix A: Numbers\n\nMany.",
        "## Rollout and rollback\n\nSteps.\n\n## Risks\n\nSee Rollback above.",
        "## Risks\n\n**Rollback.** By hand.\n\nSee Rollback above.",
        "## Risks\n\nSee Figure 3 below, and see Ana's comment above.",
        "## Risks\n\nSee the Settings section of the console.",
        "## Risks\n\nSee [Rolling back](#rolling-back) for it.\n\n## Rolling back\n\nBy hand.",
        "## A\n\nSee [more](#a-1).\n\n## A\n\nSee [it](https://example.com/other#nowhere).",
        f"## A\n\nSee [it](https://notion.so/{'9' * 32}#{'0' * 32}).",
        "## A\n\nUse `[x](#nowhere)` for a link.",
        "## It mends more than it breaks, as we have seen {#mends}\n\nSee [above](#mends).",
        "## A\n\nSee [B](#user-content-b).\n\n## B\n\nBy hand.",
    ],
)
def test_a_reference_that_may_lead_somewhere_is_left_alone(markdown):
    assert found(markdown) == []


@pytest.mark.parametrize(
    "markdown",
    [
        "We will launch in March 2024.",
        "The service will be switched off on 2024-03-01.",
        "GA is planned for Q2 2024.",
        "The beta will start by the end of 2023.",
        "In May 2025 we will move the last tenant.",
        "We expect to finish by June 30, 2025.",
        "The old API will be supported until early 2025.",
        "It is scheduled for 2024 Q3.",
        "ETA: March 2024",
        "Target launch date: 1 July 2026",
        "The RFC will be open for comment until Friday, 3 July 2026.",
        "We will deprecate it in H1 2026.",
    ],
)
def test_a_plan_whose_date_has_passed_is_found(markdown):
    assert found(markdown) == [("Past date", markdown)]


@pytest.mark.parametrize(
    "markdown",
    [
        "We launched in March 2024.",
        "In March 2024 we decided that we will launch.",
        "The launch was planned for March 2024.",
        "We will launch in March 2031.",
        "We will launch on 2026-08-01.",
        "We will launch between March 2024 and March 2031.",
        "We will launch in August 2026 and review in 2026.",
        "We will replace the system that we built in March 2019.",
        "We will remove the endpoints deprecated in March 2023.",
        "We will move off the system, which was bought in 2019.",
        "We will follow RFC 2019 and the 2018 edition.",
        "He wrote that it “will launch in March 2024”.",
        "`will launch in March 2024` is the old text.",
        "> We will launch in March 2024.",
        "Since 2014 we will not forget it.",
        "## History\n\nWe will launch in March 2024.",
        "We will publish in 2024-13.",
    ],
)
def test_a_date_that_is_no_overdue_plan_is_left_alone(markdown):
    assert found(markdown) == []


def test_plans_of_a_finished_page_or_of_a_page_about_a_period_are_left_alone():
    markdown = "We will launch in March 2024."
    assert found(markdown, properties=(("Status", "Implemented"),)) == []
    assert found(markdown, title="Goals 2024") == []
    assert found(markdown, title="Goals", properties=(("Status", "In review"),)) != []


def test_a_plan_is_overdue_from_the_day_after():
    page = snapshot("We will launch on 2024-03-01.")
    assert offline.findings(page, date(2024, 3, 1)) == ()
    assert len(offline.findings(page, date(2024, 3, 2))) == 1


@pytest.mark.parametrize(
    ("markdown", "quotes"),
    [
        ("## Risks\n\n## Rollout\n\nBy hand.", ["Risks"]),
        ("## Rollout\n\nBy hand.\n\n## Risks", ["Risks"]),
        ("## Rollout\n\n### Steps\n\n## Risks\n\nNone.", ["Steps"]),
        ("## Risks\n\n---\n\n## Rollout\n\n---", ["Risks", "Rollout"]),
    ],
)
def test_a_heading_with_nothing_under_it_is_found(markdown, quotes):
    assert found(markdown) == [("Empty section", quote) for quote in quotes]


@pytest.mark.parametrize(
    "markdown",
    [
        "## Design\n\n### Cache\n\nOne.",
        "## Risks\n\n```\ncode\n```\n\n## Rollout\n\n| a |\n|---|\n| b |",
        "# How we store files\n\n# Problem\n\nThey are lost.",
        "## Rollout\n\nBy hand.\n\n## Comments",
        "## It begins with a sentence that is a heading by mistake.\n\n## Rollout\n\nBy hand.",
    ],
)
def test_a_heading_that_holds_something_is_left_alone(markdown):
    assert found(markdown) == []


def test_an_image_without_words_fills_a_section():
    page = snapshot("## Risks\n\n## Rollout\n\nBy hand.")
    heading, *others = page.blocks
    image = Block("image", "image", 0, "", "")
    filled = type(page)(page.page, (heading, image, *others), (), page.read_at)
    assert offline.findings(filled, TODAY) == ()


def test_a_heading_of_the_deepest_level_may_hold_others_of_it():
    """An imported text may have had deeper ones."""
    hollow = "{0} Sets\n\n{0} Unions\n\nAs before."
    assert found(hollow.format("####")) == []
    assert found(hollow.format("###")) == [("Empty section", "Sets")]
    assert found("#### Sets\n\n### Maps\n\nAs before.") == [("Empty section", "Sets")]


def test_a_title_is_cut_at_a_word():
    [finding] = offline.findings(
        snapshot("TODO: write this down before February 2031, with the team."), TODAY
    )
    assert finding.title == "Unfinished: “TODO: write this down before February…”"


def test_many_empty_sections_are_one_finding():
    markdown = "\n\n".join(f"## Part {name}" for name in "abcdefghijkl") + "\n\nText."
    [finding] = offline.findings(snapshot(markdown), TODAY)
    assert finding.quote == "Part a"
    assert "“Part b”" in finding.text
    assert "2 more" in finding.text


FILLER = "Orders wait in the queue of the service until a worker takes them, and that is slow. " * 9
WHOLE = {
    "Problem": "Customers wait for their orders in production. " + FILLER,
    "Proposal": "We propose a second queue, and the workers will read both.",
    "Alternatives": "More workers. Rejected, for the database is the limit.",
    "Risks": "Two queues can starve each other.",
    "Rollout": "One region a week, behind a flag; the flag takes it back.",
}


def proposal(*left_out, renamed=()):
    names = dict(renamed)
    parts = (f"## {names.get(k, k)}\n\n{text}" for k, text in WHOLE.items() if k not in left_out)
    return "\n\n".join(parts)


@pytest.mark.parametrize("topic", ["Alternatives", "Risks", "Rollout"])
def test_a_topic_that_a_proposal_leaves_out_is_named(topic):
    [finding] = offline.findings(snapshot(proposal(topic), "RFC: two queues"), TODAY)
    assert finding.title == f"Missing: {topic.lower()}"
    assert f"{topic.lower()} (" in finding.text
    assert all(f"{name.lower()} (" not in finding.text for name in WHOLE if name != topic)
    assert finding.severity is Severity.IMPORTANT


def test_all_that_is_left_out_is_one_finding_on_the_heading_that_opens_the_page():
    [finding] = offline.findings(snapshot(proposal("Alternatives", "Risks"), "RFC: queues"), TODAY)
    assert "alternatives (" in finding.text
    assert "risks (" in finding.text
    assert (finding.block_id, finding.quote) == ("b1", "Problem")


def test_without_a_heading_on_top_the_last_heading_bears_what_is_missing():
    markdown = "Owner: Ana\n\n" + proposal("Alternatives")
    [finding] = offline.findings(snapshot(markdown, "RFC: two queues"), TODAY)
    assert finding.quote == "Rollout"


def test_a_proposal_with_nothing_but_background_misses_the_proposal():
    markdown = (
        f"## Background\n\n{WHOLE['Problem']}\n\n## Risks\n\nMany.\n\n## Alternatives\n\nFew."
    )
    [finding] = offline.findings(snapshot(markdown, "RFC: two queues"), TODAY)
    assert "the proposal (" in finding.text


SYNONYMS = {
    "Problem": ["Motivation", "Why now?", "Background", "Context", "Goals", "Current state"],
    "Proposal": ["Detailed design", "Solution", "Our approach", "Specification", "What we will do"],
    "Alternatives": ["Options considered", "Trade-offs", "Rejected ideas", "Why not Kafka?"],
    "Risks": ["Drawbacks", "Failure modes", "What could go wrong", "Downsides", "Caveats"],
    "Rollout": ["Rollback", "Deployment", "Migration plan", "How we ship it", "Phasing", "Launch"],
}


@pytest.mark.parametrize(
    ("topic", "name"), [(topic, name) for topic, names in SYNONYMS.items() for name in names]
)
def test_a_topic_is_known_by_other_names(topic, name):
    assert found(proposal(renamed=[(topic, name)]), "RFC: two queues") == []


@pytest.mark.parametrize(
    "markdown",
    [
        proposal("Alternatives") + "\n\nWe also considered Kafka and rejected it.",
        proposal("Alternatives") + "\n\n**Alternatives:** Kafka.",
        proposal("Alternatives") + "\n\n- Alternatives: Kafka",
        proposal("Rollout") + "\n\nIt goes live behind a feature flag.",
        proposal("Risks") + "\n\nThe main risk is the second queue.",
    ],
)
def test_a_topic_that_is_treated_without_a_heading_is_not_missed(markdown):
    assert found(markdown, "RFC: two queues") == []


def test_a_proposal_is_known_by_its_headings_without_a_title():
    assert [kind for kind, _ in found(proposal("Risks"), "Two queues")] == ["Missing"]


@pytest.mark.parametrize(
    ("markdown", "title"),
    [
        (f"## Attendees\n\nAna\n\n{proposal('Risks')}", "Weekly"),
        (f"## Overview\n\n{FILLER}\n\n## Setup\n\nRun it.\n\n## Usage\n\nCall it.", "The service"),
        ("## Problem\n\nSlow.\n\n## Proposal\n\nFaster.", "RFC: faster"),
        (proposal("Risks"), "RFC template"),
        (WHOLE["Problem"], "RFC: no headings at all"),
    ],
)
def test_a_page_that_is_no_proposal_owes_no_sections(markdown, title):
    assert found(markdown, title) == []


def test_a_proposal_about_nothing_that_runs_owes_no_rollout():
    markdown = (
        "## Motivation\n\n"
        + "A closure that takes either of two shapes is long to write. " * 20
        + "\n\n## Design\n\nThe parser takes both.\n\n## Alternatives\n\nMacros."
        + "\n\n## Drawbacks\n\nOne more thing to learn."
    )
    assert found(markdown, "RFC: or-patterns") == []


def test_a_block_that_takes_no_comment_gets_none():
    page = snapshot("We store the the file. TODO")
    silent = tuple(replace(block, commentable=False) for block in page.blocks)
    assert offline.findings(type(page)(page.page, silent, (), page.read_at), TODAY) == ()


@pytest.mark.parametrize("path", CLEAN, ids=lambda path: path.stem)
def test_a_clean_document_gets_no_finding(path):
    title = path.stem.replace("-", " ")
    assert offline.findings(snapshot(path.read_text("utf-8"), title), TODAY) == ()


def test_there_are_clean_documents_of_many_shapes():
    assert len(CLEAN) >= 6


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "half-a-proposal",
            [
                ("Missing", "RFC: Move invoices to a service of their own"),
                ("Repeated word", "it it"),
                ("Wrong count", "four parts"),
                ("Broken reference", "section 7.3"),
                ("Unfinished", "TODO: ask legal whether a checksum is enough."),
                ("Past date", "The service will go live in March 2024."),
            ],
        ),
        (
            "unfinished",
            [
                ("Broken reference", "See Key rotation below"),
                ("Empty section", "Drawbacks"),
                ("Unfinished", "To be written."),
                ("Unfinished", "[Describe the steps here]"),
                ("Empty section", "Unresolved questions"),
            ],
        ),
    ],
)
def test_every_defect_of_a_bad_document_is_found_in_its_order(name, expected):
    markdown = (OFFLINE_DOCUMENTS / "planted" / f"{name}.md").read_text("utf-8")
    assert found(markdown, name.replace("-", " ")) == expected


def test_a_finding_says_what_to_do_in_a_sentence_or_two():
    markdown = (OFFLINE_DOCUMENTS / "planted" / "half-a-proposal.md").read_text("utf-8")
    findings = offline.findings(snapshot(markdown, "half a proposal"), TODAY)
    assert all(isinstance(finding, Finding) for finding in findings)
    assert all(len(finding.text) < 300 for finding in findings)
    assert all(finding.text.endswith(".") for finding in findings)
