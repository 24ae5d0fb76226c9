from __future__ import annotations

import shutil

import pytest

from daemon.config import load
from daemon.sandbox import Sandbox, blocks
from support.console_world import HOSTILE, World, begin, context_of, entered


@pytest.fixture(scope="session")
def _made(tmp_path_factory):
    """Two reviews of one page with a new, a changed and a removed block; answers; hostile text."""
    box = Sandbox.with_documents()
    world = box.world
    with box.serve() as url:
        made = begin(tmp_path_factory.mktemp("console"), box, url)
        ana = next(iter(world.state.people))
        database = next(iter(world.state.databases))
        villain = world.person(f"Eve {HOSTILE}", "eve@corp.example")
        hostile = world.page(
            database, f"Hostile {HOSTILE}", [blocks.paragraph(f"TBD {HOSTILE}")], by=villain
        )
        world.edit_property(hostile, "Status", f"Ready {HOSTILE}")
        made.sweep()
        made.sweep(only=hostile.id)
        page = made.page("Move shipment")
        own = [one for one in world.comments() if one.author_id == box.bot.id]
        mine = [one for one in own if world.state.page_of(one.parent_id) == page.id]
        answered = next(one for one in mine if "three reasons" in str(one.rich_text[0]))
        world.comment(answered, "Good catch, I will add it.", by=ana)
        for one in [one for one in own if world.state.page_of(one.parent_id) == hostile.id]:
            world.comment(one, f"Mine {HOSTILE}", by=villain)
        texts = [one for one in world.blocks(page) if one.type == "paragraph"]
        world.edit_block(texts[0], "It says who owns the **rollout**, and when.", by=ana)
        world.delete_block(texts[1], by=ana)
        world.add_block(page, blocks.paragraph("Retries. TODO: fill this in."), by=ana)
        made.sweep(only=page.id)
        made.sweep()
        yield made


@pytest.fixture
def world(_made, tmp_path):
    """The same for each test, with a state of its own."""
    shutil.copytree(_made.folder, tmp_path, dirs_exist_ok=True)
    settings = load(tmp_path / "config.yaml", {"NOTION_TOKEN": _made.box.token})
    return World(_made.box, tmp_path, settings)


@pytest.fixture
def context(world):
    return context_of(world.settings)


@pytest.fixture
def browser(context):
    return entered(context)
