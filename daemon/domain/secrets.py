"""Secrets taken out of what leaves the process: by their values and by their shape."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable


HIDDEN = "[secret]"
# A server of one's own takes any word for a key: hiding `x` would make every line unreadable.
SHORTEST = 8
# The known beginnings of keys, and a password inside a URL. Narrow on purpose: the slug of a
# page's URL must not pass for a key.
_SHAPE = re.compile(
    r"\b(?:ntn_\w{12,}|secret_[A-Za-z0-9]{20,}|sk-[A-Za-z0-9]{20,}"
    r"|sk-(?:ant|proj|svcacct|admin|or)-[\w-]{8,}|xox[a-z]-[\w-]{12,}|gh[a-z]_[A-Za-z0-9]{20,}"
    r"|github_pat_\w{20,}|AKIA[A-Z0-9]{12,}|AIza[\w-]{20,}|eyJ[\w-]{20,}|Bearer +[\w.-]{12,})"
    r"|(?<=://)[^/\s:@]*:[^/\s@]+(?=@)",
)

Redact = Callable[[str], str]


def looks_secret(text: str) -> bool:
    """Tell whether `text` holds something shaped like a key or a password."""
    return _SHAPE.search(text) is not None


def redactor(secrets: Iterable[str] = ()) -> Redact:
    """Return what replaces each of `secrets`, and all that looks like one, in a text."""
    values = sorted({one for one in secrets if len(one) >= SHORTEST}, key=len, reverse=True)
    known = re.compile("|".join(map(re.escape, values))) if values else None

    def redact(text: str) -> str:
        text = known.sub(HIDDEN, text) if known else text
        return _SHAPE.sub(HIDDEN, text)

    return redact
