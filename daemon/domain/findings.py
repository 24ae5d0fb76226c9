"""What becomes of a finding: one table of states and of what can happen. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from daemon.domain.values import Finding


class FindingState(StrEnum):
    """What became of a finding."""

    HELD = "held"  # its draft waits for approval
    OPEN = "open"
    ANSWERED = "answered"  # a person wrote in its thread
    DISMISSED = "dismissed"  # a person said no
    RESOLVED = "resolved"  # its thread was resolved or deleted
    ADDRESSED = "addressed"  # its block changed and the point did not come again
    STALE = "stale"  # its block or quote was gone before it could be posted
    RETRACTED = "retracted"  # taken back by an operator
    REFUSED = "refused"  # a person refused its draft, or dropped it from there
    UNSAID = "unsaid"  # its draft ended without a decision: it may be made again


# Nothing has settled these yet.
LIVE = frozenset({FindingState.OPEN, FindingState.ANSWERED})
# Nobody has heard of these: they may be made again. A newer review replaces what is held.
UNHEARD = frozenset({FindingState.HELD, FindingState.STALE, FindingState.UNSAID})


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of a page's ledger: what was raised, and what became of it."""

    finding: Finding
    state: FindingState


class Event(StrEnum):
    """What can happen to a finding."""

    APPROVED = "its draft was approved"
    REFUSED = "its draft was refused"
    UNDECIDED = "its draft ended without a decision"
    SPOKEN = "a person wrote in its thread"
    TURNED_DOWN = "a person said no"
    CLOSED = "its thread was resolved or deleted"
    REOPENED = "its thread is open again"
    ADDRESSED = "its text changed and the point did not come again"
    UNPOSTED = "it was not posted"
    RETRACTED = "taken back by an operator"


_S = FindingState
_AFTER: Mapping[Event, tuple[frozenset[FindingState], FindingState]] = {
    Event.APPROVED: (frozenset({_S.HELD}), _S.OPEN),
    Event.REFUSED: (frozenset({_S.HELD}), _S.REFUSED),
    Event.UNDECIDED: (frozenset({_S.HELD}), _S.UNSAID),
    Event.SPOKEN: (frozenset({_S.OPEN}), _S.ANSWERED),
    Event.TURNED_DOWN: (LIVE, _S.DISMISSED),
    Event.CLOSED: (LIVE, _S.RESOLVED),
    Event.REOPENED: (frozenset({_S.RESOLVED}), _S.OPEN),
    Event.ADDRESSED: (LIVE, _S.ADDRESSED),
    # A letter may still wait when a later review finds its text changed.
    Event.UNPOSTED: (LIVE | {_S.HELD, _S.ADDRESSED}, _S.STALE),
    # What was never posted has nothing to take back.
    Event.RETRACTED: (frozenset(_S) - {_S.STALE, _S.REFUSED, _S.UNSAID}, _S.RETRACTED),
}


def after(state: FindingState, event: Event) -> FindingState:
    """Return the state that follows; what cannot happen in a state leaves it as it is."""
    before, becomes = _AFTER[event]
    return becomes if state in before else state
