from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
import stamina
from program import ANTHROPIC_KEY, NOW, Program, ScriptedModel
from vendor_server import _handler

from daemon.notion import limiter
from daemon.sandbox import Sandbox


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Neither back-off nor Notion's window takes time here; both have tests of their own."""
    monkeypatch.setattr(limiter, "WINDOW_SECONDS", 0.0)
    monkeypatch.setattr(limiter, "MARGIN_SECONDS", 0.0)
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
    scripted = ScriptedModel()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(scripted))
    server.daemon_threads = True
    scripted.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield scripted
    server.shutdown()
    thread.join()
    server.server_close()


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
