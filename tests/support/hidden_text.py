"""The characters of a text that nobody sees."""

from __future__ import annotations

import unicodedata


# What still steers a reader's eye, a terminal or a model though nothing of it is seen.
FILLERS = "\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0"


SEEN_FORMATS = (
    "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd"
)


JOINERS = "\u200c\u200d"


def hidden(text: str) -> list[str]:
    """Return the characters of a text that nobody sees."""
    return [
        char
        for char in text
        if (unicodedata.category(char) == "Cf" and char not in SEEN_FORMATS + JOINERS)
        or (unicodedata.category(char) in ("Cc", "Cs") and char not in "\n\t")
        or char in FILLERS
        or "\U000e0000" <= char <= "\U000e0fff"
    ]
