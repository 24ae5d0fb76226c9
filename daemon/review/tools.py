"""The tools: the model proposes; the code accepts, or refuses with a reason."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from daemon.domain.notation import counted
from daemon.domain.phrases import asks
from daemon.domain.values import Block, Finding, Refusal, Reply, Ruling, Source, Thread, Verdict
from daemon.review import noes, rulings
from daemon.review.agent import ENDS, ToolResult, ToolSpec
from daemon.review.cleaning import visible
from daemon.review.comparison import to_compare
from daemon.review.excerpt import Reader, Recall
from daemon.review.points import (
    FINDING_CHARS,
    REPLY_CHARS,
    SUMMARY_CHARS,
    TAKEN_BACK,
    OwnPoint,
    ranked,
    standing,
)
from daemon.review.prompt import clipped, one_line
from daemon.review.quotes import shortened
from daemon.review.repeats import Said
from daemon.review.summary import checklist_answers
from daemon.review.tool_specs import (
    ToolContext,
    ToolRefusal,
    parse_severity,
    parse_verdict,
    specs_for,
    text_arguments,
)
from daemon.review.wording import QUOTE_CHARS, SaysNothing, Wording


# A model that proposes more than this times the limit does not choose, so the rest is refused.
PROPOSALS_PER_COMMENT = 3
# How often `finish` waits for the correction of refused calls, of other calls each time.
HEARD_TURNS = 2
REASON_CHARS = QUESTION_CHARS = 300
NUMBER = re.compile(r"\d+")
_READ_BY_PEOPLE = ("title", "text", "summary", "question")
# These need no text: the mark in the point's own comment says it.
_WORDLESS = (Verdict.FIXED, Verdict.TURNED_DOWN)


class ReviewTools:
    """The tools of one review, and what they accepted."""

    def __init__(self, context: ToolContext, recall: Recall | None = None) -> None:
        self._context = context
        self.recall = recall
        self.reader: Reader | None = None  # of what was left out of the document
        names = [spec.name for spec in self.specs]
        self.wording = Wording(context.handles, context.allowed_links, context.guard, names)
        if recall:
            self.wording.titled = lambda text: recall.spelled_out(text, context.page_texts)
        self.answers: dict[int, str] = {}
        self._blocks = tuple(context.handles.blocks.values())
        self._standing = standing((one.finding for one in context.ledger), self._blocks)
        self.accepted: list[Finding] = []
        self.replies: list[Reply] = []
        self.left: dict[str, str] = {}
        self.rulings: list[Ruling] = []
        self._by_ruling: set[str] = set()  # threads in which a ruling answers who waits
        self.refusals: list[Refusal] = []
        self.summary = self.question = self._unoffered = self._unranked = ""
        self.finished = self._reminded = self._compared = False
        self._heard = 0
        self._numbers: dict[tuple[str, str], int] = {}  # of comments, by their blocks and quotes
        self._again: dict[tuple[str, str], Finding] = {}  # those that read otherwise than given
        self._asked: set[str] = set()  # threads of whose no it was asked whether it is one

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The accepted findings that will be posted, the most severe first."""
        return tuple(self._ranked()[: self._context.comments_per_review])

    @property
    def kept(self) -> tuple[Finding, ...]:
        """The accepted findings beyond the limit, the most severe first."""
        return tuple(self._ranked()[self._context.comments_per_review :])

    @property
    def below_floor(self) -> tuple[Finding, ...]:
        """The accepted findings that are not severe enough to be posted."""
        floor = self._context.least_severity.rank
        return tuple(one for one in self.accepted if one.severity.rank > floor)

    def amend(self, amended: Mapping[Finding, Finding | None]) -> None:
        """Put other findings in the place of accepted ones; None drops one."""
        self.accepted = [new for old in self.accepted if (new := amended.get(old, old))]

    def _ranked(self) -> list[Finding]:
        return ranked(self.accepted, self._context.least_severity)

    def add_rule_findings(self, found: Iterable[Finding]) -> tuple[Finding, ...]:
        """Accept the findings of the rules that pass the checks; return those."""
        blocks, taken = {block.id: block for block in self._blocks}, len(self.accepted)
        for one in found:
            with suppress(ToolRefusal):
                self._propose(replace(one, source=Source.CHECK), blocks[one.block_id])
        return tuple(self.accepted[taken:])

    @property
    def specs(self) -> tuple[ToolSpec, ...]:
        """The tools that are offered."""
        return specs_for(
            self._context.checklist_items,
            self._context.lenses,
            reads=self.reader is not None,
            comments=self._context.comments_on_blocks,
            recalls=self.recall is not None,
        )

    def _propose(self, proposed: Finding, named: Block, rests_on: str = "") -> Finding:
        """Accept a finding, with what it rests on, and return it as it may be posted.

        Raises:
            ToolRefusal: The finding breaks a rule.
        """
        target, words = self.wording.placed(proposed.quote, named)
        text = self.wording.words(proposed.text, FINDING_CHARS, target.id)
        title, known = self.wording.title(proposed.title, text), self._context.known
        offer, self._unoffered = self.wording.offered(proposed.instead, words, target.plain, known)
        finding = replace(proposed, block_id=target.id, quote=words, title=title)
        finding = replace(finding, text=text + rests_on, instead=offer)
        before = self._again.pop((target.id, words), finding)
        if before == finding and not (self._unoffered and finding in self.accepted):  # as it was
            self._refuse_finding(finding, target, proposed.text)
            self.accepted.append(finding)
            if finding.source is Source.MODEL:
                self._numbers.setdefault((target.id, words), len(self._numbers) + 1)
        self.accepted[self.accepted.index(before)] = finding
        self.wording.remember(title)
        return finding

    def call(
        self, name: str, arguments: Mapping[str, Any], *, refused: int = 0, is_last: bool = False
    ) -> ToolResult:
        """Run one call and return its result; a refusal is a result, not an error.

        `refused` is how many calls of the same turn were refused; `is_last` says that the model
        hears of none.
        """
        if name in ENDS and refused and (is_last or self._heard >= HEARD_TURNS):
            failed = f"{counted(refused, 'call')} of the last turn failed"
            self.refusals.append(Refusal(name, f"{failed}; the model did not hear why"))
            refused = 0
        self._compared |= is_last
        try:
            return ToolResult(self._run(name, arguments, refused), accepted=True)
        except SaysNothing as why:
            self.refusals.append(Refusal(name, str(why)))
            return ToolResult(str(why), accepted=True)
        except ToolRefusal as refusal:
            self.refusals.append(Refusal(name, str(refusal)))
            return ToolResult(f"refused: {refusal}", accepted=False)

    def final_text(self, text: str) -> str:
        """Return the summary of a review that ended without `finish`; "" if it is refused."""
        try:
            self.wording.refuse(text)
        except ToolRefusal as refusal:
            self.refusals.append(Refusal("finish", str(refusal)))
            return ""
        return self.wording.for_people(self._context.handles.without_unknown(text), SUMMARY_CHARS)

    def _run(self, name: str, arguments: Mapping[str, Any], refused: int) -> str:
        spec = next((spec for spec in self.specs if spec.name == name), None)
        if spec is None:
            known = ", ".join(one.name for one in self.specs)
            raise ToolRefusal(f"there is no tool {name[:60]!r}; the tools: {known}")
        wanted = [key for key in spec.parameters["required"] if key != "checklist"]
        fields = text_arguments(name, wanted, arguments)
        answers = checklist_answers(arguments.get("checklist"), self._context.checklist_items)
        said = [*(fields.get(key, "") for key in _READ_BY_PEOPLE), *answers.values()]
        if missing := self._context.handles.unknown(" ".join(said)):
            self.summary = self.summary or self.final_text(fields.get("summary", ""))
            raise ToolRefusal(
                f"there is no {', '.join(missing)}; name a handle that exists, or write it as code "
                "where it is a name"
            )
        if name == "finish":
            return self._finish(answers, refused, **fields)
        ways: dict[str, Callable[..., str] | None] = {
            "comment": self._comment,
            "reply": self._reply,
            "leave": self._leave,
            "follow_up": self._follow_up,
            "take_back": self._take_back,
            "read": self.reader,
            "look_up": self.recall,
        }
        way = ways[name]
        return way(**fields) if way else ""

    def _reply(self, thread: str, text: str) -> str:
        waiting = self._waiting(thread)
        noes.refuse_answer(self._context, waiting, self._asked)
        words = self.wording.words(text, REPLY_CHARS, waiting.block_id or "")
        self.replies.append(Reply(waiting.id, words))
        return self.wording.noted(text, words)

    def _comment(
        self, block: str, quote: str, title: str, text: str, severity: str, **more: str
    ) -> str:
        named, under = self._context.block(block), self._context.lens(more.get("lens", ""))
        rests_on = self.recall.contradiction(more) if self.recall else ""
        said = Finding(named.id, quote, text, parse_severity(severity), title=title, lens=under)
        said = replace(said, instead=more.get("instead", ""))
        made = self._propose(said, named, rests_on)
        stands = self._context.handles.of_block[made.block_id]
        moved = "" if made.block_id == named.id else f"; the words stand in {stands}"
        noted = self.wording.noted(text, made.text.removesuffix(rests_on), title, made.title)
        name = f"P{self._numbers[made.block_id, made.quote]}"
        told = noted.replace("noted", f"noted as {name}", 1) + moved
        if noted == "noted" and not self._unoffered:
            return told
        self._again[made.block_id, made.quote] = made
        told = f"{told}; to say it otherwise, make the call again with the same quote"
        if self._unoffered:
            raise ToolRefusal(f"{self._unoffered}; the comment itself stands without it: {told}")
        # Beside `finish` nobody hears it, and no request is made for it: the next review shows it.
        return told

    @property
    def _said(self) -> Said:
        ruled = {one.id: Verdict.NOT_YET for one in self._context.points.values() if one.ruled}
        ruled |= {one.finding_id: one.verdict for one in self.rulings}
        return Said(self._context, self._standing, self.accepted, ruled, self._numbers)

    def _refuse_finding(self, finding: Finding, block: Block, words: str) -> None:
        self._said.refuse(finding, block, words)
        context, made = self._context, len(self._points())
        is_full = made >= context.comments_per_review * PROPOSALS_PER_COMMENT
        best = ranked([*self.accepted, finding], context.least_severity)
        if is_full and finding not in best[: context.comments_per_review]:
            raise ToolRefusal("there are more comments than an author can take; finish now")

    def _leave(self, thread: str, reason: str) -> str:
        handle = self._context.thread(thread, lambda one: bool(one.waiting))
        point = self._context.points.get(self._context.handles.threads[handle].id)
        if point and self._is_ruled(point):
            return "noted; your ruling is all that is said there"
        waiting = self._waiting(thread)
        self.wording.refuse(reason)
        told = noes.refuse_silence(self._context, waiting, self._asked)
        self.left[waiting.id] = clipped(one_line(reason), REASON_CHARS)
        return f"noted{told}"

    def _follow_up(self, thread: str, verdict: str, text: str, quote: str) -> str:
        context = self._context
        handle, found = context.own_point(thread), parse_verdict(verdict)
        own = context.handles.threads[handle]
        point = context.points[own.id]
        waits = bool(own.waiting) and (own.id in self._by_ruling or not self._is_replied(own))
        if self._is_ruled(point) and rulings.stays_closed(point, found, context):
            return f"noted{self._rule(own, None)}; its point stays closed: {point.closed}"
        rulings.refuse_ruling(context, own, found, text, self._asked, waits=waits)
        shown = person = ""
        is_blank = found is not Verdict.NOT_YET
        words = self.wording.words(text, REPLY_CHARS, own.block_id or "", may_be_blank=is_blank)
        words = words or TAKEN_BACK * (found is Verdict.WITHDRAWN and bool(own.waiting))
        if found is Verdict.FIXED:
            shown = rulings.evidence(quote, point, context.page_texts, context.handles.blocks)
            self.wording.refuse_quote(shown)
        elif found is Verdict.TURNED_DOWN:
            shown, said = quote, noes.turning_down(quote, own, point, self._asked).author
            person = said.name.strip() or "a person"
        # Silence is better than agreement, unless somebody asks.
        words *= found not in _WORDLESS or any(asks(one.plain) for one in own.waiting)
        shown = shortened(visible(shown), QUOTE_CHARS)
        outdone = self._rule(own, Ruling(point.id, found, words, shown, person))
        unsaid = f"; nobody asks in {handle}, so your text is not posted: the point shows ✓"
        if point.pasted and found is Verdict.NOT_YET:
            unsaid = "; the point is posted anew on its block, with your text below its own"
        elif found not in _WORDLESS or not text.strip() or (waits and words):
            unsaid = ""
        return self.wording.noted(text, words) + unsaid + outdone

    def _rule(self, own: Thread, ruling: Ruling | None) -> str:
        """Put a ruling in the place of the one before on the point of a thread; None is none.

        Return what the model is told of the comments that this makes one too many.
        """
        point, most = self._context.points[own.id], self._context.comments_per_block
        self.left.pop(own.id, None)
        if own.id in self._by_ruling:
            self._by_ruling.remove(own.id)
            self.replies = [one for one in self.replies if one.thread_id != own.id]
        others = [one for one in self.rulings if one.finding_id != point.id]
        self.rulings = [*others, ruling] if ruling else others
        if ruling and own.waiting and not self._is_replied(own):
            self._by_ruling.add(own.id)
            if ruling.text:
                self.replies.append(Reply(own.id, ruling.text))
            else:
                self.left[own.id] = "the point is settled; its comment says so"
        told, said = "", self._said
        for one in reversed([*self.accepted]):
            if said.repeats(one, point) or said.on_block(one.block_id) > most:
                title = one_line(one.title)
                self._drop(one, f"“{title}” was one too many after a later ruling")
                told += f"; with that your comment “{title}” is one too many, and is dropped"
        return told

    def _points(self) -> dict[int, Finding]:
        """Return the model's points by their numbers, which stay the same in the whole review."""
        own = [one for one in self.accepted if one.source is Source.MODEL]
        return {self._numbers[one.block_id, one.quote]: one for one in own}

    @property
    def _known(self) -> str:
        return f"they are {', '.join(f'P{number}' for number in sorted(self._points()))}"

    def _take_back(self, point: str) -> str:
        points = self._points()
        named = [number for number in map(int, NUMBER.findall(point)) if number in points]
        if len(named) != 1:
            which = f"name one point of this review; {self._known}"
            raise ToolRefusal(which if points else "no point of this review is left to take back")
        gone = points[named[0]]
        self._drop(gone, f"the model took “{one_line(gone.title)}” back later")
        return f"P{named[0]} is taken back"

    def _drop(self, gone: Finding, why: str) -> None:
        self.accepted.remove(gone)
        self._again.pop((gone.block_id, gone.quote), None)
        self.refusals.append(Refusal("comment", why))

    def _is_ruled(self, point: OwnPoint) -> bool:
        return any(one.finding_id == point.id for one in self.rulings)

    def _finish(self, answers: Mapping[int, str], refused: int, summary: str, question: str) -> str:
        for text in (summary, question, *answers.values()):
            self.wording.refuse(text)
            self.wording.remember(text)
        self.answers |= answers
        # Kept before the reminder: this may be the last turn, or the next call may be empty.
        self.summary = self.wording.for_people(summary, SUMMARY_CHARS) or self.summary
        asked = one_line(self.wording.for_people(question, QUESTION_CHARS))
        told = self.wording.changes("summary", summary, self.summary)
        told += self.wording.changes("question", question, asked)
        self.question = asked if summary.strip() else asked or self.question
        waiting = [
            handle
            for handle, thread in self._context.handles.threads.items()
            if thread.waiting and not self._is_answered(thread)
        ]
        asks_for = self._unheard(refused)
        if waiting and not self._reminded:
            who = f"someone waits in {', '.join(waiting)}"
            asks_for.append(f"{who}: reply, rule or leave, then finish")
        unruled = rulings.unruled(self._context, self._is_ruled, self.accepted)
        asks_for += [] if self._reminded else unruled
        self._reminded = self._reminded or bool(waiting or unruled)
        if not self._compared:
            again = [*filter(None, (self._unranked, to_compare(self._said)))]
            self._compared = bool(again)
            asks_for += again
        if asks_for:
            raise ToolRefusal("; ".join([*asks_for, *told]))
        # Later calls of the same turn still run.
        self.finished = True
        return "; ".join(["the review has ended", *told])

    def _unheard(self, refused: int) -> list[str]:
        """Return what to say of the calls of this turn that were refused."""
        if not refused:
            return []
        self._heard += 1
        failed = f"{counted(refused, 'call')} of this turn failed; what was noted stands: "
        return [failed + "correct what failed, or finish alone to leave it so"]

    def _waiting(self, text: str) -> Thread:
        handle = self._context.thread(text, lambda thread: bool(thread.waiting))
        thread = self._context.handles.threads[handle]
        if not thread.waiting:
            raise ToolRefusal(f"nobody waits in {handle}, so it takes no answer")
        if self._is_answered(thread):
            is_ruled = thread.id in self._by_ruling and not self._is_replied(thread)
            way = (
                "put your words into the text of its ruling" if is_ruled else "one reply is enough"
            )
            raise ToolRefusal(f"{handle} is answered; {way}")
        return thread

    def _is_answered(self, thread: Thread) -> bool:
        return thread.id in self.left or self._is_replied(thread)

    def _is_replied(self, thread: Thread) -> bool:
        return any(reply.thread_id == thread.id for reply in self.replies)
