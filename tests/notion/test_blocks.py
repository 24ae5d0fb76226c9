"""Every type of block, as a reader sees it."""

from __future__ import annotations

import pytest

from daemon.domain.errors import Incomplete
from daemon.notion.blocks import numbers, read_block
from support.notion_objects import Pages, equation, text


HOSTED = "https://prod-files-secure.s3.amazonaws.com/a/b/data%20flow.png?X-Amz-Signature=abc123"
EXTERNAL = {"type": "external", "external": {"url": "https://a.b/c.png"}}


def raw(kind, words=None, *, has_children=False, **more):
    return Pages().build(kind, words, **more) | {"has_children": has_children}


def hosted(*caption, **more):
    file = {"url": HOSTED, "expiry_time": "2026-11-20T13:00:00.000Z"}
    return {"type": "file", "file": file, "caption": list(caption), **more}


CASES = [
    (raw("paragraph", "Words"), "Words", "Words"),
    (
        raw("paragraph", "Tab label", icon={"type": "emoji", "emoji": "🚀"}),
        "🚀 Tab label",
        "Tab label",
    ),
    (raw("paragraph", ""), "", ""),
    (raw("paragraph", "  "), "", ""),
    (raw("heading_1", "Top"), "# Top", "Top"),
    (raw("heading_2", "Second"), "## Second", "Second"),
    (raw("heading_3", "Third", is_toggleable=True), "### Third", "Third"),
    (raw("heading_4", "Fourth"), "#### Fourth", "Fourth"),
    (raw("heading_1", ""), "", ""),
    (raw("bulleted_list_item", "Point"), "- Point", "Point"),
    (raw("bulleted_list_item", ""), "", ""),
    (raw("bulleted_list_item", "", has_children=True), "-", ""),
    (raw("numbered_list_item", "First"), "7. First", "First"),
    (raw("numbered_list_item", "First", list_format="letters"), "g. First", "First"),
    (raw("numbered_list_item", "First", list_format="roman"), "vii. First", "First"),
    (raw("to_do", "Open", checked=False), "[ ] Open", "Open"),
    (raw("to_do", "Done", checked=True), "[x] Done", "Done"),
    (raw("to_do", "", checked=False), "[ ]", ""),
    (raw("quote", "Said\n\nTwice"), "> Said\n>\n> Twice", "Said\n\nTwice"),
    (raw("toggle", "More"), "+ More", "More"),
    (raw("callout", "Mind", icon={"type": "emoji", "emoji": "💡"}), "💡 Mind", "Mind"),
    (
        raw("callout", "Mind", icon={"type": "custom_emoji", "custom_emoji": {"name": "owl"}}),
        ":owl: Mind",
        "Mind",
    ),
    (raw("callout", "Mind", icon={"type": "file", "file": {"url": HOSTED}}), "Mind", "Mind"),
    (raw("callout", "Mind", icon=None), "Mind", "Mind"),
    (raw("template", "Add a row"), "[template button: Add a row]", "template button: Add a row"),
    (raw("code", "x = 1", language="python"), "```python\nx = 1\n```", "x = 1"),
    (raw("code", "a\n```\nb", language="plain text"), "````\na\n```\nb\n````", "a\n```\nb"),
    (
        raw("code", "*x* _y_", language="c", caption=[text("Why", bold=True)]),
        "```c\n*x* _y_\n```\n**Why**",
        "*x* _y_\nWhy",
    ),
    (raw("code", "", language="c"), "", ""),
    (raw("equation", expression="e = m c^2"), "$$e = m c^2$$", "e = m c^2"),
    (raw("equation", expression=""), "", ""),
    (
        raw("table_row", cells=[[text("a|b", bold=True)], [text("c\nd")], []]),
        "| **a\\|b** | c<br>d |  |",
        "a|b | c\nd | ",
    ),
    (raw("image", **hosted()), "[image: data flow.png]", "image: data flow.png"),
    (
        raw("image", **hosted(text("The "), text("flow", bold=True))),
        "[image: The **flow** (data flow.png)]",
        "image: The flow (data flow.png)",
    ),
    (
        raw("image", **EXTERNAL, caption=[text("Flow")]),
        "[image: Flow] <https://a.b/c.png>",
        "image: Flow https://a.b/c.png",
    ),
    (raw("video", **EXTERNAL), "[video] <https://a.b/c.png>", "video https://a.b/c.png"),
    (raw("audio", **hosted()), "[audio: data flow.png]", "audio: data flow.png"),
    (raw("pdf", **hosted()), "[pdf: data flow.png]", "pdf: data flow.png"),
    (raw("file", **hosted(name="Plan.docx")), "[file: Plan.docx]", "file: Plan.docx"),
    (raw("file", type="file_upload", file_upload={"id": "u"}), "[file]", "file"),
    (raw("embed", url="https://a.b/x y"), "[embed] <https://a.b/x%20y>", "embed https://a.b/x%20y"),
    (
        raw("bookmark", url="https://a.b", caption=[text("Read")]),
        "[bookmark: Read] <https://a.b>",
        "bookmark: Read https://a.b",
    ),
    (raw("bookmark", url="data:image/png;base64,AAAA"), "[bookmark]", "bookmark"),
    (raw("bookmark", url="https://a.b/" + "x" * 2000), "[bookmark]", "bookmark"),
    (
        raw("link_preview", url="https://a.b"),
        "[link preview] <https://a.b>",
        "link preview https://a.b",
    ),
    (raw("child_page", title="Sub\n*page*"), "[page: Sub \\*page\\*]", "page: Sub *page*"),
    (raw("child_database", title="Tasks"), "[database: Tasks]", "database: Tasks"),
    (raw("child_page", title=""), "[page]", "page"),
    (
        raw("link_to_page", type="page_id", page_id="1f2e"),
        "[link to another page]",
        "link to another page",
    ),
    (
        raw("link_to_page", type="database_id", database_id="1f2e"),
        "[link to another database]",
        "link to another database",
    ),
    (raw("meeting_notes", title=[text("Sync")]), "[meeting notes: Sync]", "meeting notes: Sync"),
    (raw("transcription", title=[text("Sync")]), "[meeting notes: Sync]", "meeting notes: Sync"),
    (raw("synced_block", synced_from=None), "", ""),
    (raw("table", table_width=2), "", ""),
    (raw("column_list"), "", ""),
    (raw("column", width_ratio=0.5), "", ""),
    (raw("tab"), "", ""),
    (raw("divider"), "", ""),
    (raw("breadcrumb"), "", ""),
    (raw("table_of_contents", color="gray"), "", ""),
    (
        raw("unsupported", block_type="form"),
        "[unsupported block: form]",
        "unsupported block: form",
    ),
    (raw("unsupported"), "[unsupported block]", "unsupported block"),
    (
        raw("hologram", "Seen", caption=[text("from afar", italic=True)], title="Ghost"),
        "[unsupported block: hologram] Seen *from afar* Ghost",
        "unsupported block: hologram Seen from afar Ghost",
    ),
    (
        raw("hologram", title={"odd": 1}, cells=[3]),
        "[unsupported block: hologram]",
        "unsupported block: hologram",
    ),
]


@pytest.mark.parametrize(
    ("given", "line", "plain"),
    CASES,
    ids=[f"{case[0]['type']}-{at}" for at, case in enumerate(CASES)],
)
def test_a5_every_type_says_what_a_reader_reads(given, line, plain):
    found = read_block(given, 3, 7)
    assert (given["id"], given["type"], 3) == (found.id, found.type, found.depth)
    assert (line, plain) == (found.line, found.plain)


def test_only_blocks_that_take_comments_are_commentable():
    found = [read_block(case[0], 0) for case in CASES]
    closed = {one.type for one in found if not one.commentable}
    assert closed.isdisjoint(one.type for one in found if one.commentable)
    assert closed == {
        "breadcrumb",
        "child_database",
        "child_page",
        "column",
        "column_list",
        "divider",
        "hologram",
        "tab",
        "table_of_contents",
        "unsupported",
    }


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("# no heading", "\\# no heading"),
        ("- no item", "\\- no item"),
        ("+ no toggle", "\\+ no toggle"),
        ("> no quote", "\\> no quote"),
        ("[x] not done", "\\[x] not done"),
        ("| no | row |", "\\| no | row |"),
        ("12. not the twelfth", "12\\. not the twelfth"),
        ("3) no", "3\\) no"),
        ("#tag and -1 and [x]y", "#tag and -1 and [x]y"),
        ("2026. It began", "2026\\. It began"),
        ("1.5 times", "1.5 times"),
    ],
)
def test_a_paragraph_does_not_look_like_another_type(words, line):
    assert line == read_block(raw("paragraph", words), 0).line


def test_an_equation_in_a_heading_keeps_its_dollar_signs_for_quotes():
    heading = raw("heading_2") | {"heading_2": {"rich_text": [text("On "), equation("O(n)")]}}
    found = read_block(heading, 0)
    assert (found.line, found.plain) == ("## On $O(n)$", "On $O(n)$")


def item(**more):
    return raw("numbered_list_item", "x", **more)


@pytest.mark.parametrize(
    ("siblings", "expected"),
    [
        ([item(), item(), item()], [1, 2, 3]),
        ([item(), raw("paragraph", "x"), item(), item()], [1, None, 1, 2]),
        ([item(list_start_index=5), item(), item()], [5, 6, 7]),
        ([item(list_start_index=5), item(list_start_index=5)], [5, 6]),
        ([item(list_start_index=5), item(list_start_index=6)], [5, 6]),
        ([item(), item(list_start_index=9), item()], [1, 9, 10]),
        ([item(list_start_index=0), item(list_start_index=0)], [0, 1]),
        (
            [item(list_start_index=5), raw("divider"), item(), item(list_start_index=5)],
            [5, None, 1, 5],
        ),
        ([raw("divider")], [None]),
        ([], []),
    ],
)
def test_a5_numbered_items_carry_their_real_number(siblings, expected):
    assert expected == numbers(siblings)


@pytest.mark.parametrize(
    ("number", "form", "mark"),
    [
        (1, "letters", "a."),
        (26, "letters", "z."),
        (27, "letters", "aa."),
        (4, "roman", "iv."),
        (49, "roman", "xlix."),
        (1999, "roman", "mcmxcix."),
        (4000, "roman", "4000."),
        (-1, "letters", "-1."),
        (0, "roman", "0."),
        (0, "letters", "0."),
        (12, "numbers", "12."),
        (12, "runes", "12."),
    ],
)
def test_letters_and_roman_numbers_are_honoured(number, form, mark):
    assert f"{mark} x" == read_block(item(list_format=form), 0, number).line


@pytest.mark.parametrize(
    "given",
    [
        None,
        "block",
        {"object": "block", "id": 1},
        {"id": "1"},
        {"object": "block", "type": "paragraph", "paragraph": {"rich_text": []}},
        {"object": "block", "id": "1", "type": "paragraph"},
        {"object": "block", "id": "1", "type": "paragraph", "paragraph": None},
        raw("paragraph"),
        raw("code", language="c"),
        raw("to_do", checked=True),
        raw("table_row"),
    ],
)
def test_a_block_with_a_hole_is_an_error(given):
    with pytest.raises(Incomplete):
        read_block(given, 0)


@pytest.mark.parametrize("given", [case[0] for case in CASES if HOSTED in str(case[0])])
def test_a_signed_address_is_never_shown(given):
    assert "X-Amz" not in str(read_block(given, 0))
