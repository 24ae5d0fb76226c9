"""Which comments of a page are new, and what is decided about each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from daemon.domain import AuthorKind, Comment, Snapshot, Thread
from daemon.review.rules import Asked, Gate, gate
from daemon.store.threads import ANSWERED, LEFT, SEEN, SeenComment, ThreadRow


# A comment that the model passes over is offered again so often, then left.
TRIES = 3
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
    """

    comments: Mapping[str, SeenComment]
    threads: Mapping[str, ThreadRow]
    baseline: datetime
    setting: str
    limit: int
    reviewer: str


@dataclass(frozen=True, slots=True)
class Sorted:
    """Threads with the comments that want an answer marked new, and what else was decided.

    `states` holds what to store of the comments that are not waiting, by id; `hand_over` the
    threads that go to people; `reasons` a sentence for each comment that was newly decided.
    """

    threads: tuple[Thread, ...]
    states: Mapping[str, str]
    hand_over: tuple[Thread, ...]
    reasons: tuple[str, ...]

    @property
    def waiting(self) -> tuple[Thread, ...]:
        """The threads in which somebody waits."""
        return tuple(thread for thread in self.threads if thread.waiting)


def sort(threads: Iterable[Thread], known: Known) -> Sorted:
    """Apply the reply gate to every comment that is not decided yet."""
    out: list[Thread] = []
    states: dict[str, str] = {}
    hand_over: list[Thread] = []
    reasons: list[str] = []
    for thread in threads:
        marked: list[Comment] = []
        for comment in thread.comments:
            decided = _decide(comment, thread, known)
            if decided is None:
                marked.append(comment)
                continue
            verdict, reason = decided
            reasons.append(f"{comment.author.name}: {verdict.value} ({reason})")
            marked.append(replace(comment, new=verdict is Gate.REPLY))
            if verdict is not Gate.REPLY:
                states[comment.id] = SEEN
            if verdict is Gate.HAND_OVER and thread not in hand_over:
                hand_over.append(thread)
        out.append(replace(thread, comments=tuple(marked)))
    return Sorted(tuple(out), states, tuple(hand_over), tuple(reasons))


def _decide(comment: Comment, thread: Thread, known: Known) -> tuple[Gate, str] | None:
    """Return the gate's verdict, or None for a comment that is decided already."""
    seen = known.comments.get(comment.id)
    if seen is not None and not _again(comment, seen):
        return None
    row = known.threads.get(thread.id)
    addressed, words = _addressed(comment.plain, known.reviewer)
    asked = Asked(
        author=comment.author.kind,
        text=words,
        in_thread=any(one.author.kind is AuthorKind.OWN for one in thread.comments),
        addressed=addressed,
        replies=max(row.replies if row else 0, _own_replies(thread)),
        handed_over=row.handed_over if row else False,
        old=comment.created < known.baseline.replace(second=0, microsecond=0),
        answered=row is None and _own_comes_after(comment, thread),
    )
    return gate(asked, known.setting, known.limit)


def _addressed(text: str, reviewer: str) -> tuple[bool, str]:
    """Tell whether a comment names the reviewer; return with it what it says besides."""
    name = r"\s+".join(map(re.escape, reviewer.split()))
    pattern = re.compile(rf"@?(?<!\w){name}(?!\w)", re.IGNORECASE)
    if not name or not pattern.search(text):
        return False, text
    rest = pattern.sub(" ", text)
    # The bare name calls the reviewer: no acknowledgement.
    return True, rest if any(char.isalnum() for char in rest) else text


def _own_replies(thread: Thread) -> int:
    """Count the replies that stand in a block's thread, for a state that was lost.

    A finding opens its thread. On the page everything shares one discussion, summaries too.
    """
    if thread.block_id is None:
        return 0
    return sum(comment.author.kind is AuthorKind.OWN for comment in thread.comments[1:])


def _own_comes_after(comment: Comment, thread: Thread) -> bool:
    """Tell whether a block's thread holds a later comment of ours: an answer of another life."""
    if thread.block_id is None:
        return False
    after = thread.comments[thread.comments.index(comment) + 1 :]
    return any(one.author.kind is AuthorKind.OWN for one in after)


def _again(comment: Comment, seen: SeenComment) -> bool:
    """Tell whether a comment that was decided comes up again: edited once, or passed over."""
    if seen.state.startswith("tried"):
        return True
    edited = comment.edited > seen.edited and comment.author.kind is AuthorKind.PERSON
    return edited and seen.state in (SEEN, ANSWERED, LEFT)


def passed_over(seen: SeenComment | None) -> str:
    """Return what to store of a comment that the model neither answered nor left."""
    tries = int(seen.state.split()[1]) if seen and seen.state.startswith("tried") else 0
    return LEFT if tries + 1 >= TRIES else f"tried {tries + 1}"


def places(
    snapshot: Snapshot, change_ids: Iterable[str], known: Iterable[str], rest: Iterable[str]
) -> list[str]:
    """Return the blocks whose comments to list at a later review, each once, in page order."""
    wanted = {*change_ids, *known, *rest}
    return [block.id for block in snapshot.blocks if block.id in wanted and block.commentable]
