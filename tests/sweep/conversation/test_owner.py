"""Words on a prompt page: each is carried out and answered once, whenever we die."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import count, takewhile
from typing import Any

from daemon.config import Config
from daemon.domain.values import Prompt
from daemon.sandbox import blocks
from daemon.store import pages, prompts
from daemon.sweep.conversation import owner
from daemon.sweep.delivery import status
from support.dying import dying_at
from support.scene import Scene, play


HOUR = timedelta(hours=1)


class Owned:
    """A scene with a prompt page that bears its status comment."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.page = scene.world.page(None, "RFC reviewer", [blocks.paragraph("Be kind.")]).id
        database: dict[str, Any] = {"id": scene.rfcs.id, "prompt": self.page}
        self.config = Config.model_validate({"databases": [database]})
        now = scene.box.clock()
        pages.save_source(scene.state, replace(scene.source, baseline=now - HOUR))
        prompts.save_prompt(
            scene.state, Prompt("RFC reviewer", "Be kind.", self.page), now, now + HOUR
        )
        scene.box.clock.advance(HOUR)

    async def sweep(self) -> None:
        """Do what a sweep does on a prompt page."""
        chains = {self.scene.rfcs.id: ("offline",)}
        context = replace(self.scene.context, config=self.config, chains=chains)
        await context.notion.page(self.page)  # so that the time is known
        await context.deliver(context, None)
        await owner.listen(context)
        for page_id, targets in status.by_prompt_page(context).items():
            await status.post(context, page_id, targets)

    @property
    def said(self) -> list[str]:
        own = self.scene.box.bot.id
        found = [one for one in self.scene.world.comments(self.page) if one.author_id == own]
        return ["".join(item["text"]["content"] for item in one.rich_text) for one in found]


def test_whenever_we_die_a_word_is_answered_once_and_the_comment_stands_once(
    tmp_path: Any,
) -> None:
    def story(number: int) -> Any:
        async def tell(scene: Scene) -> bool:
            owned = Owned(scene)
            await owned.sweep()
            scene.box.clock.advance(HOUR)
            scene.world.comment(owned.page, "pause", by=scene.ana)
            moment = "after" if number % 2 else "before"
            setattr(scene.transport, moment, dying_at(number // 2))
            died = await scene.deliver_until_killed(owned.sweep())
            scene.transport.before = scene.transport.after = lambda _: None
            for _ in range(2):
                scene.box.clock.advance(HOUR)
                await owned.sweep()
            comment, answer = owned.said
            assert comment.startswith("In use since ")
            assert "Paused since " in comment
            assert answer.startswith("Paused: ")
            assert list(prompts.paused(scene.state)) == [owned.page]
            assert set(scene.fates.values()) == {"posted"}
            return died

        return tell

    deaths = takewhile(bool, (play(tmp_path / f"{number}.db", story(number)) for number in count()))
    assert len(list(deaths)) >= 8
