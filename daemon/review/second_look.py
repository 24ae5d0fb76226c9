"""A second look at the points of a review: what is asked, and what of the rulings counts. Pure.

A refusal counts only with evidence: words that stand in the document. Doubt keeps a point.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from itertools import product
from typing import Any

from daemon.domain.change import Change
from daemon.domain.second_look import Heard, Look, Seen
from daemon.domain.values import Block, Finding, Prompt, Severity, Snapshot
from daemon.review.agent import ContextWindow, ModelInput, ToolResult, ToolSpec
from daemon.review.cleaning import visible
from daemon.review.digest import DIGEST_TOKENS, Noted, shown_near
from daemon.review.excerpt import Reader
from daemon.review.handles import Handles
from daemon.review.models.failures import WindowTooSmall
from daemon.review.points import MOVED_QUOTE_CHARS, SettledPoint
from daemon.review.prompt import (
    INDENT,
    ReviewInput,
    clipped,
    document_text,
    estimated_tokens,
    indented,
    one_line,
    resource,
)
from daemon.review.quotes import contains_words, fold, locate_surely
from daemon.review.sections import WAYS
from daemon.review.tool_specs import JUDGE, READ, ToolRefusal


REASON_CHARS = 300
# A look that refuses every one of so many points, or more, drops none: it looked at nothing.
ALL_REFUSED = 3
# The share of the room that is left to read what is not shown.
READING = 8
BARE = "no words are quoted"
USED = "the same words are held against another point"
STANDS, WRONG = "stands", "wrong"
NAMED = "these words stand in a block that the point itself names"
OF_ANOTHER = f"with words of another block, as {WRONG} only where the point misquotes this one"
REFUSALS = {
    WRONG: "the text does not bear it",
    "answered": "it is answered elsewhere",
    "idle": "the author would not act on it",
}
Point = Finding | SettledPoint


def brief(
    points: Sequence[Point],
    snapshot: Snapshot,
    prompt: Prompt,
    whole_up_to: int,
    window: ContextWindow | None,
    noted: Noted = (),
    today: date | None = None,
) -> tuple[ModelInput, Opinions]:
    """Return what is read, the document or a part of it and the points, and what takes the rulings.

    What was `noted` of blocks, by their ids, stands beside the part; the rest can be read. Points
    for which there is no room follow, each batch in a request of its own; settled ones go along
    with the first batch alone.

    Raises:
        WindowTooSmall: The window has no room for any of that.
    """
    taking, room = Opinions((), snapshot.blocks, "", None), window.whole if window else None

    @cache
    def reading(others: tuple[Block, ...]) -> tuple[ReviewInput, Handles]:
        blocks = (*snapshot.blocks, *others)
        bare = replace(snapshot, blocks=blocks, threads=(), comments_readable=True)
        return ReviewInput(bare, Change(first=False), prompt, today=today), Handles.of(bare)

    def following(waiting: Sequence[Point]) -> ModelInput | None:
        def request(batch: Sequence[Point], way: int = 0) -> _Request | None:
            return _request(batch, len(taking.points) + 1, reading, whole_up_to, room, noted, way)

        batch, made = _batch(waiting, request)
        if made is None:
            return None
        later = [one for one in waiting if isinstance(one, Finding) and one not in batch]
        taking.begin(batch, *made[1:])
        return replace(made[0], following=lambda _: following(later))

    if first := following(points):
        return first, taking
    raise WindowTooSmall("its window has no room for the points")


_Request = tuple[ModelInput, str, Reader | None]  # with the notes that are shown


def _batch(
    points: Sequence[Point], request: Callable[..., _Request | None]
) -> tuple[Sequence[Point], _Request | None]:
    """Return as many points as fit into one request, and that; no request where no own one fits.

    Where none does with its section, one is looked at with less of the text around it.
    """
    if made := request(points) if points else None:
        return points, made
    settled = [one for one in points if isinstance(one, SettledPoint)]
    for first in (settled, settled[:2], []) if settled else ([],):
        taken, best = list[Point](), None
        for one in (*first, *(one for one in points if isinstance(one, Finding))):
            batch = [other for other in points if other in taken or other is one]
            if made := request(batch):
                taken, best = batch, made
        if any(isinstance(one, Finding) for one in taken):
            return taken, best
    alone = ([one] for one in points if isinstance(one, Finding))
    tried = product(alone, range(1, WAYS))
    found = ((one, made) for one, way in tried if (made := request(one, way)))
    return next(found, ((), None))


def _request(
    points: Sequence[Point],
    first: int,
    reading: Callable[[tuple[Block, ...]], tuple[ReviewInput, Handles]],
    whole_up_to: int,
    most: int | None,
    noted: Noted,
    way: int,
) -> _Request | None:
    """Write what is read of some points, numbered from `first` on; None above `most` tokens."""
    task, handles = reading(tuple((others := _passages(points)).values()))
    asked_for = indented(task.prompt.text, INDENT)
    wanted = f"# What this team asks of its documents\n\n{INDENT}{asked_for}"
    system = f"{resource('second_look.md')}\n\n{wanted}"
    asked = "\n".join(["Points:", *_lines(points, first, handles)])
    taken = estimated_tokens(f"{system}{asked}{JUDGE}{READ}")
    room = whole_up_to + sum(estimated_tokens(one.line) for one in others.values())
    room = room if most is None else min(room, most - taken)
    text, notes, reader = document_text(task, handles), "", None
    if estimated_tokens(text) > room:
        own, left = [one for one in points if isinstance(one, Finding)], room - room // READING
        noting = DIGEST_TOKENS if most is None else (most - taken) // READING
        shown, notes = shown_near(own, others, task, handles, noted, (left, noting), way)
        text = "\n".join(filter(None, (document_text(task, handles, shown), notes)))
        reader = Reader(task, handles, shown, max(room - estimated_tokens(text), room // READING))
    if most is not None and estimated_tokens(text) + taken > most:
        return None
    return ModelInput(system, f"{text}\n{asked}", task.snapshot.page.id), notes, reader


def _passages(points: Iterable[Point]) -> dict[str, Block]:
    """Return the text around settled points, by the ids of its blocks, in the order of these."""
    settled = (one for one in points if isinstance(one, SettledPoint))
    found = {block.id: block for one in settled for block in one.passage}
    return {key: found[key] for key in sorted(found)}


def _lines(points: Sequence[Point], first: int, handles: Handles) -> Iterator[str]:
    """Yield the points without what their author thinks of them."""
    for number, one in enumerate(points, first):
        finding = one if isinstance(one, Finding) else one.finding
        where = handles.of_block[finding.block_id]
        title, text = (
            handles.with_handles(said, finding.block_id) for said in (finding.title, finding.text)
        )
        yield f"[P{number} on {where}] {one_line(title)}"
        yield f"{INDENT}about: {one_line(finding.quote)}"
        yield f"{INDENT}says: {indented(text, INDENT * 2)}"


@dataclass(frozen=True, slots=True)
class Opinion:
    """What was said of one point, maybe `again`; `ground` is a key of `REFUSALS`, or `stands`."""

    ground: str
    quote: str
    reason: str
    again: bool = False


class Opinions:
    """Takes the first ruling on each point; a refusal without evidence may be mended once.

    Args:
        points: What is looked at.
        blocks: The document.
        notes: What is shown beside it.
        reader: Reads what was left out; None where nothing was.
    """

    def __init__(
        self, points: Sequence[Point], blocks: Sequence[Block], notes: str, reader: Reader | None
    ) -> None:
        self._handles = _over(blocks)
        self._returned: dict[int, bool] = {}  # what was to be mended, and whether it still is
        self.points: list[Point] = []
        self.given: dict[int, Opinion] = {}
        self.begin(points, notes, reader)

    def begin(self, points: Sequence[Point], notes: str, reader: Reader | None) -> None:
        """Look at other points; those before have their rulings, or none."""
        self._asked = range(len(self.points) + 1, len(self.points) + len(points) + 1)
        self.points += points
        self._notes, self._reader, self._returned = notes, reader, {}

    @property
    def specs(self) -> tuple[ToolSpec, ...]:
        """The tools that are offered."""
        return (JUDGE, READ) if self._reader else (JUDGE,)

    @property
    def finished(self) -> bool:
        """Whether there is a ruling on every point, and none is to be mended."""
        return self.given.keys() >= {*self._asked} and not any(self._returned.values())

    def call(
        self,
        name: str,
        arguments: Mapping[str, Any],
        *,
        refused: int = 0,  # noqa: ARG002 - nothing ends by a call
        is_last: bool = False,  # noqa: ARG002
    ) -> ToolResult:
        """Take one ruling, or read; a ruling that cannot be read counts as none."""
        spec = READ if name == READ.name else JUDGE
        said = {key: str(arguments.get(key) or "").strip() for key in spec.parameters["required"]}
        try:
            if spec is READ:
                return ToolResult(self._reader(**said) if self._reader else "", accepted=True)
            return ToolResult(self._judged(**said), accepted=True)
        except ToolRefusal as why:
            return ToolResult(f"refused: {why}", accepted=False)

    def _judged(self, point: str, verdict: str, quote: str, reason: str) -> str:
        found, ground = re.search(r"\d+", point), verdict.lower()
        number = int(found[0]) if found else 0
        if number not in self._asked:
            known = f"P{self._asked[0]} to P{self._asked[-1]}"
            raise ToolRefusal(f"there is no such point; they are {known}")
        if ground not in (STANDS, *REFUSALS):
            raise ToolRefusal(f"verdict is {STANDS}, {', '.join(REFUSALS)}")
        if number in self.given and not self._returned.get(number):
            return "noted before"
        said, again = clipped(one_line(reason), REASON_CHARS), number in self._returned
        self.given[number] = Opinion(ground, quote, said, again)
        why = self._unproven(number) if ground != STANDS else ""
        if why and not again:
            self._returned[number] = True
            how = OF_ANOTHER if why == NAMED else "with a quote"
            raise ToolRefusal(f"{why}; judge P{number} once more, {how}, or as {STANDS}")
        self._returned[number] = False
        return f"noted; the point stands, since {why}" if why else "noted"

    def _unproven(self, number: int) -> str:
        """Return why a refusal does not count; "" where it does."""
        point, said = self.points[number - 1], self.given[number]
        made = point if isinstance(point, Finding) else point.finding
        handles = self._handles if isinstance(point, Finding) else _over(point.passage)
        try:
            half = _other_half(said, made, handles)
            evidence(said.quote, made, handles.blocks.values(), self._notes, half)
        except ToolRefusal as why:
            return str(why)
        held = (
            one.quote
            for at, one in self.given.items()
            if at != number
            and one.ground != STANDS
            # Words of one document are no words of another.
            and type(self.points[at - 1]) is type(point)
        )
        return USED if any(_same(said.quote, other) for other in held) else ""


def weighed(
    model: str,
    points: Sequence[Point],
    given: Mapping[int, Opinion],
    blocks: Sequence[Block],
    floor: Severity,
) -> Heard:
    """Return what becomes of the points.

    Only a refusal with evidence drops one, and none where the look refuses half of what authors
    acted on, or everything. A blocking point becomes important at most, where that is posted.

    Args:
        model: Who looked.
        points: What was looked at, in that order.
        given: The rulings, by the number of the point, from 1 on.
        blocks: The document.
        floor: The least severity that is posted.
    """
    ruled = [(points[number - 1], one) for number, one in sorted(given.items())]
    refused = [(point, one) for point, one in ruled if one.ground != STANDS]
    seen = Seen(len(ruled), len(refused), *_counted(ruled))
    look = Look(model, seen=seen)
    own = [(point, one) for point, one in refused if isinstance(point, Finding)]
    if not ruled:
        return Heard(replace(look, note="it gave no ruling that can be read", seen=None))
    if seen.refused_true and seen.refused_true * 2 >= seen.true:
        why_not = f"it refused {seen.refused_true} of {seen.true} points that authors acted on"
        return Heard(replace(look, note=why_not))
    if len(own) >= ALL_REFUSED and len(own) == sum(isinstance(one, Finding) for one in points):
        return Heard(replace(look, note=f"it refused all {len(own)} points"))
    why, overruled = _upheld(own, blocks)
    refuted = tuple(point for point in why if point.severity is not Severity.BLOCKING)
    lower = [one for one in why if one not in refuted and floor is not Severity.BLOCKING]
    reasons = tuple(why[point] for point in refuted)
    told = tuple((point.title, why[point]) for point in lower)
    look = replace(look, reasons=reasons, lowered=told, overruled=overruled)
    return Heard(look, refuted, tuple(lower))


def _upheld(
    refused: Sequence[tuple[Finding, Opinion]], blocks: Sequence[Block]
) -> tuple[dict[Finding, str], tuple[tuple[str, str], ...]]:
    """Return why points are refused, and the titles of those of which that does not count."""
    why, overruled, handles = dict[Finding, str](), [], _over(blocks)
    for point, one in refused:
        try:
            half = _other_half(one, point, handles)
            words = evidence(one.quote, point, handles.blocks.values(), named=half)
            if any(_same(words, other.quote) for known, other in refused if known != point):
                raise ToolRefusal(USED)  # noqa: TRY301 - one place tells of all
            why[point] = _why(one, words)
        except ToolRefusal as lack:
            overruled.append((point.title, f"{_why(one)}; {lack}"))
    return why, tuple(overruled)


def _counted(ruled: Sequence[tuple[Point, Opinion]]) -> Iterator[int]:
    """Yield how many true settled points were ruled on, and refused; then of false ones."""
    for is_true in (True, False):
        found = [
            one.ground != STANDS
            for point, one in ruled
            if isinstance(point, SettledPoint) and point.is_true is is_true
        ]
        yield from (len(found), sum(found))


def _why(verdict: Opinion, words: str = "") -> str:
    said = f": {verdict.reason}" if verdict.reason else ""
    return f"{REFUSALS[verdict.ground]}{said}" + (f" (“{one_line(words)}”)" if words else "")


def _over(blocks: Iterable[Block]) -> Handles:
    blocks = [*blocks]
    return Handles.over(blocks, "\n".join(one.plain for one in blocks))


def _other_half(said: Opinion, point: Finding, handles: Handles) -> set[str]:
    """Return the ids of the blocks that settle nothing: what a point holds against its own.

    It may misquote them, which is to be said twice.
    """
    known = said.again and said.ground == WRONG
    return set() if known else handles.named_in(point.text, point.block_id, surely=True)


def evidence(
    quote: str,
    point: Finding,
    blocks: Iterable[Block],
    notes: str = "",
    named: Collection[str] = (),
) -> str:
    """Return the exact words of the document that a refusal rests on.

    They are more than a word or two, and others than those that the point is about. Of the `notes`
    beside the document none is evidence, and nothing of the blocks `named`, by their ids.

    Raises:
        ToolRefusal: They are not that.
    """
    if len(fold(quote).text) < MOVED_QUOTE_CHARS:
        raise ToolRefusal(f"a quote has {MOVED_QUOTE_CHARS} characters or more" if quote else BARE)
    if contains_words(quote, point.quote):
        raise ToolRefusal("these are the words that the point itself is about")
    found = {one.id: words for one in blocks if (words := locate_surely(quote, one.plain))}
    if words := next((words for key, words in found.items() if key not in named), ""):
        return visible(words)
    if found:
        raise ToolRefusal(NAMED)
    where = "in a note alone, not" if contains_words(quote, notes) else "not"
    raise ToolRefusal(f"these words stand {where} in one block of the document")


def _same(words: str, other: str) -> bool:
    return bool(other) and (contains_words(words, other) or contains_words(other, words))
