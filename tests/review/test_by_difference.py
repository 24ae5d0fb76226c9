"""A small change of a long document: what the model is shown of the rest."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from review_values import block, comment, heading, snapshot, task, thread

from daemon.domain.change import Change
from daemon.domain.values import Block
from daemon.review.excerpt import LONG as WHOLE_BELOW
from daemon.review.excerpt import SMALL, by_difference
from daemon.review.handles import Handles
from daemon.review.prompt import WHOLE, document


LONG = "words " * 60


def long_page() -> list[Block]:
    blocks = [block("opening", LONG)]
    for section in ("Problem", "Proposal", "Rollout"):
        blocks.append(heading(section, section))
        blocks.append(block(f"{section} sub", "### Deeper", kind="heading_3", plain="Deeper"))
        blocks += [block(f"{section} {number}", f"{number}. {LONG}") for number in range(6)]
    return blocks


def shown(blocks: list[Block], change: Change, *threads: object) -> str:
    seen = task(snapshot(blocks, threads), change)  # type: ignore[arg-type]
    handles = Handles.of(seen.snapshot)
    return document(seen, handles, by_difference(seen, handles))


def test_a_small_change_is_shown_with_its_neighbours_its_headings_and_the_sections() -> None:
    change = Change(first=False, changed={"Proposal 3": "3. Two words."})
    lines = shown(long_page(), change).splitlines()
    assert [line[:15].rstrip() for line in lines] == [
        "Title: Queues",
        "Document:",
        "  (what did not",
        "[B2] ## Problem",
        "[B10] ## Propos",
        "[B11] ### Deepe",
        "[B14] 2. words",
        "[B15 changed] 3",
        "  was: 3. Two w",
        "[B16] 4. words",
        "[B18] ## Rollou",
    ]
    assert lines[6].endswith(" …")
    assert lines[7] == f"[B15 changed] 3. {LONG}"


def test_a_block_whose_thread_waits_is_shown_with_what_stands_around_it() -> None:
    change = Change(first=False, changed={"Proposal 3": "3. Two words."})
    asked = thread("t", "Rollout 5", comment("1", "Why?", new=True))
    text = shown(long_page(), change, asked)
    assert f"[B25] 5. {LONG}" in text
    assert f"[B24] 4. {LONG}" in text
    on_the_page = thread("t", None, comment("1", "Why?", new=True))
    assert f"[B4] 0. {LONG}" in shown(long_page(), change, on_the_page)


def test_where_nothing_is_new_or_changed_the_whole_is_shown() -> None:
    for change in (Change(first=True), Change(first=False, removed=("gone",))):
        assert f"[B4] 0. {LONG}" in shown(long_page(), change)


def test_of_a_document_that_is_not_long_the_whole_is_shown() -> None:
    blocks = [block(str(number), f"{number}. {LONG}") for number in range(10)]
    change = Change(first=False, changed={"9": "9. Two words."})
    assert len(shown(blocks, change)) < WHOLE_BELOW
    assert f"[B1] 0. {LONG}" in shown(blocks, change)
    assert f"[B1] 0. {LONG}" not in shown([*blocks, block("more", LONG * 2)], change)


def test_of_a_long_old_text_the_part_that_differs_is_shown() -> None:
    sentence = "Every carrier has a queue of its own, and no queue waits for another one. "
    now = f"{sentence * 3}It holds 500 letters. {sentence * 3}"
    change = Change(first=False, changed={"a": now.replace("500", "20")})
    [_, was] = shown([block("a", now)], change).splitlines()[-2:]
    assert was.startswith("  was: … ")
    assert "It holds 20 letters. Every" in was
    assert was.endswith(" …")
    assert len(was) < 110
    for old, part in (
        (f"{now} Or so.", "Or so."),
        (now[5:], "carrier has a"),
        ("No. " * 50, "No."),
    ):
        said = shown([block("a", now)], Change(first=False, changed={"a": old}))
        assert part in said.splitlines()[-1]


TEXTS = st.text(st.sampled_from("ab \n"), max_size=60)


@given(st.lists(TEXTS, min_size=1, max_size=12), st.data())
def test_whatever_is_new_or_changed_is_shown_whole_and_what_is_shown_keeps_its_handle(
    texts: list[str], data: st.DataObject
) -> None:
    blocks = [
        heading(str(n), text) if n % 4 == 0 else block(str(n), text) for n, text in enumerate(texts)
    ]
    keys = [one.id for one in blocks]
    blocks += [block(f"rest {n}", LONG) for n in range(data.draw(st.sampled_from([0, 12, 20])))]
    new = data.draw(st.sets(st.sampled_from(keys)))
    changed = data.draw(st.sets(st.sampled_from(keys))) - new
    change = Change(first=False, new=frozenset(new), changed=dict.fromkeys(changed, "old"))
    seen = task(snapshot(blocks), change)
    handles = Handles.of(seen.snapshot)
    excerpt = by_difference(seen, handles)
    part, whole = (document(seen, handles, one) for one in (excerpt, WHOLE))
    kept = {line for line in part.splitlines() if line.startswith("[") and not line.endswith("…")}
    assert kept <= set(whole.splitlines())
    for handle, one in handles.blocks.items():
        if one.id in new | changed:
            assert any(line.startswith(f"[{handle} ") for line in part.splitlines())
    assert excerpt is WHOLE or len(part) < SMALL * len(whole)
    assert excerpt is WHOLE or len(whole) >= WHOLE_BELOW
