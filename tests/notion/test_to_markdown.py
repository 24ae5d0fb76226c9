"""Rich text to Markdown: what it looks like, and that a parser reads the same back."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, example, settings
from hypothesis import given as with_any
from hypothesis import strategies as st

from daemon.domain.errors import Incomplete
from daemon.notion.to_markdown import both, markdown, plain
from support.markdown_runs import Piece, compared, given, parsed
from support.notion_objects import equation, mention, text


LETTERS = "aab1 *_~`[]()<>!\\$&;#|.:é😀\u00a0\u0301\u2028\n\t-"
WORDS = [
    "&amp;",
    "&#97;",
    "(b)",
    "**",
    "<b>",
    "<https://a.b>",
    "$x$",
    "](",
    "\\*",
    "__init__",
    "``",
    "a_b_c",
    "https://a.b",
    "x!",
    "~~",
]
URLS = ["https://a.b/c", "https://a.b/X_(Y)", "https://a.b/*x*?a=1&copy;2", "/1f2e#3"]

BOTH = text("(x)", bold=True, italic=True)

words = st.lists(st.text(LETTERS, min_size=1, max_size=4) | st.sampled_from(WORDS), min_size=1)
marks = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("bold", "italic", "strikethrough", "code"), st.just(value=True))
)
texts = st.builds(
    lambda parts, url, on: text("".join(parts), url, **on),
    words,
    st.none() | st.sampled_from(URLS),
    marks,
)
bare_links = st.sampled_from(["https://a.b/c_d", "http://x.y"]).map(lambda url: text(url, url))
equations = st.builds(lambda it, on: equation(it, **on), st.sampled_from(["x_a*b", "\\{a"]), marks)
rich_texts = st.lists(texts | texts | bare_links | equations, max_size=6)


@settings(suppress_health_check=[HealthCheck.too_slow])
@example([text("code", bold=True, code=True), text(" and "), text("`x``y`", code=True)])
@example([text("bold ", bold=True), text("next")])
@example([text("under", underline=True), text("line")])
@example([text("a"), text("(b)", bold=True), text("c")])
@example([text("a", bold=True), text("b", bold=True, italic=True), text("c", italic=True)])
@example([text("x", bold=True), text("y", "https://a.b", bold=True), text("z", "https://a.b")])
@example([text("\\"), text("a", italic=True), text("\\b"), text("!", bold=True)])
@example([text("a ", bold=True), text("b", "https://a.b", bold=True), text("c", "https://a.b")])
@example([text("x!"), text("y", "https://a.b")])
@example([BOTH, text("a_b c d", italic=True), BOTH])
@example([BOTH, text("a b c_d", italic=True), BOTH])
@example([text("_a b_"), text("c", "https://a.b")])
@example([text("$\n$", "https://a.b")])
@with_any(rich_texts)
def test_a19_markdown_reads_back_as_the_same_runs(rich):
    assert compared(given(rich)) == compared(parsed(markdown(rich)))


@example([text(" a \n\n b ")])
@with_any(rich_texts | st.lists(texts, max_size=1))
def test_both_forms_at_once_are_those_that_each_has_alone(rich):
    assert both(rich) == (markdown(rich), plain(rich))


@with_any(st.lists(st.builds(lambda it, on: text(it, **on), st.sampled_from("a(_* "), marks)))
def test_a19_marks_within_words_read_back_as_the_same_runs(rich):
    assert compared(given(rich)) == compared(parsed(markdown(rich)))


@pytest.mark.parametrize(
    ("rich", "expected"),
    [
        ([text("plain")], "plain"),
        ([text("bold ", bold=True), text("next")], "**bold** next"),
        ([text("un"), text("believ", italic=True), text("able")], "un*believ*able"),
        ([text("both", bold=True, italic=True)], "***both***"),
        ([text("one ", bold=True), text("run", bold=True)], "**one run**"),
        ([text("x = 1", code=True, bold=True)], "**`x = 1`**"),
        ([text("a`b", code=True)], "``a`b``"),
        ([text("`", code=True)], "`` ` ``"),
        ([text("gone", strikethrough=True)], "~~gone~~"),
        ([text("under", underline=True)], "under"),
        ([text("red", color="red")], "red"),
        ([text("two\nlines", bold=True)], "**two**\n**lines**"),
        ([text("all "), text("of\n\nit", italic=True)], "all *of*\n\n*it*"),
        ([text(" ", bold=True)], " "),
        ([text("site", "https://a.b/c")], "[site](https://a.b/c)"),
        ([text("https://a.b/c_d", "https://a.b/c_d")], "<https://a.b/c_d>"),
        (
            [
                text("see ", bold=True),
                text("it", "https://a.b", bold=True),
                text(" now", bold=True),
            ],
            "**see [it](https://a.b) now**",
        ),
        (
            [
                text("a ", bold=True),
                text("b", "https://a.b", bold=True),
                text("c", "https://a.b"),
            ],
            "**a** [**b**c](https://a.b)",
        ),
        ([text("a"), equation("x_1^2")], "a$x_1^2$"),
        ([], ""),
    ],
)
def test_marks_are_written_as_short_as_they_can_be(rich, expected):
    assert expected == markdown(rich)


@pytest.mark.parametrize(
    "words",
    [
        "snake_case and 2 * 3, 4*5",
        "* a typed list\n* of two",
        "f(*args, **kwargs)",
        "[1] and [x]",
        "C:\\Users\\ana",
        "costs $5, then $6",
        "a < b > c & d",
        "~5 ms, ~6 ms",
        "#3 is - in + short > done",
        "it's 5` long",
    ],
)
def test_text_that_no_parser_takes_for_marks_is_not_escaped(words):
    assert words == markdown([text(words)])


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("def __init__", "def \\_\\_init\\_\\_"),
        ("2*3*4", "2\\*3\\*4"),
        ("[a](b)", "[a\\](b)"),
        ("List<String>", "List\\<String>"),
        ("`a` b", "\\`a\\` b"),
        ("&amp; \\*", "\\&amp; \\\\*"),
        ("$x$", "\\$x\\$"),
    ],
)
def test_text_that_looks_like_marks_is_escaped(words, expected):
    assert expected == markdown([text(words)])


@pytest.mark.parametrize(
    "url",
    [
        "mailto:ana@example.com",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "data:text/html,x",
    ],
)
def test_a_link_that_is_not_of_the_web_is_only_text(url):
    assert markdown([text("Ana", url)]) == "Ana"


def test_an_address_that_would_break_its_brackets_is_mended():
    (piece,) = parsed(markdown([text("x", "https://a.b/c d<e>(f)\\g")]))
    assert Piece("x", href="https://a.b/c%20d%3Ce%3E(f)\\g") == piece


PERSON = {"object": "user", "id": "u-1", "name": "Ana Costa", "person": {"email": "ana@a.b"}}


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (mention("user", PERSON, "@Ana Costa"), "@Ana Costa"),
        (mention("user", {"object": "user", "id": "u-1"}, "@Ana Costa"), "@Ana Costa"),
        (mention("user", {"object": "user", "id": "u-1"}, ""), "@someone"),
        (mention("user", {"object": "user", "id": "u-1", "name": None}, "@u-1"), "@someone"),
        (mention("user", {**PERSON, "name": "ana@a.b"}, "@ana@a.b"), "@someone"),
        (mention("date", {"start": "2026-11-20", "end": None}, "x"), "2026-11-20"),
        (
            mention("date", {"start": "2026-11-20T10:41:00.000Z", "end": "2026-11-21"}, "x"),
            "2026-11-20 10:41 UTC → 2026-11-21",
        ),
        (
            mention("date", {"start": "2026-11-20T10:41:00.000+01:00", "end": None}),
            "2026-11-20 10:41 +01:00",
        ),
        (
            mention("date", {"start": "2026-11-20T10:41:00.000", "time_zone": "Europe/Berlin"}),
            "2026-11-20 10:41 Europe/Berlin",
        ),
        (mention("page", {"id": "1f2e"}, "RFC *7*", "https://notion.so/1f2e"), "RFC \\*7\\*"),
        (mention("database", {"id": "1f2e"}, "RFCs"), "RFCs"),
        (mention("link_preview", {"url": "https://a.b/1"}), "<https://a.b/1>"),
        (mention("link_mention", {"href": "https://a.b", "title": "A"}), "[A](https://a.b)"),
        (
            mention(
                "template_mention",
                {"type": "template_mention_date", "template_mention_date": "today"},
            ),
            "@today",
        ),
        (mention("custom_emoji", {"id": "1", "name": "party"}), ":party:"),
        (mention("agent", {"id": "1f2e"}), "[mention: agent]"),
        (mention("agent", {"id": "1f2e"}, "Scout"), "Scout"),
    ],
)
def test_a20_a_mention_shows_a_name_and_never_an_address_or_an_id(item, expected):
    shown = markdown([item])
    assert expected == shown
    assert not any(secret in shown for secret in ("u-1", "1f2e", "ana@a.b"))


def test_plain_text_has_no_marks_but_an_equations_dollar_signs():
    rich = [
        text("bold", bold=True),
        text(" *a* "),
        text("link", "https://a.b"),
        equation("x^2"),
        mention("user", PERSON, "@Ana Costa"),
    ]
    assert plain(rich) == "bold *a* link$x^2$@Ana Costa"


def test_every_kind_of_line_break_is_a_newline_and_nothing_unwritable_is_kept():
    rich = [text("a\r\nb\rc\u2028d\u2029e\x0bf\x0cg\x85h\0i\ud83dj")]
    assert "a\nb\nc\nd\ne\nf\ng\nhi\ufffdj" == plain(rich) == markdown(rich)


@pytest.mark.parametrize("item", ["text", None, {"type": "text"}, {"type": "text", "text": {}}])
def test_a_rich_text_item_without_text_is_a_hole(item):
    with pytest.raises(Incomplete):
        markdown([item])


def test_a_request_shaped_item_is_read_too():
    assert (
        markdown([{"text": {"content": "a", "link": {"url": "https://a.b"}}}]) == "[a](https://a.b)"
    )
