"""The pictures of README.md are of this version."""

from __future__ import annotations

import pytest

from browser.pictures import PICTURES, demo, scenes, words_of
from support.browser import CHROMIUM


@pytest.mark.real
@pytest.mark.skipif(not CHROMIUM.exists(), reason=f"there is no browser at {CHROMIUM}")
def test_the_pictures_say_what_the_demo_says_now():
    """Where this fails, `make pictures` makes them anew; then look at them."""
    with demo() as (page, base):
        for name, words in scenes(page, base):
            assert words == words_of(PICTURES / f"{name}.png"), name
