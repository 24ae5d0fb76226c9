from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpcore2
import httpx
import httpx2
import pytest
import stamina

from daemon.notion import retry
from daemon.notion.gateway import Gateway
from daemon.sandbox import Sandbox
from daemon.sweep.delivery import recovery
from support.program import ANTHROPIC_KEY, NOW, Program, ScriptedModel
from support.vendor_server import Sent, serving


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No back-off, window of Notion or grace takes time here; each has tests of its own."""
    monkeypatch.setattr(retry, "WINDOW_SECONDS", 0.0)
    monkeypatch.setattr(retry, "MARGIN_SECONDS", 0.0)
    monkeypatch.setattr(recovery, "GRACE_SECONDS", 0.0)
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
def model(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedModel]:
    """A model behind a socket for other processes; this one's clients reach it below theirs."""
    with serving(ScriptedModel()) as scripted:
        real = httpx2.AsyncHTTPTransport.handle_async_request

        async def handle(
            outer: httpx2.AsyncHTTPTransport, request: httpx2.Request
        ) -> httpx2.Response:
            direct = type(outer._pool) is httpcore2.AsyncConnectionPool  # not by way of a proxy
            if direct and request.method == "POST" and str(request.url).startswith(scripted.url):
                return await _answered(scripted, request)
            return await real(outer, request)

        monkeypatch.setattr(httpx2.AsyncHTTPTransport, "handle_async_request", handle)
        yield scripted


async def _answered(scripted: ScriptedModel, request: httpx2.Request) -> httpx2.Response:
    raw = await request.aread()
    path, headers = request.url.raw_path.decode(), dict(request.headers)
    reply = scripted.take(Sent(path, headers, json.loads(raw), raw))
    assert (reply.drop, reply.missing) == (False, 0), "this needs a socket"
    words = reply.body if isinstance(reply.body, str) else json.dumps(reply.body)
    headers = {"Content-Type": "application/json", **reply.headers}
    # A stream, as from a socket: what is read already has no time that it took.
    return httpx2.Response(reply.status, headers=headers, stream=httpx2.ByteStream(words.encode()))


@pytest.fixture
def notion_url(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of the box, which answers below httpx's client: a socket takes twice the work.

    Where it is the socket that counts, a module has a `notion_url` of its own.
    """
    inner, real = box.transport(), httpx.AsyncHTTPTransport.handle_async_request

    async def handle(outer: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
        if request.url.host == "notion.test":
            return await inner.handle_async_request(request)
        return await real(outer, request)

    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", handle)
    return "http://notion.test"


@pytest.fixture
def program(
    box: Sandbox,
    notion_url: str,
    model: ScriptedModel,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Program:
    """The program, configured for the first database of the box; ask for `rfcs` before it."""
    env = {
        "NOTION_TOKEN": box.token,
        "NOTION_BASE_URL": notion_url,
        "ANTHROPIC_API_KEY": ANTHROPIC_KEY,
        "ANTHROPIC_BASE_URL": model.url,
    }
    monkeypatch.setattr(Gateway, "machine_now", property(lambda _: box.clock()))
    program = Program(tmp_path, env, capsys, monkeypatch)
    program.config = {"databases": [], "models": ["anthropic:claude-sonnet-5-5"]}
    return program


@pytest.fixture
def rfcs(box: Sandbox, program: Program) -> str:
    """The id of a configured database."""
    made = box.world.database("RFCs")
    program.config["databases"].append({"id": made.id})
    return made.id
