"""What code puts around a model's words: the points by title, and notes on what is missing."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.domain.findings import FindingState, LedgerEntry
from daemon.domain.values import Finding, Outcome, Severity
from daemon.review.summary import (
    DROPPED_NAMED,
    FOR_AUTHORS,
    NOTHING_OPEN,
    OMITTED_NAMED,
    OPEN_AGAIN,
    POINTS_NAMED,
    SummaryParts,
    assembled,
    checklist_answers,
    followed,
    incomplete_note,
    left_out_note,
    unread_note,
    without_point,
)
from support.review_values import finding


PAGE = "https://n.example/p"
BLOCKS = {f"b-{number}" for number in range(20)}


def point(number: int, severity: Severity = Severity.IMPORTANT) -> Finding:
    return finding(f"b-{number}", f"Words {number}", severity=severity, title=f"Point {number}")


def linked(number: int) -> str:
    return f"[Point {number}]({PAGE}#b{number})"


def summary(words: str = "Words.", **parts: object) -> str:
    return assembled(SummaryParts(PAGE, BLOCKS, words, **parts))


def test_the_posted_points_come_first_by_severity_each_a_title_that_leads_to_its_block() -> None:
    posted = [point(2, Severity.BLOCKING), point(3), point(0), point(1, Severity.MINOR)]
    assert summary(posted=posted) == (
        f"**Settle first:**\n• {linked(2)}\n**Important:**\n• {linked(3)}\n• {linked(0)}\n"
        f"**Worth a look:**\n• {linked(1)}\n\nWords."
    )


def closed(number: int, state: FindingState, why: str = "", severity=Severity.IMPORTANT):
    return LedgerEntry(point(number, severity), state, why)


@pytest.mark.parametrize(
    ("noes", "said"),
    [
        (["Ana said no"], "“Point 0” dropped by Ana"),
        (
            ["Ana said no", "Ben said no", "Ana said no"],
            "“Point 0” and “Point 2” dropped by Ana; “Point 1” dropped by Ben",
        ),
        (
            ["Ana said no", "a person said no", ""],
            "“Point 0” dropped by Ana; “Point 1” and “Point 2” dropped by people",
        ),
    ],
)
def test_each_person_is_named_with_the_points_that_it_dropped(noes: list[str], said: str) -> None:
    dropped = [closed(at, FindingState.DISMISSED, why) for at, why in enumerate(noes)]
    told = summary(dropped=[closed(9, FindingState.WITHDRAWN), *dropped])
    assert f"No longer open: {said}; “Point 9” withdrawn." in told


@given(st.lists(st.sampled_from(Severity), min_size=1, max_size=12))
def test_of_dropped_points_the_blocking_ones_are_named_and_a_few_others(severities) -> None:
    found = [
        closed(number, FindingState.RESOLVED, "", severity)
        for number, severity in enumerate(severities)
    ]
    told = summary("", dropped=found)
    grave = [one.finding.title for one in found if one.finding.severity is Severity.BLOCKING]
    assert all(f"“{title}” (blocking)" in told for title in grave)
    others = len(found) - len(grave)
    beyond = others - DROPPED_NAMED if others > DROPPED_NAMED + 1 else 0
    assert told.count("“") == len(found) - beyond
    assert (f"; and {beyond} others." in told) == (beyond > 0)


def test_what_is_to_do_stands_by_severity_the_new_points_before_the_earlier_ones() -> None:
    earlier = [point(1), point(2, Severity.MINOR), point(3, Severity.BLOCKING)]
    new = [point(4, Severity.BLOCKING), point(5), point(6, Severity.MINOR)]
    said = summary(posted=new, still_open=dict.fromkeys(earlier, "") | {earlier[0]: "open again"})
    assert said == (
        f"**Settle first:**\n• {linked(4)}\n• {linked(3)} (still open)\n"
        f"**Important:**\n• {linked(5)}\n• {linked(1)} (open again)\n"
        f"**Worth a look:**\n• {linked(6)}\n• {linked(2)} (still open)\n\nWords."
    )


def test_what_was_settled_stands_after_the_words() -> None:
    said = summary(still_open={point(1): ""}, settled=[point(3)])
    assert said.endswith(f"Words.\n\n**Since last time:**\n• Settled: “{linked(3)}”")


def test_how_an_earlier_point_stands_is_said_and_what_was_dropped() -> None:
    one, two = point(1), point(2, Severity.BLOCKING)
    said = summary(
        still_open={one: "see my answer", two: "see what Ana Costa \\(Ops\\) wrote"},
        dropped=[
            closed(3, FindingState.RESOLVED),
            closed(4, FindingState.RESOLVED),
            closed(5, FindingState.DISMISSED),
        ],
    )
    assert f"• {linked(2)} (still open; see what Ana Costa \\(Ops\\) wrote)\n" in said
    dropped = "No longer open: “Point 5” dropped by people; “Point 3” and “Point 4” resolved."
    assert dropped in said
    assert f"• {linked(1)} (still open; see my answer)\n" in said
    assert linked(1) not in without_point(said, one)
    assert without_point(without_point(said, one), two) == (f"Words.\n\n{dropped}")


@pytest.mark.parametrize("count", [1, 2, POINTS_NAMED, POINTS_NAMED + 2])
@pytest.mark.parametrize("which", [0, 1, POINTS_NAMED - 1])
@pytest.mark.parametrize("words", ["Words.", ""])
def test_a_kept_point_that_is_dropped_is_kept_back_no_more(count, which, words):
    points = [point(number) for number in range(count)]
    left = [one for one in points[:POINTS_NAMED] if one != point(which)]
    said = without_point(summary(kept=points, words=words), point(which))
    assert [linked(which) in said, linked(0) in said] == [False, which > 0]
    beyond = max(count - POINTS_NAMED, 0)
    assert ("Kept back" in said) == bool(left or beyond)
    assert said.count("(important)") == len(left)
    assert (f"and {beyond} more. Write `more`" in said) == (beyond > 0)


def test_a_point_whose_block_is_gone_is_named_without_a_link() -> None:
    said = summary(still_open=dict.fromkeys([point(77)], ""), kept=[point(78)])
    assert "• Point 77 (still open)\n" in said
    assert "**Kept back:** Point 78 (important)." in said


def test_a_title_with_marks_is_shown_as_it_is_written() -> None:
    marked = finding("b-1", "x", title="Drop [this] *now*")
    assert r"[Drop \[this\] \*now\*](" in summary(posted=[marked])


def test_a_long_list_ends_with_the_number_of_the_others() -> None:
    said = summary(posted=[point(number) for number in range(POINTS_NAMED + 3)])
    assert said.count("[Point") == POINTS_NAMED
    assert "• and 3 more" in said
    said = summary(posted=[point(number) for number in range(POINTS_NAMED + 1)])
    assert said.count("[Point") == POINTS_NAMED + 1
    assert " more" not in said


WRITTEN = datetime(2026, 11, 30, 9, 5, tzinfo=UTC)
POINTS = [point(number, [*Severity][number % 3]) for number in range(6)]
HOW = st.sampled_from(("open", "settled", "withdrawn", "kept", "unknown"))
STATES = st.tuples(*[HOW] * len(POINTS))


def which(states: tuple[str, ...], *how: str) -> list[Finding]:
    return [one for one, state in zip(POINTS, states, strict=True) if state in how]


def parts(states: tuple[str, ...], **more: object) -> SummaryParts:
    dropped = [LedgerEntry(one, FindingState.WITHDRAWN) for one in which(states, "withdrawn")]
    kept = which(states, "kept")
    given = {"settled": which(states, "settled"), "dropped": dropped, "kept": kept}
    return SummaryParts(PAGE, BLOCKS, "Words.", question="Who?", is_first=True, **(given | more))


@given(STATES, STATES)
def test_a_summary_follows_its_points_wherever_they_go(
    before: tuple[str, ...], after: tuple[str, ...]
) -> None:
    """It names those that are open, and no others, as one that is written anew would."""
    # What is kept back was kept before: nothing is taken back into it.
    moves = zip(before, after, strict=True)
    after = tuple("unknown" if how == "kept" != was else how for was, how in moves)
    said = assembled(parts(before, posted=which(before, "open")))
    now = parts(after, still_open=dict.fromkeys(which(after, "open"), OPEN_AGAIN))
    gone = which(after, "withdrawn", "unknown")
    reads = followed(said, now, gone, WRITTEN)
    assert followed(reads, now, gone, WRITTEN) == reads
    assert followed(said, parts(before), which(before, "withdrawn"), WRITTEN) == said
    assert ("*As of 2026-11-30 09:05 UTC:*\nWords." in reads) == (reads != said)
    open_ = reads.split("Words.", maxsplit=1)[0]
    named = [one for one in POINTS if f"• {linked(POINTS.index(one))}" in open_]
    assert named == which(after, "open")
    kept = reads.partition("**Kept back:**")[2]
    assert all(linked(POINTS.index(one)) not in kept for one in [*named, *gone])
    at = [open_.index(f"**{head}") for head in HEADS if f"**{head}" in open_]
    assert at == sorted(at)
    assert len(at) == len({one.severity for one in named})
    if reads != said:
        is_told = bool(now.dropped) or "Since last" in reads
        assert (NOTHING_OPEN in reads) == (is_told and not named)
        assert ("No longer open: " in reads) == bool(now.dropped)
    assert reads.count("**Question") == reads.count(FOR_AUTHORS) == 1


HEADS = ("Settle first", "Important", "Worth a look")


def test_a_point_that_a_person_drops_from_a_draft_is_named_no_more() -> None:
    said = summary(posted=[point(2, Severity.BLOCKING), point(3), point(30)])
    assert without_point(said, point(2, Severity.BLOCKING)) == (
        f"**Important:**\n• {linked(3)}\n• Point 30\n\nWords."
    )
    assert without_point(said, point(30)) == said.replace("\n• Point 30", "")
    assert without_point(said, point(4)) == said
    open_ = summary(still_open=dict.fromkeys([point(2, Severity.BLOCKING), point(3)], ""))
    left = without_point(open_, point(2, Severity.BLOCKING))
    assert left == f"**Important:**\n• {linked(3)} (still open)\n\nWords."
    assert without_point(left, point(3)) == "Words."


def test_question_kept_points_remarks_and_what_an_author_can_do_stand_at_the_end() -> None:
    said = summary(
        question="Who owns it?",
        kept=[point(4), point(5, Severity.MINOR)],
        remarks=["One left.", "", "Not complete."],
        is_first=True,
    )
    assert said == (
        "Words.\n\n**Question:** Who owns it?\n\n"
        f"**Kept back:** {linked(4)} (important); {linked(5)} (minor). "
        "Write `more` here and I post the next ones.\n\n"
        f"One left. Not complete.\n\n{FOR_AUTHORS}"
    )


def test_what_code_adds_out_of_the_document_is_cleaned_too() -> None:
    assert summary("", remarks=["Not read: ask @Ana, evil.com."]) == ("Not read: ask Ana, (…).")


@pytest.mark.parametrize(
    ("severities", "expected"),
    [
        ([], ""),
        ([Severity.MINOR], "One smaller point was left out."),
        ([Severity.MINOR] * 2, "2 smaller points were left out."),
        (
            [Severity.MINOR, Severity.IMPORTANT, Severity.MINOR],
            "3 smaller points were left out: 1 important, 2 minor.",
        ),
    ],
)
def test_points_below_the_floor_are_counted(severities: list[Severity], expected: str) -> None:
    left_out = [point(number, severity) for number, severity in enumerate(severities)]
    assert left_out_note(left_out) == expected


def test_sections_that_were_not_read_are_named_up_to_a_number() -> None:
    assert unread_note([]) == ""
    assert unread_note(["Costs", "Plan"]) == "Not read: Costs, Plan."
    many = [f"Part {number}" for number in range(OMITTED_NAMED + 2)]
    assert unread_note(many).endswith(f"Part {OMITTED_NAMED - 1} and 2 more.")


@pytest.mark.parametrize("outcome", Outcome)
def test_only_an_incomplete_review_says_so(outcome: Outcome) -> None:
    note = incomplete_note(outcome)
    assert (note == "") is outcome.is_complete
    assert outcome.is_complete or outcome.value in note


def test_answers_of_any_shape_break_nothing() -> None:
    given_ = [
        {"item": 1, "answer": " Yes. "},
        {"item": "2", "answer": "No."},
        {"item": True, "answer": "x"},
        {"item": 0, "answer": "x"},
        {"item": 4, "answer": "x"},
        {"item": 3, "answer": ""},
        {"answer": "x"},
        "3",
        None,
    ]
    assert checklist_answers(given_, 3) == {1: "Yes.", 2: "No."}
    assert checklist_answers("all fine", 3) == {}
    assert checklist_answers(None, 3) == {}


@pytest.mark.parametrize(
    ("question", "stands"),
    [
        ("Was the rollout section removed on purpose?", False),
        ("Who wants “These two requirements together”?", False),
        ("Who runs it?", True),
    ],
)
def test_a_question_about_a_point_that_is_closed_goes(question: str, stands: bool) -> None:  # noqa: FBT001 - a table
    one = finding("b-1", "These two requirements together", title="Rollout section is gone")
    said = summary("", posted=[one, point(2)], question=question)
    now = SummaryParts(PAGE, BLOCKS, "", dropped=[LedgerEntry(one, FindingState.DISMISSED)])
    reads = followed(said, now, [one], WRITTEN)
    assert (question in reads) == stands
    assert (f"**Question of 2026-11-30 09:05 UTC:** {question}" in reads) == stands
