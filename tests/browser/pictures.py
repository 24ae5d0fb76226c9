"""Make the pictures of README.md out of the demo; `make pictures` runs it.

Each picture holds the words that it shows, so that a test can tell whether they are still those of
the program.
"""

from __future__ import annotations

import re
import struct
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from support import browser
from support.places import ROOT


PICTURES = ROOT / "docs" / "pictures"
DOCUMENT = "Move shipment tracking"
BLOCK = "Carriers limit us"
QUESTION = "What becomes of carriers that cannot post events?"
# No model: the pictures are the same for everybody.
WITHOUT_KEYS = dict.fromkeys(("ANTHROPIC_API_KEY", "OPENAI_API_KEY"), "")
# Buttons are no part of a document as its readers see it.
READING = "header.top, .hint, .write, article details {display: none}"
# What differs from one demo to the next.
_OF_THE_DAY = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\dZ)?)?|number \d+ for commands")
_KEYWORD = b"Description\0\1\0\0\0"  # compressed, of no language
_END = 12  # bytes of a PNG's last chunk, which is empty


@contextmanager
def demo() -> Iterator[tuple[Any, str]]:
    """Serve the demo; gives a page of a browser that may see it, and where it is."""
    with (
        TemporaryDirectory() as folder,
        browser.program(Path(folder), "demo", "--serve", env=WITHOUT_KEYS) as address,
        browser.chromium() as chromium,
    ):
        page = chromium.new_page(color_scheme="light", bypass_csp=True)
        page.goto(address)
        yield page, address.partition("/enter")[0]


def scenes(page: Any, base: str) -> Iterator[tuple[str, str]]:
    """Bring the page to each picture; yields its name and the words that it shows."""
    page.set_viewport_size({"width": 760, "height": 980})
    page.goto(f"{base}/demo/notion")
    page.get_by_role("button", name="Sweep").click()
    page.get_by_role("link", name=DOCUMENT).click()
    block = page.locator(".block", has_text=BLOCK)
    block.locator(".write summary").click()
    block.get_by_label("Comment", exact=True).fill(QUESTION)
    block.get_by_role("button", name="Comment").click()
    page.get_by_role("button", name="Sweep").click()
    block.locator(".own").wait_for()
    page.add_style_tag(content=READING)
    page.evaluate("scrollTo(0, 0)")
    yield "document", _words(page)

    page.set_viewport_size({"width": 1200, "height": 1180})
    page.goto(f"{base}/documents")
    page.get_by_role("link", name=DOCUMENT).click()
    page.locator(".note").first.wait_for()
    yield "console", _words(page)


def _words(page: Any) -> str:
    page.wait_for_load_state()  # with its style
    return _OF_THE_DAY.sub("…", " ".join(page.locator("#main").inner_text().split()))


def make(folder: Path) -> None:
    """Write document.png and console.png into `folder`."""
    with demo() as (page, base):
        for name, words in scenes(page, base):
            picture = page.screenshot()
            chunk = b"iTXt" + _KEYWORD + zlib.compress(words.encode())
            size, sum_ = (struct.pack(">I", one) for one in (len(chunk) - 4, zlib.crc32(chunk)))
            end = len(picture) - _END
            made = picture[:end] + size + chunk + sum_ + picture[end:]
            (folder / f"{name}.png").write_bytes(made)


def words_of(picture: Path) -> str:
    """Return the words that a picture was made of."""
    _, _, rest = picture.read_bytes().partition(b"iTXt" + _KEYWORD)
    return zlib.decompressobj().decompress(rest).decode()


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURES)
