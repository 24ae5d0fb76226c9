"""How secrets are found in a text that leaves the process: by their values, and by their shape."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from daemon.domain.providers import PROVIDERS


HIDDEN = "[secret]"
# A self-hosted model server takes any word as its key, and hiding `x` would garble every line.
SHORTEST = 8
# Every kind of key that is known by its shape: one table for logs, config.yaml and comments. Narrow
# on purpose: the slug of a page's URL must not pass for a key, nor must `secret_manager_factory`.
KEY_SHAPES: Mapping[str, str] = {
    "private key": r"-----BEGIN [A-Z ]*PRIVATE KEY-----"
    r"(?:[\s\S]*?-----END [A-Z ]*PRIVATE KEY-----|[\s\S]*)",
    **{provider.name: rf"(?:{provider.key_shape})" for provider in PROVIDERS.values()},
    "openrouter": r"sk-or-[\w-]{8,}",
    "other sk-": r"(?<![/-])sk-(?=[\w-]*\d)[\w-]{12,}",
    "notion": r"ntn_\w{12,}",
    "notion, older": r"secret_[A-Za-z0-9]{14,}",
    "stripe": r"[rs]k_(?:live|test)_[A-Za-z0-9]{14,}",
    "github": r"gh[a-z]_[A-Za-z0-9]{14,}",
    "github, fine-grained": r"github_pat_\w{20,}",
    "gitlab": r"glpat-[\w-]{16,}",
    "slack": r"xox[a-z]-[\w-]{10,}",
    "slack app": r"xapp-[\w-]{10,}",
    "aws": r"AKIA[A-Z0-9]{12,}|ASIA[A-Z0-9]{16}",
    "google": r"AIza[\w-]{20,}",
    "hugging face": r"hf_[A-Za-z0-9]{14,}",
    "npm": r"npm_[A-Za-z0-9]{14,}",
    "pypi": r"pypi-[\w-]{20,}",
    "json web token": r"eyJ(?:[\w-]{10,}\.[\w-]{10,}\.[\w-]+|[\w-]{20,})",
    "bearer": r"(?i:bearer)\s+(?:(?=[\w.~+/-]*\d)[\w.~+/-]{12,}|[A-Za-z]{20,})=*",
}
KEY = re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(KEY_SHAPES.values())})", re.ASCII)
_PASSWORD = re.compile(r"(?<=//)[^/\s:@]*:[^/\s@]+(?=@)")


@dataclass(frozen=True, slots=True)
class Place:
    """Where this installation reads a key or an address, for messages about it.

    Attributes:
        name: A variable, or the file that holds the value.
        is_file: Whether it is a file.
        then: What to do after a change there, such as `, then run systemctl restart x`.
    """

    name: str
    is_file: bool = False
    then: str = ""

    @property
    def absent(self) -> str:
        """Say that nothing is there."""
        return f"{self.name} {'does not exist' if self.is_file else 'is not set'}"


Redact = Callable[[str], str]


def looks_secret(text: str) -> bool:
    """Tell whether `text` holds something shaped like a key, or a URL with a password."""
    return bool(KEY.search(text) or _PASSWORD.search(text))


def redactor(secrets: Iterable[str] = ()) -> Redact:
    """Return a function that puts `HIDDEN` in the place of every secret in a text.

    Args:
        secrets: Values to hide wherever they stand; those under `SHORTEST` characters are skipped.
            What `KEY_SHAPES` describes is hidden besides.
    """
    values = sorted({one for one in secrets if len(one) >= SHORTEST}, key=len, reverse=True)
    known = re.compile("|".join(map(re.escape, values))) if values else None

    def redact(text: str) -> str:
        text = known.sub(HIDDEN, text) if known else text
        return _PASSWORD.sub(HIDDEN, KEY.sub(HIDDEN, text))

    return redact
