"""What of a text may be posted, and what is removed from it."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from daemon.review.cleaning import (
    beginning,
    cleaned,
    has_secret,
    links_in,
    may_contain_links,
    visible,
)
from support.hidden_text import FILLERS, hidden
from support.review_values import BREAKS


GOOD, DEEP = "https://good.example/a", "https://en.good.example/wiki/Foo(bar)"


ALLOWED = links_in(
    f"See {GOOD}, [the wiki](https://en.good.example/wiki/Foo\\(bar\\)), ana@good.example"
)


LIMIT = 2_000


KEYS = (
    "sk-ant-api03-AbCdEfGhIjKlMnOp",
    "sk_live_AbCdEfGhIjKlMn",
    "ntn_AbCdEfGhIjKlMnOpQrStUv",
    "secret_AbCdEfGhIjKlMnOpQrStUv",
    "ghp_AbCdEfGhIjKlMnOpQrStUv",
    "github_pat_11ABCDEFG0aBcDeFgHiJkLm",
    "glpat-AbCdEfGhIjKlMnOpQrSt",
    "xoxb-123456789012-AbCdEf",
    "AKIAIOSFODNN7EXAMPLE",
    "AIzaSyAbCdEfGhIjKlMnOpQrStUvWxYz01234",
    "hf_AbCdEfGhIjKlMnOpQrStUv",
    "npm_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl",
    "Bearer AbCdEfGhIj1KlMnOpQrStUv",
    "aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW",
)


FOREIGN = (
    "https://evil.example/x",
    "HTTPS://EVIL.example",
    "http:evil.example/x",
    "https:/evil.example/x",
    "https:\\/\\/evil.example/x",
    "https\uff1a\uff0f\uff0fevil.example/x",
    "https:\u2044\u2044evil.example/x",
    "hxxps://evil.example/x",
    "ftp://evil.example/x",
    "vscode://evil/x",
    "ana@good.example://evil.example/x",
    "ana@good.example//evil.example/x",
    "www.evil.example",
    "www\uff0eevil.example",
    "evil.example/x?y=1",
    "evil.com",
    "login-evil.co.uk",
    "evil\uff0ecom",
    "xn--e1aybc.xn--p1ai",
    "//evil.example/x",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "data:text/html,x",
    "data:text/html;base64,eA==",
    "mailto:eve@evil.example",
    "eve@evil.example",
    "tel:+15550100",
    "<https://evil.example/x>",
    "<javascript:alert(1)>",
    "<eve@evil.example>",
    "[words](https://evil.example/x)",
    "[words](<https://evil.example/x>)",
    "[words](\nhttps://evil.example/x )",
    '[words](https://evil.example/x "title")',
    "[words](//evil.example/x)",
    "[words](/relative)",
    "[words](%68ttps://evil.example/x)",
    "[words](javascript:alert(1))",
    "[words](data:text/html,x)",
    "[words](&#104;ttps://evil.example/x)",
    "[words](java&Tab;script:alert(1))",
    "![words](https://evil.example/x.png)",
    "[a [b](https://evil.example/b) c](https://evil.example/c)",
    f"[a [b]({GOOD}) c](https://evil.example/c)",
    "[words][ref]\n\n[ref]: https://evil.example/x",
    "[words][ref]\n\n[ref]: /relative",
    "[ref]\n\n> [ref]:\n> https://evil.example/x",
    f"{GOOD}.evil.example",
    f"{GOOD}/../../evil",
    "https://good.example@evil.example/a",
    "https://good.example:pw@evil.example/a",
    "https://g\u043e\u043ed.example/a",
    f"[{GOOD}](https://evil.example/x)",
    f"[https://evil.example/x]({GOOD})",
    "https&colon;//evil.example/x",
    "&#x68;ttps://evil.example/x",
    "ht\u200btps://evil.example/x",
    "https://\u202eevil.example/x",
)


KEPT = (
    GOOD,
    f"See {GOOD}.",
    f"({GOOD})",
    f"**{GOOD}**",
    f"<{GOOD}>",
    f"[words]({GOOD})",
    f"[words]({DEEP})",
    DEEP,
    f"{GOOD}\u3092\u898b\u3066",
    "HTTPS://GOOD.example/a",
    "ana@good.example",
    "`Vec<Self::Item>` where <T:Trait>",
    "Use `handlers[name]` and dict[str, int].",
    "user.id, self.app, java.io, main.py, ASP.NET, config.dev, load.com(1), README.md",
    "good.example, en.good.example",
    "node.js/TypeScript, and/or, src/main.py/x, e.g./i.e., 3/4",
    "**HTTP:** is plain, `https:` is not.",
    "HTTP: what is it? data: rows; note: this",
    "pip install pkg@1.2.3",
    "Escape `<` as `&lt;`.",
    "sk-learn-compatible-pipelines, secret_manager_client_factory, npm_config_registry_for_builds",
    "Bearer token-based-authentication-flow, a task-oriented-programming-language",
    "commit 4f2c1b7e9d3a4f2c1b7e9d3a4f2c1b7e9d3a4f2c",
    "id 4f2c1b7e-9d3a-4f2c-8b7e-9d3a4f2c1b7e",
    "**bold** _italic_ ~~gone~~ `code`",
    "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645 \u2764\ufe0f\u200d\U0001f525 1\ufe0f\u20e3",
)


MENTIONS = (
    "@Ana see this",
    "ping @all",
    "\uff20all",
    "\ufe6ball",
    "@\u200ball",
    "@**Ana**",
    "@[Ana](x)",
    "&#64;all",
    "&commat;all",
    "\\@all",
    "@@all",
    "_@all_",
    "(@all)",
    "x.@all",
)


_KEPT_TARGET = rf"\]\((?:{re.escape(GOOD)}|{re.escape(DEEP)})/?\)"


_SCHEME = re.compile(
    r"[a-z][a-z0-9+.-]+:[/\\]{2}[^\s<>\"`|…\u2e80-\ud7ff\uf900-\uffef]*", re.IGNORECASE
)


_BARE = re.compile(r"\bwww\.\w|\b(?:javascript|vbscript|data:text|mailto|tel):\w", re.IGNORECASE)


# Within a word it is none: "task-oriented-programming".
_KEY = re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(map(re.escape, KEYS))})(?![A-Za-z0-9])")


_AT = re.compile(r"(?<![^\W_])[@\uff20\ufe6b][*_`~\[\]\\(<@]*\w")


def targets(text: str) -> list[str]:
    """Return where the links of a Markdown text lead."""
    found = []
    for token in MarkdownIt("commonmark").parse(text):
        for child in token.children or ():
            found += [child.attrs[key] for key in ("href", "src") if key in child.attrs]
    return [str(target) for target in found]


def rendered(text: str) -> str:
    """Return the words of a Markdown text as a reader sees them."""
    parts = []
    for token in MarkdownIt("commonmark", {"html": False}).parse(text):
        for child in token.children or ():
            code = child.type == "code_inline"
            parts.append(f" {child.content} " if code else child.content or "\n")
        parts.append("" if token.children else token.content)
        parts.append("\n" if token.type.endswith("_close") else "")
    return "".join(parts)


def trouble(text: str) -> str:
    """Say what of a text may not be posted; "" for nothing."""
    for target in targets(text):
        if target not in (GOOD, DEEP, "mailto:ana@good.example") and "::" not in target:
            return f"a link to {target}"
    for words in (text, rendered(text)):
        for found in _SCHEME.findall(re.sub(_KEPT_TARGET, "] ", words)):
            if found.rstrip("/.,;:!?*_~'\\)]}").casefold() not in (
                GOOD.casefold(),
                DEEP.casefold().rstrip(")"),
            ):
                return f"the address {found}"
        if found := _BARE.search(words) or _AT.search(words):
            return found[0]
    if found := _KEY.search(text):
        return found[0]
    return repr(hidden(text)) if hidden(text) else ""


PIECES = st.one_of(
    st.sampled_from((*FOREIGN, *KEPT, *MENTIONS, *KEYS, *BREAKS)),
    st.sampled_from(["[", "]", "(", ")", "<", ">", "](", "]:", ":", "/", "\\", "@", "&", ";", "."]),
    st.sampled_from(
        ["*", "_", "`", "!", "#", "https:", "//", "www.", "javascript:", "&#", "evil."]
    ),
    st.sampled_from([" ", "\u200b", "\u200d", "\ufe0f", "\u202e", "\U000e0041", "\ud800", "words"]),
    st.text(max_size=8),
)


TEXTS = st.lists(PIECES, max_size=12).map("".join)


@pytest.mark.parametrize("text", FOREIGN)
def test_an_address_that_stands_nowhere_is_not_posted(text: str) -> None:
    posted = cleaned(f"Before {text} after", ALLOWED, LIMIT)
    assert trouble(posted) == ""
    assert "evil.example/" not in posted
    assert "evil.co" not in posted
    assert posted.startswith("Before ")


@pytest.mark.parametrize(
    "text",
    [
        "https://evil.example/x",
        "www.evil.example",
        "eve@evil.example",
        "evil.example/x?y=1",
        "[words](https://evil.example/x)",
        "<https://evil.example/x>",
    ],
)
def test_the_same_address_may_be_posted_where_it_stands_in_the_document(text: str) -> None:
    assert cleaned(text, links_in(f"See {text}, please."), LIMIT) == text


@pytest.mark.parametrize("text", KEPT)
def test_what_is_allowed_stays_as_it_is(text: str) -> None:
    assert cleaned(text, ALLOWED, LIMIT) == text


@pytest.mark.parametrize("text", MENTIONS)
def test_nobody_is_mentioned(text: str) -> None:
    posted = cleaned(text, ALLOWED, LIMIT)
    assert _AT.search(posted) is None
    assert _AT.search(rendered(posted)) is None
    assert "all" in posted or "Ana" in posted


@pytest.mark.parametrize("key", KEYS)
def test_nothing_like_a_secret_is_posted(key: str) -> None:
    assert cleaned(f"The key **{key}** leaks", ALLOWED, LIMIT) == "The key **(…)** leaks"
    hidden_key = f"{key[:4]}\u200b{key[4:]}"
    assert "leaks" in cleaned(f"{hidden_key} leaks", ALLOWED, LIMIT)
    assert key not in cleaned(f"{hidden_key} leaks", ALLOWED, LIMIT)


def test_a_private_key_goes_with_all_of_its_lines() -> None:
    pem = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\nAAAA\n-----END RSA PRIVATE KEY-----"
    assert cleaned(f"a\n{pem}\nb", ALLOWED, LIMIT) == "a\n(…)\nb"
    assert cleaned(f"a\n{pem[:40]}", ALLOWED, LIMIT) == "a\n(…)"


def test_an_address_with_a_password_is_not_posted_though_the_document_has_it() -> None:
    url = "postgres://app:hunter2@db.good.example/main"
    assert cleaned(f"see {url}", links_in(url), LIMIT) == "see (…)"
    assert has_secret(f"connect to {url}")
    assert not has_secret(f"connect to {GOOD}, at 10:30")


def test_the_words_of_a_forbidden_link_stay() -> None:
    assert (
        cleaned("See [the runbook](https://evil.example/x).", ALLOWED, LIMIT) == "See the runbook."
    )


def test_a_link_without_words_shows_its_address() -> None:
    assert cleaned(f"[ ]({GOOD})", ALLOWED, LIMIT) == GOOD


def test_the_title_of_a_link_is_dropped() -> None:
    assert cleaned(f'[words]({GOOD} "call me")', ALLOWED, LIMIT) == f"[words]({GOOD})"


def test_code_that_looks_like_a_link_keeps_all_its_letters() -> None:
    assert cleaned("`handlers[name](event)`", ALLOWED, LIMIT) == "`handlers[name] (event)`"


@given(TEXTS)
@example("&#38;" * 20 + "#64;all")
@example("[" * 50 + "x](https://evil.example)" * 3)
def test_cleaning_leaves_nothing_that_may_not_be_posted_and_is_done_at_once(text: str) -> None:
    posted = cleaned(text, ALLOWED, LIMIT)
    assert trouble(posted) == ""
    assert cleaned(posted, ALLOWED, LIMIT) == posted
    posted.encode()


def test_a_host_may_be_named_where_an_address_on_it_stands_in_the_document() -> None:
    allowed = links_in("See https://plans.acme.com:8080/q4?x=1.")
    assert cleaned("It is on plans.acme.com.", allowed, LIMIT) == "It is on plans.acme.com."
    assert cleaned("It is on acme.com.", allowed, LIMIT) == "It is on (…)."


@given(TEXTS, st.integers(0, 60))
def test_no_text_is_longer_than_its_limit_and_a_cut_brings_nothing_back(
    text: str, limit: int
) -> None:
    posted = cleaned(text, ALLOWED, limit)
    assert len(posted) <= limit
    assert trouble(posted) == ""
    assert cleaned(posted, ALLOWED, limit) == posted


def test_a_text_is_cut_at_words() -> None:
    posted = cleaned("one two three four five six", ALLOWED, 26)
    assert posted == "one two…\n(cut: too long)"


@pytest.mark.parametrize(
    "piece", ["a", "a.", "a-", "a@", "[", "[x](", "ab:", "/", "<a:", "&", "@", "\u200d", "* "]
)
def test_a_text_made_to_be_slow_is_not(piece: str) -> None:
    """A regular expression that tries every way would take minutes here."""
    links_in(piece * 20_000)
    cleaned(piece * 20_000, ALLOWED, LIMIT)


@given(st.text(st.sampled_from(":@/\\.<>[]()wh tp-,1A\u00e9\uff1a\uff0f\u3002\uff20"), max_size=30))
@example("www.x")
@example("see corp.example/a")
@example("mailto:ana")
def test_a_text_that_may_hold_no_links_holds_none(text: str) -> None:
    assert may_contain_links(text) or not links_in(text)


def test_prose_is_not_searched_for_links() -> None:
    assert not may_contain_links("One slow carrier holds up all the others, see above. Why? 1.")


# A flag in tags, a family, a heart, a key cap, a word of Persian, a flag, a skin.
SEEN = (
    "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "\u2764\ufe0f\u200d\U0001f525",
    "1\ufe0f\u20e3",
    "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
    "\U0001f1f5\U0001f1f9",
    "\U0001f44d\U0001f3fd",
)


@given(st.text())
def test_visible_text_holds_no_hidden_character(text: str) -> None:
    shown = visible(text)
    assert hidden(shown) == []
    assert visible(shown) == shown


@given(st.lists(st.one_of(st.sampled_from(SEEN), st.characters(categories=["L", "N", "P", "Zs"]))))
def test_what_is_seen_stays(signs: list[str]) -> None:
    text = " ".join(sign for sign in signs if sign not in FILLERS)
    assert visible(text) == text


@pytest.mark.parametrize("sign", BREAKS)
def test_every_kind_of_line_break_becomes_a_newline(sign: str) -> None:
    assert visible(f"a{sign}b") == "a\nb"


def test_a_message_hidden_in_joiners_and_variants_is_gone() -> None:
    assert visible("a\u200c\u200d\u200cb") == "ab"
    assert visible("x\ufe01\ufe02y\U000e0141") == "xy"
    assert visible("\u2764\ufe0f\ufe0e\ufe0f") == "\u2764\ufe0f"
    assert (
        visible("\U0001f3f4" + "".join(chr(0xE0000 + ord(one)) for one in "obey")) == "\U0001f3f4"
    )
    assert visible("\u2705" + SEEN[0][1:]) == "\u2705"


@given(st.text(max_size=200).map(lambda text: " ".join(text.split())))
def test_a_line_keeps_its_beginning_and_says_when_it_was_cut(line: str) -> None:
    short = beginning(line, 80)
    assert short == line or (len(line) > 80 and short.endswith(" …"))
    assert line.startswith(short.removesuffix(" …"))
    assert len(short) <= 82


PARTS = ("word", "`a b c`", "**so bold**", "[a b](https://x.example/y)", "“it is said”", "日本語")


@given(st.lists(st.sampled_from(PARTS), min_size=1, max_size=60), st.integers(30, 90))
def test_a_line_is_cut_at_a_word_and_never_within_code_a_link_a_mark_or_a_quotation(
    parts: list[str], most: int
) -> None:
    line = " ".join(parts)
    short = beginning(line, most)
    assert short == line or short.removesuffix(" …") in {
        " ".join(parts[:number]) for number in range(1, len(parts))
    }


def test_code_that_is_longer_than_what_is_kept_of_a_line_is_shown_without_its_marks() -> None:
    assert beginning("`retry all of the workers` and wait", 12) == "retry all of …"
