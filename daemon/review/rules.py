"""What a proposal must pass, and who gets an answer: tables without I/O and without a clock."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from daemon.domain import AuthorKind, Block, Finding
from daemon.review.acknowledge import is_acknowledgement
from daemon.review.quotes import fold, overlap


# Longer texts are cut: a wall of text is noise whatever it says.
FINDING_CHARS = 1_200
REPLY_CHARS = 2_500
SUMMARY_CHARS = 6_000
# Two texts this alike on one block make the same point.
SAME_POINT = 88.0

_URL = re.compile(r"https?://[^\s<>()\[\]\"'`]+")
_LINK = re.compile(r"\[([^\]\n]*)\]\(\s*<?([^)\s>]*)>?(?:\s+\"[^\"]*\")?\s*\)")
_MENTION = re.compile(r"(?<![\w.+-])@(?=\w)")
_SECRET = re.compile(
    r"\b(?:sk-[A-Za-z0-9_-]{16,}|ntn_[A-Za-z0-9]{16,}|secret_[A-Za-z0-9]{16,}"
    r"|gh[pousr]_[A-Za-z0-9]{20,}|xox[abprs]-[A-Za-z0-9-]{10,}|AKIA[0-9A-Z]{16}"
    r"|eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]+)"
)
# Everything that does not print but steers a terminal, a renderer or a reader's eye.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff"
    "\U000e0000-\U000e007f]"
)


def visible(text: str) -> str:
    """Drop control and invisible characters; joiners that scripts and emoji need stay."""
    return _INVISIBLE.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def links(text: str) -> frozenset[str]:
    """Return every http(s) address in a text."""
    return frozenset(match.rstrip(".,;:!?*_~") for match in _URL.findall(text))


def cleaned(text: str, allowed: frozenset[str], limit: int) -> str:
    """Return a proposal's text as it may be posted.

    No mention, no link that does not stand in the document or the prompt, nothing that looks
    like a secret, nothing invisible, at most `limit` characters.
    """
    text = visible(text).strip()
    text = _LINK.sub(lambda found: _kept_link(found, allowed), text)
    text = _URL.sub(lambda found: _kept_url(found[0], allowed), text)
    text = _SECRET.sub("(removed)", _MENTION.sub("", text))
    return text if len(text) <= limit else text[: limit - 1].rsplit(" ", 1)[0] + "…"


def _kept_link(found: re.Match[str], allowed: frozenset[str]) -> str:
    return found[0] if found[2].rstrip(".,;:!?*_~") in allowed else found[1]


def _kept_url(url: str, allowed: frozenset[str]) -> str:
    bare = url.rstrip(".,;:!?*_~")
    return url if bare in allowed else "(link removed)" + url[len(bare) :]


def repeats(finding: Finding, earlier: Iterable[Finding], block: Block) -> bool:
    """Tell whether a finding makes a point again whose text still stands in the block.

    The same point: an overlapping quote, or nearly the same words about the same block.
    """
    hay = fold(block.plain).text
    standing = [old for old in earlier if old.block_id == block.id and fold(old.quote).text in hay]
    return any(
        overlap(finding.quote, old.quote, block.plain) or _alike(finding.text, old.text)
        for old in standing
    )


def _alike(one: str, other: str) -> bool:
    from rapidfuzz import fuzz

    return fuzz.token_set_ratio(fold(one).text, fold(other).text) >= SAME_POINT


def best(findings: Sequence[Finding], limit: int) -> tuple[Finding, ...]:
    """Keep the gravest findings, in the order in which they were made."""
    ranked = sorted(range(len(findings)), key=lambda index: (findings[index].severity.rank, index))
    return tuple(findings[index] for index in sorted(ranked[:limit]))


class Gate(StrEnum):
    """What happens with a new comment."""

    REPLY = "reply"
    SILENT = "silent"
    HAND_OVER = "hand over"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the reply gate looks at.

    Attributes:
        author: Who wrote the comment.
        text: Its text without marks.
        in_thread: Whether a comment of ours stands in the thread.
        addressed: Whether the comment names the reviewer.
        replies: Own replies in the thread so far.
        handed_over: Whether the thread was handed over to people.
        old: Whether the comment is older than the page's baseline.
    """

    author: AuthorKind
    text: str
    in_thread: bool
    addressed: bool
    replies: int
    handed_over: bool
    old: bool


def gate(asked: Asked, setting: str, limit: int) -> tuple[Gate, str]:
    """Decide on a new comment, and say why.

    Args:
        asked: The comment and its thread.
        setting: `replies` of the database: any, ours, mentioned or none.
        limit: Replies of our own that one thread may hold.
    """
    for silent, reason in (
        (asked.author is not AuthorKind.PERSON, f"written by: {asked.author.value}"),
        (asked.old, "older than the baseline"),
        (is_acknowledgement(asked.text), "an acknowledgement"),
        (not _wanted(asked, setting), f"replies: {setting}"),
        (asked.handed_over, "handed over to people"),
    ):
        if silent:
            return Gate.SILENT, reason
    if asked.replies >= limit:
        return Gate.HAND_OVER, f"{limit} replies in this thread"
    return Gate.REPLY, "a person wrote"


def _wanted(asked: Asked, setting: str) -> bool:
    return {
        "any": True,
        "ours": asked.in_thread or asked.addressed,
        "mentioned": asked.addressed,
        "none": False,
    }[setting]
