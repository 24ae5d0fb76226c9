"""What a sweep works with and hands down, what it did so far, and what one review is about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum, auto
from pathlib import Path
from typing import Any

from daemon.config import Config, Database
from daemon.domain.change import Change
from daemon.domain.errors import (
    BudgetEmpty,
    CapabilityOff,
    ConfigError,
    ModelsDown,
    ReviewError,
    TokenRefused,
)
from daemon.domain.events import Emit
from daemon.domain.findings import LedgerEntry
from daemon.domain.passages import Linked, Passage
from daemon.domain.records import FindingRow
from daemon.domain.scope import Scope, Silence
from daemon.domain.values import Finding, Prompt, Ruling, Snapshot
from daemon.notion.gateway import Gateway
from daemon.review.handles import Handles
from daemon.review.models.access import Tape
from daemon.review.models.chain import Chain
from daemon.review.points import OwnPoint, SettledPoint
from daemon.store import pages
from daemon.store.database import State
from daemon.sweep.budget import Meter
from daemon.sweep.people import People


@dataclass(frozen=True, slots=True)
class Target:
    """A configured database as it is swept: its settings, its name, the models to ask."""

    settings: Database
    name: str
    models: tuple[str, ...]


Deliver = Callable[["Context", str | None], Awaitable[None]]


@dataclass(slots=True)
class Readings:
    """What one sweep has read from Notion and need not read again.

    Attributes:
        rows: Pages as queries returned them, by id, and when; each is used once.
        prompts: When each prompt page was read, by id.
        missed: Why Notion did not give a prompt page, by id.
        whole: The pages that were read with all their blocks.
    """

    rows: dict[str, tuple[Any, datetime]] = field(default_factory=dict)
    prompts: dict[str, datetime] = field(default_factory=dict)
    missed: dict[str, str] = field(default_factory=dict)
    whole: set[str] = field(default_factory=set)


REASONS = 5


@dataclass
class Tally:
    """The counts of one sweep, and its errors.

    Attributes:
        number: The sweep's number in the state.
        seen: Rows that Notion listed.
        changed: Pages whose text is another than at the last review.
        reviewed: Pages that were reviewed.
        handled: Pages that were reviewed or found unchanged.
        failed: Pages that failed, in a review or in an answer.
        swept: Databases that were listed whole.
        silence: Pages in a row for which Notion gave no answer.
        posted: Comments that were delivered, by kind.
        answers: What each person who asked gets, by id.
        model_answered: Whether a model gave a review or an answer.
        by_name: The page that a person asked for by name, "" for none.
        ruled: The points that answers ruled not yet, each with the hash of the page's text.
        errors: What kept the sweep from doing everything, apart from failed pages.
        failures: What pages failed of.
    """

    number: int | None = None
    seen: int = 0
    changed: int = 0
    reviewed: int = 0
    handled: int = 0
    failed: int = 0
    swept: int = 0
    silence: Silence = field(default_factory=Silence)
    posted: Counter[str] = field(default_factory=Counter)
    answers: dict[str, Answers] = field(default_factory=dict)
    model_answered: bool = False
    by_name: str = ""
    ruled: set[tuple[int, str]] = field(default_factory=set)
    errors: list[ReviewError] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @property
    def why(self) -> list[str]:
        """The reasons why not all went well, each once and not too many."""
        return [*dict.fromkeys([*map(str, self.errors), *self.failures])][:REASONS]

    def has(self, kinds: type[ReviewError] | tuple[type[ReviewError], ...]) -> bool:
        """Whether an error of these kinds was noted."""
        return any(isinstance(error, kinds) for error in self.errors)

    @property
    def halted(self) -> bool:
        """Whether something happened that would happen to every further page too."""
        return self.silence.scope is Scope.CONNECTION or self.has(HALTING)


@dataclass(frozen=True, slots=True)
class ReviewContext:
    """What a review is made with, whoever asks for it: a sweep, a replay, or an evaluation.

    Attributes:
        models: The chain of providers.
        config: config.yaml.
        today: The date that the model is told.
        secrets: The configured keys: no comment may contain one.
        tape: What its requests to models go through; None: straight to the network.
        payer: The page whose limits the cost counts against; "" for the page that is reviewed.
        look_up: Finds passages of other documents that are near to some words.
    """

    models: Chain
    config: Config
    today: date
    secrets: frozenset[str] = field(default=frozenset(), repr=False)
    tape: Tape | None = None
    payer: str = ""
    look_up: Callable[[str], Sequence[Passage]] = lambda _: ()


@dataclass(frozen=True, slots=True)
class Context:
    """What one sweep works with.

    Attributes:
        state: The database.
        notion: The gateway.
        people: Who is who.
        models: The chain of providers.
        config: config.yaml.
        chains: The models of each database, by its id.
        emit: Where events go.
        deliver: Sends what the outbox holds, for one page or for all; a dry run prints it.
        meter: What the models cost.
        secrets: The configured keys: no comment may contain one.
        tally: What the sweep did so far.
        readings: What the sweep has read already.
        recordings: The folder of the recordings of reviews; None where none are made.
    """

    state: State
    notion: Gateway
    people: People
    models: Chain
    config: Config
    chains: Mapping[str, tuple[str, ...]]
    emit: Emit
    deliver: Deliver
    meter: Meter
    secrets: frozenset[str] = field(default=frozenset(), repr=False)
    tally: Tally = field(default_factory=Tally)
    readings: Readings = field(default_factory=Readings)
    recordings: Path | None = None

    def target(self, settings: Database) -> Target:
        """Return a configured database as it is swept."""
        titles = (source.title for source in pages.sources_of(self.state, settings.id))
        return Target(settings, settings.called(*titles), self.chains[settings.id])

    @property
    def for_review(self) -> ReviewContext:
        """What a review is made with now."""
        return ReviewContext(self.models, self.config, self.notion.now.date(), self.secrets)


# Errors that end the sweep: no further part of it can succeed.
FATAL = (TokenRefused, ConfigError)
# Errors that every further page would meet too: those pages stay due, and their threads wait.
HALTING = (*FATAL, ModelsDown, BudgetEmpty, CapabilityOff)


@dataclass
class Answers:
    """The answers that one person got today, and the comments that this sweep grants one."""

    given: int
    granted: set[str] = field(default_factory=set)


class Extent(Enum):
    """How much of a page is to be reviewed."""

    WHOLE = auto()  # an operator or a person asks, or the prompt is another
    DIFFERENCE = auto()


@dataclass(frozen=True, slots=True)
class SecondLook:
    """A second look that is to be taken.

    Attributes:
        wanted: Who looks: `same`, `auto`, or a model's name.
        settled: The settled points that go along.
        left_out: Who is not asked, and why.
    """

    wanted: str
    settled: tuple[SettledPoint, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Session:
    """What one sitting is about.

    Attributes:
        target: The configured database that the page is in.
        snapshot: The page with its threads.
        change: What differs from the last review.
        prompt: The instructions.
        ledger: What was raised on this page before, and what became of it.
        only_threads: Whether it is about the waiting threads alone.
        raised: The findings that began threads, by the threads' ids.
        extent: Whether all of it is to be reviewed, or what changed.
        points: The reviewer's own points that are still open.
        kept: The findings that were not posted for the limit of comments.
        closed: The points that were closed since the last review, in answers or by people.
        question: What the last review asked; "" for nothing.
        answers: The ids of our comments in which the reviewer itself answers.
        memory: The passages of other documents that it is told of; None where none are remembered.
        linked: What the document links to; None where nothing of that is read.
        second_look: The second look that its points are to get; None for none.
        digest: What the last review noted, see `Review.digest`.
    """

    target: Target
    snapshot: Snapshot
    change: Change
    prompt: Prompt
    ledger: Sequence[LedgerEntry]
    only_threads: bool = False
    raised: Mapping[str, Finding] = field(default_factory=dict)
    extent: Extent = Extent.DIFFERENCE
    points: Sequence[OwnPoint] = ()
    kept: Sequence[Finding] = ()
    closed: Sequence[FindingRow] = ()
    question: str = ""
    answers: Sequence[str] = ()
    memory: Sequence[Passage] | None = None
    linked: Linked | None = None
    second_look: SecondLook | None = None
    digest: tuple[tuple[str, str], ...] | None = None

    @property
    def is_follow_up(self) -> bool:
        """Whether it is about what changed since an earlier review."""
        return self.extent is Extent.DIFFERENCE and not self.change.first

    @property
    def earlier(self) -> list[Finding]:
        """Every finding that people have heard of, or are to hear of."""
        return [entry.finding for entry in self.ledger]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A session made ready for a model.

    Attributes:
        session: The session.
        handles: The handles of its blocks and threads.
        found: What the rules found.
        mended: The rulings of the rules on their own points.
    """

    session: Session
    handles: Handles
    found: tuple[Finding, ...]
    mended: tuple[Ruling, ...]
