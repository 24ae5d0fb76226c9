"""What a summary must answer: asked for by number, and named where the model left it out. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any


ANSWER_CHARS = 300
NOT_ANSWERED = "not answered"
FIELD = {
    "type": "array",
    "description": "An answer to each point of the checklist",
    "items": {
        "type": "object",
        "properties": {
            "item": {"type": "integer", "description": "The point's number"},
            "answer": {"type": "string", "description": "One sentence, from the document alone"},
        },
        "required": ["item", "answer"],
        "additionalProperties": False,
    },
}


def asked(items: Sequence[str]) -> str:
    """Return the instructions about the points."""
    lines = [f"{number}. {item}" for number, item in enumerate(items, 1)]
    return "\n".join(
        ["Answer each point in `finish`, under `checklist`, by its number:", "", *lines]
    )


def answers(given: Any, count: int) -> dict[int, str]:
    """Return the usable answers by number; what has another shape is left out."""
    found: dict[int, str] = {}
    for one in given if isinstance(given, list | tuple) else ():
        number, words = _read(one)
        if 1 <= number <= count and words:
            found[number] = words
    return found


def _read(one: Any) -> tuple[int, str]:
    if not isinstance(one, Mapping):
        return 0, ""
    number, words = str(one.get("item")).strip(), one.get("answer")
    is_number = number.isascii() and number.isdecimal()
    return int(number) if is_number else 0, words.strip() if isinstance(words, str) else ""


def in_words(
    items: Sequence[str], given: Mapping[int, str], clean: Callable[[str, int], str]
) -> str:
    """Return the points with their answers, as Markdown; "" where there are none."""
    if not items:
        return ""
    lines = ["Checklist:"]
    for number, item in enumerate(items, 1):
        answer = clean(given.get(number, ""), ANSWER_CHARS)
        said = " ".join(answer.split()) or f"**{NOT_ANSWERED}**"
        lines.append(f"- {clean(item, ANSWER_CHARS)} — {said}")
    return "\n".join(lines)
