"""The four tools: the model proposes, this decides, and says why it refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from daemon.domain import Block, Finding, Refusal, Reply, Severity, Thread
from daemon.review.agent import Answer, ToolSpec
from daemon.review.prompt import Handles
from daemon.review.quotes import place
from daemon.review.rules import (
    FINDING_CHARS,
    REPLY_CHARS,
    SUMMARY_CHARS,
    best,
    cleaned,
    repeats,
)


# More proposals than this are a model that does not choose; the gravest within it are posted.
PROPOSALS_PER_COMMENT = 3


def _spec(name: str, description: str, **fields: Mapping[str, Any]) -> ToolSpec:
    return ToolSpec(
        name,
        description,
        {
            "type": "object",
            "properties": fields,
            "required": list(fields),
            "additionalProperties": False,
        },
    )


def _text(description: str) -> dict[str, Any]:
    return {"type": "string", "description": description}


SPECS = (
    _spec(
        "comment",
        "Comment on one block.",
        block=_text("The block's handle, such as B3"),
        quote=_text("The exact words of that block that the comment is about"),
        text=_text("One point, at most three sentences"),
        severity={"type": "string", "enum": [severity.value for severity in Severity]},
    ),
    _spec(
        "reply",
        "Answer a thread in which a comment is marked new.",
        thread=_text("The thread's handle, such as T1"),
        text=_text("The answer"),
    ),
    _spec(
        "leave",
        "Leave a new comment without a reply.",
        thread=_text("The thread's handle"),
        reason=_text("Why no reply is needed"),
    ),
    _spec("finish", "End the review.", summary=_text("The summary; empty when nothing to say")),
)


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
    """

    handles: Handles
    earlier: Sequence[Finding]
    links: frozenset[str]
    comments_per_review: int
    comments_per_block: int
    comments_on_blocks: bool = True
    unchanged: frozenset[str] = frozenset()


class Refused(Exception):
    """A proposal breaks a rule; the text is what the model is told."""


class Desk:
    """The tools of one review, with what they accepted."""

    specs = SPECS

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._findings: list[Finding] = []
        self.replies: list[Reply] = []
        self.left: dict[str, str] = {}
        self.refusals: list[Refusal] = []
        self.summary = ""
        self.finished = False
        self._reminded = False

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The accepted findings that will be posted: the gravest."""
        return best(self._findings, self._scope.comments_per_review)

    @property
    def unposted(self) -> int:
        """How many accepted findings are over the limit."""
        return len(self._findings) - len(self.findings)

    def call(self, name: str, arguments: Mapping[str, Any]) -> Answer:
        """Run one call; a refusal comes back as an answer, never as an error."""
        try:
            return Answer(self._run(name, arguments), accepted=True)
        except Refused as refusal:
            self.refusals.append(Refusal(name, str(refusal)))
            return Answer(f"refused: {refusal}", accepted=False)

    def _run(self, name: str, arguments: Mapping[str, Any]) -> str:
        spec = next((spec for spec in SPECS if spec.name == name), None)
        if spec is None:
            raise Refused(f"there is no tool {name!r}; use comment, reply, leave or finish")
        fields = {key: _string(arguments, key) for key in spec.parameters["required"]}
        if self.finished:
            raise Refused("the review has ended")
        match name:
            case "comment":
                return self._comment(**fields)
            case "reply":
                return self._reply(**fields)
            case "leave":
                return self._leave(**fields)
            case _:
                return self._finish(**fields)

    def _comment(self, block: str, quote: str, text: str, severity: str) -> str:
        named = self._block(block)
        if not quote.strip():
            raise Refused("the quote is empty; quote the words that the comment is about")
        found = place(quote, named, tuple(self._scope.handles.blocks.values()))
        if found is None:
            raise Refused(f"these words do not stand in {block}, which says: {named.plain[:400]}")
        target, words = found
        finding = Finding(target.id, words, self._words(text, FINDING_CHARS), _grade(severity))
        self._refuse_finding(finding, target)
        self._findings.append(finding)
        moved = "" if target is named else f"; the words stand in {self._handle(target)}"
        return f"noted{moved}"

    def _refuse_finding(self, finding: Finding, block: Block) -> None:
        scope, handle = self._scope, self._handle(block)
        if not scope.comments_on_blocks:
            raise Refused("this turn is for the threads only")
        if not block.commentable:
            raise Refused(f"Notion takes no comment on {handle}; choose a block beside it")
        again = repeats(finding, [*scope.earlier, *self._findings], block)
        if again or (block.id in scope.unchanged and self._was_raised_on(block)):
            raise Refused(f"this was raised on {handle} before and still stands; do not repeat it")
        standing = Counter(old.block_id for old in self._findings)
        if standing[block.id] >= scope.comments_per_block:
            raise Refused(f"{handle} has {scope.comments_per_block} comments, the limit")
        if len(self._findings) >= scope.comments_per_review * PROPOSALS_PER_COMMENT:
            raise Refused("there are more comments than an author can take; finish now")

    def _was_raised_on(self, block: Block) -> bool:
        return any(old.block_id == block.id for old in self._scope.earlier)

    def _reply(self, thread: str, text: str) -> str:
        waiting = self._waiting(thread)
        self.replies.append(Reply(waiting.id, self._words(text, REPLY_CHARS)))
        return "noted"

    def _leave(self, thread: str, reason: str) -> str:
        self.left[self._waiting(thread).id] = reason[:300]
        return "noted"

    def _finish(self, summary: str) -> str:
        open_threads = [
            handle
            for handle, thread in self._scope.handles.threads.items()
            if thread.waiting and not self._is_answered(thread)
        ]
        if open_threads and not self._reminded:
            self._reminded = True
            raise Refused(
                f"someone waits in {', '.join(open_threads)}: reply or leave, then finish"
            )
        self.summary = cleaned(summary, self._scope.links, SUMMARY_CHARS)
        self.finished = True
        return "the review has ended"

    def _block(self, handle: str) -> Block:
        block = self._scope.handles.blocks.get(handle.strip().strip("[]"))
        if block is None:
            last = len(self._scope.handles.blocks)
            raise Refused(f"there is no block {handle!r}; the handles are B1 to B{last}")
        return block

    def _waiting(self, handle: str) -> Thread:
        thread = self._scope.handles.threads.get(handle.strip().strip("[]"))
        if thread is None:
            raise Refused(f"there is no thread {handle!r}")
        if not thread.waiting:
            raise Refused(f"nobody waits for an answer in {handle}")
        if self._is_answered(thread):
            raise Refused(f"{handle} is answered")
        return thread

    def _is_answered(self, thread: Thread) -> bool:
        return thread.id in self.left or any(reply.thread_id == thread.id for reply in self.replies)

    def _words(self, text: str, limit: int) -> str:
        words = cleaned(text, self._scope.links, limit)
        if not any(char.isalnum() for char in words):
            raise Refused("the text is empty")
        return words

    def _handle(self, block: Block) -> str:
        return self._scope.handles.of_block[block.id]


def _string(arguments: Mapping[str, Any], key: str) -> str:
    value = arguments.get(key)
    if not isinstance(value, str):
        raise Refused(f"{key} is missing or no text")
    return value


def _grade(severity: str) -> Severity:
    try:
        return Severity(severity.strip().lower())
    except ValueError:
        raise Refused("severity is blocking, important or minor") from None
