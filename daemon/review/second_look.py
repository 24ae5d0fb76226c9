"""A second look at the points of a review: what is asked, and what of the rulings counts. Pure.

A refusal counts only with evidence: words that stand in the document. Doubt keeps a point.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from daemon.domain.change import Change
from daemon.domain.second_look import Look, Seen
from daemon.domain.values import Block, Finding, Prompt, Severity, Snapshot
from daemon.review.agent import ContextWindow, ModelInput, ToolResult, ToolSpec
from daemon.review.cleaning import visible
from daemon.review.handles import Handles
from daemon.review.models.failures import WindowTooSmall
from daemon.review.points import MOVED_QUOTE_CHARS, tells_of
from daemon.review.prompt import (
    INDENT,
    Excerpt,
    ReviewInput,
    clipped,
    document_text,
    estimated_tokens,
    indented,
    one_line,
    resource,
)
from daemon.review.quotes import contains_words, fold, locate_surely


REASON_CHARS = 300
# A look that refuses every one of so many points, or more, drops none: it looked at nothing.
ALL_REFUSED = 3
STANDS = "stands"
REFUSALS = {
    "wrong": "the text does not bear it",
    "answered": "it is answered elsewhere",
    "idle": "the author would not act on it",
}
JUDGE = ToolSpec(
    "judge",
    "Rule on one point.",
    {
        "type": "object",
        "properties": {
            "point": {"type": "string", "description": "Its handle, such as P1"},
            "verdict": {"type": "string", "enum": [STANDS, *REFUSALS]},
            "quote": {
                "type": "string",
                "description": "The exact words that show it; of stands empty",
            },
            "reason": {"type": "string", "description": "One short sentence"},
        },
        "required": ["point", "verdict", "quote", "reason"],
        "additionalProperties": False,
    },
)


@dataclass(frozen=True, slots=True)
class SettledPoint:
    """A point of an earlier review that people settled.

    Attributes:
        finding: The point.
        is_true: Whether an author acted on it; else it was turned down or withdrawn.
        passage: The text around it as that review read it, line by line.
    """

    finding: Finding
    is_true: bool
    passage: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SecondLook:
    """A second look that is to be taken.

    Attributes:
        wanted: Who looks: `same`, `auto`, or a model's name.
        settled: The settled points that go along.
        left_out: Who is not asked, and why.
    """

    wanted: str
    settled: tuple[SettledPoint, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)


Point = Finding | SettledPoint


def shuffled(points: Iterable[Finding], plan: SecondLook, seed: str) -> list[Point]:
    """Return what is looked at, in an order that tells nothing."""
    found: list[Point] = [*points, *plan.settled]
    random.Random(seed).shuffle(found)  # noqa: S311 - an order, no secret
    return found


def brief(
    points: Sequence[Point],
    snapshot: Snapshot,
    prompt: Prompt,
    whole_up_to: int,
    window: ContextWindow | None,
    noted: Iterable[tuple[str, str]] = (),
) -> ModelInput:
    """Return what is read: the document, or the sections that the points stand in, and the points.

    What was `noted` of blocks, by their ids, stands for the sections that are left out.

    Raises:
        WindowTooSmall: The window has no room for that, or what is left of the budget has none.
    """
    bare = replace(snapshot, threads=(), comments_readable=True)
    handles, task = Handles.of(bare), ReviewInput(bare, Change(first=False), prompt)
    wanted = f"# What this team asks of its documents\n\n{INDENT}{indented(prompt.text, INDENT)}"
    system = f"{resource('second_look.md')}\n\n{wanted}"
    asked = "\n".join(["Points:", *_lines(points, handles)])
    taken = estimated_tokens(system + asked + JUDGE.description + str(JUDGE.parameters))
    room = whole_up_to if window is None else min(whole_up_to, window.whole - taken)
    text = document_text(task, handles)
    if estimated_tokens(text) > room:
        lines = [f"{INDENT}{handles.of_block[key]}: {words}" for key, words in noted if words]
        text = document_text(task, handles, _sections_of(points, handles))
        text = "\n".join([text, *(["Notes on other sections:", *lines] if lines else [])])
    if window and estimated_tokens(text) + taken > window.whole:
        raise WindowTooSmall("the points are too much for its window, or for the review's budget")
    return ModelInput(system, f"{text}\n{asked}", snapshot.page.id)


def _lines(points: Sequence[Point], handles: Handles) -> Iterator[str]:
    """Yield the points without what their author thinks of them."""
    for number, one in enumerate(points, 1):
        finding = one.finding if isinstance(one, SettledPoint) else one
        where = handles.of_block[finding.block_id] if finding is one else "the passage below"
        yield f"[P{number} on {where}] {one_line(finding.title)}"
        yield f"{INDENT}about: {one_line(finding.quote)}"
        yield f"{INDENT}says: {indented(finding.text, INDENT * 2)}"
        if isinstance(one, SettledPoint):
            yield f"{INDENT}passage:"
            yield from (INDENT * 2 + indented(line, INDENT * 3) for line in one.passage)


def _sections_of(points: Sequence[Point], handles: Handles) -> Excerpt:
    """Show the headings, and the sections of the points."""
    on = {one.block_id for one in points if isinstance(one, Finding)}
    heading, under = "", dict[str, str]()
    for block in handles.blocks.values():
        heading = block.id if block.is_heading else heading
        under[block.id] = heading
    shown = {under[block_id] for block_id in on}
    return Excerpt(frozenset(id_ for id_, head in under.items() if head not in {id_, *shown}))


@dataclass(frozen=True, slots=True)
class Opinion:
    """What was said of one point; `ground` is a key of `REFUSALS`, or `stands`."""

    ground: str
    quote: str
    reason: str


class Opinions:
    """Takes the rulings on so many points, the first on each."""

    specs = (JUDGE,)

    def __init__(self, points: int) -> None:
        self._points = points
        self.given: dict[int, Opinion] = {}

    @property
    def finished(self) -> bool:
        """Whether there is a ruling on every point."""
        return len(self.given) == self._points

    def call(
        self,
        name: str,  # noqa: ARG002 - there is one tool
        arguments: Mapping[str, Any],
        *,
        refused: int = 0,  # noqa: ARG002 - nothing waits for a correction
        is_last: bool = False,  # noqa: ARG002
    ) -> ToolResult:
        """Take one ruling; one that cannot be read counts as none."""
        said = {key: str(arguments.get(key) or "").strip() for key in JUDGE.parameters["required"]}
        number, ground = re.search(r"\d+", said["point"]), said["verdict"].lower()
        if number is None or not 1 <= int(number[0]) <= self._points:
            return ToolResult(
                f"there is no such point; they are P1 to P{self._points}", accepted=False
            )
        if ground not in (STANDS, *REFUSALS):
            return ToolResult(f"verdict is {STANDS}, {', '.join(REFUSALS)}", accepted=False)
        reason = clipped(one_line(said["reason"]), REASON_CHARS)
        self.given.setdefault(int(number[0]), Opinion(ground, said["quote"], reason))
        return ToolResult("noted", accepted=True)


@dataclass(frozen=True, slots=True)
class Heard:
    """What a second look makes of the points.

    Attributes:
        look: What came of it.
        refuted: The points that it drops.
        lowered: The points that it makes less grave.
    """

    look: Look
    refuted: tuple[Finding, ...] = ()
    lowered: tuple[Finding, ...] = ()


def weighed(
    model: str,
    points: Sequence[Point],
    given: Mapping[int, Opinion],
    blocks: Sequence[Block],
    floor: Severity,
) -> Heard:
    """Return what becomes of the points.

    Only a refusal with evidence drops one, and none where the look refuses what an author acted on,
    or everything. A blocking point becomes important at most, where that is posted.

    Args:
        model: Who looked.
        points: What was looked at, in that order.
        given: The rulings, by the number of the point, from 1 on.
        blocks: The document.
        floor: The least severity that is posted.
    """
    ruled = [(points[number - 1], one) for number, one in sorted(given.items())]
    refused = [(point, one) for point, one in ruled if one.ground != STANDS]
    seen = Seen(
        len(ruled), len(refused), _refused(ruled, is_true=True), _refused(ruled, is_true=False)
    )
    look = Look(model, seen=seen)
    own = [(point, one) for point, one in refused if isinstance(point, Finding)]
    if not ruled:
        return Heard(replace(look, note="it gave no ruling that can be read", seen=None))
    if seen.refused_true:
        return Heard(replace(look, note="it refused a point that an author acted on"))
    if len(own) >= ALL_REFUSED and len(own) == sum(isinstance(one, Finding) for one in points):
        return Heard(replace(look, note=f"it refused all {len(own)} points"))
    shown = {point: evidence(one.quote, point, blocks) for point, one in own}
    once = {point: words for point, words in shown.items() if words and not _is_used(point, shown)}
    why = {point: _why(one, once[point]) for point, one in own if point in once}
    refuted = tuple(point for point in why if point.severity is not Severity.BLOCKING)
    lower = [one for one in why if one not in refuted and floor is not Severity.BLOCKING]
    reasons = tuple(why[point] for point in refuted)
    told = tuple((point.title, why[point]) for point in lower)
    return Heard(replace(look, reasons=reasons, lowered=told), refuted, tuple(lower))


def _refused(ruled: Sequence[tuple[Point, Opinion]], *, is_true: bool) -> bool | None:
    """Tell whether a settled point was refused; None where there is no ruling on such a one."""
    found = [
        one.ground != STANDS
        for point, one in ruled
        if isinstance(point, SettledPoint) and point.is_true is is_true
    ]
    return found[0] if found else None


def _why(verdict: Opinion, words: str) -> str:
    said = f": {verdict.reason}" if verdict.reason else ""
    return f"{REFUSALS[verdict.ground]}{said} (“{one_line(words)}”)"


def evidence(quote: str, point: Finding, blocks: Iterable[Block]) -> str:
    """Return the exact words of the document that a refusal rests on; "" for none.

    They are more than a word or two, and others than those that the point is about.
    """
    if len(fold(quote).text) < MOVED_QUOTE_CHARS or contains_words(quote, point.quote):
        return ""
    found = (locate_surely(quote, block.plain) for block in blocks)
    return next((visible(words) for words in found if words), "")


def _is_used(point: Finding, shown: Mapping[Finding, str]) -> bool:
    """Tell whether the evidence against a point is held against another one too."""
    words = shown[point]
    return any(
        contains_words(words, other) or contains_words(other, words)
        for one, other in shown.items()
        if one is not point and other
    )


_SENTENCE = re.compile(r"(?<=[.!?…])[ \t]+(?=\S)|\n+")
_NAMED = re.compile(r"“(.+?)…?”")


def unsaid(text: str, refuted: Iterable[Finding], handles: Handles) -> str:
    """Return a text without the sentences that tell of a refuted point.

    Such a one names the point's block, or half of the words of weight in its title.
    """
    about = []
    for one in refuted:
        named = _NAMED.match(handles.spelled_out(handles.of_block[one.block_id], briefly=True))
        about.append((one.title, named[1] if named else ""))

    def tells(sentence: str) -> bool:
        return any(tells_of(sentence, title, block) for title, block in about)

    if not about or not any(map(tells, _SENTENCE.split(text))):
        return text
    return " ".join(one for one in _SENTENCE.split(text) if one and not tells(one))
