"""Markdown folders become databases in which no word is lost."""

from __future__ import annotations

import html
import re
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from daemon.sandbox import Sandbox, rich
from daemon.sandbox.documents import document
from daemon.sandbox.markdown import convert
from support.places import RFCS


def plain(block):
    held = block[block["type"]]
    return rich.plain(held.get("rich_text", held.get("caption", [])))


def outline(built):
    """Show blocks as (type, text, below)."""
    found = []
    for block in built:
        below = outline(block.get("children", ()))
        found.append((block["type"], plain(block), *([below] if below else [])))
    return found


def marks(built):
    """Show the runs of the first block as (text, marks, link)."""
    first = built[0]
    return [
        (
            item["text"]["content"],
            "".join(name[0] for name in item.get("annotations", {})),
            (item["text"].get("link") or {}).get("url"),
        )
        for item in first[first["type"]]["rich_text"]
    ]


def test_headings_of_all_levels():
    text = "# A\n\n## B\n\n### C\n\n#### D\n\n##### E\n\nF\n===\n"
    kinds = [(kind, said) for kind, said in outline(convert(text))]
    assert kinds == [
        ("heading_1", "A"),
        ("heading_2", "B"),
        ("heading_3", "C"),
        ("heading_4", "D"),
        ("heading_4", "E"),
        ("heading_1", "F"),
    ]


def test_lists_nest_and_keep_their_numbers():
    text = "- a\n  - b\n    - c\n\n3. x\n4. y\n   1. z\n"
    built = convert(text)
    assert outline(built) == [
        (
            "bulleted_list_item",
            "a",
            [("bulleted_list_item", "b", [("bulleted_list_item", "c")])],
        ),
        ("numbered_list_item", "x"),
        ("numbered_list_item", "y", [("numbered_list_item", "z")]),
    ]
    starts = [one["numbered_list_item"].get("list_start_index") for one in built[1:]]
    assert starts == [3, None]


def test_an_item_holds_what_stands_under_it():
    text = "- a\n\n  more of a\n\n  ```python\n  x = 1\n  ```\n\n- ```\n  only code\n  ```\n"
    first, second = convert(text)
    assert outline([first]) == [
        ("bulleted_list_item", "a", [("paragraph", "more of a"), ("code", "x = 1")])
    ]
    assert outline([second]) == [("bulleted_list_item", "", [("code", "only code")])]


def test_tasks_are_to_dos():
    built = convert("- [ ] open **bold**\n- [x] done\n  - [X] inner\n- [y] no task\n- []()\n")
    shown = [(one["type"], plain(one), one[one["type"]].get("checked")) for one in built]
    assert shown == [
        ("to_do", "open bold", False),
        ("to_do", "done", True),
        ("bulleted_list_item", "[y] no task", None),
        ("bulleted_list_item", "", None),
    ]
    assert built[1]["children"][0]["to_do"]["checked"] is True


def test_quotes_hold_what_stands_in_them():
    text = "> said\n>\n> - a\n>\n> > deeper\n"
    assert outline(convert(text)) == [
        ("quote", "said", [("bulleted_list_item", "a"), ("quote", "deeper")])
    ]


def test_a_quote_that_begins_with_a_list_has_no_text_of_its_own():
    assert outline(convert("> - a\n")) == [("quote", "", [("bulleted_list_item", "a")])]


@pytest.mark.parametrize(
    ("info", "language", "caption"),
    [
        ("python", "python", ""),
        ("py", "python", ""),
        ("rust,ignore", "rust", ""),
        ("{.sh}", "shell", ""),
        ("C++", "c++", ""),
        ("", "plain text", ""),
        ("text", "plain text", ""),
        ("cobol free", "plain text", "cobol free"),
    ],
)
def test_code_keeps_its_language(info, language, caption):
    (block,) = convert(f"```{info}\na < b *no*\n\n  c\n```\n")
    held = block["code"]
    assert rich.plain(held["rich_text"]) == "a < b *no*\n\n  c"
    assert (held["language"], rich.plain(held["caption"])) == (language, caption)


def test_indented_code_is_code():
    assert outline(convert("    x = 1\n")) == [("code", "x = 1")]


def test_tables_keep_their_cells_and_marks():
    (block,) = convert("| a | **b** |\n|---|---|\n| `c` | [d](https://e.f) |\n| g |\n")
    rows = [row["table_row"]["cells"] for row in block["children"]]
    assert [[rich.plain(cell) for cell in row] for row in rows] == [
        ["a", "b"],
        ["c", "d"],
        ["g", ""],
    ]
    assert block["table"]["table_width"] == 2
    assert rows[1][1][0]["text"]["link"] == {"url": "https://e.f"}


def test_an_image_alone_is_a_block_and_one_amid_text_a_link():
    alone, amid = convert('![A plan](https://a.b/c.png "of ours")\n\nsee ![it](d.png) there\n')
    assert alone["image"]["external"] == {"url": "https://a.b/c.png"}
    assert plain(alone) == "A plan of ours"
    assert marks([amid]) == [("see ", "", None), ("it", "", "d.png"), (" there", "", None)]


def test_a_line_is_a_divider():
    assert outline(convert("a\n\n---\n\nb\n")) == [
        ("paragraph", "a"),
        ("divider", ""),
        ("paragraph", "b"),
    ]


def test_inline_marks_nest():
    text = "a **b *c* ~~d~~** `e*f*` [g **h**](https://i.j 'title') k\nl\\\nm"
    assert marks(convert(text)) == [
        ("a ", "", None),
        ("b ", "b", None),
        ("c", "bi", None),
        (" ", "b", None),
        ("d", "bs", None),
        (" ", "", None),
        ("e*f*", "c", None),
        (" ", "", None),
        ("g ", "", "https://i.j"),
        ("h", "b", "https://i.j"),
        (" (title) k l\nm", "", None),
    ]


def test_html_is_kept_as_it_is_written():
    text = (
        "<details>\n<summary>More</summary>\n</details>\n\nan <b>inline</b> one\n\n<!-- note -->\n"
    )
    assert outline(convert(text)) == [
        ("paragraph", "<details>\n<summary>More</summary>\n</details>"),
        ("paragraph", "an <b>inline</b> one"),
        ("paragraph", "<!-- note -->"),
    ]


def test_link_definitions_are_used_or_kept():
    text = (
        "[a][x]\n\n[x]: https://x.y\n[unused]: https://u.v 'with a title'\n[x]: https://twice.z\n"
    )
    assert outline(convert(text)) == [
        ("paragraph", "a"),
        ("paragraph", "[unused]: https://u.v with a title"),
        ("paragraph", "[x]: https://twice.z"),
    ]


def test_long_text_becomes_several_items_and_then_several_blocks():
    word = "word " * 50_000
    built = convert(word)
    items = [block["paragraph"]["rich_text"] for block in built]
    assert [len(part) for part in items] == [100, 25]
    assert max(rich.units(item["text"]["content"]) for part in items for item in part) == 2000
    assert "".join(rich.plain(part) for part in items).split() == word.split()


@pytest.mark.parametrize("mark", ["> ", "- "])
def test_deep_nesting_loses_nothing(mark):
    built = convert(f"{mark * 60}deep down\n")
    assert "deep down" in list(_strings(built))


def test_long_code_becomes_several_blocks():
    line = "x = '🙂'\n" * 40_000
    built = convert(f"```python\n{line}```\n")
    assert len(built) == 2
    assert {block["code"]["language"] for block in built} == {"python"}
    assert "".join(plain(block) for block in built) + "\n" == line


def test_many_marks_in_one_paragraph_are_spread_over_blocks():
    built = convert("**b** c " * 120)
    assert [len(one["paragraph"]["rich_text"]) for one in built] == [100, 100, 40]
    item = convert("- " + "**b** c " * 60)
    assert [one["type"] for one in item[0]["children"]] == ["paragraph"]


@given(st.text(alphabet="ab #*_`[]()<>!|-+1.\n\\~&:\"'{}"))
def test_no_document_breaks_the_import_and_no_letter_is_lost(text):
    assume("]:" not in text)
    assume("][" not in text)
    served = Counter("".join(_strings(convert(text))))
    assert all(served[letter] >= text.count(letter) for letter in "ab")


def _strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _strings(inner)


@pytest.mark.parametrize(
    ("text", "title", "first"),
    [
        ("# The title\n\ntext", "The title", "text"),
        ("---\ntitle: From above\n---\n# Heading\n", "From above", "Heading"),
        ("text\n\n# Later heading\n", "Later heading", "text"),
        ("text\n\n# Motivation\n\n# Design\n", "file-name", "text"),
        ("# Summary\n\ntext", "file-name", "Summary"),
        ("## Second level\n", "file-name", "Second level"),
        ("\ufeff# With a mark\n\ntext".removeprefix("\ufeff"), "With a mark", "text"),
    ],
)
def test_a_title_is_the_front_matters_or_the_opening_heading_or_the_files_name(text, title, first):
    found = document(text, "file-name")
    assert rich.plain(found.title) == title
    assert plain(found.blocks[0]) == first


@pytest.mark.parametrize(
    "text",
    [
        "---\nno mapping\n---\ntext",
        "---\na: [\n---\ntext",
        "---\nstarted: 2026-00-00\n---\ntext",
        "---\ntext",
    ],
)
def test_what_is_no_front_matter_stays_text(text):
    found = document(text, "x")
    assert found.front == {}
    assert "text" in " ".join(_strings(found.blocks))


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "a.md").write_text(
        "---\nstatus: Accepted\nowner: [Ana Costa, Ben Okafor]\npriority: 2\nlink: https://a.b\n"
        "due: 2026-12-01\nurgent: true\ntags: [x, y]\nnote: {deep: [1, two]}\nmixed: 3\n"
        "Name: not the title\n"
        "none:\n---\n"
        "# First\n\nText.\n"
    )
    (tmp_path / "b.md").write_text("---\nmixed: three\n---\n# Second\n\nMore.\n", "utf-8-sig")
    (tmp_path / "ignored.txt").write_text("no")
    return tmp_path


def test_a_folder_becomes_a_database_of_its_files(folder, api_of):
    box = Sandbox.importing(folder)
    api = api_of(box)
    (database,) = box.world.state.databases.values()
    assert database.title == "Documents"
    rows = api.post(f"data_sources/{database.source_id}/query")["results"]
    first, second = sorted(
        rows, key=lambda row: row["properties"]["Title"]["title"][0]["plain_text"]
    )
    values = {name: told[told["type"]] for name, told in first["properties"].items()}
    assert values["Title"][0]["plain_text"] == "First"
    assert values["Name"][0]["plain_text"] == "not the title"
    assert values["Status"]["name"] == "Accepted"
    assert [one["name"] for one in values["Owner"]] == ["Ana Costa", "Ben Okafor"]
    assert (values["priority"], values["link"], values["urgent"]) == (2, "https://a.b", True)
    assert values["due"]["start"] == "2026-12-01"
    assert [one["name"] for one in values["tags"]] == ["x", "y"]
    assert values["note"][0]["plain_text"] == "{deep: [1, two]}"
    assert values["mixed"][0]["plain_text"] == "3"
    assert second["properties"]["Status"]["status"]["name"] == "In review"
    assert second["properties"]["mixed"]["rich_text"][0]["plain_text"] == "three"
    assert box.prompt.name == "RFC reviewer"


def test_imported_pages_are_an_hour_old(folder):
    now = datetime(2031, 3, 4, 10, 30, tzinfo=UTC)
    box = Sandbox.importing(folder, lambda: now)
    pages = [page for page in box.world.state.pages.values() if page.values]
    assert {page.edited for page in pages} == {now - timedelta(hours=1)}
    blocks = [block for block in box.world.state.blocks.values() if block.page_id == pages[0].id]
    assert {block.edited for block in blocks} == {now - timedelta(hours=1)}


def test_front_matter_may_use_any_name(tmp_path):
    keys = ["by", "at", "edited", "blocks", "place", "self", "properties", "Status", "Owner"]
    front = "".join(f"{key}: word\n" for key in keys)
    (tmp_path / "a.md").write_text(f"---\n{front}---\ntext")
    box = Sandbox.importing(tmp_path)
    (page,) = [page for page in box.world.state.pages.values() if page.values]
    assert set(page.values) == set(keys)


def test_a_folder_without_markdown_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no \*\.md files"):
        Sandbox.importing(tmp_path)


DEFINITION = re.compile(
    r"^ {0,3}\[(?!\^)[^\]]+\]:[ \t]*\S+.*$|^ {0,3}\[\^?[^\]\s]+\]: *\S+ *$", re.MULTILINE
)


def words(text):
    return Counter(re.findall(r"[^\W_]+", text.lower()))


def written(text):
    """Give a document's words: without fences' own lines, list numbers and labels of links."""
    bare = DEFINITION.sub("", html.unescape(text))
    bare = re.sub(r"\]\[[^\]]*\]", "]", bare)
    bare = re.sub(r"^([ >]*(?:[-*+] )?)\d+[.)] ", r"\1", bare, flags=re.MULTILINE)
    return words(re.sub(r"^\s*(```+|~~~+).*$", "", bare, flags=re.MULTILINE))


def served(api, page):
    """Give every word that the API shows of a page: texts and addresses."""
    found = words(" ".join(_strings(api.get(f"pages/{page}")["properties"])))

    def go_down(holder):
        cursor = {}
        while True:
            rows = api.get(f"blocks/{holder}/children", **cursor)
            for row in rows["results"]:
                found.update(words(" ".join(_shown(row[row["type"]]))))
                if row["has_children"]:
                    go_down(row["id"])
            if not rows["has_more"]:
                return
            cursor = {"start_cursor": rows["next_cursor"]}

    go_down(page)
    return found


def _shown(content):
    """Walk what a reader of a block gets: plain text once, addresses, the rest."""
    if isinstance(content, dict):
        if "plain_text" in content:
            yield content["plain_text"]
            yield content["href"] or ""
        else:
            for inner in content.values():
                yield from _shown(inner)
    elif isinstance(content, list):
        for inner in content:
            yield from _shown(inner)
    elif isinstance(content, str):
        yield content


@pytest.mark.skipif(not RFCS.exists(), reason="no folder of real documents")
def test_every_word_of_real_documents_arrives(api_of):
    box = Sandbox.importing(RFCS)
    api = api_of(box)
    files = sorted(RFCS.glob("*.md"))
    pages = [page for page in box.world.state.pages.values() if page.values]
    assert len(pages) == len(files)
    lost = {}
    for file, page in zip(files, pages, strict=True):
        missing = written(file.read_text()) - served(api, page.id)
        if missing:
            lost[file.name] = missing
    assert lost == {}


@contextmanager
def started(*options):
    """Run the command; gives what it said, by name."""
    running = subprocess.Popen(
        [sys.executable, "-m", "daemon.sandbox", "--port", "0", *options],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        said = {}
        while "PROMPT_URL" not in said:
            name, _, value = running.stdout.readline().strip().partition("=")
            said[name] = value
        yield said
    finally:
        running.terminate()
        running.stdout.close()
        running.wait(10)


def test_the_command_says_where_everything_is_and_ends_when_told(folder):
    with started("--import", str(folder)) as said:
        assert said["NOTION_BASE_URL"].startswith("http://127.0.0.1:")
        assert re.fullmatch(r"https://app\.notion\.com/p/[0-9a-f]{32}", said["DATABASE_URL"])
        assert re.fullmatch(r"https://app\.notion\.com/p/RFC-reviewer-\w{32}", said["PROMPT_URL"])
        assert said["NOTION_TOKEN"]
        assert "# Stop it with Ctrl-C; it keeps nothing." in said


def test_a_second_run_has_the_same_pages_and_makes_new_ids():
    def run():
        with started() as said:
            told = {"title": "New", "place": None}
            url = f"{said['NOTION_BASE_URL']}/_sandbox/page"
            made = httpx.post(url, json=told, timeout=10).json()["result"]
            return said["DATABASE_URL"], said["PROMPT_URL"], said["NOTION_TOKEN"], made

    (*first, new), (*second, newer) = run(), run()
    assert first == second
    assert new != newer


def test_the_command_says_that_a_port_is_taken():
    with Sandbox().serve() as url:
        port = url.rsplit(":", 1)[1]
        done = subprocess.run(
            [sys.executable, "-m", "daemon.sandbox", "--port", port],
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    said = f"Error: port {port}: Address already in use; choose another with --port, 0 for any"
    assert done.stderr.splitlines() == [said]


def test_the_command_refuses_a_folder_without_markdown(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "daemon.sandbox", "--import", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.splitlines() == [f"Error: {tmp_path}: no *.md files in this folder"]
