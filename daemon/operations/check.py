"""What can be checked without a request: config, secrets, prices, state."""

from __future__ import annotations

import os
from pathlib import Path

from daemon.config import Settings
from daemon.config.schema import DEFAULT_MODELS
from daemon.domain.errors import ConfigError, StateUnwritable
from daemon.domain.english import counted
from daemon.store import database
from daemon.store.lock import refuse_foreign


def check(settings: Settings) -> list[str]:
    """Return a line for each thing that is in place.

    Raises:
        ReviewError: The first thing that is not, with what to do.
    """
    models = sorted({name for chain in settings.chains.values() for name in chain})
    _refuse_unpriced(settings, models)
    return [
        f"config   {settings.path}: {counted(len(settings.config.databases), 'database')}",
        f"models   {', '.join(models)}",
        *(f"note     {note}" for note in settings.notes),
        f"state    {state(settings.config.state)}",
    ]


def _refuse_unpriced(settings: Settings, models: list[str]) -> None:
    # The price list takes as long to load as all the rest; it knows what is asked by default.
    if not set(models) - set(DEFAULT_MODELS):
        return
    from daemon.review.models.cost import price_problems
    from daemon.sweep.connections import model_access

    if problems := price_problems(models, model_access(settings)):
        raise ConfigError(*problems)


def state(path: Path) -> str:
    """Say how the state stands.

    Raises:
        StateDamaged, StateForeign, StateUnwritable: It cannot be used.
    """
    refuse_foreign(path)
    found = database.read_state(path)
    if found is None:
        _refuse_unwritable(path)
        return f"{path}: not there yet, made by the first sweep"
    found.close()
    if not os.access(path, os.W_OK):
        raise StateUnwritable(f"{path}: is not writable for this user; mend its permissions")
    return f"{path}: sound"


def _refuse_unwritable(path: Path) -> None:
    place = path.parent
    while not place.exists():
        place = place.parent
    if not os.access(place, os.W_OK):
        raise StateUnwritable(
            f"{place}: is not writable for this user; choose another `state:` or mend it"
        )
