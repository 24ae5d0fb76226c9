"""What of a text may be posted: no mention, no foreign address, no secret, nothing invisible."""

from __future__ import annotations

import html
import re
from functools import cache

from daemon.review.visible import visible


FOREIGN, SECRET = "(link removed)", "(removed)"
CUT = "… (cut: too long)"
# Taking one thing out may bring another to light; a text that needs more passes is a trick.
PASSES = 12

# Look-alikes that a reader, or a browser, takes for the sign; Markdown may hide it behind `\`.
_COLON = r"\\*[:\ua789\u02d0\u02f8\u2236\ufe13\ufe55\uff1a]"
_SLASH = r"[/\\\u2044\u2215\u29f8\u29f5\uff0f\uff3c\ufe68]"
_DOT = r"[.\u2024\u3002\uff0e\uff61]"
_AT = "@\uff20\ufe6b"
# What a bare address may go on with: quotation marks, bars and East Asian text end it.
_ON = r"[^\s<>|\"`\u2010-\u205e\u2e80-\ua4cf\uac00-\ud7ff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef]"
# Every repetition is bounded: documents of megabytes are searched.
_LABEL = r"[^\W_](?:[\w-]{0,62}[^\W_])?"
_HOST = rf"(?:{_LABEL}{_DOT})+[^\W\d_]{{2,24}}"
# `node.js/TypeScript` is no address.
_FILES = r"(?!(?:c|cc|cpp|cs|css|go|h|html|java|js|json|jsx|md|py|rb|rs|sh|sql|ts|tsx|txt|ya?ml)\b)"
# Mail clients make a link of a bare host, Notion of one that is typed. Left out are the endings
# that are words of code more often: `user.id`, `event.info`, `main.py`.
_ENDINGS = (
    r"com|org|net|edu|gov|mil|io|dev|app|ai|biz|xyz|online|site|shop|tech|icu|club|uk|de|fr|eu|ru"
    r"|cn|jp|br|ch|nl|es|ca|au|co|ly|gg|cc|su|tk|cf|ga|gq|ws|example|xn--[a-z0-9-]+|\u0440\u0444"
)
_NO_HOSTS = (
    r"(?!(?-i:(?:ASP|ADO|VB|ML)\.NET\b)"
    r"|(?:self|this|cls|java|std|os|sys|config|settings|context|process|window)\.)"
)
_SCHEMES = r"javascript|vbscript|livescript|mailto|tel|sms|blob|magnet|intent|https?|ftp|wss?"
_ADDRESS = (
    rf"[^\W\d_][\w+.-]{{1,30}}{_COLON}(?:\\?{_SLASH}){{2,}}{_ON}*"
    rf"|(?:{_SCHEMES}){_COLON}(?=[\w'(%+]|{_SLASH}){_ON}*"
    rf"|data{_COLON}(?=[\w.+-]{{0,60}}[/;,]){_ON}*"
    rf"|(?<![^\W_])[\w.+-]{{1,64}}[{_AT}]{_HOST}"
    rf"|(?<![\w:]){_SLASH}{{2}}{_HOST}{_ON}*"
    rf"|(?<![^\W_])www{_DOT}(?=\S){_ON}*"
    rf"|(?<![\w.{_AT}/-])(?:{_LABEL}{_DOT})+{_FILES}[^\W\d_]{{2,24}}(?::\d+)?[/?#\\]{_ON}*\w{_ON}*"
    rf"|(?<![\w.{_AT}/-]){_NO_HOSTS}(?:{_LABEL}{_DOT})+(?:{_ENDINGS})(?![\w(/-]|{_DOT}\w)"
)
_ITS_HOST = re.compile(r"(?<=://)[^/?#@:\s]+(?=[/?#:]|$)")
_TARGET = r"(?:\\.|\((?:\\.|[^\s()<>\\])*\)|[^\s<>()\[\]\\])*"
_LINK = (
    rf"!?\[(?P<words>[^\[\]]*)\]\(\s*<?(?P<target>{_TARGET})>?"
    r"(?:\s+(?:\"[^\"]*\"|'[^']*'|\([^()]*\)))?\s*\)"
)
# `Vec<Self::Item>` is code.
_AUTO = rf"<(?:[a-z][a-z\d+.-]{{1,31}}:(?!:)|[^\s<>]*[{_AT}])[^\s<>]*>"
_KEYS = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?:[\s\S]*?-----END [A-Z ]*PRIVATE KEY-----|[\s\S]*)"
    r"|(?<![A-Za-z0-9])(?:sk-(?=[\w-]*\d)[\w-]{12,}|(?:[rs]k_live|[rs]k_test|ntn|secret|gh[pousr]|hf"
    r"|npm)_[A-Za-z0-9]{14,}|github_pat_\w{20,}|glpat-[\w-]{16,}|xox[a-z]-[\w-]{10,}"
    r"|xapp-[\w-]{10,}|A(?:KIA|SIA)[0-9A-Z]{16}|AIza[\w-]{30,}|pypi-[\w-]{20,}"
    r"|eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]+)"
    r"|(?<![A-Za-z0-9])(?i:bearer)\s+(?=[\w.~+/-]*\d)[\w.~+/-]{20,}=*",
    re.ASCII,
)
# Random letters and digits without a prefix; an address may hold such a thing, so it comes later.
_RANDOM = (
    r"(?<![A-Za-z0-9])(?-i:(?=[A-Z0-9]*[a-z])(?=[a-z0-9]*[A-Z])(?=(?:[A-Za-z]*[0-9]){4})"
    r"[A-Za-z0-9]{32,})"
)
_PASSWORD = re.compile(rf"{_SLASH}{{2}}[^\s/:@]*:[^\s/@]+@")
_MENTION = rf"(?<![^\W_])[{_AT}](?=(?:_|[^\s\w]){{0,16}}\w)"
# Brackets that are left must not become a link: its middle, and the definition of a reference.
_MIDDLE = re.compile(rf"(?P<link>{_LINK})|\](?=\()")
_DEFINED = re.compile(r"^((?:[\s>*+-]|\d+[.)])*\[(?:\\.|[^\[\]\\])*\])(?=:)", re.MULTILINE)
# `&lt;` is how one writes about `<`: signs that a text may need stay.
_REFERENCE = re.compile(
    r"&(?!(?:lt|gt|amp|quot);)(?:#\d{1,7}|#x[\da-f]{1,6}|[a-z]\w{1,31});", re.IGNORECASE
)
# Without one of these no text holds an address; most prose has none.
_SIGN = re.compile(rf"[{_AT}<]|{_SLASH}|{_COLON}\S|{_DOT}\S|\]\(")
_ENDS = ".,;:!?*_~'\\"
_CLOSERS = {")": "(", "]": "[", "}": "{"}
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
_LIKE_ADDRESS = re.compile(r"[^\w\s-]")


@cache
def _found() -> re.Pattern[str]:
    """Return what is looked for; it takes 30 ms to make, and an idle sweep has no use for it."""
    return re.compile(
        rf"(?P<link>{_LINK})|(?P<auto>{_AUTO})|(?P<address>{_ADDRESS})"
        rf"|(?P<random>{_RANDOM})|(?P<mention>{_MENTION})",
        re.IGNORECASE,
    )


def may_hold_links(text: str) -> bool:
    """Tell, quickly, whether `links` may find something in a text."""
    return _SIGN.search(visible(text)) is not None


def links(text: str) -> frozenset[str]:
    """Return every address that stands in a text: of the web, with or without scheme, and mail."""
    found = set()
    for match in _found().finditer(visible(text)):
        if match["link"]:
            found |= {_same(match["target"]), *links(match["words"])}
        elif address := match["address"] or match["auto"]:
            found.add(_same(address.strip("<>")))
    hosts = {host[0] for address in found if (host := _ITS_HOST.search(address))}
    return frozenset(one for one in found | hosts if re.search(r"\w\W+\w", one))


def has_secret(text: str) -> bool:
    """Tell whether a text holds what looks like a key, or an address with a password."""
    text = visible(text)
    return bool(_KEYS.search(text) or _PASSWORD.search(text))


def removed(text: str, allowed: frozenset[str]) -> tuple[str, ...]:
    """Name what `cleaned` takes out of a text, for the model that wrote it."""
    text = visible(text)
    found = {match.lastgroup: match for match in _found().finditer(text)}
    reasons = []
    if links(text) - allowed:
        reasons.append("a link that stands in neither the document nor the prompt")
    if has_secret(text) or "random" in found:
        reasons.append("what looks like a key or a password")
    if "mention" in found:
        reasons.append("the sign that calls a person")
    return tuple(reasons)


def cleaned(text: str, allowed: frozenset[str], limit: int) -> str:
    """Return a proposal's text as it may be posted.

    No mention, no address that does not stand in `allowed` (see `links`), nothing that looks like
    a secret, nothing invisible, at most `limit` characters.
    """
    text = _settled(text[: 4 * limit], allowed)
    room = limit
    while len(text) > limit:
        # What is cut may be an address now, and its removal takes room again.
        text = _settled(_cut(text, room), allowed)
        room = max(room - len(FOREIGN), 0)
    return text


def _cut(text: str, room: int) -> str:
    kept = text[: max(room - len(CUT), 0)]
    words = kept.rsplit(None, 1)
    return f"{words[0] if len(words) > 1 else kept}{CUT}" if kept else ""


def _settled(text: str, allowed: frozenset[str]) -> str:
    for _ in range(PASSES):
        before, text = text, _pass(text, allowed)
        if before == text:
            return text
    return " ".join(re.sub(r"[\W_]+", " ", text).split())


def _pass(text: str, allowed: frozenset[str]) -> str:
    text = visible(_REFERENCE.sub(lambda found: html.unescape(found[0]), text)).strip()
    text = _KEYS.sub(SECRET, re.sub(r"\n{3,}", "\n\n", text))
    text = _found().sub(lambda found: _judged(found, allowed), text)
    text = _MIDDLE.sub(lambda found: found["link"] or "] ", text)
    return _DEFINED.sub(r"\1 ", text)


def _judged(found: re.Match[str], allowed: frozenset[str]) -> str:
    """Return what stays of something that was found."""
    if found["mention"]:
        return ""
    if found["random"]:
        return SECRET
    if found["auto"]:
        return found[0] if _is_allowed(found[0][1:-1], allowed) else f"< {found[0][1:]}"
    if found["link"]:
        return _judged_link(found, allowed)
    bare = _trimmed(found[0])
    return found[0] if _is_allowed(bare, allowed) else FOREIGN + found[0][len(bare) :]


def _judged_link(found: re.Match[str], allowed: frozenset[str]) -> str:
    words, target = found["words"], found["target"]
    words = _found().sub(lambda inner: _judged(inner, allowed), words)
    if _is_allowed(target, allowed):
        return f"[{words}]({target})" if words.strip() else target
    # `handlers[name](event)` is code.
    return words if _LIKE_ADDRESS.search(target) else f"[{words}] ({target})"


def _is_allowed(address: str, allowed: frozenset[str]) -> bool:
    return not _PASSWORD.search(address) and (address in allowed or _same(address) in allowed)


def _same(address: str) -> str:
    """Write an address in the form in which two of them are compared."""
    address = _trimmed(html.unescape(_ESCAPED.sub(r"\1", address))).removeprefix("mailto:")
    head = re.match(r"[^/?#]*(?://[^/?#]*)?", address)
    host = head[0] if head else ""
    return (host.lower() + address[len(host) :]).removesuffix("/")


def _trimmed(address: str) -> str:
    """Drop the punctuation of the sentence that an address stands in."""
    while address and (
        address[-1] in _ENDS
        or (
            address[-1] in _CLOSERS
            and address.count(address[-1]) > address.count(_CLOSERS[address[-1]])
        )
    ):
        address = address[:-1]
    return address
