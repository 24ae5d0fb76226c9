"""The second look at the points of a review: what came of it, and whether it can be believed. Pure.

Verifiers that nobody watches eat true points. So points that people settled go along now and then:
one that an author acted on, one that the reviewer withdrew for words of its text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta

from daemon.domain.notation import iso, when


WATCH = "second look"  # where the state keeps what is known of those who look
FIRST_LOOKS, SHARE = 10, 0.2  # settled points go along with the first looks, then with this share
RECENT, TESTED = 3, 10  # looks that are kept: the last ones, and the last with settled points
ENOUGH_RULINGS = 6  # in the last looks; fewer may all be alike by chance
# Of settled points: a good verifier errs now and then.
ENOUGH_TRUE, ENOUGH_FALSE = 3, 6
LEFT_ALONE = timedelta(minutes=5)  # one that failed is not asked for so long


@dataclass(frozen=True, slots=True)
class Seen:
    """What is kept of one look.

    Attributes:
        rulings: How many points it ruled on, settled ones included.
        refused: How many of these it refused, with evidence or without.
        refused_true: Whether it refused the point that an author acted on; None where it ruled on
            none.
        refused_false: The same of the point that was withdrawn.
    """

    rulings: int = 0
    refused: int = 0
    refused_true: bool | None = None
    refused_false: bool | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """What came of a second look.

    Attributes:
        model: Who looked, or was to look.
        note: Why it changed nothing; "" where it was heard.
        seen: Its rulings, counted; None where there were none.
        reasons: Why each of the refuted points was dropped, in their order.
        lowered: The title of each point that was made less grave, and why.
        overruled: The title of each point that was refused without evidence: why, and what lacks.
        unjudged: How many of the review's points it gave no ruling on.
    """

    model: str
    note: str = ""
    seen: Seen | None = None
    reasons: tuple[str, ...] = ()
    lowered: tuple[tuple[str, str], ...] = ()
    overruled: tuple[tuple[str, str], ...] = ()
    unjudged: int = 0


@dataclass(frozen=True, slots=True)
class Watch:
    """What is known of those who look, by model, as long as one setting holds.

    Attributes:
        setting: The setting.
        number: How many looks there were.
        seen: What is kept of their looks, the latest last.
        failed: When each failed last.
    """

    setting: str = ""
    number: int = 0
    seen: Mapping[str, tuple[Seen, ...]] = field(default_factory=dict)
    failed: Mapping[str, datetime] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str | None, setting: str) -> Watch:
        """Return what was written; nothing is known under another setting."""
        told = json.loads(text) if text else {}
        if told.get("setting") != setting:
            return cls(setting)
        seen = {name: tuple(Seen(**one) for one in looks) for name, looks in told["seen"].items()}
        failed = {name: when(at) for name, at in told["failed"].items()}
        return cls(setting, told["number"], seen, failed)

    def written(self) -> str:
        """Return it as JSON."""
        failed = {name: iso(at) for name, at in self.failed.items()}
        return json.dumps(asdict(replace(self, failed={})) | {"failed": failed})

    def after(self, look: Look, now: datetime) -> Watch:
        """Return what is known after a look."""
        failed = {name: at for name, at in self.failed.items() if name != look.model}
        if look.seen is None:
            return replace(self, failed=failed | {look.model: now})
        kept = (*self.seen.get(look.model, ()), look.seen)
        older = [one for one in kept[:-RECENT] if None not in (one.refused_true, one.refused_false)]
        seen = {**self.seen, look.model: (*older[-TESTED:], *kept[-RECENT:])}
        return replace(self, number=self.number + 1, seen=seen, failed=failed)

    def takes_along(self, chance: float) -> bool:
        """Tell whether settled points go along with the next look; `chance` is from 0 to 1."""
        return self.number < FIRST_LOOKS or chance < SHARE

    def left_out(self, now: datetime) -> dict[str, str]:
        """Return who is not asked, and why."""
        lately = {name for name, at in self.failed.items() if now - at < LEFT_ALONE}
        return dict.fromkeys(lately, "it failed a moment ago") | self.doubted

    @property
    def doubted(self) -> dict[str, str]:
        """Who cannot be believed, and why."""
        found = {name: doubt(looks) for name, looks in self.seen.items()}
        return {name: why for name, why in found.items() if why}


def doubt(seen: Sequence[Seen]) -> str:
    """Return why looks cannot be believed; "" where they can, as far as they show.

    Who refuses everything does harm, who refuses nothing is paid for nothing, and who refuses at
    random does both.
    """
    last = seen[-RECENT:]
    rulings, refused = sum(one.rulings for one in last), sum(one.refused for one in last)
    if len(last) == RECENT and rulings >= ENOUGH_RULINGS and refused == rulings:
        return f"it refused every one of the last {rulings} points"
    false = [one for one in seen if one.refused_false is not None][-ENOUGH_FALSE:]
    if len(false) == ENOUGH_FALSE and not refused and not any(one.refused for one in false):
        return f"it refused no point in {ENOUGH_FALSE} looks, not even one that was withdrawn"
    true = [one.refused_true for one in seen if one.refused_true is not None]
    if len(true) >= ENOUGH_TRUE and sum(true) * 2 > len(true):
        return f"it refused {sum(true)} of {len(true)} points that authors acted on"
    pairs = [(one.refused_true, one.refused_false) for one in seen]
    both = [(bool(true), bool(false)) for true, false in pairs if None not in (true, false)]
    refused_true, refused_false = (
        (sum(column) for column in zip(*both, strict=True)) if both else (0, 0)
    )
    if len(both) >= TESTED and refused_true > 1 and refused_false <= refused_true + 1:
        return (
            f"of {len(both)} points that authors acted on it refused {refused_true}, of as many "
            f"that were withdrawn {refused_false}"
        )
    return ""
