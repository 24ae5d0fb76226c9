"""Each kind of defect is planted where it can be found, and nowhere else."""

from __future__ import annotations

import pytest

from daemon.domain.values import Finding, Severity, Snapshot
from daemon.operations.planted import Defect, Planted, plant
from support.offline_markdown import snapshot
from support.places import ROOT


DOCUMENT = """
## Proposal

`limit-gate` counts the requests of each client for 60 seconds; nothing over the limit may pass.
A request over the limit must not reach the servers.

If `limit-gate` is slow, the proxy waits 50 milliseconds. See Failure modes.

## Failure modes

- `limit-gate` stops: the proxy waits 50 milliseconds and goes on.
- The clients are listed anew.

## Rollout

1. Install it on all proxies.
2. Compare the counters with the logs, and list the clients.
   - Of the last week alone.
3. Write to the clients.
4. Refuse what is over the limit.

From step 3 on a request over the limit must not reach the servers.

## Rollback

One setting of the proxy.
"""
SEEDS = range(8)


def planted(kind: Defect, text: str = DOCUMENT, seed: int = 1) -> Planted:
    found = plant(kind, snapshot(text), seed)
    assert found is not None
    return found


def lines(of: Snapshot) -> dict[str, str]:
    return {block.id: block.line for block in of.blocks}


def place_lines(found: Planted, twin: Snapshot) -> set[str]:
    return {lines(twin)[one] for one in found.places}


@pytest.mark.parametrize("kind", [Defect.NUMBER, Defect.NAME, Defect.PROMISE, Defect.REFERENCE])
@pytest.mark.parametrize("seed", SEEDS)
def test_other_words_stand_in_one_block_alone_and_that_is_a_place(kind: Defect, seed: int) -> None:
    twin, found = snapshot(DOCUMENT), planted(kind, seed=seed)
    before, after = lines(twin), lines(found.snapshot)
    [changed] = [id_ for id_ in before if after[id_] != before[id_]]
    assert before.keys() == after.keys()
    assert before[changed].replace(found.was, found.now, 1) == after[changed]
    assert found.was in twin.by_id[changed].plain
    assert found.now in found.snapshot.by_id[changed].plain
    assert changed in found.places


def test_a_number_is_changed_in_one_of_its_places_and_each_of_them_counts() -> None:
    found = planted(Defect.NUMBER)
    assert found.was == "50 milliseconds"
    assert found.now in {"100 milliseconds", "150 milliseconds", "200 milliseconds"}
    assert {one[:12] for one in place_lines(found, snapshot(DOCUMENT))} == {
        "If `limit-ga",
        "- `limit-gat",
    }


def test_a_step_goes_with_what_is_below_it_and_the_later_ones_move_up() -> None:
    cut = {planted(Defect.STEP, seed=seed).was: planted(Defect.STEP, seed=seed) for seed in SEEDS}
    assert set(cut) == {
        "Compare the counters with the logs, and list the clients.\nOf the last week alone.",
        "Write to the clients.",
    }
    second = cut[
        "Compare the counters with the logs, and list the clients.\nOf the last week alone."
    ]
    assert [one for one in lines(second.snapshot).values() if one[:1].isdigit()] == [
        "1. Install it on all proxies.",
        "2. Write to the clients.",
        "3. Refuse what is over the limit.",
    ]
    assert place_lines(second, snapshot(DOCUMENT)) == {
        "## Rollout",
        "1. Install it on all proxies.",
        "3. Write to the clients.",
    }


def test_a_component_gets_another_name_in_a_later_place_alone() -> None:
    for seed in SEEDS:
        found = planted(Defect.NAME, seed=seed)
        assert found.was == "limit-gate"
        assert found.now.startswith("limit-")
        first = next(one for one in found.snapshot.blocks if "counts the requests" in one.line)
        assert "limit-gate" in first.line


def test_a_promise_is_reversed_against_an_earlier_section() -> None:
    found = planted(Defect.PROMISE)
    assert (found.was, found.now) == ("must not", "may")
    starts = {one[:11] for one in place_lines(found, snapshot(DOCUMENT))}
    assert starts == {"From step 3", "`limit-gate"}


def test_a_reference_leads_to_what_is_not_there() -> None:
    made = {(found.was, found.now) for found in (planted(Defect.REFERENCE, seed=s) for s in SEEDS)}
    assert {was for was, _ in made} == {"Failure modes", "step 3"}
    for _, now in made:
        assert now not in DOCUMENT


def test_a_rollback_goes_and_is_missed_by_its_name_anywhere_or_beside_its_place() -> None:
    twin, found = snapshot(DOCUMENT), planted(Defect.ROLLBACK)
    assert found.was == "Rollback\nOne setting of the proxy."
    assert place_lines(found, twin) == {
        "## Rollout",
        "From step 3 on a request over the limit must not reach the servers.",
    }
    far = found.snapshot.blocks[0].id
    missed = Finding(far, "", "Nothing is said of how to go back.", Severity.IMPORTANT)
    assert found.is_found_by(missed)
    assert not found.is_found_by(Finding(far, "", "Who counts?", Severity.IMPORTANT))


@pytest.mark.parametrize("kind", Defect)
def test_a_document_without_room_for_a_kind_gets_none(kind: Defect) -> None:
    assert plant(kind, snapshot("## Notes\n\nWe met. Nothing was decided.\n"), 1) is None


@pytest.mark.parametrize("kind", Defect)
def test_the_same_seed_plants_the_same(kind: Defect) -> None:
    assert planted(kind, seed=5) == planted(kind, seed=5)


def test_years_numbers_of_versions_and_lists_are_no_quantities() -> None:
    text = (
        "In 2024 requests rose.\n\nIn 2024 requests fell.\n\nSee v1.2 of it.\n\nSee v1.2 of it.\n"
    )
    assert plant(Defect.NUMBER, snapshot(text), 1) is None


@pytest.mark.parametrize("path", sorted((ROOT / "daemon/operations/documents").glob("*.md")))
@pytest.mark.parametrize("kind", Defect)
def test_the_built_in_documents_have_room_for_every_kind(path, kind: Defect) -> None:
    text = path.read_text("utf-8").split("---\n", 2)[2]
    assert planted(kind, text, seed=3).places
