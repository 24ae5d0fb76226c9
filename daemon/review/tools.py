"""The four tools: the model proposes, this decides, and says why it refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from daemon.domain.values import Block, Finding, Refusal, Reply, Severity, Source, Thread
from daemon.review.agent import Answer
from daemon.review.arguments import Refused, grade, string
from daemon.review.requirements import answers
from daemon.review.cleaning import FOREIGN, SECRET
from daemon.review.handles import Handles
from daemon.review.leaks import NOTHING, Guard
from daemon.review.looping import goes_round
from daemon.review.prompt import clipped, one_line
from daemon.review.quotes import holders, place, shortened
from daemon.review.repeats import (
    FINDING_CHARS,
    REPLY_CHARS,
    ROUND_CHARS,
    SUMMARY_CHARS,
    best,
    cleaned,
    has_secret,
    removed,
    repeats,
    standing,
    visible,
)
from daemon.review.tool_specs import SPECS, specs


# More proposals than this are a model that does not choose; the gravest within it are posted.
PROPOSALS_PER_COMMENT = 3
# A quote opens the comment; of a longer one the beginning is enough to find the place.
QUOTE_CHARS = 300
REASON_CHARS = 300
# How much of a block a refusal repeats, and how many blocks it names.
ECHO_CHARS, ECHO_BLOCKS = 400, 5


@dataclass(frozen=True, slots=True)
class Scope:
    """What the proposals of one review are held against.

    Attributes:
        handles: The names of this snapshot's blocks and threads.
        earlier: Every finding that was posted on this page before.
        links: The addresses that stand in the document or the prompt.
        comments_per_review: Findings that are posted at most.
        comments_per_block: Findings on one block, those that stand there included.
        comments_on_blocks: Whether findings are wanted at all, or only replies.
        unchanged: Blocks that say what they said at the last review: what was raised on one of
            them then stands for it, whatever the words now.
        closed: Blocks that invite no comment, since others changed.
        floor: The least severity that is posted.
        guard: What no text may tell.
        points: How many points the checklist has.
    """

    handles: Handles
    earlier: Sequence[Finding]
    links: frozenset[str]
    comments_per_review: int
    comments_per_block: int
    comments_on_blocks: bool = True
    unchanged: frozenset[str] = frozenset()
    closed: frozenset[str] = frozenset()
    floor: Severity = Severity.MINOR
    guard: Guard = NOTHING
    points: int = 0


class Desk:
    """The tools of one review, with what they accepted."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self.specs = specs(scope.points)
        self.answers: dict[int, str] = {}
        self._blocks = tuple(scope.handles.blocks.values())
        self._standing = standing(scope.earlier, self._blocks)
        self._findings: list[Finding] = []
        self.replies: list[Reply] = []
        self.left: dict[str, str] = {}
        self.refusals: list[Refusal] = []
        self.summary = ""
        self.finished = False
        self._reminded = False
        self._said: list[str] = []

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The accepted findings that will be posted: the gravest."""
        return self._best(self._findings)

    def _best(self, findings: Sequence[Finding]) -> tuple[Finding, ...]:
        scope = self._scope
        return best(findings, scope.comments_per_review, scope.floor, self._blocks)

    def _is_full(self) -> bool:
        proposed = sum(one.source is Source.MODEL for one in self._findings)
        return proposed >= self._scope.comments_per_review * PROPOSALS_PER_COMMENT

    @property
    def unposted(self) -> tuple[Finding, ...]:
        """The accepted findings that are over the limit, or below the floor."""
        kept = self.findings
        return tuple(one for one in self._findings if one not in kept)

    @property
    def kept_back(self) -> tuple[Refusal, ...]:
        """What was accepted and is not posted, with the reason."""
        return tuple(Refusal("comment", self._why_kept(one)) for one in self.unposted)

    def _why_kept(self, finding: Finding) -> str:
        scope, words = self._scope, clipped(one_line(finding.text), ECHO_CHARS)
        if finding.severity.rank > scope.floor.rank:
            return f"left out, less than {scope.floor.value}: {words}"
        return f"left out, over the limit of {scope.comments_per_review} a review: {words}"

    def report(self, found: Iterable[Finding]) -> tuple[Finding, ...]:
        """Take what the rules found, as far as it may be said; return what was taken."""
        blocks, taken = {block.id: block for block in self._blocks}, len(self._findings)
        for one in found:
            with suppress(Refused):
                self._propose(replace(one, source=Source.CHECK), blocks[one.block_id])
        return tuple(self._findings[taken:])

    def _propose(self, proposed: Finding, named: Block) -> Block:
        """Take a finding as it may be posted; return the block that it is about."""
        target, words = self._placed(proposed.quote, named)
        text = self._words(proposed.text, FINDING_CHARS)
        finding = replace(proposed, block_id=target.id, quote=words, text=text)
        self._refuse_finding(finding, target)
        self._findings.append(finding)
        return target

    def call(self, name: str, arguments: Mapping[str, Any]) -> Answer:
        """Run one call; a refusal comes back as an answer, never as an error."""
        try:
            return Answer(self._run(name, arguments), accepted=True)
        except Refused as refusal:
            self.refusals.append(Refusal(name, str(refusal)))
            return Answer(f"refused: {refusal}", accepted=False)

    def for_people(self, text: str, limit: int) -> str:
        """Return a text as it may be posted, with words in place of handles."""
        room = ROUND_CHARS if goes_round(text) else limit
        return cleaned(self._scope.handles.spelled_out(visible(text)), self._scope.links, room)

    def closing(self, text: str) -> str:
        """Return the words that end a review in place of `finish`; "" where they must not stand."""
        try:
            self._refuse_text(text)
        except Refused as refusal:
            self.refusals.append(Refusal("finish", str(refusal)))
            return ""
        return self.for_people(text, SUMMARY_CHARS)

    def _refuse_text(self, text: str) -> None:
        guard = self._scope.guard
        if guard.tells_secret(text) or guard.adds_up([*self._said, text]):
            raise Refused("the text holds a secret of this program; say it without")
        if guard.tells_instructions(text):
            raise Refused("the text repeats your instructions; say it in words of your own")

    def _noted(self, text: str) -> str:
        self._said.append(text)
        out = removed(text, self._scope.links)
        return f"noted; removed from the text: {', '.join(out)}" if out else "noted"

    def _run(self, name: str, arguments: Mapping[str, Any]) -> str:
        spec = next((spec for spec in SPECS if spec.name == name), None)
        if spec is None:
            raise Refused(f"there is no tool {name[:60]!r}; use comment, reply, leave or finish")
        fields = {key: string(arguments, key) for key in spec.parameters["required"]}
        match name:
            case "comment":
                return self._comment(**fields)
            case "reply":
                return self._reply(**fields)
            case "leave":
                return self._leave(**fields)
            case _:
                return self._finish(arguments.get("checklist"), **fields)

    def _comment(self, block: str, quote: str, text: str, severity: str) -> str:
        if not self._scope.comments_on_blocks:
            raise Refused("this turn is for the threads only; use reply or leave")
        named = self._block(block)
        target = self._propose(Finding(named.id, quote, text, grade(severity)), named)
        moved = "" if target is named else f"; the words stand in {self._handle(target)}"
        return f"{self._noted(text)}{moved}"

    def _placed(self, quote: str, named: Block) -> tuple[Block, str]:
        if not quote.strip():
            raise Refused("the quote is empty; quote the words that the comment is about")
        found = place(quote, named, self._blocks)
        if found is None:
            raise Refused(self._nowhere(quote, named))
        if has_secret(found[1]) or self._scope.guard.tells_secret(found[1]):
            raise Refused("these words hold what looks like a secret; quote others beside it")
        return found[0], shortened(visible(found[1]), QUOTE_CHARS)

    def _nowhere(self, quote: str, named: Block) -> str:
        handle, says = self._handle(named), clipped(one_line(named.plain), ECHO_CHARS)
        others = [self._handle(block) for block in holders(quote, self._blocks)]
        if others:
            several = ", ".join(others[:ECHO_BLOCKS])
            return f"these words do not stand in {handle} but in {several}; name the one you mean"
        return f"these words do not stand in {handle}; quote from it exactly. It says: {says}"

    def _refuse_finding(self, finding: Finding, block: Block) -> None:
        scope, handle = self._scope, self._handle(block)
        if not block.commentable:
            raise Refused(f"Notion takes no comment on {handle}; choose a block beside it")
        known = [*self._standing, *self._findings]
        again = repeats(finding, known, block)
        if again or (block.id in scope.unchanged and self._was_raised_on(block)):
            raise Refused(f"this was raised on {handle} before and still stands; do not repeat it")
        if block.id in scope.closed:
            raise Refused(self._unasked(handle))
        if sum(old.block_id == block.id for old in known) >= scope.comments_per_block:
            raise Refused(f"{handle} has {scope.comments_per_block} comments, the limit; leave it")
        if self._is_full() and finding not in self._best([*self._findings, finding]):
            raise Refused("there are more comments than an author can take; finish now")

    def _unasked(self, handle: str) -> str:
        asked = [name for name, block in self._scope.handles.blocks.items() if self._invites(block)]
        more = " and others" if len(asked) > ECHO_BLOCKS else ""
        said = f"{handle} says what it said at the last review"
        return f"{said}; comment on what is new or changed: {', '.join(asked[:ECHO_BLOCKS])}{more}"

    def _invites(self, block: Block) -> bool:
        return block.commentable and block.id not in self._scope.closed

    def _was_raised_on(self, block: Block) -> bool:
        return any(old.block_id == block.id for old in self._scope.earlier)

    def _reply(self, thread: str, text: str) -> str:
        waiting = self._waiting(thread)
        self.replies.append(Reply(waiting.id, self._words(text, REPLY_CHARS)))
        return self._noted(text)

    def _leave(self, thread: str, reason: str) -> str:
        waiting = self._waiting(thread)
        self._refuse_text(reason)
        self.left[waiting.id] = clipped(one_line(reason), REASON_CHARS)
        return "noted"

    def _finish(self, checklist: Any, summary: str) -> str:
        given = answers(checklist, self._scope.points)
        for text in (summary, *given.values()):
            self._refuse_text(text)
            self._said.append(text)
        self.answers |= given
        # Kept even where the model is reminded: that may have been its last turn.
        self.summary = self.for_people(summary, SUMMARY_CHARS)
        if (waiting := self._unanswered()) and not self._reminded:
            self._reminded = True
            raise Refused(f"someone waits in {', '.join(waiting)}: reply or leave, then finish")
        # Calls of the same turn that come after this one are still run.
        self.finished = True
        return "the review has ended"

    def _unanswered(self) -> list[str]:
        threads = self._scope.handles.threads.items()
        return [
            handle for handle, thread in threads if thread.waiting and not self._is_answered(thread)
        ]

    def _block(self, text: str) -> Block:
        handles = self._scope.handles
        match handles.named(text, "B"):
            case [handle] if handle in handles.blocks:
                return handles.blocks[handle]
            case [_, _, *_]:
                raise Refused(f"{_echo(text)} names several blocks; a comment is about one")
        if threads := handles.named(text, "T"):
            raise Refused(f"{threads[0]} is a thread, no block; to answer there, use reply")
        raise Refused(f"there is no block {_echo(text)}; {_range('B', len(handles.blocks))}")

    def _waiting(self, text: str) -> Thread:
        handle = self._thread(text)
        thread = self._scope.handles.threads[handle]
        if not thread.waiting:
            raise Refused(f"nobody waits for an answer in {handle}")
        if self._is_answered(thread):
            raise Refused(f"{handle} is answered; one reply is enough")
        return thread

    def _thread(self, text: str) -> str:
        """Return the handle of the thread that is meant; a block means the one that waits on it."""
        handles = self._scope.handles
        named = handles.named(text, "T")
        if len(named) == 1 and named[0] in handles.threads:
            return named[0]
        blocks = [] if named else [key for key in handles.named(text, "B") if key in handles.blocks]
        on = [thread for key in blocks for thread in handles.on(handles.blocks[key])]
        waiting = [handle for handle in on if handles.threads[handle].waiting]
        if len(waiting) == 1:
            return waiting[0]
        if on:
            raise Refused(f"{_echo(text)} is a block; its threads are {', '.join(on)}")
        raise Refused(f"there is no thread {_echo(text)}; {_range('T', len(handles.threads))}")

    def _is_answered(self, thread: Thread) -> bool:
        return thread.id in self.left or any(reply.thread_id == thread.id for reply in self.replies)

    def _words(self, text: str, limit: int) -> str:
        self._refuse_text(text)
        words = self.for_people(text, limit)
        said = words.replace(FOREIGN, "").replace(SECRET, "")
        if not any(char.isalnum() for char in said):
            raise Refused("the text is empty; say what is the matter in words")
        return words

    def _handle(self, block: Block) -> str:
        return self._scope.handles.of_block[block.id]


def _echo(text: str) -> str:
    return repr(clipped(one_line(text), 60))


def _range(letter: str, last: int) -> str:
    return f"the handles are {letter}1 to {letter}{last}" if last else "there are none here"
