"""People who write pages: they edit, type for a while, add, move and delete."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta
from typing import Any

from daemon.sandbox import Sandbox, blocks
from simulation.record import Record
from support import virtual_time


VOCABULARY = (
    *("queue", "retry", "owner", "budget", "replica", "index", "shard"),
    *("token", "cache", "lease", "ledger", "canary", "rollout", "quota"),
)


class Writers:
    """The people of one history at their pages; all that they do is decided by chance."""

    def __init__(self, box: Sandbox, dice: random.Random, record: Record) -> None:
        self.box = box
        self._dice = dice
        self._record = record
        self._serial = 0
        self._typing: set[str] = set()
        self.people = [box.world.person(name) for name in ("Ana Costa", "Ben Ode", "Mei Lin")]
        self.database = box.world.database("RFCs")
        ages = (60, 3600, 3 * 86400)
        self.pages = [self._new_page(ages) for _ in range(dice.randint(1, 3))]

    def _note(self, what: str, **facts: object) -> None:
        self._record.note(virtual_time.now(), f"  people {what}", **facts)

    def _text(self) -> str:
        self._serial += 1
        words = self._dice.choices(VOCABULARY, k=self._dice.randint(2, 6))
        if self._dice.random() < 0.8:
            words.append(f"n{self._serial}")
        return " ".join(words).capitalize() + "."

    def _page(self) -> str | None:
        there = [page for page in self.pages if not self.box.world.state.pages[page].in_trash]
        return self._dice.choice(there) if there else None

    def _block(self, page: str | None = None) -> str | None:
        page = page or self._page()
        if page is None:
            return None
        found = [block.id for block in self._all_blocks(page)]
        return self._dice.choice(found) if found else None

    def _all_blocks(self, holder: str) -> list[Any]:
        out = []
        for block in self.box.world.blocks(holder):
            out += [block, *self._all_blocks(block.id)]
        return out

    def _written(self, block_id: str) -> None:
        """Note what a block says from now on."""
        block = self.box.world.state.blocks[block_id]
        said = "" if block.in_trash else plain(block.content.get("rich_text") or [])
        self._record.texts[block_id].append((virtual_time.now(), said))

    def _new_page(self, aged: tuple[int, ...] | None = None) -> str:
        world, dice = self.box.world, self._dice
        age = 0 if aged is None else dice.choice(aged)
        built = []
        for _ in range(dice.randint(1, 4)):
            kind = dice.choice((blocks.paragraph, blocks.paragraph, blocks.to_do, blocks.toggle))
            built.append(kind(self._text()))
        if dice.random() < 0.3:
            built.append(blocks.toggle(self._text(), blocks.paragraph(self._text())))
        at = virtual_time.now() - timedelta(seconds=age)
        page = world.page(self.database, self._text(), built, at=at, Status="Draft")
        for block in self._all_blocks(page.id):
            self._written(block.id)
        self._record.visible_since[page.id] = at
        return page.id

    def _new(self) -> None:
        if len(self.pages) < 4:
            self.pages.append(self._new_page())
            self._note("new page", page=self.pages[-1][:8])

    def _edit(self, block: str | None = None) -> None:
        block = block or self._block()
        if block is None or self.box.world.state.blocks[block].in_trash:
            return
        texts = [text for _, text in self._record.texts[block] if text]
        text = self._text()
        roll = self._dice.random()
        if roll < 0.15:
            text = self._dice.choice(texts)  # as it stood once
        elif roll < 0.3:
            text = texts[-1] + " " + text
        elif roll < 0.35:
            other = self._block()
            text = self._record.texts[other][-1][1] if other else text  # copied
        self.box.world.edit_block(block, text or "x")
        self._written(block)
        self._note("edit", block=block[:8], text=text)

    def _twice(self) -> None:
        """Edit a block, and once more some seconds later."""
        block = self._block()
        self._edit(block)
        pause = self._dice.choice((3, 8, 15, 25))
        asyncio.get_running_loop().call_later(pause, self._edit, block)

    def _type(self) -> None:
        block = self._block()
        if block is None or block in self._typing:
            return
        self._typing.add(block)
        pauses = [self._dice.choice((3, 20, 45, 70)) for _ in range(self._dice.choice((3, 8, 40)))]

        async def typing() -> None:
            for pause in pauses:
                await asyncio.sleep(pause)
                self._edit(block)
            self._typing.discard(block)

        asyncio.get_running_loop().create_task(typing())

    def _add(self) -> None:
        page = self._page()
        if page is None or len(self._all_blocks(page)) > 7:
            return
        parent = self._dice.choice([page, page, self._block(page) or page])
        if self.box.world.state.pages.get(parent) is None:
            kind = self.box.world.state.blocks[parent].type
            parent = parent if kind in ("toggle", "paragraph", "to_do") else page
        made = self.box.world.add_block(parent, blocks.paragraph(self._text()))
        self._written(made.id)
        self._note("add", block=made.id[:8])

    def _move(self) -> None:
        page = self._page()
        top = self.box.world.blocks(page) if page else []
        if len(top) > 1:
            block, *others = self._dice.sample(top, len(top))
            self.box.world.move_block(block, after=self._dice.choice(["", *others]))
            self._record.moved[page] = virtual_time.now()
            self._note("move", block=block.id[:8])

    def _delete(self, block: str | None = None) -> None:
        block = block or self._block()
        if block:
            below = self._all_blocks(block)
            self.box.world.delete_block(block)
            for one in [block, *(child.id for child in below)]:
                self._record.texts[one].append((virtual_time.now(), ""))
            self._note("delete", block=block[:8])

    def _rename(self) -> None:
        if page := self._page():
            if self._dice.random() < 0.5:
                self.box.world.rename(page, self._text())
            elif self.box.world.state.pages[page].parent.kind == "data_source_id":
                status = self._dice.choice(("Draft", "In review", "Ready"))
                self.box.world.edit_property(page, "Status", status)
            self._note("rename", page=page[:8])


def plain(rich: list[Any]) -> str:
    """Return the plain text of rich text as the sandbox keeps it."""
    return "".join(item.get("text", {}).get("content", "") for item in rich)
