"""Somebody who owns a prompt page, in the embedded Notion, and a model that goes by the prompt."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from daemon.sandbox import Sandbox, blocks
from support.program import Call, Done, Program, ScriptedModel, comment, finish, plain


HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TEXTS = ("We need queues because the poller is slow.", "Ten workers read them.", "In one step.")


class Owner:
    """Somebody who owns a prompt page and never sees a terminal; documents lie beside it."""

    def __init__(self, box: Sandbox, program: Program, rfcs: str) -> None:
        self.box, self.program, self.rfcs = box, program, rfcs
        text = [blocks.paragraph("Be strict.")]
        self.page = box.world.page(None, "RFC reviewer", text, at=box.clock() - 3 * HOUR).id
        self.settings: dict[str, Any] = program.config["databases"][0]
        self.settings["prompt"] = self.page

    def writes(self, *titles: str) -> list[str]:
        """Write documents that have settled."""
        found = [
            self.box.world.page(
                self.rfcs, title, [blocks.paragraph(one) for one in TEXTS], at=self.box.clock()
            ).id
            for title in titles
        ]
        self.box.clock.advance(HOUR)
        return found

    def edits(self, *lines: str) -> None:
        self.box.world.rewrite(self.page, [blocks.paragraph(line) for line in lines])

    def sweeps(self, after: timedelta = HOUR) -> Done:
        self.box.clock.advance(after)
        return self.program.sweep()

    @property
    def said(self) -> list[str]:
        """What stands open on the prompt page."""
        return [plain(one) for one in self.comments]

    @property
    def comments(self) -> list[Any]:
        state, own = self.box.world.state, self.box.bot.id
        found = (one for one in self.box.world.comments(self.page) if one.author_id == own)
        return [one for one in found if not state.discussions[one.discussion_id].resolved]

    @property
    def writings(self) -> int:
        count = self.box.requests.count
        path = "/v1/comments"
        return count("POST", path) + count("PATCH", f"{path}/{{comment_id}}")


def version(said: str) -> str:
    return said.partition("version ")[2].partition(".")[0]


def by_prompt(model: ScriptedModel, said: dict[str, list[Call]]) -> None:
    """Let the model say what belongs to the words that the prompt holds."""

    def think(_document: str, turn: int) -> list[Call]:
        if turn:
            return [finish()]
        system = json.dumps(model.sent[-1].body["system"])
        return next(calls for words, calls in said.items() if words in system)

    model.think = think


STRICT = [
    comment("B1", "the poller is slow", "How slow?", "important", "No number for slow"),
    comment("B2", "Ten workers", "Why ten?", "minor", "Ten is not explained"),
    finish(),
]
