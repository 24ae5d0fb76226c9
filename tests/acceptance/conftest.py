from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import stamina
from program import ANTHROPIC_KEY, NOW, Program, ScriptedModel
from vendor_server import serving

from daemon.sweep.delivery import recovery as settle
from daemon.notion import limiter
from daemon.sandbox import Sandbox


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No back-off, window of Notion or grace takes time here; each has tests of its own."""
    monkeypatch.setattr(limiter, "WINDOW_SECONDS", 0.0)
    monkeypatch.setattr(limiter, "MARGIN_SECONDS", 0.0)
    monkeypatch.setattr(settle, "GRACE_SECONDS", 0.0)
    with stamina.set_testing(True, attempts=3, cap=True):
        yield


@pytest.fixture
def box() -> Sandbox:
    """An empty Notion at noon, with two people."""
    box = Sandbox(seed=7)
    box.clock.set(NOW)
    box.world.person("Ana Costa", "ana.costa@corp.example")
    box.world.person("Ben Ode", "ben.ode@corp.example")
    return box


@pytest.fixture
def model() -> Iterator[ScriptedModel]:
    with serving(ScriptedModel()) as scripted:
        yield scripted


@pytest.fixture
def program(
    box: Sandbox,
    model: ScriptedModel,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Program]:
    """The program, configured for the first database of the box; ask for `rfcs` before it."""
    with box.serve() as url:
        env = {
            "NOTION_TOKEN": box.token,
            "NOTION_BASE_URL": url,
            "ANTHROPIC_API_KEY": ANTHROPIC_KEY,
            "ANTHROPIC_BASE_URL": model.url,
        }
        program = Program(tmp_path, env, capsys, monkeypatch)
        program.config = {"databases": [], "models": ["anthropic:claude-sonnet-5-5"]}
        yield program


@pytest.fixture
def rfcs(box: Sandbox, program: Program) -> str:
    """The id of a configured database."""
    made = box.world.database("RFCs")
    program.config["databases"].append({"id": made.id})
    return made.id
