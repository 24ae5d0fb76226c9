"""Reviews of known documents, as a sweep would make them: planned, made, kept, and not posted."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import time
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

from daemon.config import Database
from daemon.domain.change import Change, Reviewed, content_hash
from daemon.domain.errors import BudgetSpent, ReviewError, StateUnwritable
from daemon.domain.findings import FindingState
from daemon.domain.notation import counted
from daemon.domain.records import PageRow
from daemon.domain.values import Block, Finding, Page, Prompt, Review, Snapshot
from daemon.notion.blocks import TYPES
from daemon.operations.measures import (
    SETTLED_AS,
    Point,
    Result,
    result_as_json,
    result_from,
)
from daemon.operations.planted import Defect, Planted, plant
from daemon.review.offline.document import unmarked
from daemon.review.points import is_repeat
from daemon.review.prompt import system_text
from daemon.store import findings, pages, reviews
from daemon.store.database import State
from daemon.store.reviews import ReviewedLine, ReviewedText
from daemon.sweep.context import HALTING, Extent, ReviewContext, Session, Target
from daemon.sweep.prompts.current import settings_version, version
from daemon.sweep.reviewing import run_review
from daemon.sweep.second_look import unwatched


@dataclass(frozen=True, slots=True)
class Document:
    """A document to review.

    Attributes:
        name: Tells it from the others of a run.
        snapshot: What it says.
        later: What its author made of it; None where that is not known.
        settled: Points of an earlier review of it, and what became of them.
    """

    name: str
    snapshot: Snapshot
    later: Snapshot | None = None
    settled: tuple[tuple[Finding, FindingState], ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """One review to make: of a document, or of one with a planted defect.

    Attributes:
        id: A hash of what is reviewed, and of what that is measured by.
        document: The document.
        turn: How often the same was reviewed before.
        planted: The defect.
    """

    id: str
    document: Document
    turn: int = 0
    planted: Planted | None = None

    @property
    def snapshot(self) -> Snapshot:
        """What is reviewed."""
        return self.planted.snapshot if self.planted else self.document.snapshot


def cases(documents: Iterable[Document], seed: int, repeat: int) -> Iterator[Case]:
    """Yield the reviews to make, document by document.

    Defects are planted into what has no later text: a draft has defects of its own.
    """
    for document in documents:
        settled = [(one.quote, one.text, state.value) for one, state in document.settled]
        known = (_hash_of(document.snapshot), _hash_of(document.later), settled)
        for turn in range(repeat):
            yield Case(_short_hash(known, turn), document, turn)
        for kind in Defect if document.later is None else ():
            if planted := plant(kind, document.snapshot, seed):
                id_ = _short_hash(known, kind, _hash_of(planted.snapshot))
                yield Case(id_, document, planted=planted)


def _hash_of(snapshot: Snapshot | None) -> str:
    return content_hash(snapshot.page, snapshot.blocks) if snapshot else ""


def _short_hash(*about: object) -> str:
    return hashlib.sha256(repr(about).encode()).hexdigest()[:20]


@dataclass(frozen=True, slots=True)
class Reviewer:
    """What is measured: the models, settings and prompt under which a database is reviewed."""

    context: ReviewContext
    target: Target
    prompt: Prompt

    @property
    def version(self) -> str:
        """A hash of all that shapes its reviews, and of the program."""
        return _short_hash(
            installed("notion-review"),
            version(self.prompt),
            system_text(self.prompt, ()),
            settings_version(self.context, self.target),
        )

    async def review(self, case: Case) -> Result:
        """Review a document for the first time, as a sweep would.

        Raises:
            ReviewError: As for `run_review`.
        """
        began = time.monotonic()
        about = (self.target, case.snapshot, Change(first=True), self.prompt, ())
        looked = unwatched(self.context.config)
        session = Session(*about, extent=Extent.WHOLE, second_look=looked)
        review = await run_review(self.context, session)
        seconds = round(time.monotonic() - began, 3)
        return replace(result_of(case, review), key=self.key(case), seconds=seconds)

    def key(self, case: Case) -> str:
        """Return what tells this review from all others."""
        return f"{self.version}-{case.id}"


_WORD = re.compile(r"\w{4,}")


def result_of(case: Case, review: Review) -> Result:
    """Return what of a review is measured: numbers, and no words of the document."""
    document, blocks = case.document, case.snapshot.by_id
    numbers = {block.id: number for number, block in enumerate(document.snapshot.blocks)}
    changed = changed_later(document.snapshot, document.later) if document.later else None
    made = []
    for one in review.findings:
        start = max(blocks[one.block_id].plain.find(one.quote), 0)
        words = _WORD.findall(f"{one.title} {one.text}".casefold())
        made.append(
            Point(
                block=numbers[one.block_id],
                start=start,
                end=start + len(one.quote),
                severity=one.severity,
                # Numbers in place of words: two texts can be compared, and neither be read.
                words=frozenset(zlib.crc32(word.encode()) & 0xFFFF for word in words),
                is_about_defect=case.planted is not None and case.planted.is_found_by(one),
                has_changed=None if changed is None else one.block_id in changed,
            )
        )
    return Result(
        key="",
        case=case.id,
        document=document.name,
        defect=case.planted.kind if case.planted else None,
        turn=case.turn,
        points=tuple(made),
        outcome=review.outcome.value,
        model=review.model,
        cost_usd=review.usage.cost_usd,
        tokens=review.usage.tokens,
        changed=len(changed or ()),
        blocks=0 if changed is None else sum(one.may_hold_comments for one in blocks.values()),
        settled=tuple(
            (state, any(is_repeat(new, [old], blocks[new.block_id]) for new in review.findings))
            for old, state in (() if case.planted else document.settled)
        ),
    )


def changed_later(draft: Snapshot, later: Snapshot) -> frozenset[str]:
    """Return the ids of a draft's blocks that say something else later, or are gone."""
    change = Change.between(Reviewed.of(draft), later)
    same = (block.id for block in later.blocks if block.id not in change.changed)
    stays = {change.pasted.get(key, key) for key in same}
    held = (one.id for one in draft.blocks if one.may_hold_comments)
    return frozenset(held) - stays


class KeptResults:
    """The reviews that earlier runs made: a line of JSON each, which holds no text.

    Args:
        path: The file; None keeps nothing.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._known: dict[str, Result] = {}
        lines = path.read_text("utf-8").splitlines() if path and path.exists() else ()
        for line in lines:
            # What was cut off, or is of another version, counts as not made.
            with suppress(ValueError, KeyError, TypeError):
                one = result_from(json.loads(line))
                self._known[one.key] = one

    def get(self, key: str) -> Result | None:
        """Return a review that was made, or None."""
        return self._known.get(key)

    def add(self, result: Result) -> None:
        """Keep a review.

        Raises:
            StateUnwritable: The file cannot be written.
        """
        if self._path is None or result.key in self._known:
            return
        try:
            opened = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            with os.fdopen(opened, "w", encoding="utf-8") as file:
                file.write(json.dumps(result_as_json(result)) + "\n")
        except OSError as error:
            raise StateUnwritable(
                f"{self._path}: cannot be written ({error.strerror}); name another file with --out"
            ) from error


@dataclass
class Run:
    """What an evaluation did.

    Attributes:
        planned: How many reviews it takes.
        results: Those that are there, made now or by an earlier run.
        made: How many were made now.
        failed: Documents of which a review failed, and why.
        stopped: Why it ended before all was done; None where it did not.
    """

    planned: int
    results: list[Result] = field(default_factory=list)
    made: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)
    stopped: ReviewError | None = None

    @property
    def troubles(self) -> list[str]:
        """Return a line for each thing that kept it from making all reviews."""
        failed = [f"{name}: {why}" for name, why in self.failed]
        if self.stopped is None:
            return failed
        return [f"{self.stopped}; {len(self.results)} of {self.planned} reviews are made", *failed]

    def as_json(self, reviewer: Reviewer) -> dict[str, Any]:
        """Return what it did, as JSON holds it."""
        prompt = reviewer.prompt
        return {
            "models": list(reviewer.target.models),
            "prompt": {"name": prompt.name, "version": version(prompt)},
            "reviewer": reviewer.version,
            "documents": len({one.document for one in self.results}),
            "planned": self.planned,
            "reviews": len(self.results),
            "made": self.made,
            "failed": len(self.failed),
            "stopped": str(self.stopped or ""),
            "results": [result_as_json(one) for one in self.results],
        }

    def in_words(self, reviewer: Reviewer) -> list[str]:
        """Return what it did, line by line."""
        documents = counted(len({one.document for one in self.results}), "document")
        kept = len(self.results) - self.made
        again = f", {kept} of them kept from an earlier run" if kept else ""
        return [
            f"{' or '.join(reviewer.target.models)}, under the prompt “{reviewer.prompt.name}”",
            f"{counted(len(self.results), 'review')} of {documents}{again}",
        ]


async def evaluate(
    reviewer: Reviewer,
    wanted: Sequence[Case],
    kept: KeptResults,
    tell: Callable[[Run, Case], None],
) -> Run:
    """Make the reviews that no earlier run made, several at a time.

    What every further review would meet too ends it, such as a spent budget.

    Args:
        reviewer: What is measured.
        wanted: The reviews.
        kept: What earlier runs made; what is made now is added.
        tell: Hears before each review how far it is.
    """
    run = Run(len(wanted))
    found: dict[int, Result] = {}
    waiting = deque(enumerate(wanted))

    async def work() -> None:
        while waiting and run.stopped is None:
            number, case = waiting.popleft()
            result = kept.get(reviewer.key(case)) or await _made(run, reviewer, case, tell)
            if result is not None:
                kept.add(result)
                # Whatever an earlier run called the document.
                found[number] = replace(result, document=case.document.name)
                run.results = [found[at] for at in sorted(found)]

    async with asyncio.TaskGroup() as group:
        for _ in range(reviewer.context.config.limits.concurrent_reviews):
            group.create_task(work())
    return run


async def _made(
    run: Run, reviewer: Reviewer, case: Case, tell: Callable[[Run, Case], None]
) -> Result | None:
    """Make a review; None where it fails, which the run notes."""
    tell(run, case)
    try:
        result = await reviewer.review(case)
    except (*HALTING, BudgetSpent) as error:
        run.stopped = run.stopped or error
    except ReviewError as error:
        run.failed.append((case.document.name, str(error)))
    else:
        run.made += 1
        return result
    return None


def kept_documents(db: State, settings: Database, limit: int) -> list[Document]:
    """Return the texts that the last reviews of a database read, the last first.

    With each comes what its author made of it, where a later text is kept, and the points of
    that review that were settled.
    """
    sources = pages.source_ids(db, [settings.id])
    found = []
    for review_id, page_id in reviews.latest_texts(db, sources, limit):
        row, text = pages.page(db, page_id), reviews.text(db, review_id)
        if row is None or text is None:
            continue
        later = reviews.text_after(db, page_id, review_id)
        made = [one for one in findings.of_page(db, page_id) if one.review_id == review_id]
        found.append(
            Document(
                f"review {review_id}",
                snapshot_of(text, row),
                snapshot_of(later, row) if later and later != text else None,
                tuple((one.finding, one.state) for one in made if one.state in SETTLED_AS),
            )
        )
    return found


def snapshot_of(text: ReviewedText, row: PageRow) -> Snapshot:
    """Return a text that a review read, as a first review of the page would see it now."""
    page = Page(row.id, row.source_id, text.title, row.url, row.edited, row.edited, text.properties)
    return Snapshot(page, tuple(map(_block, text.lines)), (), row.edited)


_FENCE = re.compile(r"^`{3,}.*\n|\n`{3,}(?=\n|$)")
_MARKED = ("bulleted_list_item", "numbered_list_item", "to_do", "toggle")
_MARK = re.compile(r"^(?:#{1,4} |[-+] ?|\[[ x]\] ?|\w+\. ?)")
_CELL = re.compile(r"(?<!\\)\|")


def _block(line: ReviewedLine) -> Block:
    match line.type:
        case "code":
            plain = _FENCE.sub("", line.text)
        case "table_row":
            cells = (one.strip().replace("<br>", "\n") for one in _CELL.split(line.text)[1:-1])
            plain = " | ".join(unmarked(one.replace("\\|", "|")) for one in cells)
        case "equation":
            plain = line.text.strip("$")
        case "quote":
            plain = unmarked(re.sub(r"^> ?", "", line.text, flags=re.MULTILINE))
        case kind:
            is_marked = kind in _MARKED or kind.startswith("heading_")
            plain = unmarked(_MARK.sub("", line.text) if is_marked else line.text)
    known = TYPES.get(line.type)
    is_commentable = known is not None and known.commentable
    return Block(line.id, line.type, line.depth, line.text, plain, is_commentable)
