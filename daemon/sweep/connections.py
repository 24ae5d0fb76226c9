"""Putting a sweep together from settings: what opens, what is passed to whom, what is closed."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from daemon.domain.providers import PROVIDERS
from daemon.review.models.access import ModelAccess


if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    import httpx

    from daemon.config import Settings
    from daemon.domain.events import Emit
    from daemon.notion.gateway import Gateway
    from daemon.review.models.chain import Chain
    from daemon.review.models.cost import SpendingLimiter
    from daemon.store.database import State
    from daemon.sweep.budget import Meter
    from daemon.sweep.context import Context, Deliver, ReviewContext


def model_access(settings: Settings) -> ModelAccess:
    """Return how the models are reached."""
    secrets, addresses = settings.secrets, settings.addresses
    return ModelAccess(
        keys=secrets.keys,
        urls=addresses.urls,
        prices=settings.config.prices,
        windows=settings.config.windows,
        places=secrets.places,
        proxies={name: addresses.proxy(name) for name in PROVIDERS},
        traces=addresses.traces is not None,
    )


@dataclass(frozen=True, slots=True)
class Connections:
    """What outlives a sweep: the limit of requests and the models that failed lately hold on.

    Attributes:
        settings: What they were made from.
        state: The database.
        notion: The gateway.
        models: The chain of providers.
        meter: What the models cost.
        deliver: Sends what the outbox holds.
        recordings: The folder of the recordings of reviews; None in a dry run.
    """

    settings: Settings
    state: State
    notion: Gateway
    models: Chain
    meter: Meter
    deliver: Deliver
    recordings: Path | None = None

    def context(self, emit: Emit) -> Context:
        """Return what one sweep works with; its counts begin at nothing."""
        from daemon.sweep.context import Context
        from daemon.sweep.people import People

        self.meter.reset()
        self.models.begin_sweep()
        return Context(
            state=self.state,
            notion=self.notion,
            people=People(self.state, self.notion, self.settings.secrets.notion),
            models=self.models,
            config=self.settings.config,
            chains=self.settings.chains,
            emit=emit,
            deliver=self.deliver,
            meter=self.meter,
            secrets=frozenset(self.settings.secrets.values),
            recordings=self.recordings,
        )


@asynccontextmanager
async def connected(
    settings: Settings,
    state: State,
    *,
    preview: Deliver | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
) -> AsyncIterator[Connections]:
    """Yield the connections for sweeps; they are closed at the end, however it comes.

    With a `preview` nothing is written to Notion: what would be posted goes there.
    """
    from daemon.notion.gateway import HOST, Gateway
    from daemon.notion.retry import TOKEN
    from daemon.review.models.chain import Chain
    from daemon.store.recordings import folder_of
    from daemon.sweep.budget import Meter
    from daemon.sweep.delivery import posting

    gateway = Gateway(
        settings.secrets.notion,
        base_url=settings.addresses.notion or HOST,
        requests_per_minute=settings.config.notion.requests_per_minute,
        writes=preview is None,
        transport=transport,
        proxy=settings.addresses.proxy("notion"),
        token_place=settings.secrets.places.get(TOKEN.name, TOKEN),
    )
    meter = Meter(state, settings.config.limits, lambda: gateway.now)
    chain = Chain(model_access(settings), monotonic=time.monotonic, spending_limiter=meter)
    async with gateway:
        try:
            deliver = preview or posting.deliver
            folder = None if preview else folder_of(settings.config.state)
            yield Connections(settings, state, gateway, chain, meter, deliver, folder)
        finally:
            await chain.aclose()


@asynccontextmanager
async def review_context(
    settings: Settings, spending_limiter: SpendingLimiter, today: date
) -> AsyncIterator[ReviewContext]:
    """Yield what a review is made with that no sweep asks for: the models, without Notion."""
    from daemon.review.models.chain import Chain
    from daemon.sweep.context import ReviewContext

    chain = Chain(
        model_access(settings), monotonic=time.monotonic, spending_limiter=spending_limiter
    )
    try:
        yield ReviewContext(chain, settings.config, today, frozenset(settings.secrets.values))
    finally:
        await chain.aclose()
