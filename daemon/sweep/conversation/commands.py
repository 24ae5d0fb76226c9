"""Words to the reviewer: the four that code carries out, how they are heard, what is answered."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from daemon.domain.values import Comment, Thread
from daemon.notion.from_markdown import quoted
from daemon.store.origins import Origin


class Word(StrEnum):
    """A word to the reviewer. No other command exists."""

    PAUSE = "pause"
    RESUME = "resume"
    REVIEW_AGAIN = "review again"
    WHY = "why"


PAUSED = (
    "Paused: I leave this page alone until somebody writes `resume` to me here. "
    "What is asked meanwhile waits until then."
)
RESUMED = "Resumed: I read this page again, and answer what was asked meanwhile."
NOT_PAUSED = "I was not paused on this page; I read it as before."
AGAIN = "I review this page again, in this sweep or the next, though it may not have changed."
NOTHING_KNOWN = "I have no record of a review of this page."

# Around the word, what is left of "RFC reviewer, pause" or "pause, RFC reviewer".
_SPOKEN = re.compile(r"[\s,:;–—-]*([a-z]+(?:\s+[a-z]+)?)[\s,–—-]*[.!?]?\s*", re.IGNORECASE)  # noqa: RUF001


def word_in(text: str) -> Word | None:
    """Return the word that a comment consists of, once the reviewer's name is taken off.

    Capitals, spaces and one mark at the end do not count; "please" or anything else does.
    """
    spoken = _SPOKEN.fullmatch(text)
    if spoken is None:
        return None
    words = " ".join(spoken[1].casefold().split())
    return Word(words) if words in tuple(Word) else None


def addressed(text: str, name: str, mentions: Mapping[str, str]) -> tuple[bool, str]:
    """Tell whether a comment calls the reviewer; return with it what it says besides.

    Args:
        text: The comment without marks.
        name: The reviewer's name.
        mentions: How the text shows each of the reviewer's own users that it mentions, by id.
    """
    rest = text
    for shown in mentions.values():
        rest = rest.replace(shown, " ", 1)
    if name.strip():
        spelled = r"\s+".join(map(re.escape, name.split()))
        rest = re.sub(rf"(?<![\w@])@?{spelled}(?!\w)", " ", rest, flags=re.IGNORECASE)
    if rest == text:
        return False, text
    # The bare name calls the reviewer: no acknowledgement.
    return True, rest if any(char.isalnum() for char in rest) else text


@dataclass(frozen=True, slots=True)
class Said:
    """A word to the reviewer, where it stands, and whether the page was paused just before it."""

    word: Word
    thread: Thread
    comment: Comment
    paused: bool = False

    @property
    def paused_after(self) -> bool:
        """Whether the page is paused after it."""
        return {Word.PAUSE: True, Word.RESUME: False}.get(self.word, self.paused)

    @property
    def is_idle(self) -> bool:
        """Whether it changes nothing and needs no answer: the page is silent already."""
        return self.word is Word.PAUSE and self.paused

    @property
    def waits(self) -> bool:
        """Whether it has to wait while the page is paused."""
        return self.word in (Word.REVIEW_AGAIN, Word.WHY)


def in_order(said: Iterable[Said], paused: bool) -> tuple[Said, ...]:  # noqa: FBT001 - a state
    """Return words in the order in which they were said, each with how the page stood before."""
    out: list[Said] = []
    for one in sorted(said, key=lambda one: one.comment.created):
        out.append(replace(one, paused=paused))
        paused = out[-1].paused_after
    return tuple(out)


def because(origin: Origin | None, prompt_name: str, rule: str = "") -> str:
    """Tell where a finding, or the last review of a page, comes from.

    Args:
        origin: What the state knows; None where it knows nothing.
        prompt_name: The prompt's title.
        rule: The rule of the rule-based reviewer that raised it, if one did.
    """
    if origin is None:
        return NOTHING_KNOWN
    when = f"{origin.at:%Y-%m-%d %H:%M} UTC"
    under = (
        f"by `{origin.model}` under the prompt “{quoted(prompt_name)}”, version `{origin.prompt}`"
    )
    if origin.severity is None:
        return f"I last reviewed this page on {when}, {under}; it ended as: {origin.outcome}."
    by_rule = f" Its rule is “{rule}”." if rule else ""
    about = f"It is about “{quoted(origin.quote)}”."
    return f"Raised as {origin.severity.value} on {when}, {under}.{by_rule} {about}"
