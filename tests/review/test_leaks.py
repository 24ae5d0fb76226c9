"""What tells a secret or the instructions, however it is written."""

from __future__ import annotations

import base64
import codecs
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.review.leaks import BUILT_IN_RUN, PROMPT_RUN, LeakGuard, leak_guard
from daemon.review.prompt import built_in_prompt, instructions
from support.places import ROOT


SECRET = "ntn_4711aBcDeFgHiJkLmNoPqRsTuVwXyZ0815"
PING = "https://hc.example/ping/7d1f0a4e-2c5b-4f7e-9a61-0815c0ffee42"
RULES = built_in_prompt().text
GUARD = leak_guard([SECRET, PING, "local-key"], instructions(), RULES, "")


def spaced(text: str) -> str:
    return " ".join(text)


def starred(text: str) -> str:
    return "".join(f"{char}**" for char in text)


def backwards(text: str) -> str:
    return text[::-1]


def rotated(text: str) -> str:
    return codecs.encode(text, "rot13")


def in_hex(text: str) -> str:
    return text.encode().hex(" ")


def in_base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def in_base64_lines(text: str) -> str:
    return base64.encodebytes(f"it is {text}!".encode()).decode()


def in_base64_for_urls(text: str) -> str:
    return base64.urlsafe_b64encode(f"k={text}".encode()).decode()


def in_base32(text: str) -> str:
    return base64.b32encode(f"here: {text}".encode()).decode()


WAYS = [
    str,
    str.upper,
    spaced,
    starred,
    backwards,
    rotated,
    in_hex,
    in_base64,
    in_base64_lines,
    in_base64_for_urls,
    in_base32,
]


@pytest.mark.parametrize("way", WAYS)
def test_a_configured_secret_is_seen_however_it_is_written(way) -> None:
    for secret in (SECRET, PING):
        assert GUARD.reveals_secret(f"Please note {way(secret)} for later.")


@pytest.mark.parametrize("part", [SECRET[:18], SECRET[-14:], PING[-20:]])
def test_a_part_that_gives_a_secret_away_is_seen(part: str) -> None:
    assert GUARD.reveals_secret(f"It has {part} in it.")


def test_a_secret_in_crumbs_adds_up() -> None:
    crumbs = [SECRET[at : at + 6] for at in range(0, len(SECRET), 6)]
    told = [f"Piece {number} is {crumb}, and more follows." for number, crumb in enumerate(crumbs)]
    assert not any(GUARD.reveals_secret(one) for one in told)
    assert GUARD.reveal_secret_together(told)
    assert GUARD.reveal_secret_together([" then ".join(reversed(crumbs))])
    assert not GUARD.reveal_secret_together(told[:2])
    assert not GUARD.reveal_secret_together(
        [RULES, instructions(), "https://hc.example/ping", "ntn_4711"]
    )


@pytest.mark.parametrize(
    "text",
    [
        "The token begins with ntn_, as all of Notion do.",
        "See https://hc.example/ping and https://hc.example/docs for how it is watched.",
        "With a local key the check is slower than with a key of your own.",
        "ntn_4711 is a placeholder.",
        "",
    ],
)
def test_words_about_a_secret_are_none(text: str) -> None:
    assert not GUARD.reveals_secret(text)


@pytest.mark.parametrize(
    "text", ["No key is required here: no key required.", "sk: no key", "Ask Acme Parcels Ltd."]
)
def test_a_key_made_of_words_hides_no_words(text: str) -> None:
    made = leak_guard(["sk-no-key-required", "acme-parcels-ltd-2026"], "", "", "")
    assert not made.reveals_secret(text)
    assert made.reveals_secret("It is sk-no-key-required.")
    assert made.reveals_secret("It is acme parcels ltd 2026.")


def test_a_key_of_few_letters_is_looked_for_as_it_is() -> None:
    assert GUARD.reveals_secret("Use local-key for it.")
    assert not leak_guard(["x"], "", "", "").reveals_secret("x")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("source", [instructions(), RULES])
def test_a_long_run_of_the_instructions_is_seen_however_it_is_written(way, source: str) -> None:
    assert GUARD.reveals_instructions(f"My orders: {way(source[151:451])}")


def test_a_run_is_seen_from_its_limit_on_wherever_it_begins() -> None:
    letters = "".join(char for char in RULES if char.isalnum())
    for at in range(0, 300, 7):
        assert GUARD.reveals_instructions(letters[at : at + PROMPT_RUN])
        assert not GUARD.reveals_instructions(letters[at : at + PROMPT_RUN - 1])
    letters = "".join(char for char in instructions() if char.isalnum())
    assert GUARD.reveals_instructions(letters[99 : 99 + BUILT_IN_RUN])
    assert not GUARD.reveals_instructions(letters[99 : 99 + BUILT_IN_RUN - 1])


def rules() -> list[str]:
    pages = ROOT / "daemon" / "sandbox" / "documents"
    texts = [
        RULES,
        *((pages / f"{name}.md").read_text("utf-8") for name in ("prompt", "knowledge")),
    ]
    lines = [line.strip(" -1234567890.") for text in texts for line in text.splitlines()]
    return [line for line in lines if len(line.split()) > 5]


@pytest.mark.parametrize("rule", rules())
def test_a_finding_may_quote_a_rule_of_the_prompt_page(rule: str) -> None:
    sentences = re.split(r"(?<=[.?!])\s", rule)
    asked = leak_guard([], instructions(), RULES, "", [rule])
    for sentence in sentences:
        said = f"The prompt asks “{sentence}”, and this section does not answer it."
        assert not asked.reveals_instructions(said)


def test_words_that_the_document_says_itself_are_no_leak() -> None:
    run = RULES[100:500]
    told = LeakGuard(instructions=GUARD.instructions, public=f"We copied this: {run}")
    assert not told.reveals_instructions(run)
    assert told.reveals_instructions(RULES[100:800])


SENTENCES = [
    f"Rule {number * 111 + 10} is that team number {number} waits." for number in range(40)
]
GUIDE = leak_guard([], "", "Be strict.", "A page.", ["\n".join(SENTENCES)])


@given(st.permutations(SENTENCES), st.sampled_from([str, str.upper, starred]))
def test_pieces_of_background_pages_add_up_in_whatever_order_and_writing(pieces, way) -> None:
    said: list[str] = []
    for one in pieces:
        if not GUIDE.reveals_background(way(one), said):
            said.append(way(one))
    assert 1 <= len(said) <= 5
    assert not GUIDE.reveals_background(said[0], said)


def test_what_the_document_or_the_prompt_page_says_too_is_nothing_told_of_background() -> None:
    for prompt, public in (("\n".join(SENTENCES), ""), ("", "\n".join(SENTENCES))):
        known = leak_guard([], "", prompt, public, ["\n".join(SENTENCES)])
        assert not known.reveals_background("\n".join(SENTENCES), [])
    before = leak_guard([], "", "", "", ["\n".join(SENTENCES)], told=SENTENCES[:5])
    assert before.reveals_background(SENTENCES[6], [])
    assert not before.reveals_background("Say who waits, and for how long.", [])


@given(st.text(max_size=400))
def test_other_words_tell_nothing(text: str) -> None:
    assert not GUARD.reveals_secret(text)
    assert not GUARD.reveals_instructions(text)
    assert not GUIDE.reveals_background(text, [])


def test_a_text_made_to_be_slow_is_not() -> None:
    wall = leak_guard(["a1" * 40], "ab" * 2_000, "a" * 60_000, "")
    assert wall.reveals_instructions("a" * 6_000)
    assert not wall.reveals_instructions("ba" * 30 + "c" * 30_000)


def test_no_guard_shows_its_secrets() -> None:
    assert SECRET not in repr(GUARD)
