"""Removing from a text what nobody may read or post.

These are invisible characters, mentions, foreign links and secrets.
"""

from __future__ import annotations

import html
import re
import unicodedata
import zlib
from collections.abc import Sequence
from functools import cache
from itertools import pairwise

from daemon.domain.findings import LEAST_WORDS, SENTENCE, cut_short
from daemon.domain.notation import counted
from daemon.domain.secrets import KEY
from daemon.notion.from_markdown import INNER


REMOVED = "(…)"  # no word: the text may be in any language
CUT = "…\n(cut: too long)"
# A removal may form something new to remove; a text that needs more passes is an attack.
PASSES = 12

# Signs that look like the real one to a reader or a browser; Markdown may put `\` before it.
_COLON = r"\\*[:\ua789\u02d0\u02f8\u2236\ufe13\ufe55\uff1a]"
_SLASH = r"[/\\\u2044\u2215\u29f8\u29f5\uff0f\uff3c\ufe68]"
_DOT = r"[.\u2024\u3002\uff0e\uff61]"
_AT = "@\uff20\ufe6b"
# The characters of a bare address: quotation marks, bars and East Asian text end it.
_ON = r"[^\s<>|\"`\u2010-\u205e\u2e80-\ua4cf\uac00-\ud7ff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef]"
# Every repetition is bounded, because documents of megabytes are searched.
_LABEL = r"[^\W_](?:[\w-]{0,62}[^\W_])?"
_HOST = rf"(?:{_LABEL}{_DOT})+[^\W\d_]{{2,24}}"
# `node.js/TypeScript` is not an address.
_FILES = r"(?!(?:c|cc|cpp|cs|css|go|h|html|java|js|json|jsx|md|py|rb|rs|sh|sql|ts|tsx|txt|ya?ml)\b)"
# Mail clients turn a bare host into a link, and Notion does so for typed text. This list leaves out
# endings that are more often words of code: `user.id`, `event.info`, `main.py`.
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
    rf"|(?<![^\W_])[\w.+-]{{1,64}}[{_AT}]{_HOST}(?:(?:{_COLON})?(?:\\?{_SLASH}){{2,}}{_ON}*)?"
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
# `Vec<Self::Item>` is code, not a link.
_AUTO = rf"<(?:[a-z][a-z\d+.-]{{1,31}}:(?!:)|[^\s<>]*[{_AT}])[^\s<>]*>"
# Random letters and digits without a prefix; an address may hold such a thing, so it comes later.
_RANDOM = (
    r"(?<![A-Za-z0-9])(?-i:(?=[A-Z0-9]*[a-z])(?=[a-z0-9]*[A-Z])(?=(?:[A-Za-z]*[0-9]){4})"
    r"[A-Za-z0-9]{32,})"
)
_PASSWORD = re.compile(rf"{_SLASH}{{2}}[^\s/:@]*:[^\s/@]+@")
_MENTION = rf"(?<![^\W_])[{_AT}](?=(?:_|[^\s\w]){{0,16}}\w)"
# Remaining brackets must not form a link: `](`, and the definition of a reference.
_MIDDLE = re.compile(rf"(?P<link>{_LINK})|\](?=\()")
_DEFINED = re.compile(r"^((?:[\s>*+-]|\d+[.)])*\[(?:\\.|[^\[\]\\])*\])(?=:)", re.MULTILINE)
# Character references are decoded, except those that a text needs to show `<`, `>`, `&` and `"`.
_REFERENCE = re.compile(
    r"&(?!(?:lt|gt|amp|quot);)(?:#\d{1,7}|#x[\da-f]{1,6}|[a-z]\w{1,31});", re.IGNORECASE
)
# A text without any of these has no address; most prose has none.
_SIGN = re.compile(rf"[{_AT}<]|{_SLASH}|{_COLON}\S|{_DOT}\S|\]\(")
_ENDS = ".,;:!?*_~'\\"
_CLOSERS = {")": "(", "]": "[", "}": "{"}
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
_LIKE_ADDRESS = re.compile(r"[^\w\s-]")


@cache
def _found() -> re.Pattern[str]:
    """Return the pattern of all that may be removed.

    It is compiled on first use: that takes 30 ms, and an idle sweep does not need it.
    """
    return re.compile(
        rf"(?P<link>{_LINK})|(?P<auto>{_AUTO})|(?P<address>{_ADDRESS})"
        rf"|(?P<random>{_RANDOM})|(?P<mention>{_MENTION})",
        re.IGNORECASE,
    )


def may_contain_links(text: str) -> bool:
    """Return whether `links_in` may find something in a text; much faster than `links_in`."""
    return _SIGN.search(visible(text)) is not None


def links_in(text: str) -> frozenset[str]:
    """Return every address in a text: web addresses with or without scheme, hosts, and mail."""
    found = set()
    for match in _found().finditer(visible(text)):
        if match["link"]:
            found |= {_same(match["target"]), *links_in(match["words"])}
        elif address := match["address"] or match["auto"]:
            found.add(_same(address.strip("<>")))
    hosts = {host[0] for address in found if (host := _ITS_HOST.search(address))}
    return frozenset(one for one in found | hosts if re.search(r"\w\W+\w", one))


def has_secret(text: str) -> bool:
    """Return whether a text has what looks like a key, or an address with a password."""
    text = visible(text)
    return bool(KEY.search(text) or _PASSWORD.search(text))


def removal_reasons(text: str, allowed: frozenset[str]) -> tuple[str, ...]:
    """Return what `cleaned` removes from a text, in words for the model that wrote it."""
    text = visible(text)
    found = {match.lastgroup: match for match in _found().finditer(text)}
    reasons = []
    if links_in(text) - allowed:
        reasons.append("a link that stands in neither the document nor the prompt")
    if has_secret(text) or "random" in found:
        reasons.append("what looks like a key or a password")
    if "mention" in found:
        reasons.append("the sign that calls a person")
    return tuple(reasons)


def cleaned(text: str, allowed: frozenset[str], limit: int) -> str:
    """Return a model's text as it may be posted.

    The result has no mention, no address outside `allowed` (see `links_in`), nothing that looks
    like a secret, no invisible character, and at most `limit` characters.
    """
    text = _without_forbidden(text[: 4 * limit], allowed)
    room = limit
    while len(text) > limit:
        # The cut may turn a word into an address, and the note of its removal is longer.
        kept = text[: max(room - len(CUT), 0)]
        # Cut at a space, if there is one.
        kept = kept.rsplit(None, 1)[0] if len(kept.split(None, 1)) > 1 else kept
        text = _without_forbidden(f"{kept}{CUT}" if kept else "", allowed)
        room = max(room - len(REMOVED), 0)
    return text


def _without_forbidden(text: str, allowed: frozenset[str]) -> str:
    for _ in range(PASSES):
        before = text
        text = visible(_REFERENCE.sub(lambda found: html.unescape(found[0]), text)).strip()
        text = KEY.sub(REMOVED, re.sub(r"\n{3,}", "\n\n", text))
        text = _found().sub(lambda found: _judged(found, allowed), text)
        text = _MIDDLE.sub(lambda found: found["link"] or "] ", text)
        text = _DEFINED.sub(r"\1 ", text)
        if before == text:
            return text
    return " ".join(re.sub(r"[\W_]+", " ", text).split())


def _judged(found: re.Match[str], allowed: frozenset[str]) -> str:
    """Return what replaces a match: itself, less of it, or a note of its removal."""
    if found["mention"]:
        return ""
    if found["random"]:
        return REMOVED
    if found["auto"]:
        return found[0] if _is_allowed(found[0][1:-1], allowed) else f"< {found[0][1:]}"
    if found["link"]:
        words, target = found["words"], found["target"]
        words = _found().sub(lambda inner: _judged(inner, allowed), words)
        if _is_allowed(target, allowed):
            return f"[{words}]({target})" if words.strip() else target
        # `handlers[name](event)` is code, so its brackets stay, apart.
        return words if _LIKE_ADDRESS.search(target) else f"[{words}] ({target})"
    bare = _trimmed(found[0])
    return found[0] if _is_allowed(bare, allowed) else REMOVED + found[0][len(bare) :]


def _is_allowed(address: str, allowed: frozenset[str]) -> bool:
    return not _PASSWORD.search(address) and (address in allowed or _same(address) in allowed)


def _same(address: str) -> str:
    """Return an address in the form for comparison: no trailing signs, the host in lower case."""
    address = _trimmed(html.unescape(_ESCAPED.sub(r"\1", address))).removeprefix("mailto:")
    head = re.match(r"[^/?#]*(?://[^/?#]*)?", address)
    host = head[0] if head else ""
    return (host.lower() + address[len(host) :]).removesuffix("/")


def _trimmed(address: str) -> str:
    """Return an address without the punctuation of the sentence around it."""
    while address and (
        address[-1] in _ENDS
        or (
            address[-1] in _CLOSERS
            and address.count(address[-1]) > address.count(_CLOSERS[address[-1]])
        )
    ):
        address = address[:-1]
    return address


# Prose compresses to a third of its size or more, ten equal sentences to a tenth.
PACKED = 0.2
# A model that repeats itself without end writes more than this.
LEAST_CHARS = 12_000


def is_repetitive(text: str) -> bool:
    """Return whether a long text repeats the same words over and over."""
    said = text.encode(errors="replace")
    return len(text) > LEAST_CHARS and len(zlib.compress(said, 9)) < PACKED * len(said)


_BREAKS = re.compile("\r\n|[\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
# The only flags that are written with tag characters: England, Scotland, Wales.
# https://www.unicode.org/reports/tr51/#valid-emoji-tag-sequences
_FLAGS = "|".join(
    "".join(chr(0xE0000 + ord(letter)) for letter in region) + "\U000e007f"
    for region in ("gbeng", "gbsct", "gbwls")
)
# Characters that print nothing but affect a terminal, a renderer or a model: controls, directions,
# fillers, tags, surrogates.
_HIDDEN = re.compile(
    f"(?P<flag>(?<=\U0001f3f4)(?:{_FLAGS}))|"
    "[\x00-\x08\x0e-\x1b\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e"
    "\u200f\u202a-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufdd0-\ufdef\ufeff\uffa0\ufff0-\ufffb"
    "\ufffe\uffff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
# Scripts and emoji need single ones; a row of them can carry a hidden message.
_JOINERS = re.compile("[\u180b-\u180d\u180f\u200c\u200d\ufe00-\ufe0f]+")
_ZERO_WIDTH = "\u200c\u200d"
_KEYCAPS = "0123456789#*"


NAME_CHARS = 60
_PUNCTUATION = re.compile(r"[()\[\]<>:,]+")


def person_name(name: str) -> str:
    """Return a name on one line, without signs by which it could pass for a mark: "(you)"."""
    line = " ".join(visible(name).split())
    plain = _PUNCTUATION.sub(" ", unicodedata.normalize("NFKC", line))
    return " ".join(visible(plain).split())[:NAME_CHARS].rstrip() or "Someone"


def visible(text: str) -> str:
    """Return a text without control and invisible characters, with a newline for every line break.

    Nothing replaces them: `⟨U+E0041⟩` would still show a model what nobody sees.
    """
    if text.isascii() and text.isprintable():
        return text
    shown = _HIDDEN.sub(lambda found: found["flag"] or "", _BREAKS.sub("\n", text))
    return _JOINERS.sub(_joined, shown)


def _joined(found: re.Match[str]) -> str:
    """Return at most one variation selector and one joiner, where they have a meaning."""
    before, after = found.string[: found.start()][-1:], found.string[found.end() :][:1]
    joiner = next((char for char in found[0] if char in _ZERO_WIDTH), "")
    variant = next((char for char in found[0] if char not in _ZERO_WIDTH), "")
    if not _takes_joiner(before):
        return variant if before and before in _KEYCAPS else ""
    return variant + (joiner if _takes_joiner(after) else "")


def _takes_joiner(char: str) -> bool:
    return bool(char) and not char.isascii() and not char.isspace()


# What is shown whole or not at all: code, a link, what is marked, a quotation.
_WHOLE = re.compile(
    r"(`+)[^\n]+?\1|!?\[[^\[\]\n]*\]\([^()\s]*\)|(\*{1,3})[^\s*][^*\n]*\2|“[^“”\n]*”"
)


def beginning(line: str, most: int) -> str:
    """Return the first characters of a line of Markdown, with " …" if there are more.

    It ends with a word, or where words are long or not set apart with a letter; never within code,
    a link, a mark or a quotation, unless that alone is longer.
    """
    if len(line) <= most:
        return line
    spans = [found.span() for found in _WHOLE.finditer(line)]
    blanks = (found.start() for found in re.finditer(r"\s", line[: most + 1]))
    ends = [at for at in blanks if not any(first < at < last for first, last in spans)]
    if not ends or ends[-1] < most // 2:
        ends = [next((first for first, last in spans if first < most < last), most)]
    kept = line[: ends[-1]].rstrip()
    return f"{kept} …" if kept else beginning(re.sub(r"[`*\[“]", "", line.lstrip()), most)


_FIGURE = re.compile(r"\d+(?:[.,:]\d+)+")


def to_sentences(text: str, span: tuple[int, int], quote: str) -> tuple[int, int]:
    """Return a span of words that are like a quote without the ends of other sentences.

    Where the quote is a sentence's beginning, or its end, and has another word there, the span has
    all that the sentence begins or ends with; so too where it would end within a clause.
    """
    from rapidfuzz import fuzz

    ends = [found.end() for found in SENTENCE.finditer(text)]
    pieces = pairwise([0, *ends, len(text)])
    numbers = [found.span() for found in _FIGURE.finditer(text)]
    begin = next((first for first, last in numbers if first < span[0] < last), span[0])
    end = next((last for first, last in numbers if first < span[1] < last), span[1])
    sentences = [one for one in pieces if begin < one[1] and one[0] < end]
    most = sum(1 for one in SENTENCE.split(quote) if one.strip())

    def part(some: Sequence[tuple[int, int]]) -> str:
        return text[max(begin, some[0][0]) : min(end, some[-1][1])].strip()

    while len(sentences) > most:
        fewer = max(sentences[1:], sentences[:-1], key=lambda one: fuzz.ratio(part(one), quote))
        if fuzz.ratio(part(fewer), quote) < fuzz.ratio(part(sentences), quote):
            break
        sentences = fewer
    (first, _), (_, last) = sentences[0], sentences[-1]
    words, shown = part(sentences).split(), re.findall(r"\w+", part(sentences).casefold())
    said = re.findall(r"\w+", quote.casefold())
    is_cut = quote.endswith((*".!?。",)) or len(cut_short(words).split()) < len(words)
    opens = quote[:1].isupper() and not _begin_alike(shown[0], said[0])
    closes = is_cut and not _begin_alike(shown[-1], said[-1])
    return first if opens else max(begin, first), last if closes else min(end, last)


def in_sentences(words: str, text: str) -> str:
    """Return the whole sentences of a text in which words of it stand; "" for no words."""
    begin = text.find(words)
    if not words or begin < 0:
        return words
    marks = [found.span() for found in SENTENCE.finditer(text)]
    first = max((last for _, last in marks if last <= begin), default=0)
    end = next((at for at, _ in marks if at >= begin + len(words)), len(text))
    return text[first:end].strip()


def _begin_alike(word: str, other: str) -> bool:
    return word.startswith(other) or other.startswith(word)


def both_ends(text: str, limit: int) -> str:
    """Return a text of at most about `limit` characters: its beginning and its end."""
    cut = len(text) - limit
    if cut <= 0:
        return text
    head, tail = text[: limit // 2].rstrip(), text[-(limit // 2) :].lstrip()
    return f"{head} … ({counted(cut, 'character')} left out) … {tail}"


_URL = re.compile(r"https?://([^\s/?#]+)([^\s?#]*)\S*")


def first_words(text: str, most: tuple[int, int], *, is_whole: bool = False) -> str:
    """Return the first words of a text's first sentence, or of all of it, within a limit."""
    chars, words = most
    text = " ".join(_URL.sub(_shorter, text).split()).translate(INNER)
    first = text if is_whole else SENTENCE.split(text, maxsplit=1)[0]
    text = (first if len(first.split()) >= LEAST_WORDS else text).rstrip(".,;:| ")
    kept = text if len(text) <= chars else cut_short(text.split()[:words])
    if len(kept) > chars:
        whole = kept[: chars + 1].rsplit(" ", 1)[0]
        # A long word is cut rather than left out: a word or two name no block.
        kept = cut_short(whole.split()) if chars // 2 < len(whole) <= chars else kept[:chars]
    return kept if kept == text else f"{kept.rstrip('.,;:|… ')}…"


def _shorter(url: re.Match[str]) -> str:
    """Return the host and the end of an address."""
    *more, end = url[2].strip("/.,;:)").split("/")
    return f"{url[1]}/{'…/' * bool(more)}{end}".rstrip("/")
