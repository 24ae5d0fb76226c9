"""The four tools as a model sees them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from daemon.domain.values import Severity
from daemon.review.agent import ToolSpec
from daemon.review.requirements import FIELD


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


_STRING = {"type": "string"}


def _text(description: str) -> dict[str, Any]:
    return {**_STRING, "description": description}


SPECS = (
    _spec(
        "comment",
        "Comment on one block.",
        block=_text("Its handle, such as B3"),
        quote=_text("Its exact words that this is about"),
        text=_STRING,
        severity={"type": "string", "enum": [severity.value for severity in Severity]},
    ),
    _spec(
        "reply",
        "Answer a thread in which a comment is marked new.",
        thread=_STRING,
        text=_STRING,
    ),
    _spec(
        "leave",
        "Leave a new comment without a reply.",
        thread=_STRING,
        reason=_STRING,
    ),
    _spec("finish", "End the review.", summary=_text("Empty when nothing to say")),
)


def specs(points: int) -> tuple[ToolSpec, ...]:
    """Return the tools; `finish` takes answers where there is a checklist of so many points."""
    if not points:
        return SPECS
    summary = _text("Empty when nothing to say")
    return (*SPECS[:-1], _spec("finish", "End the review.", summary=summary, checklist=FIELD))
