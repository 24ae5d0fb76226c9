from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.domain.findings import CLOSED, MENDED, Event, FindingState
from daemon.domain.values import Finding, Severity
from daemon.notion.from_markdown import (
    CUT,
    finding_body,
    plain_text,
    rich_text,
    same_text,
    settled_body,
)


WORDS = st.text(st.sampled_from("ab é🙂👩\u200d👧🏽\u0301日 "), min_size=1, max_size=6_000)

PRINTED = st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="@")


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def shown(markdown: str) -> str:
    return plain_text(rich_text(markdown))


@pytest.mark.parametrize("length", [1, 1_999, 2_000, 2_001, 10_000])
@pytest.mark.parametrize("letter", ["x", "🙂", "word "])
def test_a4_a_text_of_any_length_arrives_whole_in_items_of_two_thousand(
    length: int, letter: str
) -> None:
    text = (letter * length)[:length].strip()
    items = rich_text(text)
    assert plain_text(items) == text
    assert all(0 < units(item["text"]["content"]) <= 2_000 for item in items)


def test_a4_an_emoji_on_the_boundary_stays_in_one_item() -> None:
    family = "👩\u200d👩\u200d👧"
    for before in range(1_990, 2_001):
        contents = [item["text"]["content"] for item in rich_text("x" * before + family)]
        assert any(family in content for content in contents)


@given(WORDS)
def test_no_text_is_lost_and_no_item_is_too_long(text: str) -> None:
    items = rich_text(text)
    assert same_text(plain_text(items), text)
    assert all(units(item["text"]["content"]) <= 2_000 for item in items)


@pytest.mark.parametrize(
    "cluster", ["🇩🇪", "👧🏽", "e\u0301", "❤\ufe0f", "🏴\U000e0067\U000e0062\U000e007f", "🇩🇪🇫🇷"]
)
def test_what_a_reader_sees_as_one_sign_stays_in_one_item(cluster: str) -> None:
    sign = cluster[:2] if cluster == "🇩🇪🇫🇷" else cluster
    for before in range(1_990, 2_001):
        contents = [item["text"]["content"] for item in rich_text("x" * before + cluster)]
        assert any(sign in content for content in contents)
        assert any(content.endswith(cluster[-2:]) for content in contents)


def test_a_comment_stays_within_the_size_of_a_request_in_any_script() -> None:
    items = rich_text("日" * 199_000)
    assert len(json.dumps(items, ensure_ascii=False).encode()) < 500_000
    assert plain_text(items).endswith(CUT)


def test_many_marks_are_cut_to_a_hundred_items() -> None:
    items = rich_text("**a** b " * 300)
    assert len(items) == 100
    assert items[-1] == {"type": "text", "text": {"content": CUT}}


@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        ("[note]: https://g.example", "[note]: https://g.example"),
        ("    not code", "not code"),
        ("#", "#"),
        ("```", "```"),
        ("> \n>", "> \n>"),
        ("[x](javascript:run)", "[x](javascript:run)"),
        ("a\ud83db\0c\u2028d", "a\ufffdbc\nd"),
        (
            "@Ana, see <@user> and <mention-user url='x'>",
            "@Ana, see <@user> and <mention-user url='x'>",
        ),
        ("a | b\n--|--\n1 | 2", "a | b\n--|--\n1 | 2"),
        ("2) b\n3) c\n\n- [ ] open", "2. b\n3. c\n\n• [ ] open"),
    ],
)
def test_no_words_vanish_whatever_markdown_makes_of_them(markdown: str, text: str) -> None:
    items = rich_text(markdown)
    assert plain_text(items) == text
    assert all(set(item) == {"type", "text"} and item["type"] == "text" for item in items)


@pytest.mark.parametrize("blank", ["", " \n\t", "\0"])
def test_blank_text_gives_no_items(blank: str) -> None:
    assert rich_text(blank) == []


def test_what_no_comment_can_hold_is_cut_and_says_so() -> None:
    items = rich_text("word " * 60_000)
    assert len(items) == 100
    assert plain_text(items).endswith(CUT)
    assert all(units(item["text"]["content"]) <= 2_000 for item in items)


def test_a10_lists_headings_quotes_and_code_read_well_as_plain_lines() -> None:
    markdown = (
        "# Head\nText\n\n- a\n- b\n  1. c\n  2. d\n\n> quote\n\n```py\nx = 1\n```\n\n---\nend"
    )
    assert shown(markdown) == (
        "Head\n\nText\n\n• a\n• b\n   1. c\n   2. d\n\n> quote\n\nx = 1\n\n---\n\nend"
    )


def test_a10_marks_and_links_become_rich_text_and_equal_neighbours_are_one_item() -> None:
    items = rich_text("a **b *c*** ~~d~~ `e` [f](https://g.example/h) <i> &amp;")
    marked = [(item["text"]["content"], sorted(item.get("annotations", {}))) for item in items]
    assert marked == [
        ("a ", []),
        ("b ", ["bold"]),
        ("c", ["bold", "italic"]),
        (" ", []),
        ("d", ["strikethrough"]),
        (" ", []),
        ("e", ["code"]),
        (" ", []),
        ("f", []),
        (" <i> &", []),
    ]
    assert items[8]["text"]["link"] == {"url": "https://g.example/h"}


@pytest.mark.parametrize(
    "address",
    [
        "tel:1",
        "mailto:a@b.example",
        "/page",
        "https://",
        "https://[",
        "https:///path",
        "https://a@b",
        "https://" + "x" * 2_000,
    ],
)
def test_only_web_addresses_of_a_length_that_notion_takes_are_links(address: str) -> None:
    items = rich_text(f"[text](<{address}>)")
    assert plain_text(items) == "text"
    assert all("link" not in item["text"] for item in items)


@given(st.text(PRINTED, min_size=1, max_size=190).filter(lambda text: text.strip()))
def test_a_comment_has_its_title_in_bold_and_its_quote_in_italics_as_it_stands(quote: str) -> None:
    body = finding_body(Finding("b", quote, "What it says.", Severity.MINOR, title="In short"))
    title, severity, said, *_ = rich_text(body)
    whole = f"In short · minor {' '.join(quote.split())} What it says."
    assert same_text(plain_text(rich_text(body)), whole)
    assert title["annotations"] == {"bold": True}
    assert "annotations" not in severity
    assert said["annotations"] == {"italic": True}


@pytest.mark.parametrize("severity", Severity)
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("- one\n- two", "• one\n• two"),
        ("# Head\nwords", "Head\n\nwords"),
        ("```\nx = 1\n```", "x = 1"),
        ("---\nwords", "---\n\nwords"),
        ("2. two", "2. two"),
        ("`code` is wrong", "code is wrong"),
        ("**Never** do this", "Never do this"),
        ("-1 is no list", "-1 is no list"),
    ],
)
def test_what_a_finding_says_is_read_as_it_was_meant(
    severity: Severity, text: str, told: str
) -> None:
    body = finding_body(Finding("b", "quote", text, severity, title="In short"))
    assert same_text(shown(body), f"In short · {severity.value} quote {told}")


def test_texts_are_the_same_in_any_spacing_and_composition_only() -> None:
    assert same_text("caf\u00e9  au\nlait ", "cafe\u0301 au lait")
    assert not same_text("a b", "ab")
    assert not same_text("A", "a")


def test_a_long_quote_is_cut_in_the_middle() -> None:
    body = finding_body(Finding("b", "start " + "word " * 100 + "end", "Text.", Severity.BLOCKING))
    told = shown(body)
    assert told.startswith("Text · blocking\nstart word")
    assert " … " in told
    assert told.endswith("end\nText.")


def test_a_comment_on_what_is_settled_begins_with_the_sign_and_what_settled_it() -> None:
    raised = Finding("b", "quote", "Text.", Severity.MINOR, title="No *way* @back")
    body, named = finding_body(raised), "“No *way* back”"
    addressed = settled_body(body, raised, FindingState.ADDRESSED, "“we undo it”")
    assert shown(addressed) == f"✓ Settled: {named} · “we undo it”\n\n{shown(body)}"
    withdrawn = settled_body(body, raised, FindingState.WITHDRAWN, "You are right.")
    assert shown(withdrawn).startswith(f"✓ Withdrawn: {named} · You are right.\n\n")
    wordless = settled_body(body, raised, FindingState.WITHDRAWN, Event.WITHDRAWN)
    assert shown(wordless).startswith(f"✓ Withdrawn: {named}\n\n")


@pytest.mark.parametrize("state", sorted(CLOSED))
def test_what_the_text_settled_is_offered_no_wording_any_more(state: FindingState) -> None:
    raised = Finding("b", "quote", "Text.", Severity.MINOR, title="T", instead="we *undo* it")
    body = finding_body(raised)
    assert shown(body).endswith("\nInstead: “we *undo* it”")
    settled = shown(settled_body(body, raised, state, "“we undo it”"))
    assert ("Instead: " in settled) == (state not in MENDED)
    assert ("the offered wording was taken: “we" in settled) == (state is FindingState.ADOPTED)


def test_a_mention_in_a_quote_calls_nobody() -> None:
    body = finding_body(Finding("b", "Ask @Ana Costa (a@b.example)", "Who?", Severity.MINOR))
    assert shown(body) == "Who? · minor\nAsk Ana Costa (a@b.example)\nWho?"
