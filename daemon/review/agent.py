"""The loop of one review: the model and its tools take turns until a limit. Knows no vendor."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum, auto
from typing import Any, Protocol

from daemon.domain.errors import BudgetEmpty, PageSpent
from daemon.domain.values import Effort, Outcome, Usage
from daemon.review.models.cost import NOBODY, Overdrawn, Spender
from daemon.review.models.failures import CutShort, Down, Hollow


FINAL_TEXT_CHARS = 24_000  # of a final text that are looked at; of a summary fewer are posted
CUT_SHORT = (
    "the answer was cut off before a word of use; give the model a larger window, or more room for "
    "its answer, or turn its thinking down"
)
NO_CALL_READ = (
    "none of its calls can be read; turn on the tool calls of the server (vLLM: "
    "--tool-call-parser), or choose a model that can call tools"
)
LAST_TURN_NOTE = "One turn is left: call {} in it."
# The tools that end a review, and a pass of one that is held in several.
FINISH, NOTE = ENDS = ("finish", "note")
RULE = "judge"
# At most, of one image; vendors count fewer: https://platform.claude.com/docs/en/build-with-claude/vision
IMAGE_TOKENS = 3_000


@dataclass(frozen=True, slots=True)
class ModelInput:
    """The text that the model reads before its first turn.

    Attributes:
        system: Instructions and prompt page. The same for every page, so providers cache it.
        document: The first message: the document, its threads, and what changed.
        key: The page's id. OpenAI groups requests by it, so that more of them hit the cache.
        omitted: Names of the sections that are not read where the review ends with this.
        opening: What comes before the document and is the same in every pass of a review, so that
            providers cache it.
        following: Makes what the model reads in the next pass, a conversation of its own, from what
            the tools accepted by then and the words that ended this one; None for the last.
        images: What is shown besides: words before each, its type, its bytes in base64.
    """

    system: str
    document: str
    key: str
    omitted: tuple[str, ...] = ()
    opening: str = ""
    following: Callable[[str], ModelInput | None] = lambda _: None
    images: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as the model sees it; `parameters` is a JSON schema, each property required."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ToolResult:
    """The result of a tool call, in words for the model."""

    text: str
    accepted: bool


class Toolbox(Protocol):
    """The tools of one review and what they have accepted so far."""

    @property
    def specs(self) -> Sequence[ToolSpec]:
        """The tools in a fixed order: providers cache them with the instructions."""

    def call(
        self, name: str, arguments: Mapping[str, Any], *, refused: int = 0, is_last: bool = False
    ) -> ToolResult:
        """Run one call and return its result; never raises.

        `refused` tells `finish` how many calls of the same turn were refused, `is_last` that no
        other turn follows: what it says is not heard.
        """

    @property
    def finished(self) -> bool:
        """Whether the model ended the review, or the pass that it is in."""


@dataclass(frozen=True, slots=True)
class ContextWindow:
    """A model's context window in tokens: it holds prompt, tools and all turns."""

    tokens: int

    @property
    def whole(self) -> int:
        """Tokens for the instructions, tools and document where all of it is shown: two thirds."""
        return self.tokens * 2 // 3

    @property
    def part(self) -> int:
        """Tokens for the same where a part of it is shown, with what is read besides."""
        return self.tokens * 3 // 4

    @property
    def answer(self) -> int:
        """Tokens for one turn of the model."""
        return self.tokens // 5


@dataclass(frozen=True, slots=True)
class ReviewLimits:
    """The limits of one review; `seconds` starts again when another provider takes over."""

    rounds: int
    seconds: float
    output_tokens: int = 6_000
    effort: Effort = Effort.LOW
    spender: Spender = NOBODY


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool call of the model; `problem` says why it cannot be run (unreadable, cut off)."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""

    @property
    def signature(self) -> tuple[str, str, str]:
        """A value that is equal for equal calls, whatever the order of their arguments."""
        return self.name, repr(sorted(self.arguments.items())), self.problem


class TurnEnding(StrEnum):
    """How a turn of the model ended."""

    WHOLE = auto()
    CUT = auto()
    REFUSED = auto()


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of the model.

    Attributes:
        text: Its words for people, without thinking and protocol.
        calls: Its calls, in order.
        ending: How it ended.
        hollow: Why a turn without words and calls is no answer; "" where it may be one.
        written: Whether its calls came as text.
    """

    text: str
    calls: tuple[ToolCall, ...]
    ending: TurnEnding = TurnEnding.WHOLE
    hollow: str = ""
    written: bool = False


@dataclass(frozen=True, slots=True)
class Conversation:
    """The end of a review's conversation.

    Attributes:
        outcome: How it ended.
        text: The last text, whole, of a model that ended without `finish`; else "".
        model: The model that answered, such as `anthropic:claude-sonnet-5-5`.
        usage: All requests, including those to providers that failed.
        tools: The tools with what they accepted, also when the outcome is not complete.
        omitted: Names of the sections that this model was not shown.
        is_blind: Whether it was found to see no images.
    """

    outcome: Outcome
    text: str
    model: str
    usage: Usage
    tools: Toolbox
    omitted: tuple[str, ...] = ()
    is_blind: bool = False


NextTurn = Callable[[Sequence[ToolResult]], Awaitable[Turn]]
Talk = Callable[[ModelInput, ReviewLimits], Awaitable[tuple[Outcome, str]]]

# Outcomes after which no other pass is begun.
_STOPS = (Outcome.REFUSED, Outcome.TIME, Outcome.BUDGET)


async def in_passes(
    brief: ModelInput, talk: Talk, limits: ReviewLimits, monotonic: Callable[[], float]
) -> tuple[Outcome, str, tuple[str, ...]]:
    """Hold the conversation of a brief, then of each that follows it; a pass that fails fails all.

    The seconds of `limits` are those of all passes, the rounds those of each.

    Returns:
        The outcome, the final text of the last, and the names of the sections that were not read.

    Raises:
        Down, CutShort: A pass failed.
        Hollow: The first pass holds nothing that can be used; a later one just ends.
        Overdrawn, BudgetEmpty, PageSpent: As `converse`, in the first pass; later the review ends.
    """
    until = monotonic() + limits.seconds
    outcome, text = await talk(brief, limits)
    outcomes = [outcome]
    while outcome not in _STOPS and (following := brief.following(text)):
        left = max(until - monotonic(), 0.0)
        try:
            outcome, text = await talk(following, replace(limits, seconds=left))
        except CutShort:
            raise
        except Hollow:
            outcome, text = Outcome.EMPTY, ""
        except (Overdrawn, BudgetEmpty, PageSpent):
            return Outcome.BUDGET, "", brief.omitted
        except Down:
            if monotonic() < until:
                raise
            return Outcome.TIME, "", brief.omitted
        brief = brief if outcome in _STOPS else following  # what it was shown counts as unread
        outcomes.append(outcome)
    incomplete = [one for one in outcomes if not one.is_complete]
    said = [one for one in outcomes if one is not Outcome.EMPTY]
    return (incomplete or said or outcomes)[-1], text, brief.omitted


async def converse(tools: Toolbox, ask: NextTurn, limits: ReviewLimits) -> tuple[Outcome, str]:
    """Run the model's turns and tool calls until the model ends the review or a limit is reached.

    Args:
        tools: Runs the calls and keeps what it accepts.
        ask: Sends the results of the last turn's calls to the model, in their order, and returns
            the next turn. The first time there are no results.
        limits: The rounds and seconds.

    Returns:
        The outcome, and the final text, whole, when the model ended without `finish`, else "".

    Raises:
        Down: The time ran out before the first turn.
        Hollow, CutShort: What the model said holds nothing that can be used.
        Overdrawn: The review's budget does not cover the first request.
        BudgetEmpty, PageSpent: Another budget ran out before a call was accepted.
    """
    talk = _Progress(tools)
    timer = asyncio.timeout(limits.seconds)
    try:
        async with timer:
            return await _rounds(talk, ask, limits.rounds)
    except TimeoutError:
        if not timer.expired():
            raise
        if not talk.turns:
            raise Down(f"no answer within {limits.seconds:g} s") from None
        return Outcome.TIME, ""
    except Overdrawn:
        if not talk.turns:
            raise
    except (BudgetEmpty, PageSpent):
        if not talk.accepted:
            raise
    return Outcome.BUDGET, ""


class _Progress:
    """The progress of a review: its turns so far, and whether a call was accepted."""

    def __init__(self, tools: Toolbox) -> None:
        self.tools = tools
        self.turns = 0
        self.accepted = False
        self.readable = self.is_cut = False
        self._last: Counter[tuple[str, str, str]] | None = None
        self._seen: set[tuple[tuple[str, str, str], str]] = set()
        self._is_told = False
        self._heard: set[tuple[str, str, str]] = set()

    def repeats(self, turn: Turn) -> bool:
        """Return whether `turn` makes exactly the calls of the turn before it."""
        calls = Counter(call.signature for call in turn.calls)
        again = calls == self._last
        self._last = calls
        return again

    def learns(self, turn: Turn, answers: Sequence[ToolResult]) -> bool:
        """Return whether a call of `turn`, or its result, is one that was not there before."""
        pairs = {
            (call.signature, answer.text) for call, answer in zip(turn.calls, answers, strict=True)
        }
        new = not pairs <= self._seen
        self._seen |= pairs
        return new

    def run_all(self, turn: Turn, *, is_last: bool) -> list[ToolResult]:
        """Run the calls of a turn, what ends it after all others; return their results in order.

        The end is told what was refused: where another turn follows, the model hears the reasons.
        Once it was told, a call that is refused in the same words again counts as heard.
        """
        results: dict[int, ToolResult] = {}
        order = sorted(range(len(turn.calls)), key=lambda at: turn.calls[at].name in ENDS)
        for at in order:
            failed = {
                turn.calls[one].signature for one, result in results.items() if not result.accepted
            }
            failed -= self._heard if self._is_told else set()
            results[at] = self._run(turn.calls[at], len(failed), is_last=is_last)
            self._is_told |= turn.calls[at].name in ENDS and not results[at].accepted
        self._heard |= {
            turn.calls[at].signature for at, result in results.items() if not result.accepted
        }
        return [results[at] for at in range(len(turn.calls))]

    def _run(self, call: ToolCall, refused: int, *, is_last: bool) -> ToolResult:
        if call.problem:
            return ToolResult(call.problem, accepted=False)
        self.readable = True
        known = [spec.name for spec in self.tools.specs]
        if call.name not in known:
            unknown = f"There is no tool {call.name[:60]!r}. The tools: {', '.join(known)}."
            return ToolResult(unknown, accepted=False)
        answer = self.tools.call(call.name, call.arguments, refused=refused, is_last=is_last)
        self.accepted |= answer.accepted
        return answer


async def _rounds(talk: _Progress, ask: NextTurn, rounds: int) -> tuple[Outcome, str]:
    answers: list[ToolResult] = []
    for left in reversed(range(rounds)):
        turn = await ask(answers)
        talk.turns += 1
        talk.is_cut |= turn.ending is TurnEnding.CUT
        if end := _end(talk, turn):
            return end
        answers = talk.run_all(turn, is_last=left == 0)
        if talk.tools.finished:
            return Outcome.DONE, ""
        if not talk.learns(turn, answers):
            return _stopped(talk, Outcome.LOOP)
        if left == 1 and any(spec.name == FINISH for spec in talk.tools.specs):
            ends = " or ".join(one.name for one in talk.tools.specs if one.name in ENDS)
            told = f"{answers[-1].text}\n{LAST_TURN_NOTE.format(ends)}"
            answers[-1] = ToolResult(told, answers[-1].accepted)
    return _stopped(talk, Outcome.ROUNDS)


def _stopped(talk: _Progress, outcome: Outcome) -> tuple[Outcome, str]:
    """Return how a review ends that was stopped.

    Raises:
        Hollow, CutShort: None of its calls could be read.
    """
    if not talk.readable and not talk.accepted:
        raise CutShort(CUT_SHORT) if talk.is_cut else Hollow(NO_CALL_READ)
    return outcome, ""


def _end(talk: _Progress, turn: Turn) -> tuple[Outcome, str] | None:
    """Return how `turn` ends the review, or None when its calls are to be run.

    Raises:
        Hollow, CutShort: It ends a review in which nothing was said.
    """
    if turn.ending is TurnEnding.REFUSED:
        return Outcome.REFUSED, ""
    text = clamp(turn.text)
    again = talk.repeats(turn)  # a call that is cut off is made once more, shorter
    has_stumps = turn.ending is TurnEnding.CUT and all(call.problem for call in turn.calls)
    if has_stumps and (again or not turn.calls):
        if not text and not talk.accepted:
            raise CutShort(CUT_SHORT)
        return Outcome.TRUNCATED, ""
    if not turn.calls:
        if turn.hollow and not talk.accepted:
            raise Hollow(turn.hollow)
        silent = not text and not talk.accepted
        return (Outcome.EMPTY if silent else Outcome.DONE), text
    # A model that insists on its end, or on a ruling, after a refusal has its way.
    insists = any(call.name in (*ENDS, RULE) for call in turn.calls)
    return _stopped(talk, Outcome.LOOP) if again and not insists else None


def clamp(text: str) -> str:
    """Return `text` without surrounding space, cut to FINAL_TEXT_CHARS with "…" at its end."""
    text = text.strip()
    return text if len(text) <= FINAL_TEXT_CHARS else text[: FINAL_TEXT_CHARS - 1].rstrip() + "…"
