"""The whole company: who writes and talks also trashes, shares, and changes the prompt."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace

from daemon.sandbox import Sandbox, blocks
from simulation.record import Record, Words
from simulation.talkers import Talkers
from support import virtual_time


class Company(Talkers):
    """The people of one history and all that they do."""

    def __init__(self, box: Sandbox, dice: random.Random, record: Record) -> None:
        super().__init__(box, dice, record)
        self.prompt = box.world.page(None, "RFC reviewer", [blocks.paragraph("Review kindly.")])

    def act(self, block: str | None = None) -> None:
        """Let someone do something, now; where `block` is given, mostly to that one."""
        dice = self._dice
        if block == "twice":
            self._twice()
            return
        if block in self.box.world.state.blocks and dice.random() < 0.7:
            to_it = (self._edit, self._delete, self._take_block_away, self._take_page_away)
            dice.choices(to_it, (14, 3, 2, 1))[0](block)
            return
        acts, weights = zip(*self._acts(), strict=True)
        act = dice.choices(acts, weights)[0]
        act()

    def _acts(self) -> list[tuple[Callable[[], None], int]]:
        return [
            (self._edit, 20),
            (self._type, 6),
            (self._twice, 6),
            (self._add, 5),
            (self._move, 3),
            (self._delete, 4),
            (self._rename, 2),
            (self._comment, 20),
            (self._edit_comment, 4),
            (self._delete_comment, 3),
            (self._resolve, 5),
            (self._trash, 3),
            (self._unshare, 3),
            (self._take_page_away, 1),
            (self._take_block_away, 1),
            (self._new, 2),
            (self._edit_prompt, 3),
            (self._capabilities, 1),
            (self._unshare_database, 1),
            (self._revoke, 1),
        ]

    def _trash(self) -> None:
        page = self._dice.choice(self.pages)
        if self.box.world.state.pages[page].in_trash:
            self.box.world.restore(page)
            self._record.visible_since[page] = virtual_time.now()
            self._note("restore", page=page[:8])
        else:
            self.box.world.trash(page)
            self._later(3600, lambda: self._back(page))
            self._note("trash", page=page[:8])

    def _back(self, page: str) -> None:
        if self._dice.random() < 0.7:
            self.box.world.restore(page)
            self._record.visible_since[page] = virtual_time.now()
            self._note("restore", page=page[:8])

    def _unshare(self) -> None:
        page = self._dice.choice(self.pages)
        self.box.world.unshare(page)
        self._note("unshare", page=page[:8])
        self._later(3600, lambda: self._share(page))

    def _share(self, thing: str) -> None:
        self.box.world.share(thing)
        for page in self.pages if thing == self.database.id else [thing]:
            self._record.visible_since[page] = virtual_time.now()
        self._note("share", thing=thing[:8])

    def _take_page_away(self, block: str | None = None) -> None:
        """Move a page, that of a block where one is given, out of the database for a while."""
        page = self.box.world.state.blocks[block].page_id if block else self._page()
        if page in self.pages and not self.is_away(page):
            self._record.away[page].append(virtual_time.now())
            self.box.world.move_page(page, None)
            self._later(3600, lambda: self._bring_back(page))
            self._note("move page away", page=page[:8])

    def is_away(self, page: str) -> bool:
        """Tell whether a page stands outside the database now."""
        return bool(self.box.world.state.pages[page].parent.id != self.database.source_id)

    def _bring_back(self, page: str) -> None:
        if self.is_away(page):
            self.box.world.move_page(page, self.database)
            self._record.away[page].append(virtual_time.now())
            self._record.visible_since[page] = virtual_time.now()
            self._note("move page back", page=page[:8])

    def _take_block_away(self, block: str | None = None) -> None:
        """Move a block to a page that nobody reviews."""
        block = block or self._block()
        if block and not self.box.world.state.in_trash(block):
            moved = [block, *(one.id for one in self._all_blocks(block))]
            self.box.world.move_block(block, to=self.box.world.page(None, "Mine"))
            for one in moved:
                self._record.away[one].append(virtual_time.now())
                self._record.texts[one].append((virtual_time.now(), ""))
            self._note("move block away", block=block[:8])

    def _unshare_database(self) -> None:
        self.box.world.unshare(self.database)
        self._note("unshare database")
        self._later(3600, lambda: self._share(self.database.id))

    def _edit_prompt(self) -> None:
        world = self.box.world
        if world.state.pages[self.prompt.id].in_trash:
            world.restore(self.prompt)
        elif self._dice.random() < 0.2:
            world.trash(self.prompt)
        else:
            world.rewrite(self.prompt, [blocks.paragraph(self._text())])
        self._note("prompt")

    def steer(self, dice: random.Random) -> None:
        """Say a word to the reviewer on the prompt page."""
        if not self.box.world.state.in_trash(self.prompt.id):
            word = dice.choice(("help", "report", "pause 20m", "pause", "resume", "resume"))
            by = dice.choice(self.people)
            made = self.box.world.comment(self.prompt, f"RFC reviewer, {word}", by=by)
            self._record.words[made.id] = Words(
                made.id, made.discussion_id, by.id, "steer", by_person=True, at=virtual_time.now()
            )
            self._note("steer", word=word.replace(" ", "_"), id=made.id[:8])

    def _capabilities(self) -> None:
        bots, bot = self.box.world.state.bots, self.box.bot
        read, insert = self._dice.choice(((False, True), (True, False), (False, False)))
        bots[bot.id] = replace(bots[bot.id], read_comments=read, insert_comments=insert)
        self._note("capabilities", read=read, insert=insert)
        self._later(1800, self.allow)

    def _revoke(self) -> None:
        """Take the token away for some minutes."""
        bots, bot = self.box.world.state.bots, self.box.bot
        bots[bot.id] = replace(bots[bot.id], token="ntn_another000000000000")
        self._note("revoke")
        self._later(600, self.allow)

    def allow(self) -> None:
        """Give the connection all its capabilities."""
        bots, bot = self.box.world.state.bots, self.box.bot
        bots[bot.id] = bot

    def _later(self, most: float, do: Callable[[], None]) -> None:
        asyncio.get_running_loop().call_later(self._dice.uniform(60, most), do)

    def calm(self) -> None:
        """Mend what people took away; what is in the trash stays there."""
        self.allow()
        world = self.box.world
        if world.state.pages[self.prompt.id].in_trash:
            world.restore(self.prompt)
        hidden = [
            thing
            for thing in [self.database.id, *self.pages]
            if world.state.sharing.get(("*", thing)) is False
        ]
        for thing in hidden:
            self._share(thing)
        for page in self.pages:
            self._bring_back(page)
