"""Which sections of a document are there. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from daemon.domain.values import Block
from daemon.review.quotes import fold


_NUMBER = re.compile(r"^[\W\d]*(?:[ivx]+\.)?[\W\d]*")


def missing(wanted: Sequence[str], blocks: Sequence[Block]) -> tuple[str, ...]:
    """Return the sections that no heading names, in their order.

    A heading names a section that it begins with, whatever its number and capitals: `3. Rollout
    plan` names `Rollout`.
    """
    heads = [_plain(block.plain) for block in blocks if block.type.startswith("heading_")]
    return tuple(
        name
        for name in wanted
        if not any(re.match(re.escape(_plain(name)) + r"(?!\w)", head) for head in heads)
    )


def _plain(text: str) -> str:
    return _NUMBER.sub("", " ".join(fold(text).text.split()))
