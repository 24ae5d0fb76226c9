"""Replies to people: checks a finding again, or points to where the document speaks of it."""

from __future__ import annotations

import re

from daemon.domain.values import AuthorKind, Comment, Finding, Thread

from daemon.review.offline.document import Document, shown
from daemon.review.offline.hits import Kind, kind_of
from daemon.review.offline.patterns import any_of, vocabulary
from daemon.review.offline.pointing import content, pointers


_NO_MODEL = "a person must answer, since no model is configured."
NOT_FOUND = f"I found nothing in this document that speaks of that; {_NO_MODEL}"
NOT_CLEAR = f"I cannot tell what this asks for; {_NO_MODEL}"
NOT_MINE = "No rule can check this again; a person must, since no model is configured."

_RULES = {
    Kind.MISSING: "The rule looks for a section, or a passage, on each thing a proposal needs.",
    Kind.EMPTY: "The rule looks for headings with nothing under them.",
    Kind.LEFTOVER: "The rule looks for marks of unfinished text, such as TODO and TBD.",
    Kind.COUNT: "The rule compares a number in the text with the list that follows.",
    Kind.REFERENCE: "The rule looks for references to places that the document does not have.",
    Kind.DATE: "The rule looks for plans whose date has passed.",
    Kind.DOUBLED: "The rule looks for a word written twice in a row.",
}
_FIXED = re.compile(
    r"\b(?:fixed|done|resolved|addressed|corrected|updated|added|removed|changed|rewrote|rewritten"
    r"|reworded|sorted|filled|expanded|deleted|adjusted|dropped|written|spelled|moved|replaced)\b",
    re.IGNORECASE,
)
_NOT_YET = any_of(
    r"""not\b | never\b | no\b(?! longer) | will\b | shall\b | should\b | can\b | could\b | must\b
    | to be\b | going to\b | needs?\b | later\b | tomorrow\b | please\b | let me\b | when\b
    | once\b | if\b | why\b | who\b | \w+n't\b | \w+'ll\b | on purpose | intend | intention
    | by design | deliberate"""
)
_CHECK = re.compile(
    r"\b(?:check|look|try|run|see) (?:\w+ )?again|\bre-?check"
    r"|\bstill (?:there|stands?|valid|applies|true|an issue)",
    re.IGNORECASE,
)
_ASKS = re.compile(
    r"\?(?:\s|$|[)\"'])|^\W*(?:who|what|when|where|why|how|which|whose|does|do|did|is|are|was|were"
    r"|can|could|should|would|will|has|have)\b",
    re.IGNORECASE,
)
_CLAUSE = re.compile(r"[.;!?\n]+")
_ABOUT_THE_FINDING = vocabulary(
    """bot check clear comment detail elaborat error exactl explain find fix issu mean meant point
    problem reason remark rul say see suggest understand valid warn wrong"""
)
_QUOTE = 160


def reply(
    thread: Thread, document: Document, now: tuple[Finding, ...], raised: Finding | None
) -> str | None:
    """Answer the waiting comments of a thread; None where a rule has nothing to say.

    `now` are the findings as the document stands; `raised` is the one that began the thread.
    """
    checked = [comment for comment in thread.waiting if raised and _wants_check(comment)]
    asked = [
        comment
        for comment in thread.waiting
        if _ASKS.search(_text(comment)) and not _is_answered(comment, thread)
    ]
    question = _text(asked[-1]) if asked else ""
    if raised and asked and not checked and not content(question) - _ABOUT_THE_FINDING:
        return f"{_rule(raised)}{_checked(raised, document, now)}"
    parts = [_checked(raised, document, now)] if raised and checked else []
    if asked and asked[-1] not in checked:
        parts.append(_pointer(question, document, thread.block_id))
    return "\n\n".join(parts) or None


def _is_answered(asked: Comment, thread: Thread) -> bool:
    """Whether somebody else has said something since that is no question itself."""
    after = thread.comments[thread.comments.index(asked) + 1 :]
    return any(
        comment.author.id != asked.author.id
        and comment.author.kind is AuthorKind.PERSON
        and not _ASKS.search(_text(comment))
        for comment in after
    )


def _text(comment: Comment) -> str:
    return comment.plain.replace("\u2019", "'")


def _wants_check(comment: Comment) -> bool:
    """Whether a comment says that the point is mended, or asks to look again."""
    return bool(_CHECK.search(_text(comment))) or any(
        _FIXED.search(clause) and not _NOT_YET.search(clause)
        for clause in _CLAUSE.split(_text(comment))
    )


def _rule(raised: Finding) -> str:
    kind = kind_of(raised)
    return f"{_RULES[kind]} " if kind else ""


def _checked(raised: Finding, document: Document, now: tuple[Finding, ...]) -> str:
    """Say whether a finding still stands in the document as it is now."""
    kind = kind_of(raised)
    if kind is None:
        return NOT_MINE
    standing = next((found for found in now if _is_same(kind, raised, found)), None)
    if standing:
        return f"Checked again, it still stands: “{shown(standing.quote, _QUOTE)}”. {standing.text}"
    block = document.snapshot.by_id.get(raised.block_id)
    if block is None:
        return "Checked again, it no longer stands: the passage is gone."
    reads = f" It reads now: “{shown(block.plain, _QUOTE)}”." if block.plain.strip() else ""
    return f"Checked again, it no longer stands.{'' if kind is Kind.MISSING else reads}"


def _is_same(kind: Kind, raised: Finding, found: Finding) -> bool:
    """Whether `found` is the point that was raised, perhaps in other words by now."""
    if kind_of(found) is not kind:
        return False
    if kind is Kind.MISSING:
        return True
    is_there = found.block_id == raised.block_id
    return is_there and (kind is not Kind.DOUBLED or found.quote == raised.quote)


def _pointer(question: str, document: Document, asked_on: str | None) -> str:
    if not content(question):
        return NOT_CLEAR
    first, *others = pointers(question, document, asked_on) or [""]
    if not first:
        return NOT_FOUND
    also = "".join(f" Also {place}." for place in others)
    return f"The closest is {first}.{also} Whether that answers it, a person must say."
