"""What a person does with drafts: look at them, approve, edit, drop single comments, refuse.

Each function is one transaction on the state, sends nothing to Notion, and works while the service
runs. The next delivery posts what was approved, after it checked that its place still exists.
Errors are one line for a person.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from daemon.domain import records
from daemon.domain.errors import ReviewError, UnknownItem
from daemon.domain.findings import Event
from daemon.domain.notation import counted, iso
from daemon.domain.records import DeliveryState, DraftState, MessageKind, OutboxMessage
from daemon.domain.values import Finding
from daemon.notion import from_markdown
from daemon.review.cleaning import REMOVED, cleaned, links_in
from daemon.review.points import FINDING_CHARS, REPLY_CHARS, SUMMARY_CHARS
from daemon.store import drafts, findings, outbox, pages, reviews, sweeps
from daemon.store.database import State
from daemon.sweep.delivery.approval import EXPIRE_AFTER, Ended, end, held


_LONGEST = {
    MessageKind.FINDING: FINDING_CHARS,
    MessageKind.REPLY: REPLY_CHARS,
    MessageKind.SUMMARY: SUMMARY_CHARS,
    MessageKind.EDIT: SUMMARY_CHARS,
}
APPROVED = "approved"


class Decided(ReviewError):
    """The draft, or the comment, waits no more."""

    exit_code = 2


class UnpostableText(ReviewError):
    """A text that cannot be posted."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Part:
    """One comment of a draft.

    Attributes:
        number: Its number in the draft, from 1; it never changes. What of a review went out at
            once has a number too.
        message: The row of the outbox.
        finding: What it raises; None for a reply and the summary.
    """

    number: int
    message: OutboxMessage
    finding: Finding | None = None

    @property
    def waits(self) -> bool:
        """Whether it can still be approved, edited or dropped."""
        return self.message.state is DeliveryState.HELD

    @property
    def text(self) -> str:
        """What an edit replaces, as Markdown; a finding's quote stands before it when posted."""
        return self.finding.text if self.finding else self.message.body


@dataclass(frozen=True, slots=True)
class Draft:
    """A review that waits, or waited, for a person, with what it has to say.

    `kept` is what it found beyond the limit of comments: approving it lets people ask for more.
    """

    row: records.DraftRow
    title: str
    url: str
    parts: tuple[Part, ...]
    kept: tuple[Finding, ...] = ()

    @property
    def number(self) -> int:
        """The draft's number, which is its review's."""
        return self.row.id

    @property
    def waits(self) -> bool:
        """Whether it is still to be decided on."""
        return self.row.state is DraftState.WAITING

    @property
    def expires(self) -> datetime:
        """When it ends by itself."""
        return self.row.held_at + EXPIRE_AFTER


def listed(state: State) -> list[Draft]:
    """Return the drafts that wait, the oldest first."""
    return [_whole(state, row) for row in drafts.waiting(state)]


def shown(state: State, number: int) -> Draft:
    """Return a draft, decided or not.

    Raises:
        UnknownItem: There is no such draft.
    """
    row = drafts.draft(state, number)
    if row is None:
        raise UnknownItem(
            f"draft {number}: there is none; notion-review drafts lists those that wait"
        )
    return _whole(state, row)


def _whole(state: State, row: records.DraftRow) -> Draft:
    page = pages.page(state, row.page_id)
    messages = outbox.messages_of(state, review_id=row.id)
    parts = []
    for index, message in enumerate(messages, 1):
        stored = findings.get(state, message.raises) if message.raises else None
        parts.append(Part(index, message, stored.finding if stored else None))
    kept = (findings.get(state, number) for number in findings.kept_of_review(state, row.id))
    return Draft(
        row,
        page.title if page else "",
        page.url if page else "",
        tuple(parts),
        tuple(one.finding for one in kept if one),
    )


def approve(state: State, number: int) -> Draft:
    """Hand what waits of a draft over to delivery; return it as it stands then.

    Raises:
        UnknownItem: There is no such draft.
        Decided: It was refused, has expired, or a newer review took its place.
    """
    now, page_id = datetime.now(UTC), shown(state, number).row.page_id
    with state.atomic():
        if drafts.close(state, number, DraftState.APPROVED, now, "by a person"):
            messages = held(state, number)
            outbox.release(state, number, APPROVED)
            for message in messages:
                if message.raises is not None:
                    findings.apply_event(state, message.raises, Event.APPROVED, now)
            comments = sum(message.kind is MessageKind.FINDING for message in messages)
            replies = sum(message.kind is MessageKind.REPLY for message in messages)
            drafts.record_approved_size(state, number, comments, replies)
            what = f"{counted(comments, 'comment')}, {counted(replies, 'reply')}"
            sweeps.record_decision(state, page_id, now, "draft", f"{number}: approved, {what}")
    draft = shown(state, number)
    if draft.row.state is not DraftState.APPROVED:
        raise Decided(_decided(draft))
    return draft


def refuse(state: State, number: int, reason: str = "") -> Draft:
    """Drop what waits of a draft: its findings count as turned down by people.

    Raises:
        UnknownItem: There is no such draft.
        Decided: It waits no more.
    """
    draft = shown(state, number)
    why = f"refused: {reason}" if reason else "refused"
    messages = [part.message for part in draft.parts if part.waits]
    end(state, draft.row, messages, Ended(DraftState.REFUSED, why, datetime.now(UTC)))
    after = shown(state, number)
    if after.row.state is not DraftState.REFUSED:
        raise Decided(_decided(after))
    return after


def drop(state: State, number: int, part: int) -> Draft:
    """Drop one comment of a draft: its point counts as turned down by people.

    Raises:
        UnknownItem: There is no such draft or comment.
        Decided: It waits no more.
    """
    draft = shown(state, number)
    message = _waiting(draft, part).message
    ended = Ended(DraftState.REFUSED, "dropped from its draft", datetime.now(UTC))
    end(state, draft.row, [message], ended)
    return shown(state, number)


def edit(state: State, number: int, part: int, text: str) -> Draft:
    """Give one comment of a draft another text, under the rules that hold for a model's.

    Raises:
        UnknownItem: There is no such draft or comment.
        Decided: It waits no more.
        UnpostableText: Nothing that can be posted is left of the text.
    """
    draft = shown(state, number)
    chosen = _waiting(draft, part)
    # No mention, no secret, and no address but those of the document and of the comment itself.
    allowed = [chosen.message.body]
    if read := reviews.text(state, chosen.message.review_id or 0):
        allowed += [read.title, *(value for _, value in read.properties)]
        allowed += [line.text for line in read.lines]
    words = cleaned(text, links_in("\n".join(allowed)), _LONGEST[chosen.message.kind])
    said = words.replace(REMOVED, "")
    if not any(char.isalnum() for char in said):
        raise UnpostableText("the text says nothing that may be posted; write it in words")
    finding = chosen.finding and replace(chosen.finding, text=words)
    body = from_markdown.finding_body(finding) if finding else words
    with state.atomic():
        if not outbox.set_held_body(state, chosen.message.key, body):
            raise Decided(_decided(shown(state, number)))
        if chosen.message.raises is not None:
            findings.set_text(state, chosen.message.raises, words)
        what = f"{number}: comment {part} was edited"
        sweeps.record_decision(state, draft.row.page_id, datetime.now(UTC), "draft", what)
    return shown(state, number)


def _waiting(draft: Draft, number: int) -> Part:
    if not draft.waits:
        raise Decided(_decided(draft))
    part = next((part for part in draft.parts if part.number == number), None)
    if part is None:
        raise UnknownItem(
            f"draft {draft.number}: has no comment {number}; it has {len(draft.parts)}"
        )
    if not part.waits:
        why = part.message.note or part.message.state.value
        raise Decided(f"draft {draft.number}: comment {number} waits no more ({why})")
    return part


def _decided(draft: Draft) -> str:
    row = draft.row
    at = iso(row.settled_at) if row.settled_at else "just now"
    if row.state is DraftState.APPROVED:
        return f"draft {row.id}: was approved {at}; notion-review retract {row.id} takes it back"
    return f"draft {row.id}: is decided since {at} ({row.note}); nothing can be done with it"


def as_json(draft: Draft) -> dict[str, Any]:
    """Return a draft as `drafts --json` prints it."""
    row = draft.row
    return {
        "id": row.id,
        "page": row.page_id,
        "title": draft.title,
        "url": draft.url,
        "state": row.state.value,
        "reason": row.reason,
        "held_at": iso(row.held_at),
        "expires_at": iso(draft.expires),
        "parts": [
            {
                "number": part.number,
                "kind": part.message.kind.value,
                "place": part.message.place,
                "state": part.message.state.value,
                "severity": part.finding.severity.value if part.finding else None,
                "title": part.finding.title if part.finding else None,
                "quote": part.finding.quote if part.finding else None,
                "text": part.text,
                "instead": part.finding.instead if part.finding else None,
            }
            for part in draft.parts
        ],
        "kept": [{"severity": one.severity.value, "title": one.title} for one in draft.kept],
    }
