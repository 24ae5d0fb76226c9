"""What can be checked without a request: config, secrets, prices, state."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from daemon.config import Settings
from daemon.errors import ConfigError, StateDamaged, StateUnwritable
from daemon.store import database


def check(settings: Settings) -> list[str]:
    """Return a line for each thing that is in place.

    Raises:
        ReviewError: The first thing that is not, with what to do.
    """
    from daemon.review.pricing import price_problems
    from daemon.wiring import model_access

    models = sorted({name for chain in settings.chains.values() for name in chain})
    if problems := price_problems(models, model_access(settings)):
        raise ConfigError(*problems)
    return [
        f"config   {settings.path}: {len(settings.config.databases)} databases",
        f"models   {', '.join(models)}",
        *(f"note     {note}" for note in settings.notes),
        *_state(settings.config.state),
    ]


def _state(path: Path) -> Iterator[str]:
    state = database.read_state(path)
    if state is None:
        _refuse_unwritable(path)
        yield f"state    {path}: not there yet, made by the first sweep"
        return
    with database.told(path):
        found = database.integrity(state)
    if found != "ok":
        raise StateDamaged(f"{path}: the state is damaged ({found}); restore a backup")
    if not os.access(path, os.W_OK):
        raise StateUnwritable(f"{path}: is not writable for this user; mend its permissions")
    yield f"state    {path}: sound"


def _refuse_unwritable(path: Path) -> None:
    place = path.parent
    while not place.exists():
        place = place.parent
    if not os.access(place, os.W_OK):
        raise StateUnwritable(
            f"{place}: is not writable for this user; choose another `state:` or mend it"
        )
