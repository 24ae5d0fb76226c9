"""The reply gate: one pure table of what happens with a new comment."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum, auto

from daemon.domain.phrases import is_claim, says_done
from daemon.domain.values import AuthorKind
from daemon.sweep.conversation.stance import (
    is_acknowledgement,
    is_assent,
    is_bare,
    is_dismissal,
    is_plain_no,
    is_refusal,
    promises,
)


SETTLED = "the finding is settled"
HANDED_OVER = (
    "I have answered {times} in this thread, so I leave it to the people here. "
    "A new thread on a block reaches me again."
)
AS_BEFORE = "The text reads as before: “{quote}” still stands there."
ENOUGH = (
    "I have answered you {count} times today, so I write no more to you until tomorrow (UTC). "
    "What you ask meanwhile is answered then."
)


class Gate(StrEnum):
    """What happens with a new comment; `explain` tells it in these words."""

    REPLY = "reply"
    JUDGE = "judge"  # as reply; where the model does not rule on the point, it is a no to it
    SILENT = "not answered"
    HAND_OVER = "handed over to people"
    RUN = "carried out"  # a word to the reviewer; code carries it out
    DISMISS = "taken as a no"  # not answered, and the finding is settled
    CORRECT = "answered"  # "done" is answered by code: the text reads as before
    ENOUGH = "enough"  # its author had the answers of a day: it comes up again tomorrow
    WAIT = "wait"  # not decided yet: it comes up again


class ClaimCheck(Enum):
    """What is known of the text under an open point when somebody says "done"."""

    AS_BEFORE = auto()  # the page reads as it did when the point was made
    TO_READ = auto()  # it was edited, and is to be read first
    FOR_MODEL = auto()  # the page changed since: whether that is enough is judged


@dataclass(frozen=True, slots=True)
class GateInput:
    """What the reply gate looks at.

    Attributes:
        author: Who wrote the comment.
        text: Its text without marks and without the reviewer's name.
        in_thread: Whether a comment of ours stands in the thread.
        addressed: Whether the comment names or mentions the reviewer.
        replies: Own answers in the thread so far, without those that code alone worded; none where
            the comment may answer the question of the summary.
        handed_over: Whether the thread was handed over to people; the same holds.
        old: Whether the comment is older than the page's baseline.
        answered: Whether it was answered before this state began.
        finding: Whether a finding began the thread.
        to_person: Whether another person spoke last before: the comment may answer them.
        asked: Whether our last comment before it ends in a question, or the summary asks one, which
            a yes or no may answer.
        again: Whether a person turned the finding down before: there each further no is one to it.
        later: What its author wrote in the thread after it, without words to the reviewer; of other
            people only what promises a change.
        settled: Whether the text, the reviewer or another person's no closed the finding: a no
            there is one to that.
        corrected: Whether a claim in this thread was replied to before.
        followed: Whether a comment of ours follows it in its thread.
        claim: What is known of the text of the open point that began the thread; None where there
            is no such point.
        word: Whether it is a word to the reviewer that is carried out now.
        idle: Whether it is a word that changes nothing.
        paused: Whether the page is paused.
        unreviewed: Whether the page was never reviewed: there only who calls the reviewer counts.
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
    to_person: bool = False
    asked: bool = False
    again: bool = False
    later: tuple[str, ...] = ()
    settled: bool = False
    corrected: bool = False
    followed: bool = False
    claim: ClaimCheck | None = None
    word: bool = False
    idle: bool = False
    paused: bool = False
    unreviewed: bool = False

    @property
    def checked_claim(self) -> ClaimCheck | None:
        """What is known of the text, where the comment says "done" and nothing else, once."""
        says_only_done = is_acknowledgement(self.text) and says_done(self.text)
        is_answered = self.corrected or self.followed
        return self.claim if says_only_done and not is_answered else None

    @property
    def answers(self) -> bool:
        """Whether a no may answer a question of ours; one in a closed point's thread is past."""
        return self.asked and not (self.finding and self.claim is None)

    @property
    def says_no(self) -> bool:
        """Whether it is a no to the finding, and not to what another person said."""
        to_us = self.addressed or self.again or not self.to_person
        says_no = is_refusal if self.answers else is_dismissal
        return self.finding and to_us and says_no(self.text)

    @property
    def turns_down(self) -> bool:
        """Whether its no is one to the finding, and not to what closed that."""
        return self.says_no and not self.settled

    @property
    def dissents(self) -> bool:
        """Whether its no is one to what closed the finding, which the model hears."""
        return self.says_no and self.settled

    @property
    def is_for_judgement(self) -> bool:
        """Whether it is a no to an open point that says or is followed by more, or answers us."""
        says_more = self.answers or not is_plain_no(self.text) or bool(self._no_noes)
        return self.turns_down and self.claim is not None and says_more

    @property
    def may_be_taken_back(self) -> bool:
        """Whether what follows it agrees, or is no no and no mere acknowledgement."""
        return any(
            promises(one) or is_assent(one) or not is_acknowledgement(one) for one in self._no_noes
        )

    @property
    def _no_noes(self) -> list[str]:
        return [one for one in self.later if not is_dismissal(one)]

    @property
    def is_thanks(self) -> bool:
        """Whether it only acknowledges: it neither disagrees with what is settled, nor answers."""
        says_yes = self.answers and is_assent(self.text)
        return is_acknowledgement(self.text) and not (self.dissents or says_yes)

    @property
    def is_idle_no(self) -> bool:
        """Whether it says no and nothing else where nothing is asked or to be settled."""
        return is_bare(self.text) and not (self.answers or self.dissents)

    @property
    def waits_for_review(self) -> bool:
        """Whether it is not for the reviewer before the page's first review."""
        return self.unreviewed and not (self.addressed or self.in_thread)


def gate(asked: GateInput, setting: str, limit: int) -> tuple[Gate, str]:
    """Decide on a new comment, and say why: the first row that holds decides.

    Args:
        asked: The comment and its thread.
        setting: `replies` of the database: any, ours, mentioned or none.
        limit: Replies of our own that one thread may hold.
    """
    wanted = {
        "any": True,
        "ours": asked.in_thread or asked.addressed,
        "mentioned": asked.addressed,
        "none": False,
    }
    may_reply = wanted[setting] and not asked.handed_over and asked.replies < limit
    checked = asked.checked_claim if may_reply else None
    judged = asked.is_for_judgement and may_reply
    rows = (
        (asked.author is AuthorKind.UNKNOWN, Gate.WAIT, "Notion does not say who wrote it"),
        (asked.author is not AuthorKind.PERSON, Gate.SILENT, f"written by: {asked.author.value}"),
        (asked.old, Gate.SILENT, "older than the first sweep looks back"),
        (asked.answered, Gate.SILENT, "answered before"),
        (asked.word, Gate.RUN, "a word to the reviewer"),
        (asked.idle, Gate.SILENT, "paused already"),
        (asked.paused, Gate.WAIT, "the page is paused"),
        (asked.waits_for_review, Gate.WAIT, "the page was never reviewed"),
        (judged and asked.may_be_taken_back, Gate.REPLY, "a no that may be taken back"),
        (judged, Gate.JUDGE, "a no with more words: the model is asked"),
        (asked.turns_down, Gate.DISMISS, SETTLED),
        (checked is ClaimCheck.AS_BEFORE, Gate.CORRECT, "the text reads as before"),
        (checked is ClaimCheck.TO_READ, Gate.WAIT, "the page is to be read first"),
        (not checked and asked.is_thanks, Gate.SILENT, "an acknowledgement"),
        (asked.is_idle_no, Gate.SILENT, "a no, and nothing to settle"),
        (asked.corrected and is_claim(asked.text), Gate.SILENT, "a claim was corrected before"),
        (not wanted[setting], Gate.SILENT, f"replies: {setting}"),
        (asked.handed_over, Gate.SILENT, "handed over to people"),
        (asked.replies >= limit, Gate.HAND_OVER, f"{limit} replies in this thread"),
    )
    decided = ((verdict, reason) for holds, verdict, reason in rows if holds)
    return next(decided, (Gate.REPLY, "a person wrote"))
