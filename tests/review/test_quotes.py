"""A quote is found whatever a model did to it, and never where it does not stand."""

from __future__ import annotations

import re
from unittest.mock import patch

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from daemon.review import quotes
from daemon.review.cleaning import visible
from daemon.review.quotes import (
    alike,
    blocks_with,
    fold,
    is_quote_of,
    locate,
    locate_in_blocks,
    nearly_in,
    overlap,
    reworded,
    shortened,
)
from support.review_values import block


TEXT = (
    "The retry queue — Redis today — holds “at most” 10,000 jobs; the worker's `drain_all()` has"
    " it. A job that fails is tried 3 times… then it's dropped."
)
ROW = "Phase | Share of users | Date\u00a0agreed"
CODE = "def drain(queue):\n    while queue:\n        queue.pop()"


@pytest.mark.parametrize(
    ("quote", "words"),
    [
        ("holds “at most” 10,000 jobs", "holds “at most” 10,000 jobs"),
        ('HOLDS "at most" 10,000 jobs', "holds “at most” 10,000 jobs"),
        ("The retry queue - Redis today -", "The retry queue — Redis today —"),
        ("The retry queue -- Redis today", "The retry queue — Redis today"),
        ("The retry queue—Redis today", "The retry queue — Redis today"),
        ("the worker\u2019s drain_all()", "the worker's `drain_all()"),
        ("holds **at most** 10,000 jobs", "holds “at most” 10,000 jobs"),
        ("> holds at most\n> 10,000 jobs", "holds “at most” 10,000 jobs"),
        ("[B3] The retry queue", "The retry queue"),
        ("[B3 changed] - The retry queue", "The retry queue"),
        ("B3: The retry queue", "The retry queue"),
        ("12. The retry queue", "The retry queue"),
        ("iv) The retry queue", "The retry queue"),
        ("- [x] The retry queue", "The retry queue"),
        ("## The retry queue", "The retry queue"),
        ("“The retry queue”", "The retry queue"),
        ("'the retry queue…'", "The retry queue"),
        ("...tried 3 times...", "tried 3 times"),
        ("[the retry queue](https://x.example/a) — Redis", "The retry queue — Redis"),
        ("10\\,000 jobs", "10,000 jobs"),
        ("&#8220;at most&#8221; 10,000", "at most” 10,000"),
        ("tried 3\u200b times", "tried 3 times"),
        ("tried\u00a03\n times", "tried 3 times"),
        ("at most 10,000 jobs.", "at most” 10,000 jobs"),
        (
            "A job that fails … then it's dropped",
            "A job that fails is tried 3 times… then it's dropped",
        ),
        ("The retry queue [...] 10,000 jobs", TEXT[: TEXT.index(" jobs") + 5]),
        ("holds at most 10,00 jobs the worker", "holds “at most” 10,000 jobs; the worker"),
    ],
)
def test_a_quote_is_found_through_what_models_do_to_it(quote: str, words: str) -> None:
    found = locate(quote, TEXT)
    assert found is not None
    assert found in TEXT
    assert _letters(found) == _letters(words)


@pytest.mark.parametrize(
    "quote",
    [
        "the scheduler of the batch system",
        "holds at most twenty messages for Kafka",
        "then it's dropped … The retry queue",
        "xyz … then it's dropped",
        "",
        "   ",
        "“”",
        "**",
        "…",
        "[B3]",
    ],
)
def test_a_quote_of_other_words_is_not_found(quote: str) -> None:
    assert locate(quote, TEXT) is None


@pytest.mark.parametrize(
    ("quote", "plain", "words"),
    [
        (
            "Point {first: 1, second: 2}",
            "a = Point { first: 1, second: 2 } }",
            "Point { first: 1, second: 2 }",
        ),
        ("new HashMap() }", "fn f() { new HashMap()\n}; }", "new HashMap()\n}"),
        (
            "fn f() {let y = HashMap::new();}",
            "fn f() { let x = HashMap::new(); } }",
            "fn f() { let x = HashMap::new(); }",
        ),
        ('say "hello"', "we say “hello” now", "say “hello”"),
        ('"say hello"', "we say hello now", "say hello"),
        ("drain(queue]", "we drain(queue) now", "drain(queue"),
        ("differ only in `-` and `_`", "They differ only in - and _", "differ only in - and _"),
        ("differ only in - and `_`", "differ only in - and `_`", "differ only in - and `_`"),
        ("|field1| field2|", "as |field1| field2| here", "|field1| field2|"),
        ("| b |", "a | b | c", "b"),
    ],
)
def test_the_marks_that_open_and_close_a_quote_are_part_of_it(
    quote: str, plain: str, words: str
) -> None:
    assert locate(quote, plain) == words


@pytest.mark.parametrize(
    ("quote", "plain", "words"),
    [
        ("| Phase | Share of users |", ROW, "Phase | Share of users"),
        ("| Share of users", ROW, "Share of users"),
        ("Phase \\| Share", ROW, "Phase | Share"),
        ("Share of users<br>Date agreed", ROW, "Share of users | Date\u00a0agreed"),
        (
            "```python\ndef drain(queue):\n    while queue:\n```",
            CODE,
            "def drain(queue):\n    while queue:",
        ),
        ("while queue: queue.pop()", CODE, "while queue:\n        queue.pop()"),
        ("日本語で書く", "この文書は日本語で書く。", "日本語で書く"),
        ("CAFE\u0301", "The café closes.", "café"),
        ("ﬁle", "Open the file.", "file"),
        ("Straße", "Die STRASSE ist zu.", "STRASSE"),
    ],
)
def test_rows_code_and_other_scripts_are_quoted_too(quote: str, plain: str, words: str) -> None:
    assert locate(quote, plain) == words


def test_a_few_letters_are_not_enough_where_the_signs_between_them_differ() -> None:
    assert locate("i < 3", "Stop if i > 3 holds.") is None
    assert locate("limit_ms < 3000", "Stop if limit_ms > 3000 holds.") == "limit_ms > 3000"


@pytest.mark.parametrize("quote", ["x < 300", "limit < 30"])
def test_fewer_than_eight_letters_and_digits_must_match_with_their_signs(quote: str) -> None:
    plain = f"Stop if {quote.replace('<', '>')} holds."
    assert locate(quote, plain) is None
    assert locate(quote.replace("<", ">"), plain) == quote.replace("<", ">")


def test_a_quote_that_is_much_longer_than_the_block_is_not_found_in_it() -> None:
    """The block's words stand in the quote, with a slip: the quote is from another place."""
    plain = "Redis keeps all the jobs."
    assert locate("Redis keeps all teh jobs", plain) == "Redis keeps all the jobs"
    assert locate("Redis keeps all teh jobs until the worker takes one of them", plain) is None


def test_a_whole_word_is_preferred_to_a_part_of_one() -> None:
    plain = "The category says which cat."
    assert locate_in_blocks("cat", block("b", plain), ()) == (block("b", plain), "cat")
    assert is_quote_of("cat", plain)
    whole = "A scatter. A cat sat."
    assert locate("cat sat", whole) == "cat sat"
    assert blocks_with("cat", [block("b", "The category."), block("c", "A cat.")]) == [
        block("c", "A cat.")
    ]


VOCABULARY = """
    queue retry isn't “at most” 10,000 re-use — snake_case café (see jobs; worker's v2.1 日本語
    above) größer * don\u2019t the of a
"""
WORDS = st.sampled_from(VOCABULARY.split())
PLAIN = st.lists(WORDS, min_size=1, max_size=40).flatmap(
    lambda words: st.lists(
        st.sampled_from([" ", " ", " ", "\n", "\u00a0", "  "]),
        min_size=len(words),
        max_size=len(words),
    ).map(lambda gaps: "".join(map("".join, zip(words, gaps, strict=True))).strip())
)
SWAPS = (
    ("\u2019", "'"),
    ("'", "\u2019"),
    ("\u201c", '"'),
    ("\u201d", '"'),
    ("\u2014", "-"),
    ("\u2014", "--"),
    (" ", "\u00a0"),
    (" ", "  "),
    (" ", "\n"),
    ("\n", " "),
    ("\u00e9", "e\u0301"),
    ("queue", "**queue**"),
    ("retry", "`retry`"),
    ("most", "_most_"),
    ("jobs", "[jobs](https://x.example/a_(b))"),
    ("_", "\\_"),
    ("a", "\u200ba"),
)
AROUND = (
    ("", ""),
    ('"', '"'),
    ("“", "”"),
    ("…", "…"),
    ("**", "**"),
    ("_", "_"),
    ("- ", ""),
    ("> ", ""),
    ("### ", ""),
    ("3. ", ""),
    ("[ ] ", ""),
    ("[B12 new] ", ""),
    ("| ", " |"),
    ("", "."),
)


@given(PLAIN, st.data())
def test_locate_finds_any_quote_after_changes_that_keep_its_letters(
    plain: str, data: st.DataObject
) -> None:
    words = plain.split()
    first = data.draw(st.integers(0, len(words) - 1))
    last = data.draw(st.integers(first, min(first + 12, len(words) - 1)))
    begin = _nth_word(plain, first)
    quote = plain[begin : _nth_word(plain, last) + len(words[last])]
    letters = _letters(quote)
    assume(len(letters) >= 8)
    for old, new in data.draw(st.lists(st.sampled_from(SWAPS), max_size=4, unique=True)):
        quote = quote.replace(old, new)
    case = data.draw(st.sampled_from([str, str.upper, str.title]))
    before, after = data.draw(st.sampled_from(AROUND))
    found = locate(f"{before}{case(quote)}{after}", plain)
    assert found is not None
    assert found in plain
    assert _letters(found) == letters


def _nth_word(plain: str, number: int) -> int:
    at = 0
    for word in plain.split()[: number + 1]:
        at = plain.index(word, at)
        start, at = at, at + len(word)
    return start


def _letters(text: str) -> str:
    return "".join(char for char in fold(text).text if char.isalnum())


@given(st.text(max_size=40), st.text(max_size=80))
@example("a", "A\u0301")
@example("\u00a8", "\u00a8")
@example("...", "\u2026")
def test_locate_gives_an_exact_slice_or_nothing(quote: str, plain: str) -> None:
    found = locate(quote, plain)
    assert found is None or (found in plain and found)


@given(st.text(max_size=60), st.integers(0, 60), st.integers(0, 60))
def test_every_part_of_a_text_stands_in_it(plain: str, begin: int, end: int) -> None:
    part = plain[begin:end]
    assert is_quote_of(part, plain) is bool(fold(part).text)


def test_words_stand_only_unchanged() -> None:
    """A finding on "10 requests" is addressed when the text says 50, near as that is."""
    plain = "The limit is 50 requests a second."
    assert locate("The limit is 10 requests a second", plain) is not None
    assert not is_quote_of("The limit is 10 requests a second", plain)
    assert not is_quote_of("", plain)


LETTERS = st.text("ab ", max_size=6)


@given(LETTERS, LETTERS, st.text("ab ", max_size=20))
def test_overlap_is_symmetric_and_means_a_shared_place(one: str, other: str, plain: str) -> None:
    hay = fold(plain).text
    spans = [
        [
            set(range(at, at + len(needle)))
            for at in range(len(hay))
            if needle and hay.startswith(needle, at)
        ]
        for needle in (fold(one).text, fold(other).text)
    ]
    expected = any(a & b for a in spans[0] for b in spans[1])
    assert overlap(one, other, plain) is expected
    assert overlap(other, one, plain) is expected


@given(st.text(min_size=1, max_size=60), st.integers(1, 40))
def test_a_quote_is_shortened_to_its_beginning(quote: str, limit: int) -> None:
    short = shortened(quote, limit)
    assert len(short) <= limit
    assert quote.startswith(short) or quote.strip().startswith(short)


def test_a_quote_is_shortened_at_a_space() -> None:
    assert shortened("one two three", 8) == "one two"
    assert shortened("one two three", 7) == "one two"
    assert shortened("one two", 7) == "one two"
    assert shortened("日本語で書く", 3) == "日本語"


B1 = block("1", "Phase 1 rolls out to 10% of the users.")
B2 = block("2", "Phase 2 rolls out to 20% of the users.")
B3 = block("3", "If it fails, the on-call engineer rolls it back.")
B4 = block("4", "Rolling back takes ten minutes. Redis keeps the jobs.")
BLOCKS = (B1, B2, B3, B4)


@pytest.mark.parametrize(
    ("quote", "named", "target", "words"),
    [
        ("the on-call engineer", B3, B3, "the on-call engineer"),
        ("the on-call engineer", B1, B3, "the on-call engineer"),
        ("Phase 2 rolls out to 20% of the users", B1, B2, "Phase 2 rolls out to 20% of the users"),
        ("Redis", B1, B4, "Redis"),
        ("Phase 1 rols out to 10% of the user", B1, B1, "Phase 1 rolls out to 10% of the users"),
        ("engineer rolls it back.\nRolling back takes", B3, B3, "engineer rolls it back."),
        ("engineer rolls it back. Rolling back takes", B4, B4, "Rolling back takes"),
        (
            "[B3] engineer rolls it back.\n[B4] Rolling back takes",
            B3,
            B3,
            "engineer rolls it back.",
        ),
        ("of the users. Phase 2 rolls out to 20% of the users. If it", B2, B2, B2.plain),
    ],
)
def test_a_quote_is_placed_where_it_plainly_belongs(
    quote: str, named: object, target: object, words: str
) -> None:
    assert locate_in_blocks(quote, named, BLOCKS) == (target, words)


@pytest.mark.parametrize(
    ("quote", "named"),
    [
        ("rolls out to", B4),  # stands in two others
        ("tting", B4),
        ("at all times", B1),
        ("engineer rolls it back. Rolling back takes", B1),  # neither is the named one
    ],
)
def test_a_quote_that_belongs_nowhere_or_anywhere_is_not_placed(quote: str, named: object) -> None:
    assert locate_in_blocks(quote, named, BLOCKS) is None


def test_a_quote_that_is_not_in_its_block_is_nearly_in_the_likeliest() -> None:
    blocks = [
        block("a", "The queue holds ten thousand jobs at night."),
        block("b", "The queue holds ten thousand jobs at most."),
        block("c", "Redis is gone."),
    ]
    found = nearly_in("queue holds ten thousand job at most", blocks)
    assert found == (blocks[1], "queue holds ten thousand jobs at most")
    assert nearly_in("at most. Redis is gone", blocks) == (blocks[2], "Redis is gone")
    assert nearly_in("Nobody owns the worker", blocks) is None


def test_two_texts_are_alike_by_words_that_few_others_say() -> None:
    common = tuple(f"Rollback {number} of the queue" for number in range(9))
    one, other = "The rollback of the queue loses invoices.", "Invoices are lost on the way."
    assert alike(one, other, common) > alike(one, "Name the rollback of the queue.", common)
    assert alike(one, other, common) == alike(other, one, common)
    assert alike(one, one, common) == pytest.approx(1)
    assert alike("", one, common) == alike("", "", ()) == 0


def test_the_named_block_wins_over_an_equal_one() -> None:
    twins = (block("a", "Same words here."), block("b", "Same words here."))
    assert locate_in_blocks("same words", twins[1], twins) == (twins[1], "Same words")
    assert [one.id for one in blocks_with("same words", twins)] == ["a", "b"]


def test_a_giant_block_and_a_giant_quote_take_no_time() -> None:
    plain = " ".join(f"word{number % 97} of" for number in range(12_000))
    quote = plain[:3_000].replace("of", "off")
    assert locate(quote, plain) is not None
    assert overlap("o", "f", "of " * 20_000) is False


@given(st.text(), st.sampled_from("\t\n\x1c\x1f\x85\u200b\u2028\ufe0f"), st.text())
def test_a_text_folds_as_what_people_see_of_it(before: str, hidden: str, after: str) -> None:
    text = before + hidden + after
    assert fold(visible(text)).text == fold(text).text


@given(st.text(st.characters(max_codepoint=127), max_size=40))
def test_ascii_folds_as_any_text_does(text: str) -> None:
    with patch.object(quotes, "_UNEVEN", re.compile("")):
        slowly = fold(text)
    assert fold(text) == slowly


@given(
    st.lists(
        st.sampled_from(["queue", "of", "its", "own", "10,000", "jobs", "—", "“done”"]), min_size=3
    ),
    st.data(),
)
def test_what_people_see_is_found_whatever_is_hidden_between_the_letters(
    words: list[str], data: st.DataObject
) -> None:
    seen = " ".join(words)
    nobody_sees = st.sampled_from(
        ["", "\u00ad", "\u200b", "\u2060", "\u202e", "\x1b", "\U000e0041"]
    )
    hidden = "".join(sign + data.draw(nobody_sees) for sign in seen)
    found = locate_in_blocks(seen, block("a", hidden), [block("a", hidden)])
    assert found is not None
    assert visible(found[1]).strip("“”—") == seen.strip("“”—")


@pytest.mark.parametrize(
    ("quote", "now", "found"),
    [
        ("every ten minutes", "It asks each carrier every nine minutes.", "every nine minutes"),
        ("after a minute", "It is asked again after two minutes, each time.", "after two minutes"),
        ("ten requests", "It takes two requests a second.", "two requests"),
        (
            "the lint is added in 1.14",
            "Then the lint is added to the tool.",
            "the lint is added to the tool.",
        ),
        ("asks each carrier", "It asks each carrier on Sundays.", "asks each carrier"),
        ("N/A", "We switch the flag off.", None),
        ("asked again after a minute", "Nobody owns the queue of the carriers.", None),
    ],
)
def test_the_words_that_a_quote_became_are_found_in_its_block(
    quote: str, now: str, found: str | None
) -> None:
    assert reworded(quote, now) == found


OTHERS = [
    "If it is slow, the team decides within a week and turns it off again.",
    "Ben leaves.",
    "",
]
SAID = "Priya adds the lint for the old idiom to clippy in 1.14."


@given(
    st.sampled_from(OTHERS),
    st.sampled_from(OTHERS),
    st.integers(0, 11),
    st.lists(st.sampled_from(["release", "after", "the", "May", "an", "1.15", "who"]), max_size=6),
    st.sampled_from([SAID, SAID.rstrip("."), SAID.removeprefix("Priya adds ")]),
)
def test_the_words_that_a_sentence_became_are_not_mixed_with_those_of_others(
    before: str, after: str, at: int, words: list[str], quote: str
) -> None:
    was = SAID.rstrip(".").split()
    says = f"Now {' '.join([*was[:at], *words, *was[at + 1 :]])}."
    found = reworded(quote, f"{before} {says} {after}")
    assert found is None or f" {found} " in f" {says} " or f" {found}." in f" {says}"
    if found and quote == SAID and found.rstrip(".").split()[-1] != "1.14":
        assert says.endswith(found)


@pytest.mark.parametrize(
    ("line", "plain"),
    [
        ("It leaves out Rc<[u8]>, and [this] too.", "It leaves out Rc<[u8]>, and [this] too."),
        ("Set #[inline] and a[i].", "Set #[inline] and a[i]."),
        ("See \\[RFC 5\\].", "See [RFC 5]."),
        ("See [the *guide*](https://a.example/b_(c)) [now].", "See the guide [now]."),
        ("- [ ] [`a[i]`](https://a.example)", "a[i]"),
    ],
)
def test_a_line_without_its_marks_keeps_the_brackets_that_are_no_links(line: str, plain: str):
    assert quotes.unmarked_line(line) == plain


def test_a_quote_may_hold_half_of_a_link() -> None:
    assert quotes.locate_surely("see [the guide", "Please see the guide first.") == "see the guide"
