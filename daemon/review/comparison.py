"""What the model is asked to compare once, when it ends a review: what may be a repeat. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from daemon.domain.change import sections
from daemon.domain.notation import first_of
from daemon.domain.values import Finding, Source, Verdict
from daemon.review.points import is_nearly_same, is_repeat, is_titled, standing_in
from daemon.review.prompt import GONE, NOES_NAMED, one_line
from daemon.review.repeats import LOST, OPEN, Other, Said


_COMPARE = (
    "Take back, with take_back, each comment that says again what was turned down or resolved, in "
    "whatever words and wherever it stands, or what is said already. Then call finish again"
)


def to_compare(said: Said) -> str:
    """Ask what the comments may repeat, though that is not certain; "" for nothing."""
    said = _with_noes(said)
    made = [one for one in said.made if one.source is Source.MODEL and not said.made_anew(one)]
    new = {_name(said, one): one for one in made if not _is_kept(said, one)}
    noes = _noes(said, [*new.values()]) if new else []
    told = ["people turned down or resolved", *noes, "and your comments are", *new]
    told = told if noes else []
    told += [f"{_name(said, one)}: {doubt}" for one in made for doubt in _doubts(said, one)]
    return "\n".join(["before this ends, compare:", *told, _COMPARE]) if told else ""


def _name(said: Said, made: Finding) -> str:
    """Name a comment of this review to the model."""
    number = said.numbers.get((made.block_id, made.quote))
    return f"P{number} on {said.block_of(made)[0]} “{one_line(made.title)}”"


def _is_kept(said: Said, made: Finding) -> bool:
    """Tell whether a comment makes a point that was kept back.

    It was compared with what people closed when it was made, and its text was read then.
    """
    kept, block = said.context.kept, said.block_of(made)[1]
    return is_repeat(made, kept, block) or any(is_titled(made, one) for one in kept)


def _with_noes(said: Said) -> Said:
    """Return it with the noes on which the model did not rule: they count when a review ends."""
    handles, points = said.context.handles, said.context.points.values()
    threads = {thread.id for thread in handles.threads.values() if thread.noes}
    noes = [one.id for one in points if one.thread_id in threads and not one.closed]
    return replace(said, ruled={**dict.fromkeys(noes, Verdict.TURNED_DOWN), **said.ruled})


def _noes(said: Said, new: Sequence[Finding]) -> list[str]:
    """Name what people turned down or resolved, whatever became of its words: the nearest first.

    Nearest is what stands on the block of a comment, then what stands in its section or has nearly
    its title.
    """
    blocks, names = [*said.context.handles.blocks.values()], said.context.handles.of_block
    under, noes = sections(blocks), said.closed_by_people()

    def placed(no: Other) -> Other:
        on = next((block.id for block in standing_in(no.finding, blocks)), no.finding.block_id)
        return replace(no, finding=replace(no.finding, block_id=on), at=names.get(on, GONE))

    def near(no: Finding, one: Finding) -> tuple[bool, bool, float]:
        is_near = under.get(no.block_id) == under[one.block_id] or is_nearly_same(no, one)
        return no.block_id == one.block_id, is_near, said.likeness(one, no)

    found = [placed(one) for one in noes]
    found.sort(key=lambda no: max(near(no.finding, one) for one in new), reverse=True)
    named = ((f"{no.thread} on {no.at}" if no.thread else no.at, no) for no in found)
    told, more = first_of([f"{on} “{no.title}” ({no.said})" for on, no in named], NOES_NAMED)
    return [*told, *[f"({more} more)"] * bool(more)]


def _doubts(said: Said, finding: Finding) -> Iterator[str]:
    """Yield what a comment may repeat of what is open, and of the comments before it."""
    handles, (on, block) = said.context.handles, said.block_of(finding)
    named = handles.named_in(finding.text, block.id)
    later, is_kept = said.made[said.made.index(finding) :], _is_kept(said, finding)
    for other in said.others(finding):
        one = other.finding
        if other.is_no or one in later:
            continue
        if is_nearly_same(finding, one):
            yield other.told("says nearly the same")
        elif one.block_id == block.id and other.how in (LOST, *[OPEN] * is_kept):
            yield other.told("may be the same")
        elif (
            other.how in ("", OPEN)
            and one.block_id in named
            and block.id in handles.named_in(one.text, one.block_id)
        ):
            yield other.told(f"names {on} as this names {other.at}")
    names = " ".join(handles.of_block[one] for one in named)
    why, unless = said.unasked(finding, block, names)
    if unless and not is_kept:
        yield f"{why}; it stays only where {unless}"
