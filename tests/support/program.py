"""The real program in a folder of its own, against an embedded Notion and a scripted model."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from daemon.cli.main import main
from daemon.notion.from_markdown import plain_text, rich_text
from daemon.review.summary import FOR_AUTHORS
from daemon.sandbox import Sandbox
from support.kept_logs import kept_logs
from support.vendor_server import Json, Reply, Sent, VendorServer, anthropic_message, text, tool_use


NOW = datetime(2026, 11, 20, 12, 0, 30, tzinfo=UTC)
ANTHROPIC_KEY = "sk-ant-planted-0123456789abcdef"
OPENAI_KEY = "sk-planted-fedcba9876543210fedc"

Call = tuple[str, dict[str, str]]
# Reads the document and the round (0, 1, …) and returns tool calls, or words, or a whole reply.
Think = Callable[[str, int], "list[Call] | str | Reply"]


def comment(
    block: str, quote: str, words: str, severity: str = "important", title: str = ""
) -> Call:
    said = {"block": block, "quote": quote, "text": words, "severity": severity}
    return "comment", {**said, "title": title}


def follow_up(thread: str, verdict: str, words: str = "", quote: str = "") -> Call:
    return "follow_up", {"thread": thread, "verdict": verdict, "text": words, "quote": quote}


def reply(thread: str, words: str) -> Call:
    return "reply", {"thread": thread, "text": words}


def leave(thread: str, reason: str = "nothing to add") -> Call:
    return "leave", {"thread": thread, "reason": reason}


def finish(summary: str = "", question: str = "") -> Call:
    return "finish", {"summary": summary, "question": question}


class ScriptedModel(VendorServer):
    """Anthropic's wire format around a function that thinks."""

    def __init__(self) -> None:
        super().__init__()
        self.think: Think = lambda _document, _round: [finish()]

    def take(self, sent: Sent) -> Reply:
        with self._lock:
            self.sent.append(sent)
        messages = sent.body["messages"]
        turn = sum(message["role"] == "assistant" for message in messages)
        thought = self.think(said(messages[0]), turn)
        if isinstance(thought, Reply):
            return thought
        if isinstance(thought, str):
            return Reply(anthropic_message(text(thought)))
        content = [
            tool_use(name, id=f"toolu_{turn}_{index}", **arguments)
            for index, (name, arguments) in enumerate(thought)
        ]
        return Reply(anthropic_message(*content, stop="tool_use" if content else "end_turn"))

    @property
    def documents(self) -> list[str]:
        """The document of each request's first message, in order of arrival."""
        return [said(sent.body["messages"][0]) for sent in self.sent]

    @property
    def answers(self) -> list[str]:
        """Every tool result that the model was sent."""
        return [
            said({"content": [part]})
            for sent in self.sent
            for message in sent.body["messages"]
            if message["role"] == "user" and isinstance(message["content"], list)
            for part in message["content"]
            if part["type"] == "tool_result"
        ]


def said(message: Json) -> str:
    content = message["content"]
    if isinstance(content, str):
        return content
    return "\n".join(
        part["text"] if part["type"] == "text" else said(part)
        for part in content
        if part["type"] in ("text", "tool_result")
    )


@dataclass(frozen=True)
class Done:
    """How a run ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out.strip().splitlines()[-1])


@dataclass
class Program:
    """`notion-review` as its user runs it."""

    folder: Path
    env: dict[str, str]
    capsys: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch
    config: dict[str, Any] = field(default_factory=dict)

    def run(self, *arguments: str) -> Done:
        self.write()
        for name in (*_VARIABLES, *(f"{name}_FILE" for name in _VARIABLES)):
            self.monkeypatch.delenv(name, raising=False)
        for name, value in self.env.items():
            self.monkeypatch.setenv(name, value)
        self.monkeypatch.chdir(self.folder)
        self.monkeypatch.setattr(sys, "argv", ["notion-review", *arguments])
        self.capsys.readouterr()
        with kept_logs(), pytest.raises(SystemExit) as ended:
            main()
        out, err = self.capsys.readouterr()
        return Done(int(ended.value.code or 0), out, err)

    def write(self) -> None:
        (self.folder / "config.yaml").write_text(yaml.safe_dump(self.config), "utf-8")

    def sweep(self) -> Done:
        """Sweep once; anything but an orderly end fails the test."""
        done = self.run("--once", "--json")
        assert done.code == 0, done.err
        return done


_VARIABLES = (
    "NOTION_TOKEN",
    "ANTHROPIC_API_KEY",
    "OPENAI_API_KEY",
    "NOTION_BASE_URL",
    "ANTHROPIC_BASE_URL",
    "OPENAI_BASE_URL",
    "OPENAI_MODEL",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    # The machine's own, which a test may replace.
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
    *("http_proxy", "https_proxy", "all_proxy", "no_proxy"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE"),
)


def posted(box: Sandbox) -> list[Any]:
    """Every comment of the reviewing bot, in order of posting."""
    return [one for one in box.world.comments() if one.author_id == box.bot.id]


def plain(comment_: Any) -> str:
    return "".join(item["text"]["content"] for item in comment_.rich_text)


def begun_by(title: str, document: str) -> str:
    """Return the handle of the thread that an open point began; "T0" for none."""
    begun = rf"\[(T\d+) on [^\n]*\]\n  begun by your \w+ point “{re.escape(title)}”"
    found = re.search(begun, document)
    return found[1] if found else "T0"


_TITLE = re.compile(r"[^\n]* · (?:blocking|important|minor)\n")
_FOR_AUTHORS = "\n\n" + plain_text(rich_text(FOR_AUTHORS))


def words(comment_: Any) -> str:
    """Return what a comment says but for its title and what each first summary tells authors."""
    return _TITLE.sub("", plain(comment_), count=1).removesuffix(_FOR_AUTHORS)
