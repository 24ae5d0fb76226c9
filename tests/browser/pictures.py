"""Make the pictures of README.md out of the demo; `make pictures` runs it."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

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


def make(folder: Path) -> None:
    """Write document.png and console.png into `folder`."""
    with (
        TemporaryDirectory() as demo,
        browser.program(Path(demo), "demo", "--serve", env=WITHOUT_KEYS) as address,
        browser.chromium() as chromium,
    ):
        page = chromium.new_page(
            viewport={"width": 760, "height": 980}, color_scheme="light", bypass_csp=True
        )
        page.goto(address)
        page.goto(address.partition("/enter")[0] + "/demo/notion")
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
        page.screenshot(path=folder / "document.png")

        page.set_viewport_size({"width": 1200, "height": 1180})
        page.goto(address.partition("/enter")[0] + "/documents")
        page.get_by_role("link", name=DOCUMENT).click()
        page.locator(".note").first.wait_for()
        page.screenshot(path=folder / "console.png")


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURES)
