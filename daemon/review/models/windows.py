"""How much a server of one's own can read at once: asked of it, where it tells."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from daemon.review.models.endpoints import Endpoint


SECONDS = 5.0  # a server that does not tell by then is taken as it is
SMALLEST, LARGEST = 512, 10**9
# vLLM: `max_model_len`. LM Studio, and gateways: `loaded_context_length`, `context_length` and so
# on. llama.cpp: `meta.n_ctx`; what it was trained with may be more than what it was started with.
_NAMES = (
    ("max_model_len",),
    ("meta", "n_ctx"),
    ("loaded_context_length",),
    ("context_length",),
    ("context_window",),
    ("max_context_length",),
    ("meta", "n_ctx_train"),
)


async def asked(at: Endpoint, model: str) -> int | None:
    """Return the window of `model` in tokens as its server tells it, or None."""
    try:
        async with asyncio.timeout(SECONDS):
            listed = await at.client.get("/models", cast_to=object)
    except Exception:  # noqa: BLE001 - many servers have no such list; a review needs none
        return None
    return told(listed, model)


def told(listed: Any, model: str) -> int | None:
    """Return the window that a list of models tells of `model`; of another only if it is alone."""
    data = listed.get("data") if isinstance(listed, Mapping) else None
    models = [one for one in data if isinstance(one, Mapping)] if isinstance(data, list) else []
    named = [one for one in models if model in _names_of(one)]
    chosen = named or (models if len(models) == 1 else [])
    return next(filter(None, (_size(chosen[0], path) for path in _NAMES)), None) if chosen else None


def _names_of(one: Mapping[str, Any]) -> Iterable[Any]:
    aliases = one.get("aliases")
    return [one.get("id"), *(aliases if isinstance(aliases, list) else ())]


def _size(one: Any, path: Sequence[str]) -> int | None:
    for name in path:
        one = one.get(name) if isinstance(one, Mapping) else None
    usable = isinstance(one, int) and not isinstance(one, bool) and SMALLEST <= one <= LARGEST
    return one if usable else None
