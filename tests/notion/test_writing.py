from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.domain import Finding, Severity
from daemon.notion.writing import CUT, finding_body, plain_text, rich_text, same_text


WORDS = st.text(st.sampled_from("ab é🙂👩\u200d👧🏽\u0301日 "), min_size=1, max_size=6_000)

PRINTED = st.characters(exclude_categories=["Cc", "Cs"])


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


def test_what_no_comment_can_hold_is_cut_and_says_so() -> None:
    items = rich_text("word " * 60_000)
    assert len(items) == 100
    assert plain_text(items).endswith(CUT)
    assert all(units(item["text"]["content"]) <= 2_000 for item in items)


def test_lists_headings_quotes_and_code_read_well_as_plain_lines() -> None:
    markdown = (
        "# Head\nText\n\n- a\n- b\n  1. c\n  2. d\n\n> quote\n\n```py\nx = 1\n```\n\n---\nend"
    )
    assert shown(markdown) == (
        "Head\n\nText\n\n• a\n• b\n   1. c\n   2. d\n\n> quote\n\nx = 1\n\n---\n\nend"
    )


def test_marks_and_links_become_rich_text_and_equal_neighbours_are_one_item() -> None:
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
    "address", ["javascript:alert(1)", "mailto:a@b.example", "/page", "https://" + "x" * 2_000]
)
def test_only_web_addresses_of_a_length_that_notion_takes_are_links(address: str) -> None:
    items = rich_text(f"[text](<{address}>)")
    assert all("link" not in item["text"] for item in items)


@given(st.text(PRINTED, min_size=1, max_size=190).filter(lambda text: text.strip()))
def test_a_quote_opens_its_comment_in_italics_as_it_stands(quote: str) -> None:
    body = finding_body(Finding("b", quote, "What it says.", Severity.MINOR))
    first, *_ = rich_text(body)
    assert same_text(plain_text(rich_text(body)), f"{' '.join(quote.split())} What it says.")
    assert first["annotations"] == {"italic": True}


def test_a_blocking_finding_says_so_and_a_long_quote_is_cut_in_the_middle() -> None:
    body = finding_body(Finding("b", "start " + "word " * 100 + "end", "Text.", Severity.BLOCKING))
    told = shown(body)
    assert told.startswith("start word")
    assert " … " in told
    assert told.endswith("end\nBlocking. Text.")
