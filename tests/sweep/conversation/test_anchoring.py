"""Where the findings of a page stand now."""

from __future__ import annotations

import pytest

from daemon.domain.change import FIRST, Reviewed
from daemon.domain.findings import FindingState
from daemon.domain.records import FindingRow
from daemon.sweep.conversation import anchoring
from support.review_values import NOW, block, finding, snapshot


WORDS = "We call slice::from_raw in a loop."
OTHER = "Nobody is named as the owner of what that returns."


@pytest.mark.parametrize(
    ("made_on", "then", "now", "on"),
    [
        pytest.param("a", {"a": WORDS}, {"n": f"{OTHER} {WORDS}"}, "n", id="came anew"),
        pytest.param("a", {"a": WORDS, "b": OTHER}, {"b": f"{OTHER} {WORDS}"}, "b", id="came in"),
        pytest.param("a", {"a": WORDS}, {"n": WORDS}, "n", id="its block was pasted"),
        pytest.param("a2", {"a": WORDS}, {"a3": WORDS}, "a3", id="its block was pasted twice"),
        pytest.param("a", {"a": OTHER, "b": WORDS}, {"b": WORDS}, "a", id="stood there"),
        pytest.param(
            "a", {"a": OTHER, "b": WORDS}, {"b": f"{WORDS} Or not."}, "a", id="stood there, changed"
        ),
        pytest.param("a", {"a": OTHER, "b": WORDS}, {"n": WORDS}, "a", id="another was pasted"),
        pytest.param(
            "a", {"a": WORDS}, {"n": f"{OTHER} {WORDS}", "m": f"No. {OTHER} {WORDS}"}, "a", id="two"
        ),
        pytest.param("a", {"a": WORDS}, {"n": "slice::from_raw_parts"}, "a", id="a longer word"),
    ],
)
def test_a_finding_goes_with_its_words_into_the_only_block_into_which_they_came(
    monkeypatch: pytest.MonkeyPatch,
    made_on: str,
    then: dict[str, str],
    now: dict[str, str],
    on: str,
) -> None:
    was, reads = (snapshot(block(key, text) for key, text in one.items()) for one in (then, now))
    monkeypatch.setattr(anchoring, "read_by", lambda *_: Reviewed.of(was))
    row = FindingRow(1, finding(made_on, "slice::from_raw"), FindingState.OPEN, "T", NOW, 1)
    [found] = anchoring.anchored(None, [row], FIRST, reads)
    assert found.finding.block_id == on
