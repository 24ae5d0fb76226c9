"""The console in process, over a state that the real program made on the embedded Notion."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

from starlette.testclient import TestClient

from daemon.config import Settings, load
from daemon.console.access import Door
from daemon.console.app import application
from daemon.console.views import ConsoleContext
from daemon.notion.from_markdown import plain_text
from daemon.sandbox import Sandbox
from daemon.service import runner


PORT = 8765
BASE = f"http://127.0.0.1:{PORT}"
# Everything that a name, a title, a property or a text can hold against a page that shows it.
HOSTILE = '<script src="//evil.example/x.js"></script><img src=x onerror=alert(1)>"\'>'
CONFIG = """\
databases:
  - id: {database}
    prompt: {prompt}
    properties: [Status, Owner]
{more}models: [offline]
state: notion-review.db
"""


def raises(error):
    raise error


def context_of(settings: Settings, port: int = PORT) -> ConsoleContext:
    return ConsoleContext(settings.config, Door(port), raises, _quietly)


def client_of(context: ConsoleContext) -> TestClient:
    app = application(context, lambda: True)
    return TestClient(app, base_url=f"http://127.0.0.1:{context.door.port}")


def entered(context: ConsoleContext) -> TestClient:
    """A browser that opened the printed address."""
    client = client_of(context)
    assert client.get(context.door.address()).status_code == 200
    return client


def _quietly(*_, **__):
    pass


@dataclass
class World:
    """A Notion after some sweeps, and the folder of the program that swept it."""

    box: Sandbox
    folder: Path
    settings: Settings

    def sweep(self, only: str | None = None) -> None:
        self.box.clock.advance(timedelta(minutes=1))  # whatever was said is heard
        # In a thread of its own: a browser's driver keeps a loop in this one.
        sweep = partial(runner.once, self.settings, _quietly, only=only, to_end=asyncio.run)
        with ThreadPoolExecutor(1) as aside:
            _, errors = aside.submit(sweep).result()
        assert errors == []

    def page(self, title: str):
        found = self.box.world.state.pages.values()
        return next(one for one in found if one.name.startswith(title))


def begin(folder: Path, box: Sandbox, url: str, more: str = "") -> World:
    database = next(iter(box.world.state.databases))
    path = folder / "config.yaml"
    path.write_text(CONFIG.format(database=database, prompt=box.prompt.id, more=more), "utf-8")
    env = {"NOTION_TOKEN": box.token, "NOTION_BASE_URL": url}
    return World(box, folder, load(path, env))


def posted(world):
    """Return what the reviewer's comments on documents say; not the one on the prompt page."""
    [prompt] = {one.prompt for one in world.settings.config.databases}
    found = world.box.world.comments()
    own = (one for one in found if one.author_id == world.box.bot.id and one.parent_id != prompt)
    return [plain_text(one.rich_text) for one in own]
