"""A model that knows its tools and has bad days."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Callable, Sequence
from typing import Any

from daemon.domain.errors import BudgetEmpty, Unavailable
from daemon.domain.values import Outcome, Usage
from daemon.review.agent import Conversation, ModelInput, ReviewLimits, Toolbox
from daemon.review.handles import MARKS
from simulation.record import Record
from support import virtual_time


_BLOCK = re.compile(rf"^\[(B\d+)(?: {MARKS})?\] (.+)$", re.MULTILINE)
_THREAD = re.compile(r"^\[(T\d+) on ", re.MULTILINE)
_POINT = re.compile(r"^\[(T\d+) on [^\n]*\]\n  begun by your [^\n]*(?<!\(closed\))$", re.MULTILINE)
_WAS = re.compile(r"^  (?:was:|-) (.+)$", re.MULTILINE)
_SAID = re.compile(r"^  [^\n(]+, \d{4}-\d\d-\d\d \d\d:\d\d(?:, new)?: (.+)$", re.MULTILINE)
_NEW = re.compile(rf"^\[B\d+(?: {MARKS}\]|\](?=.+\n  moved:)) (.+)$", re.MULTILINE)
_JUNK: tuple[tuple[str, dict[str, Any]], ...] = (
    ("comment", {"block": "B999", "quote": "x", "text": "x", "severity": "minor"}),
    ("comment", {"block": "B1", "quote": "words that stand nowhere", "text": "x"}),
    ("comment", {"block": None, "quote": 7}),
    ("reply", {"thread": "T99", "text": "Hello?"}),
    ("reply", {"thread": "T1", "text": "   "}),
    ("delete_everything", {}),
    ("leave", {}),
)


class Scripted:
    """Stands in for `Chain`: the same calls, decided by chance alone."""

    def __init__(self, dice: random.Random, record: Record) -> None:
        self._dice = dice
        self._record = record
        self.ill = 0.3  # how often something goes wrong
        self.faults: dict[str, Any] = {}

    def begin_sweep(self) -> None: ...

    def warm(self, names: Sequence[str]) -> None: ...

    async def aclose(self) -> None: ...

    async def converse(
        self,
        names: Sequence[str],
        make: Callable[[Any], Any],
        offline: Callable[[Toolbox], None],
        limits: ReviewLimits,
    ) -> Conversation:
        dice = self._dice
        brief, tools = make(None)
        await asyncio.sleep(dice.choice((0.5, 4, 20, 90)))
        self._record.conversations += 1
        self._record.note(virtual_time.now(), "model asked", page=brief.key[:8])
        if dice.random() < self.ill / 3:
            if dice.random() < 0.2:
                raise BudgetEmpty("limits.tokens_per_day: all tokens are spent")
            raise Unavailable("no model could review: the scripted one is ill")
        outcome = self._talk(tools, brief)
        usage = Usage(requests=1, input_tokens=100, output_tokens=10)
        text = "" if tools.finished else dice.choice(("", "In all, this reads well."))
        return Conversation(outcome, text, "scripted:model", usage, tools)

    def _talk(self, tools: Toolbox, brief: ModelInput) -> Outcome:
        dice = self._dice
        if dice.random() < self.ill / 4:
            return dice.choice((Outcome.REFUSED, Outcome.TRUNCATED))
        ruled = dict[str, str]()
        for name, arguments in self._calls(brief.document):
            again = 2 if dice.random() < max(self.ill / 3, 0.2 * (name == "follow_up")) else 1
            for _ in range(again):
                taken = tools.call(name, arguments)
                if name == "follow_up":
                    if taken.accepted:
                        ruled[arguments["thread"]] = arguments["verdict"]  # the last one stands
                    arguments = self._ruling(arguments["thread"], brief.document)  # noqa: PLW2901
        self._record.rulings.update((brief.key, verdict) for verdict in ruled.values())
        if dice.random() < self.ill / 3:
            return dice.choice((Outcome.ROUNDS, Outcome.TIME, Outcome.LOOP))
        if dice.random() < 0.9:
            for _ in range(2):  # the first may be answered with a reminder
                summary = dice.choice(("", "", "Two points.", f"Summary {dice.randrange(1000)}."))
                tools.call("finish", {"summary": summary})
        return Outcome.DONE

    def _calls(self, document: str) -> list[tuple[str, dict[str, Any]]]:
        dice, calls = self._dice, []
        for handle, line in _BLOCK.findall(document):
            if dice.random() < 0.5:
                calls.append(("comment", self._comment(handle, line)))
        for handle in _THREAD.findall(document):
            roll = dice.random()
            if roll < 0.7:
                words = f"Answer {dice.randrange(10_000)}, see above."
                calls.append(("reply", {"thread": handle, "text": words}))
            elif roll < 0.85:
                calls.append(("leave", {"thread": handle, "reason": "nothing to add"}))
        calls += [
            ("follow_up", self._ruling(handle, document))
            for handle in _POINT.findall(document)
            if dice.random() < 0.5
        ]
        if dice.random() < self.ill:
            calls += dice.sample(_JUNK, 2)
        dice.shuffle(calls)
        return calls

    def _ruling(self, handle: str, document: str) -> dict[str, Any]:
        """Rule by chance; what shows that a point is fixed may be true, or is made up."""
        dice = self._dice
        shown = [*_NEW.findall(document), *_WAS.findall(document), "It was mended.", ""]
        verdict = dice.choice(("fixed", "fixed", "not_yet", "withdrawn", "turned_down"))
        if verdict == "turned_down":
            shown = [*_SAID.findall(document), "Nobody said it."]
        return {
            "thread": handle,
            "verdict": verdict,
            "text": dice.choice(
                (f"That is how I see it {dice.randrange(10_000)}.", "As said.", "")
            ),
            "quote": dice.choice(shown),
        }

    def _comment(self, handle: str, line: str) -> dict[str, Any]:
        words = re.sub(r"^(#+|-|\[.\]|>|\d+\.) ", "", line.strip()).split()
        first = self._dice.randrange(len(words))
        quote = " ".join(words[first : first + self._dice.randint(1, 3)])
        # Few texts: the same words come for other blocks, and again at later reviews.
        text = self._dice.choice(
            ("Which one is meant?", "Who owns this?", f"Point {self._dice.randrange(10_000)}.")
        )
        severity = self._dice.choice(("blocking", "important", "minor", "minor"))
        title = f"Title {self._dice.randrange(10**9)}"
        said = {"block": handle, "quote": quote, "text": text, "severity": severity}
        return {**said, "title": title}
