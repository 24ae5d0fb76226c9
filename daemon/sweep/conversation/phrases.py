"""Short comments taken apart: into clauses, folded so that phrases can be compared."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable


_BREAKS = re.compile(r"[.!,;:\n()…·、。！，；：・،؛।–—]+|(?<!\w)-+|-+(?!\w)")  # noqa: RUF001 - as typed
_MINUS = re.compile(r"(?<!\w)[-−–]1\b")  # noqa: RUF001 - as typed
_ASKING = re.compile(
    r"(?:(?:so|and|but|then|ok|no|hm+|und|aber|et|mais|y|pero) )*"
    r"(?:what|why|how|which|who|whose|where|when|can (?:you|we|i)|could (?:you|we|i)"
    r"|would (?:you|it)|do (?:you|we|i)|does|did|should (?:we|i)|is (?:it|that|this|there)"
    r"|are (?:you|there|they|we)"
    r"|was|warum|wieso|weshalb|wie|welche\w*|kannst|konnen"
    r"|pourquoi|comment|quel\w*|que veux|porque|por que|como|cual\w*|perche|come|quale|quali"
    r"|waarom|hoe|welke|почему|зачем|как|какой|какие)\b"
)


def bare(text: str) -> str:
    """Keep letters and digits, folded and without accents, one space between words."""
    text = text.casefold().replace("'", "").replace("’", "")  # noqa: RUF001 - as people type it
    parts = unicodedata.normalize("NFKD", text)
    kept = (char if char.isalnum() else " " for char in parts if not unicodedata.combining(char))
    return " ".join("".join(kept).split())


def clauses(text: str) -> list[str]:
    """Return the clauses of a text, each bare."""
    found = _BREAKS.split(_MINUS.sub(" minus one ", text))
    return [words for clause in found if (words := bare(clause))]


def phrases(table: str) -> frozenset[str]:
    """Read a table of phrases: one line or several, `|` between them."""
    return frozenset(words for one in table.replace("\n", "|").split("|") if (words := bare(one)))


def asks(text: str) -> bool:
    """Tell whether a text asks for something, with a question mark or by how a clause begins."""
    if any("QUESTION MARK" in unicodedata.name(char, "") for char in text):
        return True
    return any(_ASKING.match(clause) for clause in clauses(text))


def begins(clause: str, known: Iterable[str]) -> bool:
    """Tell whether a clause is one of the phrases, or goes on after it."""
    return any(clause == one or clause.startswith(f"{one} ") for one in known)
