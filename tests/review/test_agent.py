from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.domain.errors import BudgetEmpty, PageSpent
from daemon.domain.values import Outcome
from daemon.review.agent import (
    FINAL_TEXT_CHARS,
    LAST_TURN_NOTE,
    ContextWindow,
    ModelInput,
    ReviewLimits,
    ToolCall,
    ToolResult,
    Turn,
    TurnEnding,
    clamp,
    converse,
    in_passes,
)
from daemon.review.models.cost import Overdrawn
from daemon.review.models.failures import CutShort, Down, Hollow
from support.review_values import NOW
from support.tool_fakes import FakeTools


LIMITS = ReviewLimits(rounds=4, seconds=60)


class Script:
    """A model that says its lines, the last one for ever; `heard` holds what it was answered."""

    def __init__(self, *turns: Turn) -> None:
        self._turns = list(turns)
        self.heard: list[tuple[ToolResult, ...]] = []

    async def __call__(self, answers: Sequence[ToolResult]) -> Turn:
        self.heard.append(tuple(answers))
        return self._turns.pop(0) if len(self._turns) > 1 else self._turns[0]


def comment(text: str = "Say why.", block: str = "B1") -> ToolCall:
    return ToolCall("comment", {"block": block, "text": text})


def finish(summary: str = "Good.") -> ToolCall:
    return ToolCall("finish", {"summary": summary})


def calls(*made: ToolCall, ending: TurnEnding = TurnEnding.WHOLE, text: str = "") -> Turn:
    return Turn(text, made, ending)


def says(text: str, ending: TurnEnding = TurnEnding.WHOLE) -> Turn:
    return Turn(text, (), ending)


def review(script: Script, limits: ReviewLimits = LIMITS) -> tuple[FakeTools, Outcome, str]:
    tools = FakeTools()
    outcome, text = asyncio.run(converse(tools, script, limits))
    return tools, outcome, text


def test_finish_ends_the_review_with_all_calls_of_its_turn_run() -> None:
    tools, outcome, text = review(Script(calls(comment("a"), finish("fine"), comment("b"))))
    assert (outcome, text) == (Outcome.DONE, "")
    assert tools.summary == "fine"
    assert tools.comments == ["a", "b"]


def test_a12_a_refused_comment_can_be_corrected_in_the_next_round() -> None:
    script = Script(calls(comment("")), calls(comment("Say why.")), calls(finish()))
    tools, outcome, _ = review(script)
    assert outcome is Outcome.DONE
    assert script.heard[1] == (ToolResult("Refused: the comment says nothing.", accepted=False),)
    assert tools.comments == ["Say why."]


def test_a11_a_blank_comment_is_answered_and_the_others_of_its_turn_stand() -> None:
    script = Script(calls(comment("a"), comment("  "), comment("b")), calls(finish()))
    tools, outcome, _ = review(script)
    assert outcome is Outcome.DONE
    assert tools.comments == ["a", "b"]
    assert [answer.accepted for answer in script.heard[1]] == [True, False, True]


def test_a11_an_unreadable_call_is_answered_with_what_was_wrong_and_never_run() -> None:
    script = Script(calls(ToolCall("comment", problem="no JSON"), comment("a")), calls(finish()))
    tools, outcome, _ = review(script)
    assert outcome is Outcome.DONE
    assert script.heard[1][0] == ToolResult("no JSON", accepted=False)
    assert [name for name, _ in tools.calls] == ["comment", "finish"]


def test_a11_an_empty_final_text_is_a_review_with_nothing_to_add() -> None:
    _, outcome, text = review(Script(says(" \n")))
    assert (outcome, text) == (Outcome.EMPTY, "")


def test_an_empty_final_text_after_a_comment_is_a_finished_review() -> None:
    tools, outcome, text = review(Script(calls(comment()), says("")))
    assert (outcome, text) == (Outcome.DONE, "")
    assert tools.comments == ["Say why."]


def test_a_final_text_stands_in_for_the_summary() -> None:
    _, outcome, text = review(Script(calls(comment()), says(" All in all: good. ")))
    assert (outcome, text) == (Outcome.DONE, "All in all: good.")


def test_a22_a_refusal_is_named_and_what_was_accepted_stays() -> None:
    script = Script(calls(comment()), says("I cannot help with that.", TurnEnding.REFUSED))
    tools, outcome, text = review(script)
    assert (outcome, text) == (Outcome.REFUSED, "")
    assert tools.comments == ["Say why."]


def test_a22_an_answer_cut_off_without_a_whole_call_is_named() -> None:
    stump = ToolCall("comment", problem="cut off")
    script = Script(calls(stump, ending=TurnEnding.CUT, text="It"))
    _, outcome, text = review(script)
    assert (outcome, text) == (Outcome.TRUNCATED, "")
    assert len(script.heard) == 2, "it heard once that the call was cut off"
    assert review(Script(says("It is", TurnEnding.CUT)))[1:] == (Outcome.TRUNCATED, "")


def test_a22_a_call_that_was_cut_off_is_made_again_shorter() -> None:
    stump = calls(ToolCall("comment", problem="cut off"), ending=TurnEnding.CUT)
    script = Script(stump, calls(comment("Why?"), finish()))
    tools, outcome, _ = review(script)
    assert (outcome, tools.comments) == (Outcome.DONE, ["Why?"])
    assert script.heard[1] == (ToolResult("cut off", accepted=False),)
    for rounds in (1, 4):
        with pytest.raises(CutShort, match="cut off before a word"):
            review(Script(stump), ReviewLimits(rounds, seconds=60))


def test_a22_whole_calls_of_an_answer_cut_off_are_run_and_the_review_goes_on() -> None:
    stump = ToolCall("comment", problem="cut off")
    script = Script(calls(comment("a"), stump, ending=TurnEnding.CUT), calls(finish()))
    tools, outcome, _ = review(script)
    assert outcome is Outcome.DONE
    assert tools.comments == ["a"]
    assert script.heard[1][1] == ToolResult("cut off", accepted=False)


@pytest.mark.parametrize("name", ["delete_page", "", "Comment", "x" * 5000])
def test_a22_an_unknown_tool_is_answered_with_the_tools_there_are(name: str) -> None:
    script = Script(calls(ToolCall(name, {})), calls(finish()))
    tools, outcome, _ = review(script)
    assert outcome is Outcome.DONE
    assert tools.calls == [("finish", {"summary": "Good."})]
    (answer,) = script.heard[1]
    assert not answer.accepted
    assert answer.text.endswith("The tools: comment, finish.")
    assert len(answer.text) < 200


def test_the_round_limit_ends_the_review_and_what_was_accepted_stays() -> None:
    turns = [calls(comment(str(n))) for n in range(9)]
    script = Script(*turns)
    tools, outcome, text = review(script, ReviewLimits(rounds=3, seconds=60))
    assert (outcome, text) == (Outcome.ROUNDS, "")
    assert tools.comments == ["0", "1", "2"]
    assert len(script.heard) == 3


def test_the_answers_before_the_last_turn_say_that_it_is_the_last() -> None:
    script = Script(*(calls(comment(str(n))) for n in range(4)))
    review(script)
    notice = LAST_TURN_NOTE.format("finish")
    notices = [any(notice in answer.text for answer in answers) for answers in script.heard]
    assert notices == [False, False, False, True]
    assert script.heard[3][-1].accepted


def test_the_time_limit_ends_the_review_and_what_was_accepted_stays() -> None:
    async def slow(answers: Sequence[ToolResult]) -> Turn:
        if answers:
            await asyncio.Event().wait()
        return calls(comment())

    tools = FakeTools()
    outcome, text = asyncio.run(converse(tools, slow, ReviewLimits(rounds=4, seconds=0.2)))
    assert (outcome, text) == (Outcome.TIME, "")
    assert tools.comments == ["Say why."]


def test_a_model_that_never_answers_in_time_counts_as_down() -> None:
    async def silent(_: Sequence[ToolResult]) -> Turn:
        await asyncio.Event().wait()
        raise AssertionError

    with pytest.raises(Down, match=r"no answer within 0\.01 s"):
        asyncio.run(converse(FakeTools(), silent, ReviewLimits(rounds=4, seconds=0.01)))


def test_a_timeout_of_somebody_elses_is_not_taken_for_the_limit() -> None:
    async def broken(_: Sequence[ToolResult]) -> Turn:
        raise TimeoutError("a lock")

    with pytest.raises(TimeoutError, match="a lock"):
        asyncio.run(converse(FakeTools(), broken, LIMITS))


def test_f13_the_same_calls_twice_in_a_row_end_the_review() -> None:
    again = calls(comment("a"), comment("b"))
    script = Script(again, calls(comment("b"), comment("a")))
    tools, outcome, _ = review(script)
    assert outcome is Outcome.LOOP
    assert tools.comments == ["a", "b"]
    assert len(tools.calls) == 2, "the repetition is not run"


def test_f13_a_model_none_of_whose_calls_can_be_read_gave_no_review() -> None:
    script = Script(calls(ToolCall("comment", problem="no JSON")))
    with pytest.raises(Hollow, match="none of its calls can be read"):
        review(script)
    assert len(script.heard) == 2


def test_f13_the_same_unreadable_call_after_a_comment_ends_the_review() -> None:
    unreadable = calls(ToolCall("comment", problem="no JSON"))
    tools, outcome, _ = review(Script(calls(comment()), unreadable))
    assert (outcome, tools.comments) == (Outcome.LOOP, ["Say why."])


def test_an_answer_without_a_word_is_none_unless_something_was_said_before() -> None:
    cut, thought = says("", TurnEnding.CUT), Turn("", (), hollow="thinking alone")
    for turn, why in ((cut, "cut off before a word"), (thought, "thinking alone")):
        with pytest.raises(Hollow, match=why):
            review(Script(turn))
        tools, _, _ = review(Script(calls(comment()), turn))
        assert tools.comments == ["Say why."]


def test_f13_calls_that_come_round_again_without_any_effect_end_the_review() -> None:
    one, other = calls(comment("a")), calls(comment("b"))
    script = Script(one, other, one, other, one, other, one, other)
    tools, outcome, _ = review(script, limits=ReviewLimits(rounds=20, seconds=60))
    assert outcome is Outcome.LOOP
    assert len(tools.calls) == 5, "twice refused with the same words is enough"


@pytest.mark.parametrize(
    "second",
    [
        calls(comment("a", block="B2")),
        calls(comment("a"), comment("a")),
        calls(ToolCall("finish", {"block": "B1", "text": "a"})),
    ],
)
def test_calls_that_differ_at_all_are_no_loop(second: Turn) -> None:
    _, outcome, _ = review(Script(calls(comment("a")), second, calls(finish())))
    assert outcome is Outcome.DONE


def test_the_same_calls_with_others_between_them_are_no_loop() -> None:
    script = Script(calls(comment("a")), calls(comment("b")), calls(comment("a")), calls(finish()))
    assert review(script)[1] is Outcome.DONE


def test_f13_a_wall_of_text_is_clamped() -> None:
    _, _, text = review(Script(says(" ".join(map(str, range(10_000))))))
    assert len(text) <= FINAL_TEXT_CHARS
    assert text.endswith("…")


@pytest.mark.parametrize(
    ("raw", "kept"),
    [
        ("", ""),
        (" a ", "a"),
        ("x" * FINAL_TEXT_CHARS, "x" * FINAL_TEXT_CHARS),
        ("x" * (FINAL_TEXT_CHARS + 1), "x" * (FINAL_TEXT_CHARS - 1) + "…"),
    ],
)
def test_a_text_is_clamped_at_the_wall_and_not_before(raw: str, kept: str) -> None:
    assert clamp(raw) == kept


def test_f12_a_window_holds_the_document_what_is_read_besides_and_an_answer() -> None:
    window = ContextWindow(8192)
    assert window.whole < window.part
    assert window.part + window.answer <= window.tokens


ARGUMENTS = st.dictionaries(
    st.sampled_from(["block", "text", "summary", "x"]), st.text(max_size=3), max_size=3
)
CALLS = st.builds(
    ToolCall,
    st.sampled_from(["comment", "comment", "finish", "nonsense", ""]),
    ARGUMENTS,
    st.sampled_from(["", "", "", "cut off"]),
)
TURNS = st.builds(
    Turn,
    st.text(max_size=20),
    st.lists(CALLS, max_size=4).map(tuple),
    st.sampled_from([TurnEnding.WHOLE, TurnEnding.WHOLE, TurnEnding.CUT, TurnEnding.REFUSED]),
)


@given(st.lists(TURNS, min_size=1, max_size=6), st.integers(1, 5))
def test_whatever_a_model_does_each_call_is_answered_and_the_end_is_named(
    turns: list[Turn], rounds: int
) -> None:
    script = Script(*turns)
    try:
        tools, outcome, text = review(script, ReviewLimits(rounds=rounds, seconds=60))
    except Hollow:
        assert not any(answer.accepted for answers in script.heard for answer in answers)
        return
    assert 1 <= len(script.heard) <= rounds
    said = [turns[min(n, len(turns) - 1)] for n in range(len(script.heard))]
    assert [len(answers) for answers in script.heard[1:]] == [len(turn.calls) for turn in said[:-1]]
    assert all(answer.text for answers in script.heard for answer in answers)
    assert (outcome is Outcome.REFUSED) == (said[-1].ending is TurnEnding.REFUSED)
    assert not (tools.finished and outcome is not Outcome.DONE)
    assert text == text.strip()


def passes(*ends: Outcome | Exception) -> tuple[Outcome, tuple[str, ...], list[float], list[str]]:
    """Hold a review of as many passes, ten seconds each; the nth leaves out those after it.

    Also returns the seconds that each was given, and the words that each but the first heard of.
    """
    names = [str(number) for number in range(len(ends))]
    now, given, heard, steps = [0.0], list[float](), list[str](), iter(ends)

    def briefs() -> Iterator[ModelInput]:
        for number, name in enumerate(names):
            rest = tuple(names[number + 1 :])
            yield ModelInput("", name, "", rest, following=following)

    def following(words: str) -> ModelInput | None:
        heard.append(words)
        return next(rest_of, None)

    async def talk(brief: ModelInput, limits: ReviewLimits) -> tuple[Outcome, str]:
        given.append(limits.seconds)
        now[0] += 10
        end = next(steps)
        if isinstance(end, Exception):
            raise end
        return end, brief.document

    rest_of = briefs()
    limits = ReviewLimits(rounds=4, seconds=35)
    outcome, text, omitted = asyncio.run(in_passes(next(rest_of), talk, limits, lambda: now[0]))
    assert text in ("", names[len(given) - 1])
    return outcome, omitted, given, heard


DONE, EMPTY, LOOP, TIME, BUDGET = (
    Outcome.DONE,
    Outcome.EMPTY,
    Outcome.LOOP,
    Outcome.TIME,
    Outcome.BUDGET,
)


@pytest.mark.parametrize(
    ("ends", "outcome", "omitted"),
    [
        ((DONE, DONE, DONE), DONE, ()),
        ((EMPTY, DONE, EMPTY), DONE, ()),
        ((EMPTY, EMPTY), EMPTY, ()),
        ((DONE, LOOP, DONE), LOOP, ()),
        ((DONE, Hollow("nothing of use"), DONE), DONE, ()),
        ((DONE, TIME, DONE), TIME, ("1", "2")),
        ((DONE, Outcome.REFUSED, DONE), Outcome.REFUSED, ("1", "2")),
        ((DONE, Overdrawn("spent"), DONE), BUDGET, ("1", "2")),
        ((DONE, DONE, BudgetEmpty("spent")), BUDGET, ("2",)),
        ((DONE, PageSpent("spent", NOW)), BUDGET, ("1",)),
        ((DONE, DONE, DONE, Down("no answer")), TIME, ("3",)),
    ],
)
def test_a_review_in_passes_ends_as_its_worst_and_names_what_was_not_read(
    ends: tuple[Outcome | Exception, ...], outcome: Outcome, omitted: tuple[str, ...]
) -> None:
    found, left_out, given, heard = passes(*ends)
    assert (found, left_out) == (outcome, omitted)
    told = ["" if isinstance(end, Hollow) else str(number) for number, end in enumerate(ends)]
    assert heard == told[: len(heard)]
    assert given == [35.0, 25.0, 15.0, 5.0][: len(given)]


@pytest.mark.parametrize("why", [Down("no answer"), CutShort("cut off"), ValueError("a bug")])
def test_a_pass_that_fails_fails_all_of_them(why: Exception) -> None:
    with pytest.raises(type(why)):
        passes(DONE, why, DONE)


def test_a_first_pass_that_holds_nothing_shows_that_the_model_is_of_no_use() -> None:
    with pytest.raises(Hollow):
        passes(Hollow("nothing of use"), DONE)


@pytest.mark.parametrize("why", [Overdrawn("spent"), BudgetEmpty("spent"), PageSpent("spent", NOW)])
def test_where_the_first_pass_is_not_covered_there_is_no_review(why: Exception) -> None:
    with pytest.raises(type(why)):
        passes(why)
