"""Which comments of a page are new, and what is decided about each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple

from daemon.domain.values import AuthorKind, Comment, Snapshot, Thread
from daemon.domain.due import SAME_MINUTE
from daemon.sweep.conversation.claim import is_claim
from daemon.sweep.conversation.gate import Asked, Gate, gate
from daemon.store.threads import ANSWERED, KEPT_CHARS, LEFT, SEEN, SeenComment, ThreadRow
from daemon.sweep.conversation.commands import Said, addressed, in_order, word_in


# A comment that was answered, edited by its author, and answered once more.
ANSWERED_TWICE = "answered twice"
# Follows the tries of a comment that was answered before it was edited.
_AGAIN = " again"
# A comment that the model passes over is offered again so often, then left.
TRIES = 3
# Of a comment, in the reasons that `explain` tells.
EXCERPT_CHARS = 60
HANDED_OVER = (
    "I have answered {count} times in this thread, so I leave it to the people here. "
    "A new thread on a block reaches me again."
)


@dataclass(frozen=True, slots=True)
class Known:
    """What the state knows of a page's threads.

    Attributes:
        comments: Comments that were decided on.
        threads: Threads by id.
        baseline: Comments made before it are old.
        setting: `replies` of the database.
        limit: Replies of our own in one thread.
        reviewer: The name that addresses the reviewer.
        own: Ids of the users that we comment as; to mention one is to address the reviewer.
        raised: The threads that findings began.
        paused: Whether people told the reviewer to leave the page alone.
        looks: When each block's comments were last listed; the page's own under None.
    """

    comments: Mapping[str, SeenComment]
    threads: Mapping[str, ThreadRow]
    baseline: datetime
    setting: str
    limit: int
    reviewer: str
    own: frozenset[str] = frozenset()
    raised: frozenset[str] = frozenset()
    paused: bool = False
    looks: Mapping[str | None, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sorted:
    """Threads with the comments that want an answer marked new, and what else was decided.

    Attributes:
        threads: Every thread that was listed.
        states: What to store of the comments that are decided now, by id.
        hand_over: The threads that go to people.
        reasons: A sentence for each comment that was decided without a model.
        told: The words to the reviewer, in the order in which they were said.
        dismissed: The threads in which a person said no to the finding.
    """

    threads: tuple[Thread, ...]
    states: Mapping[str, str]
    hand_over: tuple[Thread, ...]
    reasons: tuple[str, ...]
    told: tuple[Said, ...] = ()
    dismissed: frozenset[str] = frozenset()

    @property
    def waiting(self) -> tuple[Thread, ...]:
        """The threads in which somebody waits."""
        return tuple(thread for thread in self.threads if thread.waiting)


_Placed = tuple[Thread, Comment]


@dataclass(frozen=True, slots=True)
class _Heard:
    """The words to the reviewer among what is undecided; `paused` is how they leave the page."""

    told: tuple[Said, ...]
    idle: frozenset[str]
    paused: bool

    def to_be_said(self, thread: Thread) -> int:
        """Count the acknowledgements that are due in a thread."""
        return sum(one.thread.id == thread.id for one in self.told)

    def is_told(self, comment: Comment) -> bool:
        """Tell whether a comment is a word that is carried out now."""
        return any(one.comment.id == comment.id for one in self.told)


class _Decision(NamedTuple):
    """What the gate says of one comment, and why."""

    thread: Thread
    comment: Comment
    gate: Gate
    reason: str


def sort(threads: Iterable[Thread], known: Known) -> Sorted:
    """Apply the reply gate to every comment that is not decided yet."""
    threads = tuple(threads)
    undecided = [
        (thread, comment)
        for thread in threads
        for comment in thread.comments
        if _is_undecided(comment, thread, known)
    ]
    heard = _heard(undecided, known)
    found = [_Decision(*placed, *_decide(*placed, known, heard)) for placed in undecided]
    waiting = {one.comment.id for one in found if one.gate is Gate.REPLY}
    decided = [one for one in found if one.gate not in (Gate.REPLY, Gate.WAIT)]
    return Sorted(
        threads=tuple(_marked(thread, waiting) for thread in threads),
        states={one.comment.id: _state(one, known) for one in decided},
        hand_over=_each_once(one.thread for one in decided if one.gate is Gate.HAND_OVER),
        reasons=tuple(
            f"{one.comment.author.name}, “{excerpt(one.comment)}”: {one.gate.value} ({one.reason})"
            for one in decided
            if one.comment.author.kind is not AuthorKind.OWN
        ),
        told=heard.told,
        dismissed=frozenset(one.thread.id for one in decided if one.gate is Gate.DISMISS),
    )


def _marked(thread: Thread, waiting: set[str]) -> Thread:
    return replace(
        thread, comments=tuple(replace(one, new=one.id in waiting) for one in thread.comments)
    )


def _each_once(threads: Iterable[Thread]) -> tuple[Thread, ...]:
    return tuple({thread.id: thread for thread in threads}.values())


def excerpt(comment: Comment) -> str:
    """Return the beginning of a comment, for `explain`."""
    text = " ".join(comment.plain.split())
    return text if len(text) <= EXCERPT_CHARS else text[: EXCERPT_CHARS - 1].rstrip() + "…"


def _state(decision: _Decision, known: Known) -> str:
    seen = known.comments.get(decision.comment.id)
    return answered(seen) if decision.gate is Gate.OBEY else unanswered(seen, SEEN)


def was_answered(seen: SeenComment | None) -> bool:
    """Tell whether a comment was answered once, before its author edited it."""
    return seen is not None and (seen.state == ANSWERED or seen.state.endswith(_AGAIN))


def answered(seen: SeenComment | None) -> str:
    """Return what to store of a comment that is answered: after an edit once more, then never."""
    return ANSWERED_TWICE if was_answered(seen) else ANSWERED


def unanswered(seen: SeenComment | None, state: str) -> str:
    """Return what to store of a comment that gets no answer: that it once got one is not lost."""
    return ANSWERED if was_answered(seen) else state


def passed_over(seen: SeenComment | None) -> str:
    """Return what to store of a comment that the model neither answered nor left."""
    tries = int(seen.state.split()[1]) if seen and seen.state.startswith("tried") else 0
    if tries + 1 >= TRIES:
        return unanswered(seen, LEFT)
    return f"tried {tries + 1}{_AGAIN if was_answered(seen) else ''}"


def _is_undecided(comment: Comment, thread: Thread, known: Known) -> bool:
    """Tell whether a comment is new, was passed over, or was edited since it was decided."""
    seen = known.comments.get(comment.id)
    if seen is None or seen.state.startswith("tried"):
        return True
    if comment.author.kind is not AuthorKind.PERSON or seen.state not in (SEEN, ANSWERED, LEFT):
        return False
    return comment.edited > seen.edited or _hid(comment, thread, seen, known)


def _hid(comment: Comment, thread: Thread, seen: SeenComment, known: Known) -> bool:
    """Tell whether a comment was edited in the very minute in which it was listed before.

    Its edit time does not show that, its text does. Text is compared only then: later it changes
    with the name of whoever it mentions.
    """
    looked = known.looks.get(thread.block_id)
    if looked is None or looked >= comment.edited + SAME_MINUTE:
        return False
    return bool(seen.text) and seen.text != comment.plain[:KEPT_CHARS]


def _heard(undecided: Sequence[_Placed], known: Known) -> _Heard:
    said = in_order((one for placed in undecided for one in _said(*placed, known)), known.paused)
    paused = said[-1].paused_after if said else known.paused
    idle = frozenset(one.comment.id for one in said if one.is_idle)
    told = tuple(one for one in said if not one.is_idle and not (paused and one.waits))
    return _Heard(told, idle, paused)


def _said(thread: Thread, comment: Comment, known: Known) -> Iterable[Said]:
    """Yield the word to the reviewer that a comment is, if a person says it to the reviewer."""
    called, words = _called(comment, known)
    word = word_in(words)
    mine = called or _is_ours(thread)
    if (
        word
        and mine
        and comment.author.kind is AuthorKind.PERSON
        and not _is_past(comment, thread, known)
    ):
        yield Said(word, thread, comment)


def _decide(thread: Thread, comment: Comment, known: Known, heard: _Heard) -> tuple[Gate, str]:
    called, words = _called(comment, known)
    row, acknowledged = known.threads.get(thread.id), heard.to_be_said(thread)
    replies = replies_so_far(thread, known) + acknowledged
    asked = Asked(
        author=comment.author.kind,
        text=words,
        in_thread=_is_ours(thread),
        addressed=called,
        replies=replies,
        handed_over=(row is not None and row.handed_over)
        or (acknowledged > 0 and replies > known.limit),
        old=_is_old(comment, known),
        answered=_is_of_another_life(comment, thread, known),
        finding=thread.id in known.raised,
        corrected=_was_corrected(thread, known),
        word=heard.is_told(comment),
        idle=comment.id in heard.idle,
        paused=heard.paused,
    )
    return gate(asked, known.setting, known.limit)


def _called(comment: Comment, known: Known) -> tuple[bool, str]:
    mentions = {id_: shown for id_, shown in comment.mentions.items() if id_ in known.own}
    return addressed(comment.plain, known.reviewer, mentions)


def _is_ours(thread: Thread) -> bool:
    return any(one.author.kind is AuthorKind.OWN for one in thread.comments)


def _is_past(comment: Comment, thread: Thread, known: Known) -> bool:
    return _is_old(comment, known) or _is_of_another_life(comment, thread, known)


def _is_old(comment: Comment, known: Known) -> bool:
    return comment.created < known.baseline.replace(second=0, microsecond=0)


def _is_of_another_life(comment: Comment, thread: Thread, known: Known) -> bool:
    """Tell whether a comment was answered before this state began.

    It stands in a block's thread that the state does not know, with a later comment of ours.
    """
    if thread.id in known.threads or thread.block_id is None:
        return False
    after = thread.comments[thread.comments.index(comment) + 1 :]
    return any(one.author.kind is AuthorKind.OWN for one in after)


def replies_so_far(thread: Thread, known: Known) -> int:
    """Return how many replies of ours stand in a thread: as stored, or as listed if that is more.

    A state that was lost knows none. A finding opens its thread; on the page everything shares one
    discussion, summaries too, so there only what is stored counts.
    """
    row = known.threads.get(thread.id)
    listed = sum(one.author.kind is AuthorKind.OWN for one in thread.comments[1:])
    return max(row.replies if row else 0, listed if thread.block_id else 0)


def _was_corrected(thread: Thread, known: Known) -> bool:
    """Tell whether a claim in a finding's thread was replied to: once is enough."""
    return thread.id in known.raised and any(
        seen.thread_id == thread.id
        and seen.state in (ANSWERED, ANSWERED_TWICE)
        and is_claim(seen.text)
        for seen in known.comments.values()
    )


def places(
    snapshot: Snapshot, change_ids: Iterable[str], known: Iterable[str], rest: Iterable[str]
) -> list[str]:
    """Return the blocks whose comments to list at a later review, each once, in page order."""
    wanted = {*change_ids, *known, *rest}
    return [block.id for block in snapshot.blocks if block.id in wanted and block.commentable]
