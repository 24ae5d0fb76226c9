"""A check and what came of it; what can be checked without a request: config, secrets, state."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from shutil import which
from typing import Any

from daemon import loopback
from daemon.config import Config, Settings, covered_twice
from daemon.config.limits import verifiers
from daemon.config.schema import DEFAULT_MODELS
from daemon.domain.errors import ConfigError, StateUnwritable
from daemon.domain.notation import counted
from daemon.store import database, pages
from daemon.store.lock import holder, refuse_foreign


class CheckStatus(StrEnum):
    """The result of a check; a note is worth knowing and is no fault."""

    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at: what was found, and what to do about it ("" for nothing)."""

    name: str
    status: CheckStatus
    words: str
    remedy: str = ""

    def line(self) -> str:
        """Return it as a line for a person."""
        remedy = f"; {self.remedy}" if self.remedy else ""
        return f"{self.status:<8} {self.name}: {self.words}{remedy}"


def ok(name: str, words: str) -> Check:
    """Return a check that found nothing wrong."""
    return Check(name, CheckStatus.OK, words)


def problem(name: str, error: object, remedy: str = "") -> Check:
    """Return a check that found something to mend."""
    return Check(name, CheckStatus.PROBLEM, str(error), remedy)


def as_json(checks: list[Check]) -> dict[str, Any]:
    """Return the object of `doctor --json`."""
    fine = all(one.status is not CheckStatus.PROBLEM for one in checks)
    shown = [
        {"name": one.name, "standing": one.status, "words": one.words, "remedy": one.remedy}
        for one in checks
    ]
    return {"ok": fine, "checks": shown}


def check(settings: Settings) -> list[str]:
    """Return a line for each thing that is in place.

    Raises:
        ReviewError: The first thing that is not, with what to do.
    """
    problems: list[str] = []
    chained = {name for chain in settings.chains.values() for name in chain}
    models = sorted(chained | verifiers(settings.config.second_look))
    # The price list takes as long to load as all the rest; it knows the default models.
    if set(models) - set(DEFAULT_MODELS):
        from daemon.review.models.cost import price_problems
        from daemon.sweep.connections import model_access

        problems += price_problems(models, model_access(settings))
    problems += unrunnable(settings.config.alerts.command)
    problems += port_taken(settings.config)
    if known := database.read_state(settings.config.state):
        entries = settings.config.databases
        sources = [(one, pages.sources_of(known, one.id)) for one in entries]
        known.close()
        problems += covered_twice(
            (one, {it.id: it.title for it in found}) for one, found in sources
        )
    if problems:
        raise ConfigError(*problems)
    return [
        f"config   {settings.path}: {counted(len(settings.config.databases), 'database')}",
        f"models   {', '.join(models)}",
        *(f"note     {note}" for note in settings.notes),
        f"state    {state(settings.config.state)}",
    ]


def unrunnable(command: Sequence[str]) -> Iterator[str]:
    """Yield a line where a command of `alerts` cannot be started."""
    if not command or which(command[0]):
        return
    program = Path(command[0])
    if "/" not in command[0]:
        wrong = f"is not in PATH; write its path, such as ./{program}"
    elif not program.exists():
        wrong = "does not exist; a path starts at the folder of the config"
    elif program.is_dir():
        wrong = "is a folder; name the program in it"
    else:
        wrong = f"is not executable; chmod +x {program}"
    yield f"alerts.command: {program} {wrong}"


def port_taken(config: Config) -> Iterator[str]:
    """Yield a line where another program has the port of `events`; the service itself may."""
    port = config.events.port
    if port is None or holder(config.state):
        return
    try:
        loopback.listen(port).close()
    except OSError as error:
        reason = (error.strerror or "cannot be had").lower()
        yield f"events.listen: {config.events.listen}: {reason}; choose another port"


def state(path: Path) -> str:
    """Return one line about the state file.

    Raises:
        StateDamaged, StateForeign, StateUnwritable: It cannot be used.
    """
    refuse_foreign(path)
    found = database.read_state(path)
    if found is None:
        place = path.parent
        while not place.exists():
            place = place.parent
        if not os.access(place, os.W_OK):
            raise StateUnwritable(
                f"{place}: is not writable for this user; mend its permissions, or choose "
                "another `state:`"
            )
        database.try_writing(path)
        return f"{path}: not there yet; the first sweep makes it"
    found.close()
    if not os.access(path, os.W_OK):
        raise StateUnwritable(f"{path}: is not writable for this user; mend its permissions")
    database.try_writing(path)
    return f"{path}: sound"
