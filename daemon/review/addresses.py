"""Addresses of links, told in full where they come first. Pure.

Documents link the same page again and again, and an address has more tokens than its words.
"""

from __future__ import annotations

import re


# A shorter one is no longer than what would stand in its place.
SHORTEST = 20
ELSEWHERE = "](…)"
# Code keeps every letter, and so does what only looks like a link: its brackets are escaped.
_TARGET = re.compile(
    r"(?<!\\)(?P<ticks>`+)(?!`).+?(?<!`)(?P=ticks)(?!`)|(?<!\\)\]\((?P<target>[^()<>\s]+)\)",
    re.DOTALL,
)


def told_once(line: str, told: set[str]) -> str:
    """Leave out the addresses that were told before; adds those of this line to `told`.

    Args:
        line: A block's line, in Markdown; not that of a code block.
        told: The addresses so far.
    """

    def shown(found: re.Match[str]) -> str:
        target = found["target"]
        if target is None or len(target) < SHORTEST:
            return found[0]
        if target in told:
            return ELSEWHERE
        told.add(target)
        return found[0]

    return _TARGET.sub(shown, line)
