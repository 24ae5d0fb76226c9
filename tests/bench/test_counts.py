"""What the benchmark counts, held to its targets: requests and tokens, and never the time."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from statistics import fmean

import pytest

from bench import reading, scale, tokens, watching, work
from bench.benchlab import LATENCY
from daemon.review import quotes
from daemon.sandbox import Sandbox
from support import virtual_time
from support.rows import some


def test_a_first_review_takes_a_request_for_each_block_four_more_and_its_posts(
    tmp_path: Path,
) -> None:
    page = virtual_time.run(reading.one_page(tmp_path))
    assert page.first_posts == reading.THREADS + 2  # the replies, a finding, the summary
    assert page.first <= reading.BLOCKS + 4 + page.first_posts
    # In virtual time, so the same on every machine.
    assert page.first_seconds <= page.first * LATENCY / 3
    assert page.again * 4 <= page.first
    assert page.nothing == 1


@pytest.mark.real
def test_a_backlog_uses_the_window_is_never_refused_and_reads_while_models_think(
    tmp_path: Path,
) -> None:
    found = virtual_time.run(reading.backlog(tmp_path, pages=25, blocks=30, think_seconds=20.0))
    assert found.refused == 0
    assert found.used >= 0.95
    assert found.overlapped > 0.5


FIVE_MINUTES = timedelta(minutes=5)


WORKSPACES = {
    "hourly": watching.Workspace(10, 6, 4),
    "every 5 minutes": watching.Workspace(5, 8, 4, every=FIVE_MINUTES),
}


@pytest.mark.parametrize("at", some(WORKSPACES, quick=["hourly"]))
def test_watching_waits_and_takes_what_the_formula_says(at: watching.Workspace) -> None:
    _is_as_computed(watching.watch(at))


def _is_as_computed(found: watching.Watched) -> None:
    """Compare a week with the formula of docs/how-it-decides.md, "How comments are watched"."""
    assert found.a_day == pytest.approx(found.computed_a_day, rel=0.2)
    assert fmean(found.waits) == pytest.approx(found.computed, rel=0.25)


def test_on_a_large_workspace_most_answers_are_found_in_the_next_sweep_for_half() -> None:
    """Five times as many known places as a sweep has requests; the rest of the half is for others.

    Where events come, the same people are heard by these, and watching takes a twentieth.
    """
    at = watching.Workspace(200, 5, 4)
    found, told = watching.watch(at), watching.watch(replace(at, told=True))
    _is_as_computed(found)
    assert found.share(0.5) < 1.2
    assert found.share(0.95) < 6
    assert max(found.others) <= 24
    assert found.a_day <= watching.TODAY / 2
    assert found.most <= at.budget
    assert told.a_day <= found.a_day / 20


def test_on_a_small_workspace_every_answer_is_found_in_the_next_sweep_for_a_quarter() -> None:
    at = watching.Workspace(20, 1, 12)
    for seed in range(3):
        found, told = watching.watch(at, seed), watching.watch(replace(at, told=True), seed)
        assert max(found.waits) <= 1
        assert max(found.others) <= 24
        assert found.a_day <= watching.TODAY / 4
        assert told.a_day <= found.a_day / 20


@pytest.mark.real
def test_what_one_connection_keeps_reviewed_a_day_is_what_is_played(tmp_path: Path) -> None:
    (tmp_path / "counted").mkdir()
    (tmp_path / "played").mkdir()
    counted = virtual_time.run(scale.requests(tmp_path / "counted", 30))
    assert counted.same == 1
    minute = virtual_time.run(scale.played(tmp_path / "played", 30, 20, 30))
    # The first window may be used at once.
    assert minute == pytest.approx(30 * scale.USED / counted.reviewed, rel=0.15)


def test_a_review_asks_the_state_as_often_for_a_long_page_with_many_points_as_for_a_short_one(
    tmp_path: Path,
) -> None:
    short, long = work.statements(tmp_path, 20), work.statements(tmp_path, 200)
    many = work.statements(tmp_path, 20, findings=6)
    assert len(short) == len(long) < 110
    questions, asked_of_many = (
        [one for one in told if one.startswith("SELECT")] for told in (short, many)
    )
    assert len(questions) == len(asked_of_many)


def test_the_marks_of_a_line_are_taken_off_once_however_often_it_is_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, real = Counter[str](), quotes._unmarked
    monkeypatch.setattr(
        quotes, "_unmarked", lambda text, *marks: read.update([text]) or real(text, *marks)
    )
    quotes.unmarked_line.cache_clear()
    work.statements(tmp_path, 20)
    lines = {text: times for text, times in read.items() if text.startswith(work.WORDS)}
    assert len(lines) > 20
    assert set(lines.values()) == {1}


def test_what_a_model_reads_takes_two_thirds_of_the_tokens_of_the_earlier_form(
    tmp_path: Path,
) -> None:
    async def measured() -> list[tokens.Document]:
        box = Sandbox.with_documents(clock=virtual_time.now, seed=5)
        return await tokens.measure(tmp_path, box)

    for one in virtual_time.run(measured()):
        assert one.first <= one.earlier * 0.7, one.title
        assert one.marks <= 8, one.title
