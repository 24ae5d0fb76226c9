"""The tools as the model sees them, their arguments, and what proposals are checked against."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from daemon.domain.change import FIRST, Change
from daemon.domain.findings import LedgerEntry
from daemon.domain.values import AuthorKind, Block, Finding, Severity, Thread, Verdict
from daemon.review.agent import NOTE, RULE, ToolSpec
from daemon.review.handles import Handles
from daemon.review.leaks import NO_GUARD, LeakGuard
from daemon.review.points import OwnPoint, are_same_texts
from daemon.review.prompt import clipped, one_line
from daemon.review.summary import CHECKLIST_SCHEMA


def _spec(name: str, description: str, **fields: Mapping[str, Any]) -> ToolSpec:
    return ToolSpec(
        name,
        description,
        {
            "type": "object",
            "properties": fields,
            "required": list(fields),
            "additionalProperties": False,
        },
    )


_STRING = {"type": "string"}
# How many blocks a refusal names.
BLOCKS_NAMED = 5


def _text(description: str) -> dict[str, Any]:
    return {**_STRING, "description": description}


_FINISH = {
    "summary": _text("Empty when nothing to say"),
    "question": _text("The one whose answer would change the decision; else empty"),
}
_COMMENT = {
    "block": _text("Its handle, such as B3"),
    "quote": _text("Its exact words that this is about; the same words are the same point"),
    "title": _text("The point in at most eight words"),
    "text": _STRING,
    "severity": {"type": "string", "enum": [severity.value for severity in Severity]},
    "instead": _text(
        "Where other words in place of the quote settle it: these, at most twice as long, with no "
        "figure, name or link that nobody wrote; else empty"
    ),
}
_ON_ONE = "Comment on one block. Where a point of your own stands on it, rule on that first."
SPECS = (
    _spec("comment", _ON_ONE, **_COMMENT),
    _spec(
        "reply",
        "Answer a thread in which a comment is marked new.",
        thread=_STRING,
        text=_STRING,
    ),
    _spec(
        "leave",
        "Leave a new comment without a reply.",
        thread=_STRING,
        reason=_STRING,
    ),
    _spec(
        "follow_up",
        "Rule on a point of your own that is open, or open one again; the last ruling stands.",
        thread=_text("The thread that it began"),
        verdict={
            "type": "string",
            "enum": [verdict.value for verdict in Verdict],
            "description": "not_yet: it was touched, or answered, and is not fixed; of a closed "
            "point: it is open again. turned_down: a person said no to it, in whatever words",
        },
        text=_text(
            "What its thread is told; of fixed and turned_down only where somebody asks, else empty"
        ),
        quote=_text(
            "For fixed: exact words that came, changed, moved or went since. For turned_down: the "
            "person's exact words. Else empty"
        ),
    ),
    _spec("take_back", "Take back a comment of this review.", point=_text("Such as P2")),
    _spec("finish", "End the review.", **_FINISH),
)
# Without comments on blocks these are not offered.
_OF_COMMENTS = ("comment", "take_back")
_LOOK_UP = _spec(
    "look_up",
    "Look up what other documents of this team say.",
    words=_text("Words that would stand there"),
)
_AGAINST = {
    "against": _text("Where it contradicts a decided document: its handle, such as D1; else empty"),
    "against_quote": _text("The exact words there; else empty"),
}
READ = _spec(
    "read",
    "Read blocks that are left out of the document above.",
    first=_text("The handle of the first one, such as B40"),
    last=_text("The handle of the last one"),
)
JUDGE = _spec(
    RULE,
    "Rule on one point.",
    point=_text("Its handle, such as P1"),
    verdict={**_STRING, "enum": ["stands", "wrong", "answered", "idle"]},
    quote=_text("The exact words that show it; of stands empty"),
    reason=_text("One short sentence"),
)

# It ends a pass of a review that is held in several.
NOTED = _spec(
    NOTE,
    "Note what other sections can be held against, and go on to the next.",
    digest=_text("A fact a line, with its handle: B12: sessions end after 30 days"),
)


def specs_for(
    points: int,
    lenses: Sequence[str] = (),
    *,
    reads: bool = False,
    comments: bool = True,
    recalls: bool = False,
) -> tuple[ToolSpec, ...]:
    """Return the tools.

    Args:
        points: How many items the checklist has; `finish` takes an answer to each.
        lenses: With several, `comment` names one.
        reads: Whether there is something left out to be read.
        comments: Whether blocks are commented on; else threads alone are answered.
        recalls: Whether other documents are known.
    """
    *others, finish = (one for one in SPECS if comments or one.name not in _OF_COMMENTS)
    more = dict[str, Mapping[str, Any]]()
    if len(lenses) > 1:
        more["lens"] = {**_STRING, "enum": [*lenses], "description": "The lens that shows it"}
    if recalls:
        more |= _AGAINST
        others.append(_LOOK_UP)
    if comments and more:
        others[0] = _spec("comment", _ON_ONE, **_COMMENT, **more)
    if points:
        finish = _spec("finish", "End the review.", **_FINISH, checklist=CHECKLIST_SCHEMA)
    return (*others, *((READ,) if reads else ()), finish)


# Values of optional arguments; without any other argument the call is refused.
_DEFAULTS = dict.fromkeys(
    (
        *("summary", "question", "reason", "title", "instead", "against", "against_quote"),
        *("digest", "order"),
    ),
    "",
)
_DEFAULTS_OF_A_RULING = {"text": "", "quote": ""}
_GRADES = {
    **{severity.value: severity for severity in Severity},
    **dict.fromkeys(("blocker", "critical"), Severity.BLOCKING),
    **dict.fromkeys(("major", "high"), Severity.IMPORTANT),
    **dict.fromkeys(("low", "nit", "trivial"), Severity.MINOR),
}


_VERDICTS = {
    **{verdict.value: verdict for verdict in Verdict},
    **dict.fromkeys(("addressed", "resolved", "settled", "done"), Verdict.FIXED),
    **dict.fromkeys(("open", "not_fixed", "still_open"), Verdict.NOT_YET),
    **dict.fromkeys(("withdraw", "dropped", "drop"), Verdict.WITHDRAWN),
    **dict.fromkeys(("declined", "rejected", "dismissed"), Verdict.TURNED_DOWN),
}


class ToolRefusal(Exception):
    """Raised when a proposal breaks a rule; the model reads the text."""


def text_arguments(name: str, keys: Iterable[str], arguments: Mapping[str, Any]) -> dict[str, str]:
    """Return the text arguments of a call of the tool `name`.

    Raises:
        ToolRefusal: One is missing or is not a text.
    """
    defaults = _DEFAULTS | (_DEFAULTS_OF_A_RULING if name == "follow_up" else {})
    return {key: _text_argument(arguments, key, defaults) for key in keys}


def _text_argument(arguments: Mapping[str, Any], key: str, defaults: Mapping[str, str]) -> str:
    """Return a text argument.

    Raises:
        ToolRefusal: The argument is missing or is not a text.
    """
    value = arguments.get(key)
    if value is None:
        value = defaults.get(key)
    if key in ("block", "thread") and type(value) is int:
        value = str(value)
    if not isinstance(value, str):
        raise ToolRefusal(f"{key} is missing or no text")
    return value


def parse_severity(severity: str) -> Severity:
    """Return the severity that a word means.

    Raises:
        ToolRefusal: The word means no severity.
    """
    found = _GRADES.get(severity.strip().strip(".").lower())
    if found is None:
        raise ToolRefusal("severity is blocking, important or minor")
    return found


def parse_verdict(verdict: str) -> Verdict:
    """Return the verdict that a word means.

    Raises:
        ToolRefusal: The word means no verdict.
    """
    found = _VERDICTS.get("_".join(verdict.strip().strip(".").lower().replace("-", " ").split()))
    if found is None:
        raise ToolRefusal("verdict is fixed, not_yet, withdrawn or turned_down")
    return found


@dataclass(frozen=True, slots=True)
class ToolContext:
    """What the tools check the proposals of one review against.

    Attributes:
        handles: The names of this snapshot's blocks and threads.
        ledger: Every finding that was posted on this page before, and what became of it.
        allowed_links: The addresses that stand in the document or on the prompt page.
        comments_per_review: The most findings that are posted.
        comments_per_block: The most findings on one block, earlier ones that are open included.
        comments_on_blocks: Whether the model may comment on blocks, or only reply in threads.
        unchanged_blocks: Ids of the blocks that have the same text and place as at the last
            review, with their sections. Such a block takes no second finding, however the new one
            is worded, unless it names what changed elsewhere.
        closed_blocks: Ids of the blocks that take no comment in this review.
        change: What differs from the last review.
        least_severity: Findings below it are not posted.
        guard: Finds texts that reveal a secret, the instructions, or too much of background pages.
        checklist_items: How many items the prompt page's checklist has.
        points: The reviewer's own points that may be ruled on, by the ids of the threads that
            show them.
        kept: Earlier findings that were not posted for the limit; each may be made again.
        page_texts: All that the page says: what a ruling is held against.
        known: That, and what the prompt page says: what a wording that is offered may name.
        lenses: The rows of a prompt database that the review is made under.
        is_anew: Whether all is reviewed anew, so that unchanged blocks take comments too.
    """

    handles: Handles
    ledger: Sequence[LedgerEntry]
    allowed_links: frozenset[str]
    comments_per_review: int
    comments_per_block: int
    comments_on_blocks: bool = True
    unchanged_blocks: frozenset[str] = frozenset()
    closed_blocks: frozenset[str] = frozenset()
    change: Change = FIRST
    least_severity: Severity = Severity.MINOR
    guard: LeakGuard = NO_GUARD
    checklist_items: int = 0
    points: Mapping[str, OwnPoint] = field(default_factory=dict)
    kept: Sequence[Finding] = ()
    page_texts: Sequence[str] = ()
    known: Sequence[str] = ()
    lenses: Sequence[str] = ()
    is_anew: bool = False

    def block(self, text: str) -> Block:
        """Return the block that an argument names.

        Raises:
            ToolRefusal: It names no block, or several.
        """
        match self.handles.parse(text, "B"):
            case [handle] if handle in self.handles.blocks:
                return self.handles.blocks[handle]
            case [_, _, *_]:
                raise ToolRefusal(f"{_echo(text)} names several blocks; a comment is about one")
        if threads := self.handles.parse(text, "T"):
            raise ToolRefusal(f"{threads[0]} is a thread, no block; name a block")
        known = _range(self.handles.blocks)
        raise ToolRefusal(f"there is no block {_echo(text)}; {known}")

    def lens(self, text: str) -> str:
        """Return the lens that an argument names, or the only one; "" where there is none.

        Raises:
            ToolRefusal: There are several, and it names none of them.
        """
        if len(self.lenses) <= 1:
            return "".join(self.lenses)
        wanted = one_line(text).casefold()
        found = [one for one in self.lenses if one_line(one).casefold() == wanted]
        if not found:
            raise ToolRefusal(f"there is no lens {_echo(text)}; they are {', '.join(self.lenses)}")
        return found[0]

    def thread(self, text: str, is_meant: Callable[[Thread], bool]) -> str:
        """Return the handle of a thread; a block's handle means the one that may be meant.

        Raises:
            ToolRefusal: It names no thread.
        """
        handles = self.handles
        named = handles.parse(text, "T")
        if len(named) == 1 and named[0] in handles.threads:
            return named[0]
        keys = [] if named else [key for key in handles.parse(text, "B") if key in handles.blocks]
        blocks = {handles.blocks[key].id for key in keys}
        on = [handle for handle, one in handles.threads.items() if one.block_id in blocks]
        meant = [handle for handle in on if is_meant(handles.threads[handle])]
        if len(meant) > 1:
            raise ToolRefusal(f"{_echo(text)} is a block; its threads are {', '.join(meant)}")
        if on:
            return (meant or on)[0]
        raise ToolRefusal(f"there is no thread {_echo(text)}; {_range(handles.threads)}")

    def edited(self, words: str) -> list[str]:
        """Return the handles of the blocks that some words name and that are marked."""
        named = {*self.handles.parse(words, "B")}
        return [
            name
            for name, block in self.handles.blocks.items()
            if name in named and self.change.is_edited(block.id)
        ]

    def unheard(self, handle: str, point: OwnPoint, words: str) -> str:
        """Say why some words are not to be said in an own point's thread; "" where they are.

        Nothing can be said there, or nobody answered and nothing changed.
        """
        if point.mute:
            return f"nothing can be said in {handle}: {point.mute}; it stays open"
        block_id, talkers = point.finding.block_id, (AuthorKind.PERSON, AuthorKind.OWN)
        said = self.handles.threads[handle].comments
        last = next((one for one in reversed(said) if one.author.kind in talkers), None)
        is_answered = last is not None and last.author.kind is AuthorKind.PERSON
        is_edited = self.change.is_edited(block_id)
        is_near = block_id not in self.unchanged_blocks or bool(self.edited(words))
        is_said = last is not None and are_same_texts(words, last.plain)
        is_new = is_near and not is_said
        if point.closed or point.again or is_answered or is_edited or is_new:
            return ""
        why = f"nobody answered in {handle}, and its text stands as it did at the last review: "
        why += "it stays open without a word"
        if is_near:
            return f"{why}. Where a change was to mend it, say in other words what is still missing"
        edited = listed(self.edited(" ".join(self.handles.blocks)))
        return f"{why}. Where one of these was to mend it, name it: {edited}" if edited else why

    def own_point(self, text: str) -> str:
        """Return the handle of the thread that an own point began.

        Raises:
            ToolRefusal: It names no such thread.
        """
        points = self.points
        handle = self.thread(text, lambda thread: thread.id in points)
        if self.handles.threads[handle].id in points:
            return handle
        named = ", ".join(
            self.handles.of_thread[thread_id]
            for thread_id, point in points.items()
            if not point.closed
        )
        theirs = f"; yours that are open are {named}" if named else ""
        raise ToolRefusal(f"{handle} was not begun by a point of yours{theirs}")


def listed(names: Sequence[str]) -> str:
    """Return the first of some handles, and whether there are others."""
    more = " and others" if len(names) > BLOCKS_NAMED else ""
    return f"{', '.join(names[:BLOCKS_NAMED])}{more}"


def _echo(text: str) -> str:
    return repr(clipped(one_line(text), 60))


def _range(handles: Iterable[str]) -> str:
    known = list(handles)
    return f"the handles are {known[0]} to {known[-1]}" if known else "there are none here"
