"""What code puts around a model's words: the points by title, and notes on what is missing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.domain.findings import FindingState
from daemon.domain.values import Finding, Outcome, Severity
from daemon.review.summary import (
    FOR_AUTHORS,
    NOTHING_OPEN,
    OMITTED_NAMED,
    OPEN_AGAIN,
    POINTS_NAMED,
    SummaryParts,
    assembled,
    checklist_answers,
    checklist_text,
    followed,
    incomplete_note,
    left_out_note,
    missing_sections,
    unread_note,
    without_point,
)
from support.review_values import block, finding, heading


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


@pytest.mark.parametrize(
    ("noes", "people"),
    [
        (["Ana said no"], "Ana"),
        (["Ana said no", "Ben said no", "Ana said no"], "Ana and Ben"),
        (["Ana said no", "Ben said no", "Cy said no"], "Ana, Ben and Cy"),
        (["Ana said no", "a person said no"], "Ana and others"),
        (["a person said no"], "people"),
        ([], "people"),
    ],
)
def test_who_dropped_points_is_named_where_it_is_known(noes: list[str], people: str) -> None:
    dropped = {FindingState.DISMISSED: max(len(noes), 1), FindingState.WITHDRAWN: 1}
    told = f"No longer open: {max(len(noes), 1)} dropped by {people}, 1 withdrawn."
    assert told in summary(dropped=dropped, noes=noes)


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


def test_how_an_earlier_point_stands_is_said_and_what_was_dropped_is_counted() -> None:
    one, two = point(1), point(2, Severity.BLOCKING)
    said = summary(
        still_open={one: "see my answer", two: "see what Ana Costa \\(Ops\\) wrote"},
        dropped={FindingState.RESOLVED: 2, FindingState.DISMISSED: 1},
    )
    assert f"• {linked(2)} (still open; see what Ana Costa \\(Ops\\) wrote)\n" in said
    assert "No longer open: 1 dropped by people, 2 resolved." in said
    assert f"• {linked(1)} (still open; see my answer)\n" in said
    assert linked(1) not in without_point(said, one)
    assert without_point(without_point(said, one), two) == (
        "Words.\n\nNo longer open: 1 dropped by people, 2 resolved."
    )


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


POINTS = [point(number, [*Severity][number % 3]) for number in range(6)]
HOW = st.sampled_from(("open", "settled", "withdrawn", "kept", "unknown"))
STATES = st.tuples(*[HOW] * len(POINTS))


def which(states: tuple[str, ...], *how: str) -> list[Finding]:
    return [one for one, state in zip(POINTS, states, strict=True) if state in how]


def parts(states: tuple[str, ...], **more: object) -> SummaryParts:
    dropped = {FindingState.WITHDRAWN: len(which(states, "withdrawn"))}
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
    reads = followed(said, now, gone)
    assert followed(reads, now, gone) == reads
    assert followed(said, parts(before), which(before, "withdrawn")) == said
    open_ = reads.split("Words.", maxsplit=1)[0]
    named = [one for one in POINTS if f"• {linked(POINTS.index(one))}" in open_]
    assert named == which(after, "open")
    kept = reads.partition("**Kept back:**")[2]
    assert all(linked(POINTS.index(one)) not in kept for one in [*named, *gone])
    at = [open_.index(f"**{head}") for head in HEADS if f"**{head}" in open_]
    assert at == sorted(at)
    assert len(at) == len({one.severity for one in named})
    if reads != said:
        count = now.dropped[FindingState.WITHDRAWN]
        is_told = bool(count) or "Since last" in reads
        assert (NOTHING_OPEN in reads) == (is_told and not named)
        assert (f"No longer open: {count} withdrawn." in reads) == bool(count)
    assert reads.count("**Question:**") == reads.count(FOR_AUTHORS) == 1


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
    assert summary("", remarks=["Not read: ask @Ana, evil.com."]) == (
        "Not read: ask Ana, (link removed)."
    )


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


def test_what_is_not_answered_is_named() -> None:
    said = checklist_text(["Owner?", "Cost?"], {2: "Ten\nthousand."}, lambda text, _: text)
    assert said == "Checklist:\n- Owner? — **not answered**\n- Cost? — Ten thousand."
    assert checklist_text([], {}, lambda text, _: text) == ""


@pytest.mark.parametrize(
    ("head", "there"),
    [
        ("Rollout", True),
        ("3. Rollout plan", True),
        ("IV. rollout", True),
        ("2) ROLLOUT:", True),
        ("Rollouts", False),
        ("Our rollout", False),
        ("", False),
    ],
)
def test_a_heading_names_a_section_that_it_begins_with(head: str, there: bool) -> None:  # noqa: FBT001 - a table
    found = missing_sections(
        ["Rollout"], [heading("h", head), block("p", "Rollout happens in May.")]
    )
    assert found == (() if there else ("Rollout",))
