"""What a person does with drafts: look at them, approve, edit, drop single comments, refuse.

Each function is one transaction on the state, asks nothing of Notion, and works while the service
runs; what is approved is posted by its next delivery, which checks that it still has its place.

    listed(state) -> list[Draft]                  those that wait, the oldest first
    shown(state, number) -> Draft                 any draft, decided or not
    approve(state, number) -> Draft               once; approving again changes nothing
    edit(state, number, part, text) -> Draft      `part` is the comment's number in the draft
    drop(state, number, part) -> Draft
    refuse(state, number, reason="") -> Draft
    as_json(draft) -> dict                        as `drafts --json` prints it

Raises: `Unknown` where there is no such draft or comment, `Decided` where it is decided already,
`Unfit` where a new text cannot be posted; each is one line for a person.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlite_utils import Database

from daemon.sweep.delivery.approval import EXPIRE_AFTER, Ended, end, held
from daemon.domain.values import Finding
from daemon.domain.errors import ReviewError
from daemon.domain.findings import Event
from daemon.notion import from_markdown as writing
from daemon.domain.english import counted
from daemon.review.cleaning import FOREIGN, SECRET
from daemon.review.repeats import FINDING_CHARS, REPLY_CHARS, SUMMARY_CHARS, cleaned, links
from daemon.store import drafts, findings, sweeps as ledger, pages, reviews, texts
from daemon.store.database import iso
from daemon.store.drafts import DraftState
from daemon.store.reviews import Kind, Letter, Sending


_LONGEST = {
    Kind.FINDING: FINDING_CHARS,
    Kind.REPLY: REPLY_CHARS,
    Kind.SUMMARY: SUMMARY_CHARS,
    Kind.EDIT: SUMMARY_CHARS,
}
APPROVED = "approved"


class Unknown(ReviewError):
    """There is no such draft, or no such comment in it."""

    exit_code = 2


class Decided(ReviewError):
    """The draft, or the comment, waits no more."""

    exit_code = 2


class Unfit(ReviewError):
    """A text that cannot be posted."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Part:
    """One comment of a draft.

    Attributes:
        number: Its number in the draft, from 1; it never changes. What of a review went out at
            once has a number too.
        letter: The row of the outbox.
        finding: What it raises; None for a reply and the summary.
    """

    number: int
    letter: Letter
    finding: Finding | None = None

    @property
    def waits(self) -> bool:
        """Whether it can still be approved, edited or dropped."""
        return self.letter.state is Sending.HELD

    @property
    def text(self) -> str:
        """What an edit replaces, as Markdown; a finding's quote stands before it when posted."""
        return self.finding.text if self.finding else self.letter.body


@dataclass(frozen=True, slots=True)
class Draft:
    """A review that waits, or waited, for a person, with what it has to say."""

    row: drafts.Draft
    title: str
    url: str
    parts: tuple[Part, ...]

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


def listed(state: Database) -> list[Draft]:
    """Return the drafts that wait, the oldest first."""
    return [_whole(state, row) for row in drafts.waiting(state)]


def shown(state: Database, number: int) -> Draft:
    """Return a draft, decided or not.

    Raises:
        Unknown: There is no such draft.
    """
    row = drafts.draft(state, number)
    if row is None:
        raise Unknown(f"draft {number}: there is none; notion-review drafts lists those that wait")
    return _whole(state, row)


def _whole(state: Database, row: drafts.Draft) -> Draft:
    page = pages.page(state, row.page_id)
    letters = reviews.letters_of(state, review_id=row.id)
    parts = tuple(_part(state, index, letter) for index, letter in enumerate(letters, 1))
    return Draft(row, page.title if page else "", page.url if page else "", parts)


def _part(state: Database, number: int, letter: Letter) -> Part:
    stored = findings.one(state, letter.finding_id) if letter.finding_id else None
    return Part(number, letter, stored.finding if stored else None)


def approve(state: Database, number: int) -> Draft:
    """Hand what waits of a draft over to delivery; return it as it stands then.

    Raises:
        Unknown: There is no such draft.
        Decided: It was refused, has expired, or a newer review took its place.
    """
    now, page_id = datetime.now(UTC), shown(state, number).row.page_id
    with state.atomic():
        if drafts.settle(state, number, DraftState.APPROVED, now, "by a person"):
            what = _release(state, number, now)
            ledger.decide(state, page_id, now, "draft", f"{number}: approved, {what}")
    draft = shown(state, number)
    if draft.row.state is not DraftState.APPROVED:
        raise Decided(_decided(draft))
    return draft


def _release(state: Database, number: int, now: datetime) -> str:
    letters = held(state, number)
    drafts.release(state, number, APPROVED)
    for letter in letters:
        if letter.finding_id is not None:
            findings.happened(state, letter.finding_id, Event.APPROVED, now)
    comments = sum(letter.kind is Kind.FINDING for letter in letters)
    replies = sum(letter.kind is Kind.REPLY for letter in letters)
    drafts.let_pass(state, number, comments, replies)
    return f"{counted(comments, 'comment')}, {counted(replies, 'reply')}"


def refuse(state: Database, number: int, reason: str = "") -> Draft:
    """Drop what waits of a draft: its findings count as turned down by people.

    Raises:
        Unknown: There is no such draft.
        Decided: It waits no more.
    """
    draft = shown(state, number)
    why = f"refused: {reason}" if reason else "refused"
    letters = [part.letter for part in draft.parts if part.waits]
    end(state, draft.row, letters, Ended(DraftState.REFUSED, why, datetime.now(UTC)))
    after = shown(state, number)
    if after.row.state is not DraftState.REFUSED:
        raise Decided(_decided(after))
    return after


def drop(state: Database, number: int, part: int) -> Draft:
    """Drop one comment of a draft: its point counts as turned down by people.

    Raises:
        Unknown: There is no such draft or comment.
        Decided: It waits no more.
    """
    draft = shown(state, number)
    letter = _waiting(draft, part).letter
    ended = Ended(DraftState.REFUSED, "dropped from its draft", datetime.now(UTC))
    end(state, draft.row, [letter], ended)
    return shown(state, number)


def edit(state: Database, number: int, part: int, text: str) -> Draft:
    """Give one comment of a draft another text, under the rules that hold for a model's.

    Raises:
        Unknown: There is no such draft or comment.
        Decided: It waits no more.
        Unfit: Nothing that can be posted is left of the text.
    """
    draft = shown(state, number)
    chosen = _waiting(draft, part)
    words = _fit(state, chosen, text)
    finding = chosen.finding and replace(chosen.finding, text=words)
    body = writing.finding_body(finding) if finding else words
    with state.atomic():
        if not drafts.rewrite(state, chosen.letter.key, body):
            raise Decided(_decided(shown(state, number)))
        if chosen.letter.finding_id is not None:
            drafts.reword(state, chosen.letter.finding_id, words)
        what = f"{number}: comment {part} was edited"
        ledger.decide(state, draft.row.page_id, datetime.now(UTC), "draft", what)
    return shown(state, number)


def _fit(state: Database, part: Part, text: str) -> str:
    """Return a text as it may be posted: no mention, no secret, no address of elsewhere."""
    words = cleaned(text, _addresses(state, part), _LONGEST[part.letter.kind])
    said = words.replace(FOREIGN, "").replace(SECRET, "")
    if not any(char.isalnum() for char in said):
        raise Unfit("the text says nothing that may be posted; write it in words")
    return words


def _addresses(state: Database, part: Part) -> frozenset[str]:
    """Return the addresses of the document as it was reviewed, and of the comment so far."""
    said = [part.letter.body]
    if read := texts.text(state, part.letter.review_id or 0):
        said += [read.title, *(value for _, value in read.properties)]
        said += [line.text for line in read.lines]
    return links("\n".join(said))


def _waiting(draft: Draft, number: int) -> Part:
    if not draft.waits:
        raise Decided(_decided(draft))
    part = next((part for part in draft.parts if part.number == number), None)
    if part is None:
        raise Unknown(f"draft {draft.number}: has no comment {number}; it has {len(draft.parts)}")
    if not part.waits:
        why = part.letter.note or part.letter.state.value
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
        "parts": [_part_as_json(part) for part in draft.parts],
    }


def _part_as_json(part: Part) -> dict[str, Any]:
    finding = part.finding
    return {
        "number": part.number,
        "kind": part.letter.kind.value,
        "place": part.letter.place,
        "state": part.letter.state.value,
        "severity": finding.severity.value if finding else None,
        "quote": finding.quote if finding else None,
        "text": part.text,
    }
