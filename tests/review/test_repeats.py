"""What a comment may not repeat, what is asked once at the end, and what loses no matter."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from daemon.domain.change import Change
from daemon.domain.findings import FindingState, LedgerEntry
from daemon.domain.order import Stood
from daemon.domain.values import Comment, Finding, Severity, Source
from daemon.review.agent import ToolResult
from daemon.review.points import OwnPoint, is_nearly_same
from daemon.review.tools import ReviewTools
from support.review_values import BOT, OWN, block, comment, finding, heading, review_tools, thread


BLOCKS = (
    heading("h", "Rollout"),
    block("p", "Phase 1 goes to 10% of users, and phase 2 to all of them."),
    block("q", "Nobody owns the queue."),
    heading("i", "Costs"),
    block("r", "The queue costs 200 euros a month."),
)
RAISED = finding("p", "10% of users", "Say why it is ten.", title="No reason for ten percent")
POINT = OwnPoint(7, RAISED, "own")
ASKED = comment("1", "Say why it is ten.", OWN)
TURNED_DOWN = replace(POINT, closed="Ana said no", declined=True, no="No, it is a guess.")
# A block of the other section came.
EDITED = Change(first=False, new=frozenset({"r"}), stirred=frozenset({"i"}))


def tools_of(*points: OwnPoint, said: tuple[Comment, ...] = (), **options: Any) -> ReviewTools:
    options.setdefault("earlier", [one.finding for one in points])
    return review_tools(BLOCKS, [thread("own", "p", ASKED, *said)], points=points, **options)


def remark(
    tools: ReviewTools,
    on: str = "B2",
    quote: str = "phase 2",
    title: str = "What is all",
    **more: Any,
) -> ToolResult:
    said = {"block": on, "quote": quote, "title": title, "text": f"{title}, in words?"}
    return tools.call("comment", {**said, "severity": "important", **more})


def rule(tools: ReviewTools, verdict: str, text: str = "", quote: str = "") -> ToolResult:
    said = {"thread": "T1", "verdict": verdict, "text": text, "quote": quote}
    return tools.call("follow_up", said)


def ended(tools: ReviewTools) -> ToolResult:
    return tools.call("finish", {"summary": ""})


def test_a_title_stands_once_on_a_block() -> None:
    tools = tools_of()
    assert remark(tools).accepted
    assert "do not repeat it" in remark(tools, quote="10% of", text="In quite other words.").text
    assert remark(tools, quote="10% of", title="Why ten").accepted


def test_a_pasted_point_is_posted_anew_of_itself_and_once() -> None:
    tools = tools_of(replace(POINT, pasted=True, mute="its block was cut and pasted"))
    for _ in range(2):
        assert "is posted anew there without a call" in remark(tools, quote="10% of users").text
        rule(tools, "not_yet", "It is.")
    assert [one.finding_id for one in tools.rulings] == [7]
    assert remark(tools).accepted


def test_a_point_that_lost_its_block_is_made_anew_by_its_title_once() -> None:
    lost = replace(POINT, gone=True, finding=replace(RAISED, block_id="gone"), mute="it went")
    for title in (RAISED.title, "No reason for the ten percent"):
        tools = tools_of(lost)
        asked = ended(tools)
        assert "your open points in T1 lost their threads" in asked.text
        assert remark(tools, "B3", "Nobody", title).accepted
        if title != RAISED.title:
            told = "make it anew, give the comment its title) says nearly the same: “No reason"
            assert told in ended(tools).text
        else:
            assert "one matter, one comment" in remark(tools, "B5", "200 euros", title).text
        assert ended(tools).accepted
    there = tools_of(replace(lost, finding=replace(RAISED, quote="5% of users")))
    assert remark(there).accepted
    assert "may be the same: “No reason for ten percent”" in ended(there).text
    tools = tools_of(lost)
    assert rule(tools, "withdrawn", "It is moot.").accepted
    assert ended(tools).accepted


def test_the_same_matter_on_another_block_is_dropped_where_a_person_said_no_to_it() -> None:
    named, text = RAISED.title, "Say why it is ten, since nobody knows."
    turned_down = replace(TURNED_DOWN, finding=replace(RAISED, text=text))
    told = remark(tools_of(turned_down), "B5", "200 euros", text=text).text
    assert "it was turned down (Ana said no): drop it" in told
    assert "follow_up" not in told
    tools = tools_of(TURNED_DOWN)
    assert rule(tools, "not_yet", "Open again.").accepted
    told = remark(tools, "B5", "200 euros", named).text
    assert "one matter, one comment: it stays open, drop this" in told, "one ruling is enough"
    for point, what in (
        (POINT, "say it there with follow_up, and name this place"),
        (replace(POINT, mute="it takes no more replies"), "it stays open, drop this"),
    ):
        told = remark(tools_of(point), "B5", "200 euros", named).text
        assert f"your own point in T1 on B2, “{named}”; one matter, one comment: {what}" in told
    fixed = replace(POINT, closed="you ruled that it is fixed")
    told = remark(tools_of(fixed), "B5", "200 euros", named).text
    assert "where it holds again, say so with follow_up and not_yet" in told


def test_a_contradiction_is_asked_about_once_from_its_other_end() -> None:
    """The text of a point names the block of a comment, whose text names the point's."""
    says = "Ten percent cost nothing here, and “The queue costs 200 euros a month” there."
    raised = replace(RAISED, text=says)
    other = {"text": "It is 200 here, and B2 says nothing of it."}
    tools = tools_of(replace(POINT, finding=raised))
    assert remark(tools, "B5", "200 euros", "Cost unlike the share", **other).accepted
    assert ended(tools).text == (
        "refused: before this ends, compare:\n"
        "P1 on B5 “Cost unlike the share”: your own point in T1 on B2 (open) names B5 as this "
        "names B2: “No reason for ten percent”\n"
        "Take back, with take_back, each comment that says again what was turned down or resolved, "
        "in whatever words and wherever it stands, or what is said already. Then call finish again"
    )
    assert ended(tools).accepted
    for point in (replace(POINT, finding=raised, closed="you withdrew it"), POINT):
        tools = tools_of(point)
        assert remark(tools, "B5", "200 euros", "Cost unlike", **other).accepted
        assert ended(tools).accepted
    tools = tools_of(replace(POINT, finding=raised))
    assert remark(tools, "B5", "200 euros").accepted
    assert ended(tools).accepted


@pytest.mark.parametrize("closed", ["Ana said no", "you ruled that it is fixed"])
@pytest.mark.parametrize(
    ("change", "names", "taken"),
    [
        (Change(first=False, moved={"p": Stood("r", None, leads=True)}), "See B3.", True),
        (Change(first=False, moved={"p": Stood("r", None, leads=True)}), "See B2.", False),
        (Change(first=False, regrouped={"p": "i"}), "See B3.", True),
        (Change(first=False, moved={"q": Stood("r", None, leads=True)}), "", False),
        (
            Change(first=False, moved={"q": Stood("r", None, leads=True)}),
            "B3 stands below it.",
            True,
        ),
        (Change(first=False, new=frozenset({"q"})), "B3 stands below it.", False),
    ],
)
def test_a_move_takes_a_comment_on_words_that_were_closed_but_not_the_same_one(
    change: Change,
    names: str,
    taken: bool,  # noqa: FBT001 - both ways
    closed: str,
) -> None:
    is_no = closed == "Ana said no"
    point = replace(POINT, closed=closed, declined=is_no, no="No, it is a guess.")
    state = FindingState.DISMISSED if is_no else FindingState.ADDRESSED
    ledger = [LedgerEntry(RAISED, state, closed)]
    tools = tools_of(point, earlier=(), ledger=ledger, change=change)
    same = {"text": f"Say why it is ten. {names}"}
    for title in (RAISED.title, "Quite another title"):
        told = remark(tools, quote="10% of", title=title, **same).text
        assert "do not repeat it" in told or "do not raise it again" in told
    other = {"text": f"Phase 2 comes before phase 1 here. {names}"}
    titles = ("Order of phases", "Phases in a wrong order")
    calls = (remark(tools, quote="10% of", title=one, **other) for one in titles)
    assert any(one.accepted for one in calls) is taken


def test_what_people_turned_down_is_compared_once_with_the_new_comments() -> None:
    """All of it whose words stand, with every comment: the model judges what says it again."""
    tools = tools_of(TURNED_DOWN)
    assert ended(tools).accepted
    tools = tools_of(TURNED_DOWN)
    for on, quote, title in (("B3", "Nobody", "A guess"), ("B5", "200 euros", "Who pays for it")):
        assert remark(tools, on, quote, title).accepted
    assert ended(tools).text == (
        "refused: before this ends, compare:\n"
        "people turned down or resolved\n"
        "T1 on B2 “No reason for ten percent” (Ana said no: “No, it is a guess.”)\n"
        "and your comments are\n"
        "P1 on B3 “A guess”\n"
        "P2 on B5 “Who pays for it”\n"
        "Take back, with take_back, each comment that says again what was turned down or resolved, "
        "in whatever words and wherever it stands, or what is said already. Then call finish again"
    )
    assert tools.call("take_back", {"point": "P1"}).text == "P1 is taken back"
    assert ended(tools).accepted
    assert [one.title for one in tools.findings] == ["Who pays for it"]


def test_what_people_resolved_or_refused_is_compared_too_wherever_its_words_stand() -> None:
    """A person may split a block: the words of a point stand in another one then."""
    split = replace(RAISED, block_id="q", title="Ten without a reason")
    resolved = finding("r", "200 euros a month", "Which?", title="Money of nobody")
    refused = finding("r", "queue costs", "Whose?", title="Cost of what")
    ledger = [
        LedgerEntry(split, FindingState.DISMISSED, "Ana said no"),
        LedgerEntry(resolved, FindingState.RESOLVED),
        LedgerEntry(refused, FindingState.REFUSED),
        LedgerEntry(replace(resolved, title="Mended"), FindingState.ADDRESSED),
        LedgerEntry(replace(resolved, title="Edited", quote="9 euros"), FindingState.RESOLVED),
        LedgerEntry(replace(resolved, title="Gone", block_id="gone"), FindingState.RESOLVED),
        LedgerEntry(finding("gone", "5%", title="Cut"), FindingState.REFUSED),
    ]
    elsewhere = replace(TURNED_DOWN, finding=split)
    for points, thread_of_split in (((), ""), ((elsewhere,), "T1 on ")):
        tools = tools_of(*points, earlier=(), ledger=ledger)
        assert remark(tools, "B3", "Nobody owns", "An owner").accepted
        told = ended(tools).text
        assert "people turned down or resolved\n" in told
        said = "Ana said no: “No, it is a guess.”" if points else "Ana said no"
        assert f"{thread_of_split}B2 “Ten without a reason” ({said})\n" in told
        assert "\nB5 “Money of nobody” (its thread was resolved or deleted)\n" in told
        assert "\nB5 “Cost of what” (a person refused its draft)\n" in told
        assert "\nB5 “Edited” (its thread was resolved or deleted)\n" in told
        assert "\nB5 “Gone” (its thread was resolved or deleted)\n" in told, "pasted"
        assert "\na block that is gone “Cut” (a person refused its draft)\n" in told
        assert told.count("Ten without a reason") == 1
        assert "Mended" not in told


def test_nothing_is_compared_with_what_no_person_closed_or_that_is_open_again() -> None:
    for point in (POINT, replace(POINT, closed="you withdrew it")):
        tools = tools_of(point)
        assert remark(tools).accepted
        assert ended(tools).accepted
    tools = tools_of(TURNED_DOWN)
    assert rule(tools, "not_yet", "Open again.").accepted
    assert remark(tools).accepted
    assert ended(tools).accepted


def test_what_is_turned_down_in_this_review_is_compared_whether_the_model_rules_or_not() -> None:
    tools = tools_of(POINT, said=(comment("2", "So soll es sein", new=True),))
    assert rule(tools, "turned_down", "", "So soll es sein").accepted
    assert remark(tools).accepted
    told = "T1 on B2 “No reason for ten percent” (turned down in this review)"
    assert told in ended(tools).text
    a_no = replace(comment("2", "No, it is a guess. We keep it.", new=True), no=True)
    tools = tools_of(POINT, said=(a_no,))
    left = [tools.call("leave", {"thread": "T1", "reason": "a no"}) for _ in range(2)]
    assert [one.accepted for one in left] == [False, True], "asked once whether it is a no"
    assert remark(tools).accepted
    assert told in ended(tools).text
    tools = tools_of(POINT, said=(a_no,))
    assert not rule(tools, "not_yet", "It stays.").accepted, "asked once whether it is a no"
    assert rule(tools, "not_yet", "It stays.").accepted
    assert remark(tools).accepted
    assert ended(tools).accepted


def test_those_on_the_block_of_a_comment_come_first_then_those_near_and_forty_in_all() -> None:
    """The other section has what shares the most words with the comment."""
    others = [finding("r", "200 euros", f"Nobody owns {n}.", title=f"Cost {n}") for n in range(60)]
    nearest = finding("q", "it is owned", "By whom?", title="Owner")
    near = finding("p", "5% of users", "Which?", title="Share")
    alike = finding("gone", "a list", "Of what?", title="Queue without any owner")
    ledger = [LedgerEntry(one, FindingState.RESOLVED) for one in (*others, alike, near, nearest)]
    tools = tools_of(earlier=(), ledger=ledger)
    said = "Nobody owns the queue that costs 200 euros."
    assert remark(tools, "B3", "Nobody owns", "Queue without owner", text=said).accepted
    lines = ended(tools).text.split("\n")
    begin, end = map(lines.index, ("people turned down or resolved", "and your comments are"))
    told = [one.partition("”")[0] for one in lines[begin + 1 : end]]
    assert told[0] == "B3 “Owner"
    assert {*told[1:3]} == {"B2 “Share", "a block that is gone “Queue without any owner"}
    assert all(one.startswith("B5 “Cost ") for one in told[3:40])
    assert told[40:] == ["(23 more)"]


def test_the_title_of_what_people_closed_is_refused_wherever_its_words_are() -> None:
    edited = replace(RAISED, quote="5% of users")
    gone = replace(edited, block_id="gone")
    for title in ("No reason for ten percent", "For ten percent: no reason"):
        for no in (edited, gone, RAISED):
            for state, how in (
                (FindingState.DISMISSED, "Ana said no"),
                (FindingState.RESOLVED, "its thread was resolved or deleted"),
                (FindingState.REFUSED, "a person refused its draft"),
            ):
                ledger = [LedgerEntry(no, state, "Ana said no")]
                for on, quote in (("B2", "phase 2"), ("B5", "200 euros")):
                    assert remark(tools_of(earlier=(), ledger=ledger), on, quote, title).text == (
                        f"refused: “{RAISED.title}” is closed ({how}); do not raise it again: only "
                        "a person can open it; give another matter another title"
                    )
    for state in (FindingState.ADDRESSED, FindingState.WITHDRAWN, FindingState.RETRACTED):
        ledger = [LedgerEntry(gone, state)]
        assert remark(tools_of(earlier=(), ledger=ledger), title=RAISED.title).accepted
    rule_made = [LedgerEntry(replace(gone, source=Source.CHECK), FindingState.RESOLVED)]
    assert remark(tools_of(earlier=(), ledger=rule_made), title=RAISED.title).accepted


def test_a_title_that_a_person_said_no_to_is_taken_up_where_its_thread_is_heard() -> None:
    heard = "where a person asks for it, use follow_up with not_yet in T1"
    for mute in ("", "only a person's later word opens it"):
        for on, quote in (("B2", "phase 2"), ("B5", "200 euros")):
            told = remark(tools_of(replace(TURNED_DOWN, mute=mute)), on, quote, RAISED.title).text
            assert f"“{RAISED.title}” is closed (Ana said no: “No, it is a guess.”)" in told
            assert (heard in told) is not bool(mute)
            assert ("only a person can open it" in told) is bool(mute)
    tools = tools_of(POINT, said=(comment("2", "So soll es sein", new=True),))
    assert rule(tools, "turned_down", "", "So soll es sein").accepted
    told = remark(tools, "B5", "200 euros", RAISED.title).text
    assert "is closed (turned down in this review); do not raise it again" in told


def test_a_comment_goes_whose_title_is_turned_down_after_it() -> None:
    lost = replace(POINT, gone=True, finding=replace(RAISED, block_id="gone"), mute="it went")
    for point in (lost, replace(POINT, finding=replace(RAISED, title="Ten"))):
        tools = tools_of(point, said=(comment("2", "So soll es sein", new=True),))
        if point is lost:
            assert remark(tools, "B5", "200 euros", RAISED.title).accepted, "it is made anew"
        else:
            assert remark(tools, "B5", "200 euros", "Ten").accepted, "one word is no matter"
        told = rule(tools, "turned_down", "", "So soll es sein").text
        assert "is one too many, and is dropped" in told
        title = point.finding.title
        assert "do not raise it again" in remark(tools, "B5", "200 euros", title).text


def test_a_point_that_was_kept_or_lost_its_block_is_compared_with_no_no() -> None:
    kept = finding("q", "Nobody owns", "Who?", title="A queue without an owner")
    tools = tools_of(TURNED_DOWN, kept=[kept])
    assert remark(tools, "B3", "Nobody owns", kept.title, text=kept.text).accepted
    assert ended(tools).accepted
    tools = tools_of(TURNED_DOWN, kept=[kept])
    assert remark(tools, "B3", "the queue", kept.title, text="In other words.").accepted
    assert ended(tools).accepted
    lost = OwnPoint(8, replace(kept, block_id="gone"), "lost", gone=True, mute="it went")
    own = [thread("own", "p", ASKED), thread("lost", "gone", ASKED)]
    tools = review_tools(BLOCKS, own, points=[TURNED_DOWN, lost], earlier=())
    assert remark(tools, "B3", "Nobody owns", kept.title, text=kept.text).accepted
    assert ended(tools).accepted


def test_nothing_is_asked_in_the_last_turn() -> None:
    tools = tools_of(TURNED_DOWN)
    assert remark(tools).accepted
    assert tools.call("finish", {"summary": ""}, is_last=True).accepted


def test_a_refusal_names_what_people_turned_down_before_what_is_closed_otherwise() -> None:
    fixed = OwnPoint(
        8,
        finding("r", "200 euros", "Who pays?", title="Nobody pays"),
        "8",
        closed="you withdrew it",
    )
    said = {"title": RAISED.title, "text": "Say why ten percent cost as much."}
    for points in ((fixed, TURNED_DOWN), (TURNED_DOWN, fixed)):
        own = [thread(one.thread_id, one.finding.block_id, ASKED) for one in points]
        tools = review_tools(BLOCKS, own, points=points)
        first, second = (tools._context.handles.of_thread[key] for key in ("own", "8"))
        assert remark(tools, "B5", "200 euros", **said).text == (
            f"refused: “{RAISED.title}” is closed (Ana said no: “No, it is a guess.”); do not "
            f"raise it again: where a person asks for it, use follow_up with not_yet in {first}; "
            "give another matter another title"
        )
        again = remark(tools, "B5", "200 euros", "Who is billed for it")
        assert f"“Nobody pays” was raised on B5 before, in {second}, and is closed" in again.text
        assert "to open it again, use follow_up with not_yet" in again.text
    shut = replace(TURNED_DOWN, mute="only a person's later word opens it")
    for point, opens in ((shut, False), (replace(shut, mute=""), True)):
        told = remark(tools_of(point), quote="10% of users").text
        assert "is closed (Ana said no); do not repeat it" in told
        assert ("to open it again" in told) is opens


NOTHING = replace(EDITED, new=frozenset(), stirred=frozenset())


@pytest.mark.parametrize(
    ("said", "options", "text", "accepted"),
    [
        ((), {"unchanged": ["p"], "change": EDITED}, "It is still open.", False),
        ((), {"unchanged": ["p"], "change": EDITED}, "B5 does not say it either.", True),
        ((), {"unchanged": ["p"], "change": EDITED}, "B3 does not say it either.", False),
        ((), {"change": EDITED}, "It is still open.", True),
        ((), {"change": EDITED}, "Say why it is ten!", False),
        ((), {"change": replace(EDITED, changed={"p": "Old."})}, "Say why it is ten!", True),
        ((comment("2", "Hm."),), {"unchanged": ["p"], "change": EDITED}, "It is open.", True),
        ((comment("2", "Hm.", BOT),), {"unchanged": ["p"], "change": EDITED}, "It is.", False),
        (
            (comment("2", "Hm."), comment("3", "It is.", OWN)),
            {"unchanged": ["p"], "change": EDITED},
            "It still is.",
            False,
        ),
    ],
)
def test_not_yet_is_said_where_something_changed_or_somebody_answered(
    said: tuple[Comment, ...],
    options: dict[str, Any],
    text: str,
    accepted: bool,  # noqa: FBT001 - a column of the table
) -> None:
    answer = rule(tools_of(POINT, said=said, **options), "not_yet", text)
    assert answer.accepted is accepted, answer.text
    assert accepted or "nobody answered in T1" in answer.text
    again = replace(POINT, again=True)
    assert rule(tools_of(again, said=said, **options), "not_yet", text).accepted


def test_only_open_comments_count_for_the_limit_of_a_block() -> None:
    tools = tools_of(POINT, per_block=1)
    assert "B2 has 1 comment, the limit" in remark(tools).text
    assert rule(tools, "withdrawn", "It is right so.").accepted
    assert remark(tools).accepted
    assert "B2 has 1 comment, the limit" in remark(tools, quote="all of them", title="All").text
    settled = [
        LedgerEntry(RAISED, one)
        for one in FindingState
        if one not in (FindingState.OPEN, FindingState.ANSWERED)
    ]
    tools = tools_of(ledger=settled, per_block=1, floor=Severity.IMPORTANT)
    assert remark(tools, severity="minor").accepted
    assert remark(tools, quote="all of them", title="All").accepted


def test_words_that_were_ruled_on_take_another_comment_and_not_the_same_one() -> None:
    for verdict in ("withdrawn", "not_yet"):
        tools = tools_of(POINT)
        assert "rule on it with follow_up first" in remark(tools, quote="10% of users").text
        assert rule(tools, verdict, "It is as it is.").accepted
        for same in ({"title": RAISED.title}, {"text": RAISED.text}):
            assert "do not repeat it" in remark(tools, quote="10% of users", **same).text
        assert remark(tools, quote="10% of users").accepted


def test_to_leave_a_thread_beside_its_ruling_is_agreement() -> None:
    waits = (comment("2", "Why that?", new=True),)
    for said in ((), waits):
        tools = tools_of(POINT, said=said)
        assert rule(tools, "withdrawn", "It is right so.").accepted
        assert tools.call("leave", {"thread": "T1", "reason": "It is settled."}).accepted
        assert len(tools.replies) == bool(said)
        assert tools.left == {}
        assert ended(tools).accepted


def test_an_unchanged_block_takes_a_comment_that_names_what_makes_it_wrong() -> None:
    for options in (
        {"unchanged": ["p", "q"], "earlier": [RAISED]},
        {"closed": ["p", "q"]},
    ):
        tools = tools_of(change=EDITED, **options)
        refused = remark(tools)
        told = "name in the text the one of these that makes it wrong: B5"
        assert told in refused.text
        assert told in remark(tools, text="B3 says something else.").text
        assert remark(tools, text="B5 says something else.").accepted
        assert "raised on B2 before" in remark(tools, quote="phase 2", text="B5!").text
    unchanged = {"unchanged": ["p"], "earlier": [RAISED]}
    removed = tools_of(change=replace(NOTHING, removed=("All are some.",)), **unchanged)
    assert remark(removed).accepted
    assert "it stays only where what was removed or changed beside" in ended(removed).text
    assert ended(removed).accepted
    anew = tools_of(change=EDITED, **unchanged)
    anew._context = replace(anew._context, is_anew=True)
    assert remark(anew).accepted, "somebody asked for all of it"
    same = tools_of(change=NOTHING, **unchanged)
    assert not remark(same).accepted
    assert "once one of them changes" in remark(same).text


@pytest.mark.parametrize(
    ("one", "other", "near"),
    [
        ("No rollback plan", "Missing rollback plan", True),
        ("Rollback loses an hour of orders", "Rollback loses a day of orders", True),
        ("Step 3 names no owner", "Step 4 names no owner", True),
        ("The queue has no owner", "Owner of queue", True),
        ("Den Rückweg nennt niemand", "Den Ruckweg nennt keiner", True),
        ("No owner", "No cost", False),
        ("No owner", "No owner", False),  # too few words to name a matter
        ("Two owners of the queue", "Nobody pays for the queue", False),
        ("Rollback loses orders", "Rollback was never tried", False),
        ("", "", False),
    ],
)
def test_titles_are_nearly_the_same_that_differ_in_one_word_of_weight(
    one: str,
    other: str,
    near: bool,  # noqa: FBT001 - a column of the table
) -> None:
    two = [Finding(on, on, on, Severity.MINOR, title=t) for on, t in (("a", one), ("b", other))]
    assert is_nearly_same(*two) is is_nearly_same(*two[::-1]) is near
    assert not is_nearly_same(two[0], replace(two[1], source=Source.CHECK))
