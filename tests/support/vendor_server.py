"""A vendor's server that says what a test tells it to, and writes down what it was sent."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar


Json = dict[str, Any]


@dataclass(frozen=True)
class Reply:
    """One answer. `body` as a dict is sent as JSON, as text it is sent as it stands.

    `drop` closes the connection instead; `missing` bytes are promised and never sent.
    """

    body: Json | str
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    drop: bool = False
    missing: int = 0


@dataclass(frozen=True)
class Sent:
    """One request as it arrived; `raw` are the bytes of its body."""

    path: str
    headers: dict[str, str]
    body: Json
    raw: bytes = b""


class VendorServer:
    """Answers in the given order, the last answer for ever; `sent` holds the requests.

    `models` answers whoever asks for anything, and `asked` holds what was asked for.
    """

    def __init__(self) -> None:
        self.script: list[Reply] = []
        self.sent: list[Sent] = []
        self.asked: list[str] = []
        self.models = Reply("no such page", status=404)
        self.url = ""
        self._lock = threading.Lock()

    def take(self, sent: Sent) -> Reply:
        with self._lock:
            self.sent.append(sent)
            return self.script.pop(0) if len(self.script) > 1 else self.script[0]


Vendor = TypeVar("Vendor", bound=VendorServer)


@contextmanager
def serving(vendor: Vendor, certificate: Path | None = None) -> Iterator[Vendor]:
    """Serve until the block ends, with a `certificate` over TLS; the address is in `vendor.url`."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(vendor))
    server.daemon_threads = True
    vendor.url = f"http://127.0.0.1:{server.server_address[1]}"
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        vendor.url = vendor.url.replace("http:", "https:")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield vendor
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(vendor: VendorServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Head and body are two writes; together with delayed acknowledgement Nagle takes 40 ms.
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = json.loads(raw) if raw.startswith(b"{") else {"text": raw.decode()}
            reply = vendor.take(Sent(self.path, headers, body, raw))
            if reply.drop:
                self.close_connection = True
                return
            self._answer(reply)

        def do_GET(self) -> None:
            vendor.asked.append(self.path)
            self._answer(vendor.models)

        def _answer(self, reply: Reply) -> None:
            text = isinstance(reply.body, str)
            payload = (reply.body if text else json.dumps(reply.body)).encode()
            length = len(payload) + reply.missing
            self.close_connection = bool(reply.missing)
            self.send_response(reply.status)
            named = {"Content-Type": "application/json", **reply.headers}
            for name, value in (named | {"Content-Length": str(length)}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, *args: Any) -> None:
            pass

    return Handler


def anthropic_message(*content: Json, stop: str | None = "end_turn", **usage: int) -> Json:
    """A Messages answer; `text` and `tool_use` blocks come from the two functions below."""
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-5-5",
        "content": list(content),
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": {"input_tokens": 10, "output_tokens": 5, **usage},
    }


def text(words: str) -> Json:
    return {"type": "text", "text": words}


def tool_use(name: str, *, id: str = "toolu_1", **arguments: Any) -> Json:  # noqa: A002
    return {"type": "tool_use", "id": id, "name": name, "input": arguments}


def chat_completion(
    words: str | None = None, *calls: tuple[str, str], finish: str | None = "stop"
) -> Json:
    """A Chat Completions answer; `calls` are (name, arguments as text)."""
    tool_calls = [
        {"id": f"call_{n}", "type": "function", "function": {"name": name, "arguments": arguments}}
        for n, (name, arguments) in enumerate(calls)
    ]
    message: Json = {"role": "assistant", "content": words}
    if tool_calls:
        message["tool_calls"] = tool_calls
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "local",
        "choices": [{"index": 0, "message": message, "finish_reason": finish, "logprobs": None}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
    }


def response(*output: Json, status: str = "completed", incomplete: str | None = None) -> Json:
    """A Responses answer."""
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "status": status,
        "model": "gpt-6.1-sol",
        "output": list(output),
        "incomplete_details": {"reason": incomplete} if incomplete else None,
        "error": None,
        "instructions": None,
        "metadata": {},
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": {
            "input_tokens": 10,
            "input_tokens_details": {"cached_tokens": 4},
            "output_tokens": 5,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": 15,
        },
    }


def function_call(name: str, arguments: str, *, call_id: str = "call_1") -> Json:
    return {
        "type": "function_call",
        "id": f"fc_{call_id}",
        "call_id": call_id,
        "name": name,
        "arguments": arguments,
        "status": "completed",
    }


def output_text(words: str) -> Json:
    content = [{"type": "output_text", "text": words, "annotations": []}]
    return {
        "type": "message",
        "id": "msg_1",
        "role": "assistant",
        "status": "completed",
        "content": content,
    }
