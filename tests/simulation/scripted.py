"""A model that knows its tools and has bad days."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Callable, Sequence
from typing import Any

import virtual_time
from record import Record

from daemon.domain.values import Outcome, Usage
from daemon.domain.errors import BudgetEmpty, Unavailable
from daemon.review.agent import Conversation, Limits, Toolbox


_BLOCK = re.compile(r"^\[(B\d+)(?: new| changed)?\] (.+)$", re.MULTILINE)
_THREAD = re.compile(r"^\[(T\d+) on ", re.MULTILINE)
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

    def reset(self) -> None: ...

    async def aclose(self) -> None: ...

    async def converse(
        self,
        names: Sequence[str],
        make: Callable[[Any], Any],
        offline: Callable[[Toolbox], None],
        limits: Limits,
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
        outcome = self._talk(tools, brief.document)
        usage = Usage(requests=1, input_tokens=100, output_tokens=10)
        text = "" if tools.finished else dice.choice(("", "In all, this reads well."))
        return Conversation(outcome, text, "scripted:model", usage, tools)

    def _talk(self, tools: Toolbox, document: str) -> Outcome:
        dice = self._dice
        if dice.random() < self.ill / 4:
            return dice.choice((Outcome.REFUSED, Outcome.TRUNCATED))
        for name, arguments in self._calls(document):
            again = 2 if dice.random() < self.ill / 3 else 1
            for _ in range(again):
                tools.call(name, arguments)
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
        if dice.random() < self.ill:
            calls += dice.sample(_JUNK, 2)
        dice.shuffle(calls)
        return calls

    def _comment(self, handle: str, line: str) -> dict[str, Any]:
        words = re.sub(r"^(#+|-|\[.\]|>|\d+\.) ", "", line.strip()).split()
        first = self._dice.randrange(len(words))
        quote = " ".join(words[first : first + self._dice.randint(1, 3)])
        # Few texts: the same words come for other blocks, and again at later reviews.
        text = self._dice.choice(
            ("Which one is meant?", "Who owns this?", f"Point {self._dice.randrange(10_000)}.")
        )
        severity = self._dice.choice(("blocking", "important", "minor", "minor"))
        return {"block": handle, "quote": quote, "text": text, "severity": severity}
