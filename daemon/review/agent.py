"""One review: a model and its tools in turn, under limits. Knows no vendor."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum, auto
from typing import Any, Protocol

from daemon.domain.values import Outcome, Usage
from daemon.domain.errors import BudgetEmpty, PageSpent
from daemon.review.models.failures import Down
from daemon.review.models.purse import NOBODY, Overdrawn, Payer


WALL = 24_000  # characters of a final text that are looked at; of a summary fewer are posted
LAST_TURN = "One turn is left: call finish in it."


@dataclass(frozen=True, slots=True)
class Brief:
    """What the model reads before its first turn.

    Attributes:
        system: Instructions and prompt page: the same for every page, so that it is cached.
        document: The first message: the document, its threads, what changed.
        key: Groups requests with the same beginning at OpenAI; the page's id.
        omitted: The sections that did not fit into the window.
    """

    system: str
    document: str
    key: str
    omitted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as the model sees it; `parameters` is a JSON schema, each property required."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call led to, in words for the model."""

    text: str
    accepted: bool


class Toolbox(Protocol):
    """The tools of one review, with what they accepted so far."""

    @property
    def specs(self) -> Sequence[ToolSpec]:
        """The tools, in a fixed order: they begin what providers cache."""

    def call(self, name: str, arguments: Mapping[str, Any]) -> Answer:
        """Run one call and say what came of it; never raises."""

    @property
    def finished(self) -> bool:
        """Whether the model ended the review."""


@dataclass(frozen=True, slots=True)
class Window:
    """A model's context in tokens: prompt, tools, and all that is said afterwards."""

    tokens: int

    @property
    def prompt(self) -> int:
        """Tokens for instructions, tools and document; the turns need the other half."""
        return self.tokens // 2

    @property
    def answer(self) -> int:
        """Tokens for one turn of the model."""
        return self.tokens // 4


@dataclass(frozen=True, slots=True)
class Limits:
    """What one review may take; `seconds` counts anew where another provider takes over."""

    rounds: int
    seconds: float
    output_tokens: int = 6_000
    payer: Payer = NOBODY


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call; `problem` says why it cannot be run (unreadable, cut off)."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""

    @property
    def signature(self) -> tuple[str, str, str]:
        """What makes two calls the same, whatever the order of their arguments."""
        return self.name, repr(sorted(self.arguments.items())), self.problem


class Ending(StrEnum):
    """How a turn of the model ended."""

    WHOLE = auto()
    CUT = auto()
    REFUSED = auto()


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of the model."""

    text: str
    calls: tuple[Call, ...]
    ending: Ending = Ending.WHOLE


@dataclass(frozen=True, slots=True)
class Conversation:
    """How a review went.

    Attributes:
        outcome: How it ended.
        text: What the model said in place of `finish`, or why it refused; else "".
        model: Who held it, such as `anthropic:claude-sonnet-5-5`.
        usage: Every request, those to providers that failed as well.
        tools: What was accepted, also where the outcome is not complete.
        omitted: The sections that this model could not be shown.
    """

    outcome: Outcome
    text: str
    model: str
    usage: Usage
    tools: Toolbox
    omitted: tuple[str, ...] = ()


Ask = Callable[[Sequence[Answer]], Awaitable[Turn]]


async def converse(tools: Toolbox, ask: Ask, limits: Limits) -> tuple[Outcome, str]:
    """Let the model speak and run its calls until it ends or a limit does.

    Args:
        tools: Runs the calls, and keeps what it accepts.
        ask: Hands the answers to the last turn's calls to the model, in their order; returns its
            next turn. The first time there are none.
        limits: Rounds and seconds.

    Returns:
        How it ended, and the final text where the model ended without `finish`, else "".

    Raises:
        Down: The time was over before the model said anything.
        Overdrawn: The review's budget does not cover its first request.
        BudgetEmpty, PageSpent: Another budget does not, before anything was accepted.
    """
    talk = _Talk(tools)
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


class _Talk:
    """Where a review stands: the turns so far, and whether anything was accepted."""

    def __init__(self, tools: Toolbox) -> None:
        self.tools = tools
        self.turns = 0
        self.accepted = False
        self._last: Counter[tuple[str, str, str]] | None = None
        self._seen: set[tuple[tuple[str, str, str], str]] = set()

    def repeats(self, turn: Turn) -> bool:
        """Tell whether `turn` makes exactly the calls of the turn before it."""
        calls = Counter(call.signature for call in turn.calls)
        again = calls == self._last
        self._last = calls
        return again

    def learns(self, turn: Turn, answers: Sequence[Answer]) -> bool:
        """Tell whether any call of `turn` is new, or led to something that it did not before."""
        pairs = {
            (call.signature, answer.text) for call, answer in zip(turn.calls, answers, strict=True)
        }
        new = not pairs <= self._seen
        self._seen |= pairs
        return new

    def run(self, call: Call) -> Answer:
        """Answer one call."""
        if call.problem:
            return Answer(call.problem, accepted=False)
        known = [spec.name for spec in self.tools.specs]
        if call.name not in known:
            unknown = f"There is no tool {call.name[:60]!r}. The tools: {', '.join(known)}."
            return Answer(unknown, accepted=False)
        answer = self.tools.call(call.name, call.arguments)
        self.accepted |= answer.accepted
        return answer


async def _rounds(talk: _Talk, ask: Ask, rounds: int) -> tuple[Outcome, str]:
    answers: list[Answer] = []
    for left in reversed(range(rounds)):
        turn = await ask(answers)
        talk.turns += 1
        if end := _end(talk, turn):
            return end
        answers = [talk.run(call) for call in turn.calls]
        if talk.tools.finished:
            return Outcome.DONE, ""
        if not talk.learns(turn, answers):
            return Outcome.LOOP, ""
        if left == 1:
            answers[-1] = Answer(f"{answers[-1].text}\n{LAST_TURN}", answers[-1].accepted)
    return Outcome.ROUNDS, ""


def _end(talk: _Talk, turn: Turn) -> tuple[Outcome, str] | None:
    """Return how `turn` ends the review, or None where its calls are to be run."""
    text = clamp(turn.text)
    if turn.ending is Ending.REFUSED:
        return Outcome.REFUSED, text
    if turn.ending is Ending.CUT and all(call.problem for call in turn.calls):
        return Outcome.TRUNCATED, text
    if not turn.calls:
        silent = not text and not talk.accepted
        return (Outcome.NOTHING_TO_ADD if silent else Outcome.DONE), text
    return (Outcome.LOOP, "") if talk.repeats(turn) else None


def clamp(text: str) -> str:
    """Return `text` without surrounding blanks, cut where it is a wall."""
    text = text.strip()
    return text if len(text) <= WALL else text[: WALL - 1].rstrip() + "…"
