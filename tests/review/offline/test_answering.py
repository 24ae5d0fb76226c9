"""The rule-based reviewer's replies and its summary: honest, short, never agreeing."""

from datetime import date

import pytest

from daemon.domain.values import Author, AuthorKind, Comment, Finding, Severity, Thread
from daemon.review import offline
from support.offline_markdown import WHEN, snapshot


TODAY = date(2026, 8, 1)
BOT = Author("bot", "RFC reviewer", AuthorKind.OWN)
ANA = Author("ana", "Ana", AuthorKind.PERSON)


def thread(*texts, block_id="b1"):
    comments = [Comment("c0", BOT, WHEN, "…", "…", WHEN)]
    comments += [
        Comment(f"c{number}", ANA, WHEN, text, text, WHEN, new=True)
        for number, text in enumerate(texts, 1)
    ]
    return Thread("t1", block_id, tuple(comments))


def first(markdown):
    return offline.findings(snapshot(markdown), TODAY)[0]


def answer(markdown, *texts, raised=None, block_id="b1"):
    return offline.answer(thread(*texts, block_id=block_id), snapshot(markdown), TODAY, raised)


@pytest.mark.parametrize(
    "claim",
    ["Fixed.", "Done, thanks!", "I've removed it", "Please check again", "Is this still there?"],
)
def test_a_claim_is_checked_and_what_still_stands_is_quoted(claim):
    markdown = "We store the the file."
    text = answer(markdown, claim, raised=first(markdown))
    assert text == "I looked again, and it still says “the the”."


def test_a_point_that_was_mended_no_longer_stands_and_the_text_is_quoted():
    text = answer("We store the file.", "Fixed.", raised=first("We store the the file."))
    assert text == (
        "I looked again, and it is no longer there. The text now says “We store the file.”"
    )


def test_a_point_that_was_only_reworded_still_stands():
    text = answer("The limit is TBD soon.", "Fixed", raised=first("The limit is TBD."))
    assert text == "I looked again, and it still says “TBD soon.”."


def test_another_slip_in_the_same_block_is_not_the_one_that_was_raised():
    raised = first("We store the the file.")
    assert "no longer there" in answer("We store a a file.", "Fixed", raised=raised)


def test_a_passage_that_is_gone_is_said_to_be_gone():
    raised = Finding("b9", "the the", "Word doubled: “the the”. Drop one.", Severity.MINOR)
    text = answer("We store the file.", "Fixed", raised=raised, block_id="b9")
    assert text == "I looked again, and the passage is gone."


def test_a_missing_section_that_was_added_no_longer_stands():
    filler = "Customers wait in production for the service and its queue, and that is slow. " * 12
    before = f"## Problem\n\n{filler}\n\n## Proposal\n\nDeploy it.\n\n## Rollout\n\nBy hand."
    title = "RFC: faster"
    [raised] = offline.findings(snapshot(before, title), TODAY)
    half = snapshot(f"{before}\n\n## Alternatives\n\nNone was cheaper.", title)
    text = offline.answer(thread("Added"), half, TODAY, raised)
    assert text.startswith("I looked again. I found nothing on risks (")
    assert "alternatives (" not in text
    whole = snapshot(f"{before}\n\n## Alternatives\n\nFew.\n\n## Risks\n\nMany.", title)
    text = offline.answer(thread("Added"), whole, TODAY, raised)
    assert text == "I looked again, and nothing is missing now."


def test_an_empty_section_is_looked_at_for_what_stands_under_it():
    hollow = "## Cost\n\n## Team\n\nTwo people, for one month."
    text = answer(hollow, "What do you mean?", raised=first(hollow))
    assert text.endswith("I looked again, and there is still nothing under “Cost”.")
    filled = hollow.replace("## Team", "40 € a month.\n\n## Team")
    text = answer(filled, "Done", raised=first(hollow))
    assert text == "I looked again, and there is something under this heading now."


def test_a_finding_of_somebody_else_is_left_to_people():
    raised = Finding("b1", "the file", "Which file is meant?", Severity.MINOR)
    assert answer("We store the file.", "Fixed", raised=raised) is None


@pytest.mark.parametrize(
    "question", ["Why?", "What do you mean?", "What is wrong here?", "Why is it odd?", "The the?"]
)
def test_a_question_about_the_finding_is_answered_with_the_rule(question):
    markdown = "We store the the file."
    text = answer(markdown, question, raised=first(markdown))
    assert text.startswith("The same word stands here twice in a row.")
    assert "“the the”" in text


@pytest.mark.parametrize(
    "words",
    [
        "Thanks",
        "👍",
        "No, this is on purpose.",
        "This was done by design.",
        "I will fix it tomorrow.",
        "This is not fixed yet.",
        "It can't be changed.",
        "The file is large.",
        "",
    ],
)
def test_what_needs_no_reply_gets_none(words):
    markdown = "We store the the file."
    assert answer(markdown, words, raised=first(markdown)) is None


def test_a_thread_in_which_nobody_waits_gets_no_reply():
    assert answer("We store the the file.") is None


def test_fixed_in_a_thread_that_no_rule_began_gets_no_reply():
    assert answer("We store the file.", "Fixed.") is None


DOCUMENT = """
## Problem

Jobs are lost when Redis fails over. It is slow.

## Rollout

We move one region a week. The flag takes each step back. Nobody has to restart a worker.

## Risks

Vacuum may fall behind when a queue is drained at once.
"""


@pytest.mark.parametrize(
    ("question", "section", "quote"),
    [
        ("How many regions move per week?", "Rollout", "We move one region a week."),
        ("Does anyone restart workers?", "Rollout", "Nobody has to restart a worker."),
        ("what happens with vacuum when draining", "Risks", "Vacuum may fall behind"),
        ("Which jobs are lost?", "Problem", "Jobs are lost when Redis fails over."),
    ],
)
def test_a_question_is_led_to_the_section_that_speaks_of_it(question, section, quote):
    text = answer(DOCUMENT, question, block_id=None)
    assert text.startswith(f"The section “{section}” says: “{quote}")


def test_a_sentence_that_shares_one_word_with_a_question_is_not_quoted():
    markdown = "## Feature staging\n\nThese hacks can be removed before the release."
    said = "See the section “Feature staging”."
    assert answer(markdown, "What happens when a feature is removed?", block_id=None) == said
    long = f"## Parts\n\nIt lets {'parts of it ' * 20}stay compatible with those before."
    assert answer(long, "Which parts stay compatible?", block_id=None) == "See the section “Parts”."


def test_of_two_sentences_on_the_same_things_the_one_that_reads_like_the_question_is_quoted():
    markdown = (
        "## Proposal\n\nCarriers post events.\n\nCarriers that cannot post events are polled."
    )
    text = answer(markdown, "What becomes of carriers that cannot post events?", block_id=None)
    assert text == "The section “Proposal” says: “Carriers that cannot post events are polled.”"


def test_the_block_that_the_question_is_on_is_no_answer():
    text = answer(DOCUMENT, "How does vacuum fall behind?", block_id="b6")
    assert "Vacuum may" not in (text or "")


@pytest.mark.parametrize(
    "question", ["Who pays for the Kafka licence?", "Is this GDPR compliant?", "Which colour?"]
)
def test_a_question_that_nothing_speaks_of_is_left_to_people(question):
    assert answer(DOCUMENT, question) is None


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("What are the risks?", "See the section “Risks”."),
        ("Why not Redis?", None),  # one word in common
        ("Is the queue on call?", None),  # the other word stands in code
    ],
)
def test_one_word_in_common_is_no_answer_but_for_that_of_a_heading(question, said):
    code = "## Queue or table for all of us\n\n```\ncall(queue)\n```"
    assert answer(f"{DOCUMENT}\n\n{code}", question) == said


def test_a_question_without_a_word_to_look_for_is_left_to_people():
    assert answer(DOCUMENT, "Why?") is None


def test_a_claim_and_a_question_are_both_answered():
    markdown = f"{DOCUMENT}\n\nWe store the the file."
    raised = first(markdown)
    text = answer(markdown, "Fixed.", "How many regions a week?", raised=raised, block_id="b7")
    assert "it still says" in text
    assert "The section “Rollout” says" in text


def test_no_answer_agrees_or_praises():
    markdown = "We store the the file."
    for words in ("Fixed, right?", "You are right, fixed.", "Good catch! Fixed."):
        text = answer(markdown, words, raised=first(markdown)).lower()
        assert not any(
            word in text for word in ("good", "great", "right", "thank", "agree", "sorry")
        )


def test_markdown_of_the_document_is_quoted_as_it_stands():
    raised = first("It reads *a* [TBD](x).")
    text = answer("Now [b](http://evil.example) and *c*.", "Fixed", raised=raised)
    assert "](http" not in text


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("The limit is TBD.", False),
        ("The limit is ten.", True),
        ("The limit is ten, the the end.", True),
    ],
)
def test_a_point_is_mended_when_its_rule_finds_it_no_more(now, expected):
    [raised] = offline.findings(snapshot("The limit is TBD."), TODAY)
    assert offline.still_finds(raised, offline.findings(snapshot(now), TODAY)) is not expected


def test_no_rule_rules_on_a_point_of_somebody_else():
    others = Finding("b1", "file", "Which file?", Severity.MINOR)
    assert offline.still_finds(others, ()) is None
