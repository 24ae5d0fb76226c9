"""The four tools as a model sees them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from daemon.domain import Severity
from daemon.review.agent import ToolSpec
from daemon.review.checklist import FIELD


def _spec(name: str, description: str, **fields: Mapping[str, Any]) -> ToolSpec:
    return ToolSpec(
        name,
        description,
        {
            "type": "object",
            "properties": fields,
            "required": list(fields),
            "additionalProperties": False,
        },
    )


def _text(description: str) -> dict[str, Any]:
    return {"type": "string", "description": description}


SPECS = (
    _spec(
        "comment",
        "Comment on one block.",
        block=_text("The block's handle, such as B3"),
        quote=_text("The exact words of that block that the comment is about"),
        text=_text("One point, at most three sentences"),
        severity={"type": "string", "enum": [severity.value for severity in Severity]},
    ),
    _spec(
        "reply",
        "Answer a thread in which a comment is marked new.",
        thread=_text("The thread's handle, such as T1"),
        text=_text("The answer"),
    ),
    _spec(
        "leave",
        "Leave a new comment without a reply.",
        thread=_text("The thread's handle"),
        reason=_text("Why no reply is needed"),
    ),
    _spec("finish", "End the review.", summary=_text("The summary; empty when nothing to say")),
)


def specs(points: int) -> tuple[ToolSpec, ...]:
    """Return the tools; `finish` takes answers where there is a checklist of so many points."""
    if not points:
        return SPECS
    summary = _text("The summary; empty when nothing to say")
    return (*SPECS[:-1], _spec("finish", "End the review.", summary=summary, checklist=FIELD))
