"""The values that cross modules. All are frozen; every time is an aware UTC datetime."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from daemon.domain.passages import Passage
from daemon.domain.second_look import Look


@dataclass(frozen=True, slots=True)
class PromptSettings:
    """What a prompt page sets besides its prose.

    Attributes:
        limits: Limits of the config by name; they only narrow what the config allows.
        report: The least severity that is posted; None for the config's.
        sections: The sections that a document should have.
        checklist: What every summary must answer.
    """

    limits: tuple[tuple[str, float], ...] = ()
    report: Severity | None = None
    sections: tuple[str, ...] = ()
    checklist: tuple[str, ...] = ()


NO_SETTINGS = PromptSettings()


class AuthorKind(StrEnum):
    """Who stands behind a comment, decided by ids and never by a shown name."""

    PERSON = "person"
    BOT = "bot"
    OWN = "own"
    UNKNOWN = "unknown"


class Severity(StrEnum):
    """How much a finding matters, the gravest first."""

    BLOCKING = "blocking"
    IMPORTANT = "important"
    MINOR = "minor"

    @property
    def rank(self) -> int:
        """0 for the gravest; sorts findings."""
        return list(Severity).index(self)

    @property
    def test(self) -> str:
        """What a finding of this severity has to be."""
        return {
            Severity.BLOCKING: "done as written, it fails, does harm, or is dear to undo",
            Severity.IMPORTANT: "settling it would change the decision or the work",
            Severity.MINOR: "worth a minute, and nothing hangs on it",
        }[self]


class Source(StrEnum):
    """Who raised a finding."""

    MODEL = "model"
    CHECK = "check"  # a rule of the program


class Effort(StrEnum):
    """How long a model thinks before it answers."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Verdict(StrEnum):
    """What the reviewer says of a point of its own that is still open."""

    FIXED = "fixed"
    NOT_YET = "not_yet"
    WITHDRAWN = "withdrawn"
    TURNED_DOWN = "turned_down"  # a person said no


class Outcome(StrEnum):
    """How one review ended."""

    DONE = "done"
    NOTHING_TO_ADD = "nothing to add"
    EMPTY = "nothing to add, in an empty answer"
    REFUSED = "refused by the model"
    TRUNCATED = "answer cut off"
    ROUNDS = "stopped at the round limit"
    TIME = "stopped at the time limit"
    LOOP = "stopped: the model repeats itself"
    BUDGET = "stopped by the budget"

    @property
    def is_complete(self) -> bool:
        """Whether the model had its whole say; an incomplete review still counts what it found."""
        return self in (Outcome.DONE, Outcome.NOTHING_TO_ADD, Outcome.EMPTY)


class ReviewKind(StrEnum):
    """What the model was asked for."""

    REVIEW = "review"  # to review the page, and to answer in its threads
    REPLY = "reply"  # only to answer


@dataclass(frozen=True, slots=True)
class Author:
    """A comment's author; `name` is for reading only.

    `is_guess` says that Notion does not tell, and that it counts as a person since nothing marks it
    as a bot.
    """

    id: str
    name: str
    kind: AuthorKind
    is_guess: bool = False


@dataclass(frozen=True, slots=True)
class Comment:
    """One comment.

    `text` is Markdown, `plain` the same without marks. `mentions` holds the users that it mentions:
    how its text shows each, by id. `new` says that it wants an answer, `no` that it is read as a no
    to the point that began its thread, unless the reviewer rules otherwise.
    """

    id: str
    author: Author
    created: datetime
    text: str
    plain: str
    edited: datetime
    new: bool = False
    no: bool = False
    mentions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Thread:
    """A discussion: comments in list order. `block_id` is None for the page's own discussion."""

    id: str
    block_id: str | None
    comments: tuple[Comment, ...]

    @property
    def waiting(self) -> tuple[Comment, ...]:
        """The comments that want an answer."""
        return tuple(comment for comment in self.comments if comment.new)

    @property
    def noes(self) -> tuple[Comment, ...]:
        """Those of them that are read as a no."""
        return tuple(comment for comment in self.waiting if comment.no)


@dataclass(frozen=True, slots=True)
class Block:
    """One block of a page, in document order.

    Attributes:
        id: Notion's id, with dashes.
        type: Notion's name of the type, such as `to_do`.
        depth: Nesting level as a reader sees it, 0 at the top.
        line: What a reader reads, as Markdown with the block's own mark (`## `, `- `, `[x] `,
            `| a | b |`). May hold line breaks. Empty for a container that says nothing itself.
        plain: The same text without any mark: what a quote must stand in.
        commentable: Whether a comment may be put on this block.
        last_edit: Who edited it last, by id, and when, as Notion writes it.
        pages: The pages that it mentions, links to, or is, by id.
    """

    id: str
    type: str
    depth: int
    line: str
    plain: str
    commentable: bool = True
    last_edit: tuple[str, str] = field(default=("", ""), compare=False, repr=False)
    pages: tuple[str, ...] = field(default=(), compare=False, repr=False)

    @property
    def is_heading(self) -> bool:
        """Whether a section begins with it."""
        return self.type.startswith("heading_")

    @property
    def may_hold_comments(self) -> bool:
        """Whether its comments are worth a request: empty paragraphs hold none."""
        return self.commentable and (bool(self.line) or self.type == "table")


@dataclass(frozen=True, slots=True)
class Page:
    """A page as a query row or a retrieve gives it.

    `properties` holds (name, text) pairs of every property except the title, in Notion's order,
    and `references` (name, digest) pairs of those that hold pages, people or files: their text may
    stay the same while others are meant. `choices` are the options that are chosen, by property,
    of all properties. `edited` is floored to the minute by Notion.
    """

    id: str
    source_id: str
    title: str
    url: str
    created: datetime
    edited: datetime
    properties: tuple[tuple[str, str], ...] = ()
    in_trash: bool = False
    references: tuple[tuple[str, str], ...] = ()
    choices: tuple[tuple[str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A page read whole: what is hashed is what is reviewed is what is recorded.

    Attributes:
        page: The page with the properties that the database's settings name.
        blocks: Every block, depth first, in document order.
        threads: The discussions that were read.
        read_at: The server's time when the read began.
        comments_readable: False where Notion refused the comments (403).
    """

    page: Page
    blocks: tuple[Block, ...]
    threads: tuple[Thread, ...]
    read_at: datetime
    comments_readable: bool = True

    @property
    def by_id(self) -> dict[str, Block]:
        """The blocks by their id."""
        return {block.id: block for block in self.blocks}

    def section(self, block_id: str) -> str:
        """Return the plain text of the heading that a block stands under, or is; "" for none."""
        heading = ""
        for block in self.blocks:
            heading = block.plain if block.is_heading else heading
            if block.id == block_id:
                return heading
        return ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One point about one block.

    `quote` is the verified slice of the block's plain text; `title` says the point in a few words.
    `lens` names the row of a prompt database under which it was made; "" for none. `instead` is the
    wording that is offered in place of the quote; "" for none.
    """

    block_id: str
    quote: str
    text: str
    severity: Severity
    source: Source = Source.MODEL
    title: str = ""
    lens: str = ""
    instead: str = ""


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a review says of an open point.

    Attributes:
        finding_id: The point's number.
        verdict: The ruling.
        text: What is said in the point's thread; "" for nothing.
        quote: The words that show it; "" where a rule of the program rules, or none are needed.
        person: Who said these words, where they turn it down; else "".
    """

    finding_id: int
    verdict: Verdict
    text: str = ""
    quote: str = ""
    person: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer in a thread."""

    thread_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """A proposal that code refused or left out, with the reason."""

    tool: str
    reason: str


@dataclass(frozen=True, slots=True)
class Usage:
    """What model calls cost. `input_tokens` includes `cached_tokens`; `cost_usd` in US dollars."""

    requests: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0

    @property
    def tokens(self) -> int:
        """Tokens in and out."""
        return self.input_tokens + self.output_tokens

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.requests + other.requests,
            self.input_tokens + other.input_tokens,
            self.cached_tokens + other.cached_tokens,
            self.output_tokens + other.output_tokens,
            self.cost_usd + other.cost_usd,
        )


@dataclass(frozen=True, slots=True)
class Review:
    """The result of one review, before anything is posted.

    Attributes:
        left: The threads that need no reply, with the model's reason for each.
        omitted: Names of the sections that the model was not shown.
        rulings: What is said of the points that were open.
        kept: The findings beyond the limit of comments: not posted, and not lost.
        question: The one question whose answer would change the decision; "" for none.
        looked_up: What look-ups in other documents found, by their words.
        refuted: The findings that a second look dropped: not posted, and not named.
        look: What came of the second look; None where there was none.
        digest: What was noted of blocks, see deep.py; None where all was read at once.
    """

    outcome: Outcome
    findings: tuple[Finding, ...]
    replies: tuple[Reply, ...]
    left: Mapping[str, str]
    summary: str
    refusals: tuple[Refusal, ...]
    model: str
    usage: Usage
    omitted: tuple[str, ...] = ()
    rulings: tuple[Ruling, ...] = ()
    kept: tuple[Finding, ...] = ()
    question: str = ""
    looked_up: Mapping[str, tuple[Passage, ...]] = field(default_factory=dict)
    refuted: tuple[Finding, ...] = ()
    look: Look | None = None
    digest: tuple[tuple[str, str], ...] | None = None

    @property
    def nothing_said(self) -> str:
        """Why the model gave no answer of its own: refused, cut off, or empty; "" where it did."""
        gave = self.findings or self.kept or self.replies or self.left or self.rulings
        none = (Outcome.REFUSED, Outcome.TRUNCATED, Outcome.EMPTY)
        return self.outcome.value if self.outcome in none and not gave else ""


@dataclass(frozen=True, slots=True)
class Prompt:
    """The instructions of a database: text, the reviewer's name, and where they come from.

    `lenses` are the names of the rows of a prompt database that it is made of.
    """

    name: str
    text: str
    origin: str
    knowledge: tuple[tuple[str, str], ...] = ()
    rules: PromptSettings = NO_SETTINGS
    lenses: tuple[str, ...] = ()
