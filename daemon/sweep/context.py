from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from sqlite_utils import Database as State

from daemon.config import Config, Database
from daemon.sweep.budget import Meter
from daemon.notion.gateway import Gateway
from daemon.sweep.people import People
from daemon.review.models.chain import Chain


class Tell(Protocol):
    """Reports what happens: an event's dotted name and its facts."""

    def __call__(self, event: str, /, **facts: Any) -> None:
        """Report one event."""


@dataclass(frozen=True, slots=True)
class Base:
    """A configured database as it is swept: its settings, its name, the models to ask."""

    settings: Database
    name: str
    models: tuple[str, ...]


Deliver = Callable[["Context", str | None], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Context:
    """What one sweep works with.

    Attributes:
        state: The database.
        notion: The gateway.
        people: Who is who.
        models: The chain of providers.
        config: config.yaml.
        chains: The models of each database, by its id.
        tell: Where events go.
        deliver: Sends what the outbox holds, for one page or for all; a dry run prints it.
        meter: What the models cost.
        posted: How many letters of each kind were delivered.
        rows: Pages as this sweep's queries returned them, by id: saves reading them again.
        prompts: When this sweep read each prompt page, by id.
        sweep_id: The sweep's number in the state.
        secrets: The configured keys: no comment may tell one.
    """

    state: State
    notion: Gateway
    people: People
    models: Chain
    config: Config
    chains: Mapping[str, tuple[str, ...]]
    tell: Tell
    deliver: Deliver
    meter: Meter
    posted: Counter[str] = field(default_factory=Counter)
    rows: dict[str, Any] = field(default_factory=dict)
    prompts: dict[str, datetime] = field(default_factory=dict)
    sweep_id: int | None = None
    secrets: frozenset[str] = field(default=frozenset(), repr=False)
