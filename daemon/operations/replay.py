"""A recorded review once more: the same, from its recording, or with another model or prompt."""

from __future__ import annotations

import asyncio
import json
import selectors
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

from daemon.domain.errors import BudgetEmpty, PromptUnusable, ReviewError, UnknownItem
from daemon.domain.notation import counted, notion_id
from daemon.domain.providers import PROVIDERS
from daemon.domain.records import MessageKind
from daemon.domain.secrets import HIDDEN
from daemon.domain.values import Finding, Outcome, Prompt, Review, Usage
from daemon.notion import from_markdown
from daemon.review.models.access import ModelAccess, Player
from daemon.review.models.cost import Spender
from daemon.review.summary import shrunk
from daemon.sweep.context import Context, ReviewContext
from daemon.sweep.delivery.trial import Comparison, compared
from daemon.sweep.prompts import page
from daemon.sweep.prompts.current import version
from daemon.sweep.recording import Comment, Recording, asking, review_json
from daemon.sweep.reviewing import run_review
from daemon.sweep.second_look import OUT_OF_BUDGET


SHOWN = 60  # characters of a value that a difference shows
BEFORE = 20  # and of these, how many before the first that differs


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of a replay.

    Attributes:
        requests: How many requests were made and compared.
        comments: How many comments were compared.
        difference: The first difference; "" for none.
        notice: What this version of the program asks otherwise; "" for nothing.
    """

    requests: int
    comments: int
    difference: str = ""
    notice: str = ""

    @property
    def is_same(self) -> bool:
        """Whether the same review came out."""
        return not self.difference

    def as_json(self, review: int) -> dict[str, Any]:
        """Return it as `--json` prints it."""
        told = {"review": review, "same": self.is_same, "requests": self.requests}
        found = {"difference": self.difference or None, "notice": self.notice or None}
        return told | {"comments": self.comments} | found

    def in_words(self) -> list[str]:
        """Return it in lines for people."""
        lines = [self.notice] if self.notice else []
        if self.difference:
            return [*lines, f"it differs: {self.difference}"]
        requests, comments = counted(self.requests, "request"), counted(self.comments, "comment")
        return [*lines, f"the same, {requests}, {comments}"]


def replay(recording: Recording) -> Replayed:
    """Hold a recorded review again, offline and in no time, and compare everything."""
    player = Player(recording.exchanges)
    now = asking(recording.session)
    other = [name for name in now if recording.asking.get(name) != now[name]]
    if not other:
        notice = ""
    else:
        notice = (
            f"this version asks otherwise than the one that held the review ({recording.program}): "
            f"the {' and the '.join(other)} differ"
        )
    with asyncio.Runner(loop_factory=_Loop) as runner:
        try:
            review = runner.run(_held(recording, player))
        except ReviewError as error:
            found = _of_requests(player) or f"the review failed: {error}"
            return Replayed(player.played, 0, found, notice)
    looks = recording.result.look, review.look
    if all(one and one.note for one in looks):  # how a connection failed is recorded in part
        review = replace(review, look=looks[0])
    results = review_json(recording.result), review_json(review)
    difference = _of_requests(player) or _of_bodies(*results, "the review: ")
    comments = [one for one in recording.comments if one.kind in _COMPARED]
    difference = difference or next(_of_comments(comments, review), "")
    return Replayed(player.played, len(comments), difference, notice)


async def _held(recording: Recording, player: Player) -> Review:
    from daemon.review.models.chain import Chain

    loop = asyncio.get_running_loop()
    access = ModelAccess(
        keys=dict.fromkeys(PROVIDERS, "not needed"),
        urls=recording.urls,
        prices=recording.config.prices,
        windows=recording.windows,
    )
    limiter = _Recorded(player, recording.result)
    chain = Chain(access, monotonic=loop.time, spending_limiter=limiter)
    secrets = frozenset({HIDDEN}) if recording.is_redacted else frozenset()
    context = ReviewContext(chain, recording.config, recording.today, secrets, player)
    found = recording.result.looked_up
    context = replace(context, look_up=lambda words: found.get(words, ()))
    # Who was to look then was next in a chain that is not known in full.
    plan, look = recording.session.second_look, recording.result.look
    asked = replace(plan, wanted=look.model) if plan and look else None
    session = replace(recording.session, second_look=asked)
    target = replace(session.target, models=recording.order)
    try:
        return await run_review(context, replace(session, target=target))
    finally:
        await chain.aclose()


class _Recorded:
    """Refuses a request where the recording ends because a day's or a month's budget did."""

    def __init__(self, player: Player, result: Review) -> None:
        self._player = player
        cut = result.look is not None and result.look.note == OUT_OF_BUDGET
        self._is_short = cut or result.outcome is Outcome.BUDGET

    async def reserve(self, spender: Spender, model: str, worst: Usage) -> int:  # noqa: ARG002
        """Allow what was allowed.

        Raises:
            BudgetEmpty: The review was stopped here.
        """
        if self._is_short and self._player.is_over:
            raise BudgetEmpty("the budget was spent here")
        return 0

    def settle(self, number: int, usage: Usage | None) -> None:
        """Count nothing: it was counted when it was spent."""

    def lose(self, number: int) -> None:
        """Count nothing."""


class _Jumping(selectors.DefaultSelector):
    """Polls; what the loop would have waited is added to its time instead."""

    def __init__(self) -> None:
        super().__init__()
        self.jumped = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0 if timeout is not None else None)
        if not ready and timeout:
            self.jumped += max(timeout, 0.0)
        return ready


class _Loop(asyncio.SelectorEventLoop):
    """A loop whose waits take no time: nothing outside of the process is asked."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Return the seconds since it began, waits included."""
        return self._jumping.jumped

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> Any:  # type: ignore[override] # noqa: ARG002
        """Do the work at once: in another thread it would last while the time jumps."""
        done = self.create_future()
        done.set_result(func(*args))
        return done


_COMPARED = (MessageKind.FINDING.value, MessageKind.REPLY.value, MessageKind.SUMMARY.value)


def _of_comments(comments: Sequence[Comment], review: Review) -> Iterator[str]:
    """Yield how the comments that were written differ from those that would be written now."""
    bodies: dict[tuple[str, str], list[str]] = {}
    for finding in review.findings:
        place = MessageKind.FINDING.value, finding.block_id
        bodies.setdefault(place, []).append(from_markdown.finding_body(finding))
    for reply in review.replies:
        bodies.setdefault((MessageKind.REPLY.value, reply.thread_id), []).append(reply.text)
    said = [one.text for one in review.rulings if one.text]
    for comment in comments:
        now = bodies.get((comment.kind, comment.target), [])
        if comment.kind == MessageKind.SUMMARY.value:
            now = [review.summary, shrunk(comment.body, answered=True)]
        elif comment.kind == MessageKind.REPLY.value:
            now = [*now, *said]
        if comment.body not in now:
            other = _shortened(comment.body, now[0]) if now else "it is not written any more"
            yield f"the {comment.kind} on {comment.target}: {other}"


def _of_requests(player: Player) -> str:
    """Return the first difference of the requests; "" for none."""
    at, count = player.played, len(player.exchanges)
    if player.strange is None:
        return "" if player.is_over else f"request {at + 1} of {count} is not made any more"
    line, body = player.strange
    if player.is_over:
        return f"after {counted(at, 'request')} one more is made"
    then = player.exchanges[at]
    where = f"request {at + 1} of {count}: "
    return where + (
        _of_bodies(then.request, body) if line == then.line else _shortened(then.line, line)
    )


def _of_bodies(one: bytes, other: bytes, lead: str = "") -> str:
    """Return the first difference of two bodies, by its path where both are JSON; "" for none."""
    if one == other:
        return ""
    try:
        values = json.loads(one), json.loads(other)
    except ValueError:
        return lead + _shortened(one.decode(errors="replace"), other.decode(errors="replace"))
    found = next(_differences(*values, "$"), None)
    return lead + (found or "the same values, written in another way")


_NOTHING = object()


def _differences(one: Any, other: Any, path: str) -> Iterator[str]:
    if isinstance(one, dict) and isinstance(other, dict):
        for key in dict.fromkeys([*one, *other]):
            yield from _differences(
                one.get(key, _NOTHING), other.get(key, _NOTHING), f"{path}.{key}"
            )
    elif isinstance(one, list) and isinstance(other, list):
        for at, pair in enumerate(zip_longest(one, other, fillvalue=_NOTHING)):
            yield from _differences(*pair, f"{path}[{at}]")
    elif one != other or type(one) is not type(other):
        yield f"{path}: {_shortened(one, other)}"


def _shortened(one: Any, other: Any) -> str:
    """Return two values, the text of each from shortly before the first character that differs."""
    texts = [
        "nothing" if value is _NOTHING else value if isinstance(value, str) else json.dumps(value)
        for value in (one, other)
    ]
    pairs = enumerate(zip_longest(*texts))
    first = next((at for at, (here, there) in pairs if here != there), 0)
    begin = max(first - BEFORE, 0)
    parts = [
        f"{'…' if begin else ''}{text[begin : begin + SHOWN]}"
        f"{'…' if len(text) > begin + SHOWN else ''}"
        for text in texts
    ]
    return f"then {parts[0]!r}, now {parts[1]!r}"


@dataclass(frozen=True, slots=True)
class Sides:
    """A recorded review beside one of the same text by another model or prompt.

    Attributes:
        recording: The first.
        model: Who held the second.
        prompt: The version of its prompt.
        review: The second.
    """

    recording: Recording
    model: str
    prompt: str
    review: Review

    @property
    def points(self) -> Comparison:
        """The points of both."""
        reviews = (self.recording.result, self.review)
        then, now = ([*one.findings, *one.kept] for one in reviews)
        return compared(then, now, self.recording.session.snapshot.blocks)

    def as_json(self) -> dict[str, Any]:
        """Return it as `--json` prints it."""
        points = self.points
        pairs = {"same": points.same, "moved": points.moved}
        return {
            "review": self.recording.review,
            "then": _figures(self.recording.result, version(self.recording.session.prompt)),
            "now": _figures(self.review, self.prompt),
            **{
                name: [{"then": _point(one), "now": _point(two)} for one, two in found]
                for name, found in pairs.items()
            },
            "new": [_point(one) for one in points.new],
            "lost": [_point(one) for one in points.lost],
        }

    def in_words(self) -> Iterator[str]:
        """Yield it in lines for people."""
        points, then = self.points, self.recording.result
        yield f"then: {_line(then, version(self.recording.session.prompt))}"
        yield f"now:  {_line(self.review, self.prompt)}"
        yield f"{counted(len(points.same), 'point')} the same"
        for one, two in points.moved:
            yield f"  moved from {one.severity.value} to {two.severity.value}: {two.title}"
        for name, found in (("new", points.new), ("lost", points.lost)):
            yield f"{counted(len(found), 'point')} {name}"
            yield from (f"  {one.severity.value}: {one.title}" for one in found)


def _figures(review: Review, prompt: str) -> dict[str, Any]:
    usage = review.usage
    told = {"model": review.model, "prompt": prompt, "outcome": review.outcome.value}
    counts = {"points": len(review.findings) + len(review.kept), "replies": len(review.replies)}
    tokens = {"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens}
    return told | counts | tokens | {"cost_usd": round(usage.cost_usd, 6)}


def _line(review: Review, prompt: str) -> str:
    points, usage = len(review.findings) + len(review.kept), review.usage
    said = f"{counted(points, 'point')}, {counted(len(review.replies), 'reply')}"
    cost = f"{usage.tokens} tokens, ${usage.cost_usd:.4f}"
    return f"{review.model}, prompt {prompt}: {review.outcome.value}, {said}; {cost}"


def _point(one: Finding) -> dict[str, str]:
    return {"title": one.title, "severity": one.severity.value, "block": one.block_id}


async def side_by_side(
    context: Context, recording: Recording, model: str | None, prompt: Prompt | str | None
) -> Sides:
    """Review the recorded text with another model or prompt; nothing of it is posted or kept.

    What it costs counts as any request does.

    Args:
        context: The connections of now, with their keys and limits.
        recording: The first review.
        model: Whom to ask; None: who answered then.
        prompt: A prompt, or the id of a page that holds one; None: the prompt of then.

    Raises:
        ReviewError: The prompt cannot be read, or the model does not review.
    """
    session, shape = recording.session, recording.config.limits
    if isinstance(prompt, str):
        try:
            prompt = await page.read(context, prompt, await context.notion.page(prompt))
        except page.Unreadable as error:
            raise PromptUnusable(f"prompt page {prompt}: {error}") from error
    session = replace(session, prompt=prompt or session.prompt)
    asked = model or recording.result.model
    shaped = {name: getattr(shape, name) for name in _SHAPING}
    limits = context.config.limits.model_copy(update=shaped)
    made_with = ReviewContext(
        context.models,
        recording.config.model_copy(update={"limits": limits}),
        recording.today,
        context.secrets,
    )
    target = replace(session.target, models=(asked,))
    review = await run_review(made_with, replace(session, target=target))
    return Sides(recording, asked, version(session.prompt), review)


# Limits that shape a review; the others are about money.
_SHAPING = ("comments_per_review", "comments_per_block", "rounds")


def prompt_named(named: str) -> Prompt | str:
    """Return the prompt that a file holds, as a sweep reads it, or the id of a page.

    Raises:
        PromptUnusable: The file is empty, or no text.
        UnknownItem: There is no such file, and no page can be called so.
    """
    path = Path(named)
    if not path.is_file():
        try:
            return notion_id(named)
        except ValueError as error:
            raise UnknownItem(f"prompt {named}: is no file; as a page it {error}") from error
    try:
        words = path.read_text("utf-8").strip()
    except ValueError as error:
        raise PromptUnusable(f"{path}: is not UTF-8; save it as UTF-8 text") from error
    if not words:
        raise PromptUnusable(f"{path}: is empty; write the prompt into it")
    return Prompt(path.stem, words, str(path))
