"""The documents: links lead somewhere, and everything that has a name is named."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from bench import month
from daemon.cli.main import cli
from daemon.config.reference import keys
from daemon.domain.events import Alert
from support.places import ROOT, TESTS


DOCUMENTS = sorted(
    [ROOT / "README.md", ROOT / "CHANGELOG.md", TESTS / "README.md", *(ROOT / "docs").glob("*.md")]
)
HANDBOOK = (ROOT / "docs/handbook.md").read_text("utf-8")
_CODE = re.compile(r"(?ms)^```.*?^```$|^    .*?$")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_PATH = re.compile(r"`((?:daemon|tests|docs|systemd)/[\w./@-]+)`")
_TEST_CODES = re.compile(r"(?m)^\s*(?:async )?def test_((?:[acdfghins]\d+_)+)")


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def prose(path: Path) -> str:
    return _CODE.sub("", path.read_text("utf-8"))


def anchors(path: Path) -> set[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"(?m)^#+ (.+)$", prose(path))
    return {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_link_leads_to_a_file_and_a_heading(document: Path) -> None:
    for link in _LINK.findall(prose(document)):
        if link.startswith("https://"):
            continue
        path, _, anchor = unquote(link).partition("#")
        target = (document.parent / path).resolve() if path else document
        assert target.is_file(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_path_that_is_named_exists(document: Path) -> None:
    for path in _PATH.findall(document.read_text("utf-8")):
        assert (ROOT / path).exists(), path


def test_every_document_is_linked_from_the_front_page() -> None:
    front = ROOT / "README.md"
    linked = {(ROOT / link.partition("#")[0]).resolve() for link in _LINK.findall(prose(front))}
    assert set(DOCUMENTS) - {front} <= linked


def test_the_front_page_is_short() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= 150


def test_the_pictures_are_of_moderate_size() -> None:
    pictures = list((ROOT / "docs/pictures").glob("*.png"))
    assert {one.name for one in pictures} == {"console.png", "document.png"}
    for one in pictures:
        assert one.stat().st_size < 250_000, one.name


@pytest.mark.parametrize("command", cli.commands)
def test_the_handbook_names_every_command(command: str) -> None:
    assert f"notion-review {command}" in HANDBOOK


def test_every_config_key_is_explained_in_one_document() -> None:
    text = (ROOT / "docs/configuration.md").read_text("utf-8")
    for key in keys():
        assert text.count(f"| `{key.name}` |") == 1, key.name


def test_the_handbook_names_every_alert() -> None:
    rows = set(re.findall(r"(?m)^\| `([a-z ]+)` \|", section(HANDBOOK, "Alerts")))
    assert rows == set(Alert)


def section(text: str, heading: str) -> str:
    return re.search(rf"(?ms)^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text)[1]


def test_every_code_in_the_name_of_a_test_has_a_key() -> None:
    explained = re.findall(r"(?m)^\| ([A-Z]\d+) \|", (TESTS / "README.md").read_text("utf-8"))
    used = set()
    for path in TESTS.rglob("test_*.py"):
        for codes in _TEST_CODES.findall(path.read_text("utf-8")):
            used |= set(codes.upper().strip("_").split("_"))
    assert len(explained) == len(set(explained))
    assert used == set(explained)


def test_the_cost_of_a_month_is_what_the_price_list_says() -> None:
    assert "\n".join(month.table()) in (ROOT / "docs/measured.md").read_text("utf-8")
    front = (ROOT / "README.md").read_text("utf-8")
    for model, _, dollars in (row.strip("| ").split(" | ") for row in list(month.table())[2:]):
        assert f"| {model} | {dollars.removeprefix('$')} |" in front


def test_the_number_of_locked_packages_is_the_one_that_is_told() -> None:
    locked = re.findall(r"(?m)^[\w.-]+==", (ROOT / "requirements.lock").read_text("utf-8"))
    assert f"{len(locked)} packages are locked" in (ROOT / "docs/measured.md").read_text("utf-8")


def test_no_document_holds_the_mark_of_a_merge() -> None:
    marks = re.compile(r"(?m)^(?:<{7}|>{7}) ")
    assert [named(one) for one in DOCUMENTS if marks.search(one.read_text("utf-8"))] == []
