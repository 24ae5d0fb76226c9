"""The rows of the state as values, so that policy needs no SQL module."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from daemon.domain.comments import CommentState
from daemon.domain.findings import FindingState
from daemon.domain.values import Finding, Page, Prompt, Severity


class PageState(StrEnum):
    """Where a page stands."""

    BASELINED = "baselined"  # older than the first sweep looks back
    DUE = "due"  # waits to be read, from `due_at` on
    DONE = "done"
    PARKED = "parked"  # failed too often; its next edit frees it
    LEFT = "left"  # moved, archived or trashed, or `where` no longer selects it
    GONE = "gone"  # not listed any more


class Standing(StrEnum):
    """What a page is by its own word, where the config says how that is told."""

    DRAFT = "draft"
    ACCEPTED = "accepted"
    OTHER = ""


@dataclass(frozen=True, slots=True)
class PageRow:
    """What is known of a page; the snapshot stays in the file."""

    id: str
    source_id: str
    title: str
    url: str
    edited: datetime
    state: PageState
    due_at: datetime | None = None
    dirty_since: datetime | None = None
    paused: bool = False
    attempts: int = 0
    error: str | None = None
    hash: str | None = None
    form: int | None = None
    prompt: str | None = None
    read_at: datetime | None = None
    reviewed_at: datetime | None = None
    paused_at: datetime | None = None
    paused_until: datetime | None = None
    settings: str | None = None
    left_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SourceRow:
    """What is known of a data source."""

    id: str
    database_id: str
    title: str
    baseline: datetime
    checkpoint: datetime | None = None
    pages: int = 0
    census_at: datetime | None = None
    last_ok: datetime | None = None
    trouble: str | None = None

    @property
    def config_ids(self) -> frozenset[str]:
        """The ids under which config.yaml may name it: its own and its database's."""
        return frozenset({self.id, self.database_id})


class MessageKind(StrEnum):
    """What a message writes; its `target` is a block, discussion, page or comment, by kind."""

    FINDING = "finding"
    REPLY = "reply"
    SUMMARY = "summary"
    EDIT = "edit"
    NOTICE = "notice"  # on a prompt page, of what is wrong with it, or what is in use


# Why a page gets nothing any more, or a block of it.
LEFT = "it left the database"
ARCHIVED = "it is archived"
NOT_SELECTED = "`where` does not select it"
BLOCK_LEFT = "the block is not on its page any more"
THREAD_CLOSED = "the thread was resolved or deleted"
COMMENT_GONE = "the comment was deleted by people"
NO_COMMENT_THERE = "Notion takes no comment there"
# Of a decision: which sections of a page a review was not shown.
NOT_READ = "not read"
# A reply that was dropped for one of these is taken up again when its thread is listed again.
RETURNING = (LEFT, ARCHIVED, NOT_SELECTED, BLOCK_LEFT, THREAD_CLOSED)


class DeliveryState(StrEnum):
    """How far the delivery of a message is."""

    INTENT = "intent"
    HELD = "held"  # waits for approval: no delivery takes it
    SENDING = "sending"
    UNCLEAR = "unclear"
    POSTED = "posted"
    DROPPED = "dropped"


# How keys of messages begin.
STATUS_KEY = "status:"  # of the status comment of a prompt page
DIGEST_KEY = "digest:"  # on a prompt page, below its status comment
TAUGHT_KEY = "taught:"  # of a line that is proposed for a prompt page
WORD_KEY = "word:"  # of answers to a word to the reviewer
OWNER_KEY = f"{WORD_KEY}owner:"  # of those to a word on a prompt page


@dataclass(frozen=True, slots=True)
class OutboxMessage:
    """A message: one write to Notion, kept in the outbox before it is made.

    Attributes:
        last_seen: Of a reply, the last comment of its thread when it was written.
        retracted_at: When an operator took it back, or newer summaries made it outdated; what of it
            stands goes as soon as it can.
        lost_at: When a POST of it was given up that may still be saved.
        person: Of a reply, whom it answers, by id.
    """

    key: str
    page_id: str
    kind: MessageKind
    target: str
    place: str
    body: str
    name: str
    created_at: datetime
    review_id: int | None = None
    finding_id: int | None = None
    state: DeliveryState = DeliveryState.INTENT
    comment_id: str | None = None
    note: str | None = None
    posted_at: datetime | None = None
    attempts: int = 0
    sent_at: datetime | None = None
    asked_at: datetime | None = None
    last_seen: str | None = None
    retracted_at: datetime | None = None
    lost_at: datetime | None = None
    person: str = ""

    def edit(self, key: str, comment_id: str, body: str, at: datetime) -> OutboxMessage:
        """Return the message that gives a comment of this one another text."""
        kind, place = MessageKind.EDIT, self.place
        edit = OutboxMessage(key, self.page_id, kind, comment_id, place, body, self.name, at)
        return replace(edit, review_id=self.review_id, finding_id=self.finding_id)

    @property
    def raises(self) -> int | None:
        """The number of the finding that it posts; an edit only marks one that stands."""
        return self.finding_id if self.kind is MessageKind.FINDING else None

    @property
    def is_status(self) -> bool:
        """Whether it is about the status comment of a prompt page, which nobody waits for."""
        return self.key.startswith(STATUS_KEY)

    @property
    def is_for_owner(self) -> bool:
        """Whether it stands on a prompt page and may be done without."""
        return self.key.startswith((STATUS_KEY, DIGEST_KEY, TAUGHT_KEY, OWNER_KEY))

    @property
    def answers_word(self) -> bool:
        """Whether it answers a word to the reviewer, such as `pause`."""
        return self.key.startswith(WORD_KEY)

    @property
    def counts_as(self) -> MessageKind:
        """The kind that it counts as: an edit of the status comment is no summary."""
        is_notice = self.is_for_owner and not self.answers_word
        return MessageKind.NOTICE if is_notice else self.kind

    @property
    def marks(self) -> int | None:
        """The number of the finding whose comment it marks as settled."""
        return self.finding_id if self.kind is MessageKind.EDIT else None


# How much of a person's comment is kept.
KEPT_CHARS = 500


@dataclass(frozen=True, slots=True)
class SeenComment:
    """What is kept of a comment. A comment is new when its id is not stored, whatever its time.

    `text` is the beginning of what a person wrote, and `author` the name; else "".
    """

    id: str
    edited: datetime
    state: CommentState
    thread_id: str = ""
    text: str = ""
    author: str = ""


@dataclass(frozen=True, slots=True)
class ThreadRow:
    """What is kept of a thread."""

    id: str
    block_id: str | None
    replies: int
    handed_over: bool
    gone_at: datetime | None


@dataclass(frozen=True, slots=True)
class Place:
    """A block, or a page under its own id, whose comments can be listed.

    Attributes:
        page_id: The page.
        place: The block's id, or the page's.
        known: Whether an open thread stands there; the page's own place always counts.
        talked: Whether a person or the reviewer wrote there, and the thread is open.
        looked_at: When its comments were last listed.
        stirred_at: When something last happened: an edit or a review of the page, or a word of a
            person or of the reviewer, there or, where nobody wrote, anywhere on the page.
        requests: How many requests listing them takes, as far as is known.
        waits: Whether somebody waits there whom the model passed over.
    """

    page_id: str
    place: str
    known: bool
    talked: bool
    looked_at: datetime
    stirred_at: datetime
    requests: int = 1
    waits: bool = False


class DraftState(StrEnum):
    """What became of a draft."""

    WAITING = "waiting"
    APPROVED = "approved"
    REFUSED = "refused"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"  # a newer review took its place


@dataclass(frozen=True, slots=True)
class DraftRow:
    """A review that waits for approval, or waited; `id` is the number of the review."""

    id: int
    page_id: str
    reason: str
    state: DraftState
    held_at: datetime
    settled_at: datetime | None
    note: str


@dataclass(frozen=True, slots=True)
class FindingRow:
    """A finding with what became of it, and `why`; `at` is when the review `review_id` made it."""

    id: int
    finding: Finding
    state: FindingState
    discussion_id: str | None
    at: datetime
    review_id: int
    why: str = ""


@dataclass(frozen=True, slots=True)
class StateChange:
    """One change of a finding's state: when, what it became, and why."""

    at: datetime
    state: FindingState
    why: str


class TrialState(StrEnum):
    """How far the trial of a prompt is."""

    DUE = "due"
    BEGUN = "begun"  # found at the beginning of a sweep, it was interrupted
    DONE = "done"


@dataclass(frozen=True, slots=True)
class TriedPoint:
    """A point that two prompts do not agree on.

    `before` and `after` are its severity under the older and the newer prompt, None where that
    one does not make it. `document` is the title of its page, `url` where that is.
    """

    title: str
    page_id: str
    document: str
    url: str
    before: Severity | None
    after: Severity | None


@dataclass(frozen=True, slots=True)
class Trial:
    """What reviews under two versions of a prompt differ in.

    Attributes:
        before: The older version; None once it is not needed any more.
        state: How far it is.
        documents: How many documents were reviewed under both.
        points: The points that the two versions do not agree on.
        same: How many points they agree on.
        cost_usd: What all reviews of the trial cost, in US dollars.
        why: Why there is nothing to tell, or less than was asked for; "" for no reason.
    """

    before: Prompt | None
    state: TrialState = TrialState.DUE
    documents: int = 0
    points: tuple[TriedPoint, ...] = ()
    same: int = 0
    cost_usd: float = 0.0
    why: str = ""


@dataclass(frozen=True, slots=True)
class PromptRow:
    """A row of a prompt database that is switched on: the id and title of the page with a prompt.

    `applies_to` are options of which a document must have one, as `API` or `Type: API`, if any.
    """

    id: str
    title: str
    applies_to: tuple[str, ...] = ()

    def fits(self, document: Page) -> bool:
        """Tell whether a document is to be reviewed under it."""
        chosen = [(name, option) for name, options in document.choices for option in options]
        said = {one.casefold() for name, option in chosen for one in (option, f"{name}: {option}")}
        return not self.applies_to or any(one.casefold() in said for one in self.applies_to)

    def __str__(self) -> str:
        return f"{self.title} ({', '.join(self.applies_to) or 'all documents'})"


@dataclass(frozen=True, slots=True)
class PromptDatabase:
    """A prompt database: its title, and the rows that are switched on, by precedence."""

    title: str
    rows: tuple[PromptRow, ...]


@dataclass(frozen=True, slots=True)
class PromptStatus:
    """What the status comment of a prompt page tells.

    Attributes:
        prompt: The version in use.
        version: Its hash.
        edited: When the page was last edited then, as Notion tells.
        since: When it was read first.
        trial: What a trial of it found; None where none was wanted.
        tried: The versions that were tried, the latest last.
    """

    prompt: Prompt
    version: str
    edited: datetime
    since: datetime
    trial: Trial | None = None
    tried: tuple[str, ...] = ()
