"""The reply gate: one pure table of what happens with a new comment."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from daemon.domain.values import AuthorKind
from daemon.sweep.conversation.acknowledgement import is_acknowledgement
from daemon.sweep.conversation.claim import is_claim
from daemon.sweep.conversation.dismissal import is_bare, is_dismissal


class Gate(StrEnum):
    """What happens with a new comment."""

    REPLY = "reply"
    SILENT = "silent"
    HAND_OVER = "hand over"
    OBEY = "obey"  # a word to the reviewer; code carries it out
    DISMISS = "dismiss"  # silent, and the finding is settled
    WAIT = "wait"  # not decided yet: it comes up again


@dataclass(frozen=True, slots=True)
class Asked:
    """What the reply gate looks at.

    Attributes:
        author: Who wrote the comment.
        text: Its text without marks and without the reviewer's name.
        in_thread: Whether a comment of ours stands in the thread.
        addressed: Whether the comment names or mentions the reviewer.
        replies: Own replies in the thread so far.
        handed_over: Whether the thread was handed over to people.
        old: Whether the comment is older than the page's baseline.
        answered: Whether it was answered before this state began.
        finding: Whether a finding began the thread.
        corrected: Whether a claim in this thread was replied to before.
        word: Whether it is a word to the reviewer that is carried out now.
        idle: Whether it is a word that changes nothing.
        paused: Whether the page is paused.
    """

    author: AuthorKind
    text: str
    in_thread: bool
    addressed: bool
    replies: int
    handed_over: bool
    old: bool
    answered: bool = False
    finding: bool = False
    corrected: bool = False
    word: bool = False
    idle: bool = False
    paused: bool = False


def gate(asked: Asked, setting: str, limit: int) -> tuple[Gate, str]:
    """Decide on a new comment, and say why: the first row that holds decides.

    Args:
        asked: The comment and its thread.
        setting: `replies` of the database: any, ours, mentioned or none.
        limit: Replies of our own that one thread may hold.
    """
    rows = (
        (asked.author is AuthorKind.UNKNOWN, Gate.WAIT, "Notion does not say who wrote it"),
        (asked.author is not AuthorKind.PERSON, Gate.SILENT, f"written by: {asked.author.value}"),
        (asked.old, Gate.SILENT, "older than the baseline"),
        (asked.answered, Gate.SILENT, "answered before"),
        (asked.word, Gate.OBEY, "a word to the reviewer"),
        (asked.idle, Gate.SILENT, "paused already"),
        (asked.paused, Gate.WAIT, "the page is paused"),
        (asked.finding and is_dismissal(asked.text), Gate.DISMISS, "a no: the finding is settled"),
        (is_acknowledgement(asked.text), Gate.SILENT, "an acknowledgement"),
        (is_bare(asked.text), Gate.SILENT, "a no, and nothing to settle"),
        (asked.corrected and is_claim(asked.text), Gate.SILENT, "a claim was corrected before"),
        (not _wanted(asked, setting), Gate.SILENT, f"replies: {setting}"),
        (asked.handed_over, Gate.SILENT, "handed over to people"),
        (asked.replies >= limit, Gate.HAND_OVER, f"{limit} replies in this thread"),
    )
    decided = ((verdict, reason) for holds, verdict, reason in rows if holds)
    return next(decided, (Gate.REPLY, "a person wrote"))


def _wanted(asked: Asked, setting: str) -> bool:
    return {
        "any": True,
        "ours": asked.in_thread or asked.addressed,
        "mentioned": asked.addressed,
        "none": False,
    }[setting]
