"""What a server was found not to take: a parameter is left out, renamed or lowered. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Lesson:
    """One parameter that a server does not take as it is sent.

    Attributes:
        name: The parameter.
        successor: The name under which the server takes it; "" where it is left out.
        most: The largest value that the server takes; None where the value is not the matter.
    """

    name: str
    successor: str = ""
    most: int | None = None


# What a request is about; without it there would be no review.
_ESSENTIAL = frozenset(
    ("model", "messages", "input", "tools", "system", "instructions", "max_output_tokens")
)
_NESTED = ("strict", "cache_control")
# The limit of an answer is never left out: the budget rests on it.
_LIMITS = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}
_REFUSAL = re.compile(
    r"unsupported|n[o']t (?:\w+ )?(?:supported?|permitted|allowed|accepted?|implemented)"
    r"|unrecogni[sz]ed|unknown|unexpected|extra (?:inputs|fields)|additional propert|no such"
    r"|invalid (?:parameter|field|argument|property|key)|cannot be (?:used|set)|deprecated|removed",
    re.IGNORECASE,
)
_MOST = re.compile(
    r"(?:at most|less than or equal to|<=|maximum(?: value| allowed)?(?: of| is|:)?|up to"
    r"|between 1 and|range (?:of |is )?\[1,) ?`?(\d{2,7})|> (\d{2,7}), which is the maximum",
    re.IGNORECASE,
)
_LEAST_LIMIT = 16


def lesson(words: str, sent: Mapping[str, Any]) -> Lesson | None:
    """Return what a refusal teaches about a parameter that was sent; None for nothing.

    Args:
        words: The whole body of the refusal.
        sent: The request that was refused.
    """
    for limit in _LIMITS:
        most = _MOST.search(words) if limit in sent and _names(limit, words) else None
        size = int(most[1] or most[2]) if most else 0
        if _LEAST_LIMIT <= size < int(sent[limit]):
            return Lesson(limit, limit, size)
    if not _REFUSAL.search(words):
        return None
    nested = [name for name in _NESTED if name not in sent and _holds(sent, name)]
    # The longest first: `max_completion_tokens` in a message about `max_tokens` is its successor.
    own = sorted((name for name in sent if name not in _ESSENTIAL), key=len, reverse=True)
    parameters = [*own, *nested]
    for name in parameters:
        if _names(name, words):
            return Lesson(name, _LIMITS.get(name, ""))
    return None


def applied(sent: Mapping[str, Any], lessons: Iterable[Lesson]) -> dict[str, Any]:
    """Return a request as the server takes it."""
    request = dict(sent)
    for one in lessons:
        if one.most is not None:
            if one.name in request:
                request[one.name] = min(request[one.name], one.most)
        elif one.name in request:
            value = request.pop(one.name)
            if one.successor:
                request[one.successor] = value
        elif one.name in _NESTED:
            request = _without(request, one.name)
    return request


def _names(name: str, words: str) -> bool:
    """Tell whether an error names a parameter; a name that is an English word needs a sign."""
    if "_" in name:
        return re.search(rf"(?<!\w){name}(?!\w)", words) is not None
    before = r"[\"'`.\[\]:/]\s*|\b(?:argument|parameter|field|property|keyword|key|name|support)s? "
    return (
        re.search(rf"(?:{before}){name}\b|\b{name}(?:[\"'`\]]| mode\b| param)", words) is not None
    )


def _holds(value: Any, name: str) -> bool:
    if isinstance(value, Mapping):
        return name in value or any(_holds(one, name) for one in value.values())
    return isinstance(value, list) and any(_holds(one, name) for one in value)


def _without(value: Any, name: str) -> Any:
    if isinstance(value, Mapping):
        return {key: _without(one, name) for key, one in value.items() if key != name}
    return [_without(one, name) for one in value] if isinstance(value, list) else value
