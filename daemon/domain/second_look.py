"""The second look at the points of a review: what came of it, and whether it can be believed. Pure.

Verifiers that nobody watches eat true points. So points that people settled go along now and then:
some that authors acted on, one that the reviewer withdrew for words of its text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from daemon.domain.notation import iso, when


if TYPE_CHECKING:  # a review holds a look
    from daemon.domain.values import Finding


WATCH = "second look"  # where the state keeps what is known of those who look
FIRST_LOOKS, SHARE = 10, 0.2  # settled points go along with the first looks, then with this share
RECENT, TESTED = 3, 10  # looks that are kept: the last ones, and the last with settled points
ENOUGH_RULINGS = 6  # in the last looks; fewer may all be alike by chance
# Of settled points a good verifier errs now and then. Of so many that authors acted on most are too
# many to refuse; so many are where they are a third. How many looks have a withdrawn one.
ENOUGH_TRUE, TOO_MANY, ENOUGH_FALSE = 3, 3, 6
LEFT_ALONE = timedelta(minutes=5)  # one that failed is not asked for so long


@dataclass(frozen=True, slots=True)
class Seen:
    """What is kept of one look.

    Attributes:
        rulings: How many points it ruled on, settled ones included.
        refused: How many of these it refused, with evidence or without.
        true: How many of these were points that authors acted on.
        refused_true: How many of those it refused.
        false: How many were points that were withdrawn.
        refused_false: How many of those it refused.
    """

    rulings: int = 0
    refused: int = 0
    true: int = 0
    refused_true: int = 0
    false: int = 0
    refused_false: int = 0

    @classmethod
    def read(cls, told: Mapping[str, int | None]) -> Seen:
        """Return what was written; an older version told of one point of each kind at most."""
        kinds = {kind: told[f"refused_{kind}"] for kind in ("true", "false")}
        counts = {f"refused_{kind}": int(refused or 0) for kind, refused in kinds.items()}
        ruled = {kind: int(refused is not None) for kind, refused in kinds.items()}
        also = {key: int(told[key] or 0) for key in told}
        return cls(**{**ruled, **also, **counts})


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
class Heard:
    """What a second look makes of the points.

    Attributes:
        look: What came of it.
        refuted: The points that it drops.
        lowered: The points that it makes less grave.
    """

    look: Look
    refuted: tuple[Finding, ...] = ()
    lowered: tuple[Finding, ...] = ()


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
        seen = {name: tuple(map(Seen.read, looks)) for name, looks in told["seen"].items()}
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
        older = [one for one in kept[:-RECENT] if one.true or one.false]
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
    false = [one for one in seen if one.false][-ENOUGH_FALSE:]
    if len(false) == ENOUGH_FALSE and not refused and not any(one.refused for one in false):
        return f"it refused no point in {ENOUGH_FALSE} looks, not even one that was withdrawn"
    true, wrong = sum(one.true for one in seen), sum(one.refused_true for one in seen)
    if (true >= ENOUGH_TRUE and wrong * 2 > true) or (wrong >= TOO_MANY and wrong * 3 >= true):
        return f"it refused {wrong} of {true} points that authors acted on"
    both = [one for one in seen if one.true and one.false]
    true, wrong = sum(one.true for one in both), sum(one.refused_true for one in both)
    told, right = sum(one.false for one in both), sum(one.refused_false for one in both)
    if len(both) >= TESTED and wrong > 1 and right <= wrong * told / true + 1:
        return (
            f"of {true} points that authors acted on it refused {wrong}, of {told} that were "
            f"withdrawn {right}"
        )
    return ""
