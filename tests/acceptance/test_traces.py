"""Spans of the requests to models, for OpenTelemetry: only where asked for, and without a word."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from daemon.config import environment
from daemon.sandbox import Sandbox, blocks
from support.places import ROOT
from support.program import Program, ScriptedModel, comment, finish
from support.vendor_server import Reply


TEXT = "We use queues because pollers are slow."
VARIABLE = environment.TRACES_URL


class Collector(ThreadingHTTPServer):
    """Takes what is exported to it, and says that it was taken."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def spans(self) -> list[dict[str, object]]:
        """The name and the attributes of each span."""
        found = []
        for body in self.bodies:
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                about = {one.key: one.value.string_value for one in resource.resource.attributes}
                for span in (span for scope in resource.scope_spans for span in scope.spans):
                    told = {one.key: one.value for one in span.attributes}
                    found.append({"name": span.name, "service": about["service.name"], **told})
        return found


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        assert self.path == "/v1/traces"
        self.server.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def notion_url(box: Sandbox) -> Iterator[str]:
    with box.serve() as url:
        yield url


def page(box: Sandbox, rfcs: str, title: str) -> None:
    """Make a page that is due; the program of another process goes by the machine's own clock."""
    box.clock.set(now := datetime.now(UTC))
    box.world.page(rfcs, title, [blocks.paragraph(TEXT)], at=now - timedelta(minutes=3))


def swept(program: Program) -> subprocess.CompletedProcess[str]:
    """Sweep once in a process of its own: what is left is sent at its end."""
    program.config["settle"] = "1m"
    program.write()
    env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), **program.env}
    run = (sys.executable, "-m", "daemon", "--once", "--json")
    return subprocess.run(
        run, cwd=program.folder, env=env, capture_output=True, text=True, check=False
    )


@pytest.mark.real
def test_each_request_to_a_model_is_a_span_that_holds_no_word(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str, collector: Collector
) -> None:
    model.think = lambda _document, _turn: [
        comment("B1", "queues", "Which queues?"),
        finish("Good."),
    ]
    page(box, rfcs, "Queues")
    assert swept(program).returncode == 0
    assert collector.bodies == []

    program.env[VARIABLE] = collector.url
    page(box, rfcs, "Topics")
    done = swept(program)
    assert (done.returncode, '"level": "warning"' in done.stderr) == (0, False), done.stderr
    [span] = collector.spans
    assert span["name"] == "chat claude-sonnet-5-5"
    assert span["service"] == "notion-review"
    assert span["gen_ai.operation.name"].string_value == "chat"
    assert span["gen_ai.usage.input_tokens"].int_value > 0

    model.think = lambda document, _turn: Reply(f"flagged: {document}", 400)
    page(box, rfcs, "Brokers")
    assert swept(program).returncode == 3
    assert len(collector.spans) > 1
    words = b"".join(collector.bodies)
    secret = program.env["ANTHROPIC_API_KEY"]
    for word in ("pollers", "queues", "Topics", "Brokers", "Good.", "reviewer", secret, box.token):
        assert word.encode() not in words, word


@pytest.mark.real
def test_a_collector_that_is_down_changes_nothing(
    box: Sandbox, program: Program, model: ScriptedModel, rfcs: str
) -> None:
    program.env[VARIABLE] = "http://127.0.0.1:9"
    page(box, rfcs, "Queues")
    done = swept(program)
    assert done.returncode == 0
    assert "Traceback" not in done.stderr


def test_without_the_packages_it_is_a_mistake_of_the_environment(
    program: Program, rfcs: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    program.env[VARIABLE] = "http://127.0.0.1:4318"
    assert program.run("check").code == 0
    monkeypatch.setattr(environment, "find_spec", lambda _: None)
    done = program.run("check")
    assert done.code == 78
    assert f"{VARIABLE}: needs the packages of notion-review[otel]" in done.err
