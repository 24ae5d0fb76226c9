"""Tools with the behaviour of the real ones, as small as can be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from daemon.review.agent import ToolResult, ToolSpec


def spec(name: str, *fields: str) -> ToolSpec:
    schema = {
        "type": "object",
        "properties": {field: {"type": "string"} for field in fields},
        "required": list(fields),
        "additionalProperties": False,
    }
    return ToolSpec(name, f"The tool {name}.", schema)


class FakeTools:
    """Accepts a comment that says something, once; `finish` ends the review."""

    specs = (spec("comment", "block", "text"), spec("finish", "summary"))

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.comments: list[str] = []
        self.summary: str | None = None

    @property
    def finished(self) -> bool:
        return self.summary is not None

    def call(
        self, name: str, arguments: Mapping[str, Any], *, refused: int = 0, is_last: bool = False
    ) -> ToolResult:
        self.calls.append((name, dict(arguments)))
        if name == "finish":
            self.summary = str(arguments.get("summary", ""))
            return ToolResult("The review is over.", accepted=True)
        text = str(arguments.get("text", "")).strip()
        if not text:
            return ToolResult("Refused: the comment says nothing.", accepted=False)
        if text in self.comments:
            return ToolResult("Refused: said before.", accepted=False)
        self.comments.append(text)
        return ToolResult("Noted.", accepted=True)
