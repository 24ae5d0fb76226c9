"""What code adds to a summary: what to do first, and what was left out, not read, or cut short."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from daemon.domain.values import Block, Finding, Outcome, Severity
from daemon.review.cleaning import cleaned
from daemon.review.offline.document import shown


# Sections that a summary names as not read.
OMITTED_NAMED = 8
# Points that it names as to be done, by the first words of their quotes.
TODO_NAMED, TODO_CHARS = 5, 60
REMARK_CHARS = 1_000

_ORDER = {Severity.BLOCKING: "Settle first", Severity.IMPORTANT: "Then"}


def whole(words: str, *, first: str, left_out: str, unread: str, cut: str) -> str:
    """Put a summary together; what is empty is left out."""
    last = " ".join(part for part in (left_out, unread, cut) if part)
    around = [cleaned(part, frozenset(), REMARK_CHARS) for part in (first, last)]
    return "\n\n".join(part for part in (around[0], words, around[1]) if part)


def to_do(findings: Iterable[Finding], blocks: Sequence[Block]) -> str:
    """List what the author must do, the gravest first; "" where there is nothing to order."""
    place = {block.id: index for index, block in enumerate(blocks)}
    grave = [one for one in findings if one.severity in _ORDER]
    if len(grave) < 2:  # noqa: PLR2004 - one point needs no order
        return ""
    ranked = sorted(grave, key=lambda one: (one.severity.rank, place.get(one.block_id, 0)))
    more = len(ranked) - TODO_NAMED
    lines = list(_lines(ranked[:TODO_NAMED]))
    return "\n".join([*lines, f"and {more} more"] if more > 0 else lines)


def _lines(ranked: Sequence[Finding]) -> Iterator[str]:
    for severity, words in _ORDER.items():
        quotes = [f"“{shown(one.quote, TODO_CHARS)}”" for one in ranked if one.severity is severity]
        if quotes:
            yield f"**{words}:** {', '.join(quotes)}"


def left_out(unposted: Sequence[Finding]) -> str:
    """Count the points that were not posted."""
    counts = {
        grade.value: sum(one.severity is grade for one in unposted)
        for grade in Severity
        if any(one.severity is grade for one in unposted)
    }
    if len(unposted) <= 1:
        return "One smaller point was left out." if unposted else ""
    by_grade = ", ".join(f"{count} {grade}" for grade, count in counts.items())
    said = f"{len(unposted)} smaller points were left out"
    return f"{said}: {by_grade}." if len(counts) > 1 else f"{said}."


def unread(omitted: Sequence[str]) -> str:
    """Name the sections that the model could not be shown."""
    if not omitted:
        return ""
    more = len(omitted) - OMITTED_NAMED
    named = ", ".join(omitted[:OMITTED_NAMED]) + (f" and {more} more" if more > 0 else "")
    return f"Not read, too long for the model: {named}."


def cut_short(outcome: Outcome) -> str:
    """Say that a review is not complete."""
    return "" if outcome.is_complete else f"This review is not complete: {outcome.value}."
