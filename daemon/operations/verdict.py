"""Why a page was or was not commented on, in one sentence. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from daemon.domain.values import Outcome
from daemon.domain.english import counted
from daemon.store.database import iso
from daemon.store.history import Held
from daemon.store.pages import PageRow, Standing
from daemon.store.reviews import Kind, Letter, Sending


# Alerts that keep every page waiting; the rest concern single pages or nobody's review.
HOLDING = ("token", "config", "models", "budget", "prompt", "capability", "sweeps")
_ON_ITS_WAY = (Sending.INTENT, Sending.SENDING, Sending.UNCLEAR)


@dataclass(frozen=True, slots=True)
class Facts:
    """What the state knows of a page.

    Attributes:
        row: The page.
        trouble: Why its data source cannot be swept, "" where it can.
        alerts: The alerts that stand: name to text.
        reviews: Its reviews, the oldest first.
        letters: What was to be posted on it, the oldest first.
        unread: Why its text was last looked at and not reviewed, "" where it was.
        now: The time.
    """

    row: PageRow
    trouble: str
    alerts: Mapping[str, str]
    reviews: Sequence[Held]
    letters: Sequence[Letter]
    unread: str
    now: datetime


def verdict(facts: Facts) -> str:
    """Return why the page has, or has not, been commented on."""
    return "; ".join(_reasons(facts))


def _reasons(facts: Facts) -> Iterator[str]:
    row = facts.row
    if row.paused:
        yield f"it is paused; notion-review resume {row.id}"
    if facts.trouble and row.state not in (Standing.GONE, Standing.LEFT):
        yield f"its database cannot be swept: {facts.trouble}"
    match row.state:
        case Standing.GONE:
            yield "it is not listed any more: trashed, moved, or not shared with the connection"
        case Standing.LEFT:
            yield "`where` does not select it, or it left the database"
        case Standing.BASELINED:
            yield (
                "it was last edited before the first sweep looks back (`lookback`); its next edit "
                f"is reviewed, or now: notion-review review {row.id}"
            )
        case Standing.PARKED:
            yield (
                f"{_failed(row)} and waits for its next edit, or for notion-review retry {row.id}"
            )
        case Standing.DUE:
            yield _due(facts)
        case Standing.DONE:
            yield from _done(facts)


def _due(facts: Facts) -> str:
    row = facts.row
    when = iso(row.due_at) if row.due_at else "now"
    if row.attempts:
        return f"{_failed(row)} and is tried again from {when} on"
    if row.due_at and row.due_at > facts.now and row.error:
        return f"it waits: {row.error}"
    if row.due_at and row.due_at > facts.now:
        return f"it was edited {iso(row.edited)} and settles: it is read from {when} on"
    if held_up := _held_up(facts):
        return f"it is due, and waits: {held_up}"
    return "it is due at the next sweep"


def _failed(row: PageRow) -> str:
    return f"it failed {counted(row.attempts, 'time')} ({row.error})"


def _held_up(facts: Facts) -> str:
    held = {name: text for name, text in facts.alerts.items() if name.split()[0] in HOLDING}
    # A prompt page whose last good version stays in use holds nothing up.
    return "; ".join(text for text in held.values() if "stays in use" not in text)


def _done(facts: Facts) -> Iterator[str]:
    last = next((one for one in reversed(facts.reviews) if one.kind == "review"), None)
    if facts.unread:
        yield f"its last edit was read and not reviewed: {facts.unread}"
    if last is None:
        if not facts.unread:
            yield "it was read, and never reviewed"
        return
    yield f"review {last.id} of {iso(last.at)} ({last.outcome}): {_came_of(facts, last)}"


def _came_of(facts: Facts, review: Held) -> str:
    """Say what a review led to, and what it kept back."""
    letters = [one for one in facts.letters if one.review_id == review.id]
    parts = list(_counted(letters))
    refused = [reason for tool, reason in review.refusals if tool == "comment"]
    if refused:
        parts.append(f"{counted(len(refused), 'comment')} refused")
    if review.summary and not any(one.kind in (Kind.SUMMARY, Kind.EDIT) for one in letters):
        parts.append("its summary was kept back: `page_comment` is off, or it said nothing new")
    if not letters and not refused and not review.summary:
        complete = Outcome(review.outcome).is_complete
        parts.append("it had nothing to add" if complete else "nothing came of it")
    return ", ".join(parts)


def _counted(letters: Sequence[Letter]) -> Iterator[str]:
    posted = [one for one in letters if one.state is Sending.POSTED]
    waiting = [one for one in letters if one.state in _ON_ITS_WAY]
    dropped = [one for one in letters if one.state is Sending.DROPPED]
    for kind in Kind:
        if number := sum(one.kind is kind for one in posted):
            yield f"{counted(number, _NOUNS[kind])} posted"
    if held := [one for one in letters if one.state is Sending.HELD]:
        show = f"notion-review drafts show {held[0].review_id}"
        yield f"{len(held)} held for approval ({held[0].note}): {show}"
    if waiting:
        why = next((one.note for one in waiting if one.note), None)
        yield f"{len(waiting)} on their way" + (f" ({why})" if why else "")
    if dropped:
        yield f"{len(dropped)} dropped ({dropped[0].note or 'no reason known'})"


_NOUNS = {
    Kind.FINDING: "comment",
    Kind.REPLY: "reply",
    Kind.SUMMARY: "summary",
    Kind.EDIT: "edited summary",
    Kind.NOTICE: "notice",
}
