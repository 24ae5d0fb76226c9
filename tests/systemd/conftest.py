from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.sandbox import Sandbox
from support.installed import SERVICE, Installed
from support.lab import lab, why_not
from support.program import ANTHROPIC_KEY, ScriptedModel, comment, finish
from support.vendor_server import serving


@pytest.fixture
def box() -> Sandbox:
    """A Notion that keeps real time, with one database."""
    return Sandbox(seed=7)


@pytest.fixture
def model() -> Iterator[ScriptedModel]:
    scripted = ScriptedModel()
    scripted.think = lambda _document, _turn: [
        comment("B1", "queues", "Which queues?"),
        finish("Say which queues."),
    ]
    with serving(scripted):
        yield scripted


@pytest.fixture
def installed(box: Sandbox, model: ScriptedModel, tmp_path: Path) -> Iterator[Installed]:
    if reason := why_not():
        pytest.skip(reason)
    rfcs = box.world.database("RFCs")
    config = {
        "databases": [{"id": rfcs.id}],
        "models": ["anthropic:claude-sonnet-5-5"],
        "settle": "1m",
    }
    with box.serve() as url, lab(tmp_path) as running:
        made = Installed(running, box, url, config)
        made.secret("notion-token", box.token)
        made.secret("anthropic-api-key", ANTHROPIC_KEY)
        made.addresses = f"NOTION_BASE_URL={url}\nANTHROPIC_BASE_URL={model.url}\n"
        made.configure()
        made.drop_in(SERVICE, "RestartSec=1s")
        yield made
