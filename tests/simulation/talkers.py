"""People who comment, and a machine that does: questions, thanks, a no, words to the reviewer."""

from __future__ import annotations

import random
from dataclasses import replace

from daemon.sandbox import Sandbox
from daemon.sandbox.model import SandboxComment
from simulation.network import SENT
from simulation.record import Own, Record, Words
from simulation.writers import Writers, plain
from support import virtual_time


QUESTION, NOISE = "question", "noise"
SAID = {
    "thanks": ("Thanks!", "done", "👍"),
    "no": ("No, this stays.", "won't do"),
    "reason": ("No, one line is enough here.", "No, since nobody reads it."),
    "claim": ("I changed it, see above.",),
    "why": ("why?",),
    "again": ("review again",),
    "pause": ("pause", "pause 30m", "pause for 2 hours", "pause 7d"),
    "resume": ("resume",),
    "more": ("more",),
}
WEIGHTS = {
    QUESTION: 24,
    NOISE: 10,
    "thanks": 6,
    "no": 6,
    "reason": 4,
    "claim": 4,
    "why": 2,
    "again": 2,
    "pause": 1,
    "resume": 1,
    "more": 3,
}


class Talkers(Writers):
    """The same people in discussions."""

    def __init__(self, box: Sandbox, dice: random.Random, record: Record) -> None:
        super().__init__(box, dice, record)
        self.stranger = box.world.bot("Build bot")
        self._hook()

    def _hook(self) -> None:
        """Watch every comment at the moment in which it is made."""
        state, add = self.box.world.state, self.box.world.state.add_comment

        def added(comment: SandboxComment) -> SandboxComment:
            made = add(comment)
            self._seen(made)
            return made

        state.add_comment = added  # type: ignore[method-assign]

    def _seen(self, made: SandboxComment) -> None:
        if made.author_id != self.box.bot.id:
            return
        now = virtual_time.now()
        opens = len(list(self.box.world.state.thread(made.discussion_id))) == 1
        text = plain(made.rich_text)
        sent = SENT.get() or now
        block = self.box.world.state.blocks.get(made.parent_id)
        page = block.page_id if block else made.parent_id
        own = Own(made.id, made.discussion_id, made.parent_id, text, now, sent, opens, page)
        self._record.own.append(own)
        self._record.note(now, "own comment", id=made.id[:8], on=made.parent_id[:8])

    def _comment(self) -> None:
        world, dice = self.box.world, self._dice
        page = self._page()
        if page is None:
            return
        here = {page, *(block.id for block in self._all_blocks(page))}
        threads = [
            one.id
            for one in world.state.discussions.values()
            if one.parent_id in here and not one.resolved
        ]
        target = dice.choice([page, self._block(page) or page, *threads, *threads])
        kind = dice.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        self._say(target, kind)
        if kind == NOISE:
            # Another machine answers whatever moves.
            for _ in range(dice.randint(0, 2)):
                self._say(target, kind)

    def _say(self, target: str, kind: str) -> None:
        self._serial += 1
        text = self._dice.choice(SAID[kind]) if kind in SAID else f"What about n{self._serial}?"
        by = self.stranger if kind == NOISE else self._dice.choice(self.people)
        made = self.box.world.comment(target, text, by=by)
        self._record.words[made.id] = Words(
            made.id, made.discussion_id, by.id, kind, kind != NOISE, virtual_time.now()
        )
        self._note("say", kind=kind, id=made.id[:8], thread=made.discussion_id[:8])

    def _one_comment(self, *, own: bool) -> SandboxComment | None:
        found = [
            one
            for one in self.box.world.comments()
            if (one.author_id == self.box.bot.id) is own
            and not self.box.world.state.discussions[one.discussion_id].resolved
            and one.author_id != self.stranger.id
            and (own or self._record.words[one.id].kind != "steer")
        ]
        return self._dice.choice(found) if found else None

    def _edit_comment(self) -> None:
        if found := self._one_comment(own=False):
            self._serial += 1
            self.box.world.edit_comment(found, f"And what about n{self._serial}?")
            self._record.edited_words[found.id] += 1
            self._record.words[found.id] = replace(
                self._record.words[found.id], kind=QUESTION, at=virtual_time.now()
            )
            self._note("edit comment", id=found.id[:8])

    def _delete_comment(self) -> None:
        if found := self._one_comment(own=self._dice.random() < 0.5):
            self.box.world.delete_comment(found)
            self._record.hidden_by_people.setdefault(found.id, virtual_time.now())
            self._note("delete comment", id=found.id[:8])

    def _resolve(self) -> None:
        state = self.box.world.state
        threads = list(state.discussions.values())
        if not threads:
            return
        thread = self._dice.choice(threads)
        if thread.resolved:
            self.box.world.reopen(thread)
        else:
            self.box.world.resolve(thread)
            for comment in state.thread(thread.id):
                self._record.hidden_by_people.setdefault(comment.id, virtual_time.now())
        self._note("reopen" if thread.resolved else "resolve", thread=thread.id[:8])
